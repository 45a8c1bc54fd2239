"""What each action costs, counted on the server: Exchange budgets requests."""

import re
from collections import Counter
from datetime import timedelta

import pytest

from connectors.base import (
    INSTALLATION_PROPERTY,
    PROPERTY_SET_ID,
    UID_PROPERTY,
    Change,
    Create,
    Delete,
    NotFound,
    TakeOver,
    Temporary,
    Update,
)
from connectors.ews import EwsConnector, reading
from mock_exchange import Fault, FaultKind, MockExchange
from tests.connectors.conformance import START, WIDE, entry, full_entry
from tests.connectors.ews import ALIAS, INSTALLATION, MAILBOX, connected, count, done, settings_for, verbs
from tests.connectors.series_conformance import RULES, series


def create(connector: EwsConnector, *uids: str) -> list[str]:
    return [done(outcome) for outcome in connector.apply(MAILBOX, [Create(entry(uid)) for uid in uids])]


@pytest.mark.parametrize("size", [1, 100])
def test_a_batch_of_one_verb_is_one_post(exchange: MockExchange, connector: EwsConnector, size: int) -> None:
    uids = [f"Rdv/{number}@production" for number in range(size)]
    exchange.forget_requests()
    item_ids = create(connector, *uids)
    assert verbs(exchange) == ["CreateItem"]
    updates = [Update(item_id, full_entry(uid)) for item_id, uid in zip(item_ids, uids, strict=True)]
    assert count(exchange, lambda: connector.apply(MAILBOX, updates)) == {"UpdateItem": 1}
    deletes = [Delete(item_id) for item_id in item_ids]
    assert count(exchange, lambda: connector.apply(MAILBOX, deletes)) == {"DeleteItem": 1}


def test_a_mixed_batch_is_one_post_for_each_verb(exchange: MockExchange, connector: EwsConnector) -> None:
    one, two, three, four = create(connector, "a", "b", "c", "d")
    changes: list[Change] = [Delete(one), Update(two, entry("b")), Create(entry("e")), Update(three, entry("c"))]
    changes += [Create(entry("f")), Delete(four)]
    posts = count(exchange, lambda: connector.apply(MAILBOX, changes))
    assert posts == {"CreateItem": 1, "UpdateItem": 1, "DeleteItem": 1}


def test_nothing_to_do_costs_nothing(exchange: MockExchange, connector: EwsConnector) -> None:
    def act() -> None:
        connector.apply(MAILBOX, [])
        connector.find(MAILBOX, [])
        assert connector.apply(MAILBOX, [Delete("")]) == [NotFound()]
        connector.apply(MAILBOX, [Create(entry(time_zone="Mars/Olympus"))])

    assert count(exchange, act) == {}


def test_finding_what_the_calendar_has_is_one_post(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "a", "b")
    assert count(exchange, lambda: connector.find(MAILBOX, ["a", "b"])) == {"FindItem": 1}


def test_what_the_calendar_lacks_is_looked_for_below_it(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "a")
    assert count(exchange, lambda: connector.find(MAILBOX, ["a", "b"])) == {"FindItem": 1, "FindFolder": 1}
    for name in ("Archives", "Projets"):
        exchange.make_folder(MAILBOX, name)
    assert count(exchange, lambda: connector.find(MAILBOX, ["a", "b"])) == {"FindItem": 2, "FindFolder": 1}


def test_a_hundred_uids_are_two_posts(exchange: MockExchange, connector: EwsConnector) -> None:
    """Exchange refuses restrictions with too many terms."""
    uids = [f"Rdv/{number}@production" for number in range(100)]
    create(connector, *uids)
    assert count(exchange, lambda: connector.find(MAILBOX, uids)) == {"FindItem": 2}


def test_a_window_is_read_in_three_posts(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "a", "b")
    posts = count(exchange, lambda: list(connector.list_marked(MAILBOX, *WIDE)))
    assert posts == {"FindFolder": 1, "FindItem": 1, "GetItem": 1}


def test_a_probe_is_two_posts(exchange: MockExchange, connector: EwsConnector) -> None:
    assert count(exchange, lambda: connector.probe(MAILBOX)) == {"GetFolder": 1, "ConvertId": 1}


@pytest.mark.parametrize("address", [MAILBOX, ALIAS])
def test_an_identity_is_two_posts(exchange: MockExchange, connector: EwsConnector, address: str) -> None:
    """Each time: an id that was kept would go on naming the mailbox that had the address then."""
    for _ in range(2):
        assert count(exchange, lambda: connector.identify(address)) == {"GetFolder": 1, "ConvertId": 1}


def test_an_unknown_mailbox_is_told_after_one_post(exchange: MockExchange, connector: EwsConnector) -> None:
    def ask() -> None:
        with pytest.raises(Temporary, match="mailbox_not_found"):
            connector.identify("personne@departement.example")

    assert count(exchange, ask) == {"GetFolder": 1}


def test_the_first_call_of_a_connection_pays_for_the_ntlm_handshake(exchange: MockExchange) -> None:
    with connected(settings_for(exchange)) as connector:
        create(connector, "a")
        assert [recorded.status for recorded in exchange.requests] == [401, 401, 200]
        assert count(exchange, lambda: create(connector, "b")) == {"CreateItem": 1}


def test_building_a_connector_costs_nothing(exchange: MockExchange) -> None:
    with connected(settings_for(exchange)):
        assert verbs(exchange) == []


def test_long_results_are_read_to_the_end(
    exchange: MockExchange, connector: EwsConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page cut off must never make an item absent."""
    monkeypatch.setattr(reading, "PAGE", 3)
    create(connector, *(["a"] * 7))
    exchange.make_folder(MAILBOX, "Archives")
    for item in exchange.items(MAILBOX)[:5]:
        exchange.copy_item(item.item_id, "Archives")
    assert len(connector.find(MAILBOX, ["a"])["a"]) == 7
    posts = count(exchange, lambda: list(connector.list_marked(MAILBOX, *WIDE)))
    assert posts == {"FindFolder": 1, "FindItem": 3, "GetItem": 1}
    assert len(list(connector.list_marked(MAILBOX, *WIDE))) == 12


def test_more_sub_folders_than_a_page_are_all_searched(
    exchange: MockExchange, connector: EwsConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    (item_id,) = create(connector, "a")
    for number in range(7):
        exchange.make_folder(MAILBOX, f"Dossier {number}")
    exchange.move_item(item_id, "Dossier 6")
    assert len(connector.find(MAILBOX, ["a"])["a"]) == 1


def test_items_are_marked_by_two_properties_that_never_change(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "Rdv/1@production")
    (item,) = exchange.items(MAILBOX)
    assert (PROPERTY_SET_ID, UID_PROPERTY, INSTALLATION_PROPERTY) == (
        "38cdcc78-53ad-4f70-b322-95efa82260e4",
        "RdvUid",
        "RdvInstallation",
    )
    assert item.extended == {
        (PROPERTY_SET_ID, UID_PROPERTY): "Rdv/1@production",
        (PROPERTY_SET_ID, INSTALLATION_PROPERTY): INSTALLATION,
    }


def test_a_search_names_the_installation_and_the_uids(exchange: MockExchange, connector: EwsConnector) -> None:
    exchange.forget_requests()
    connector.find(MAILBOX, ["Rdv/1@production", "Rdv/2@production"])
    request = exchange.requests[0].request.decode()
    constants = re.findall(r'Constant Value="([^"]+)"', request)
    assert sorted(constants) == [INSTALLATION, "Rdv/1@production", "Rdv/2@production"]
    assert re.search(r"<m:Restriction><t:And><t:Or>.*</t:Or><t:IsEqualTo>.*</t:IsEqualTo></t:And>", request)


def test_an_update_is_sent_without_a_change_key_and_overwrites(exchange: MockExchange, connector: EwsConnector) -> None:
    """Whatever the agent did to the item: an edit changes the key."""
    (item_id,) = create(connector, "a")
    exchange.edit_item(
        item_id, subject="changé par l'agent", start=START + timedelta(days=3), end=START + timedelta(days=4)
    )
    exchange.forget_requests()
    done(connector.apply(MAILBOX, [Update(item_id, entry("a"))])[0])
    request = exchange.requests[0].request.decode()
    assert "ChangeKey" not in request
    assert 'ConflictResolution="AlwaysOverwrite"' in request
    (item,) = exchange.items(MAILBOX)
    assert (item.subject, item.start) == (entry().title, START)


def test_a_deleted_entry_goes_to_the_deleted_items(exchange: MockExchange, connector: EwsConnector) -> None:
    (item_id,) = create(connector, "a")
    connector.apply(MAILBOX, [Delete(item_id)])
    assert [item.subject for item in exchange.items(MAILBOX, "deleteditems")] == [entry().title]


def test_times_are_sent_with_the_zone_of_the_entry(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "a")
    (item,) = exchange.items(MAILBOX)
    assert (item.time_zone, item.start) == ("Romance Standard Time", START)


def test_requests_are_routed_by_the_mailbox(exchange: MockExchange, connector: EwsConnector) -> None:
    exchange.forget_requests()
    connector.find(MAILBOX, ["a"])
    assert {recorded.headers["X-AnchorMailbox"] for recorded in exchange.requests} == {MAILBOX}
    assert {recorded.mailbox for recorded in exchange.requests} == {MAILBOX}


def test_an_alias_reaches_the_same_mailbox(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, "a")
    assert len(connector.find(ALIAS, ["a"])["a"]) == 1


def test_a_probe_tells_the_servers_version(exchange: MockExchange, connector: EwsConnector) -> None:
    assert re.fullmatch(r"15\.1\.\d+\.\d+", connector.probe(MAILBOX).server_version or "")


def test_a_fault_over_the_request_is_not_tried_with_other_versions(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    """exchangelib would send the same batch ten times."""
    for code in ("ErrorInvalidRequest", "ErrorInvalidServerVersion", "ErrorInvalidSchemaVersionForMailboxVersion"):
        exchange.inject(Fault(kind=FaultKind.ERROR, code=code))
        assert count(exchange, lambda: connector.apply(MAILBOX, [Create(entry())])) == Counter({"CreateItem": 1})


def test_looking_for_others_is_two_posts_and_one_more_for_a_hundred_series(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    assert count(exchange, lambda: list(connector.list_others(MAILBOX, START))) == {"FindFolder": 1, "FindItem": 1}
    with connected(settings_for(exchange, installation="another")) as other:
        other.apply(MAILBOX, [Create(entry(f"Rdv/{number}@production")) for number in range(100)])
        began = START - timedelta(days=30)
        other.apply(MAILBOX, [Create(series(RULES[0], began, uid=f"Absence/{each}@production")) for each in range(30)])
    posts = count(exchange, lambda: list(connector.list_others(MAILBOX, START)))
    assert posts == {"FindFolder": 1, "FindItem": 1, "GetItem": 1}
    assert len(list(connector.list_others(MAILBOX, START))) == 130


@pytest.mark.threat(id="foreign-entries")
def test_nothing_of_what_others_entries_show_is_asked_for(exchange: MockExchange, connector: EwsConnector) -> None:
    with connected(settings_for(exchange, installation="another")) as other:
        other.apply(MAILBOX, [Create(series(RULES[0], START - timedelta(days=30), title="Chez le psychologue"))])
    exchange.forget_requests()
    assert len(list(connector.list_others(MAILBOX, START))) == 1
    assert all(b"psychologue" not in each.response for each in exchange.requests)


def test_taking_over_a_batch_is_one_post(exchange: MockExchange, connector: EwsConnector) -> None:
    with connected(settings_for(exchange, installation="another")) as other:
        ids = create(other, *(f"Rdv/{number}@production" for number in range(100)))
    taking = [TakeOver(item_id) for item_id in ids]
    assert count(exchange, lambda: connector.apply(MAILBOX, taking)) == {"UpdateItem": 1}


def test_a_look_for_others_that_is_cut_short_tells_nothing(exchange: MockExchange, connector: EwsConnector) -> None:
    for verb in ("FindFolder", "FindItem"):
        exchange.inject(Fault(FaultKind.DROP_BEFORE, verb=verb))
        with pytest.raises(Temporary):
            list(connector.list_others(MAILBOX, START))


def test_a_mark_without_a_uid_is_told_and_keeps_nobody_from_looking(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    """Other software may have written a property of the same name, and nothing else of ours."""
    with connected(settings_for(exchange, installation="another")) as other:
        create(other, "Rdv/1@production")
    [item] = exchange.store.items.values()
    item.extended = {key: value for key, value in item.extended.items() if key.name != UID_PROPERTY}
    assert [(each.installation, each.uid) for each in connector.list_others(MAILBOX, START)] == [("another", "")]
