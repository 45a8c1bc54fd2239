"""What waits for somebody to decide: shown to who may look, decided by who may act, and noted with who did."""

import html
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from receiver.core.addresses import display_safe
from receiver.core.digests import secret_tag
from receiver.core.facts import AgentNews
from receiver.core.roles import Role
from receiver.core.scope import Authority
from receiver.store.intake import judge_batch, set_aside
from receiver.store.intake.set_aside import Wanted
from receiver.store.tools import tokens as stored_tokens
from receiver.web.views import held
from tests.lab.database import database
from tests.logs.captured import captured_logs
from tests.makers import NOW, a_delivery, incoming
from tests.pages.story import FOREIGN, HOME, OTHER_TAG, SiteInTime, Visitor
from tests.web.receiver_client import SECRET

PATH, API = "/status/held", "/api/v1/held"


def visitor(site: SiteInTime, role: Role = Role.OPERATE) -> Visitor:
    return Visitor(site, site.token(role))


def csrf(who: Visitor) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', who.page(PATH))
    assert found
    return found[1]


def waits(site: SiteInTime) -> list[int]:
    return [each.id for each in site.store.read(set_aside.waiting, 1_000)]


def the_group(who: Visitor, reason: str = "scope") -> dict[str, Any]:
    [found] = [each for each in who.data(API)["groups"] if each["reason"] == reason]
    return {name: found[name] for name in ("reason", "source", "signed_by", "model", "up_to")}


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] in {"held_released", "held_dropped"}]


def test_the_api_tells_what_waits(site: SiteInTime, reader: Visitor) -> None:
    answer = reader.data(API)
    tag = secret_tag(site.store.installation().digest_key, SECRET)
    told = [(each["reason"], each["places"], each["count"], each["entries"]) for each in answer["groups"]]
    assert told == [("removal", ["sources.mds.secrets[0]"], 3, 3), ("scope", [OTHER_TAG], 2, 0)]
    foreign, removal = answer["held"][0], answer["held"][2]
    assert (foreign["organisation"], foreign["claimed"], foreign["entries"]) == (HOME, FOREIGN, 0)
    assert (removal["kind"], removal["secrets"], removal["entries"]) == ("destroyed", [tag], 1)
    assert answer["next_after"] is None


def test_the_api_goes_page_by_page_and_by_reason(reader: Visitor) -> None:
    whole = [each["number"] for each in reader.data(API)["held"]]
    first = reader.data(f"{API}?limit=2")
    assert first["next_after"] == whole[1]
    rest = reader.data(f"{API}?after={first['next_after']}")
    assert [each["number"] for each in first["held"] + rest["held"]] == whole
    assert [each["number"] for each in reader.data(f"{API}?reason=scope")["held"]] == whole[:2]
    assert reader.data(f"{API}?source=insertion")["held"] == []


@pytest.mark.threat(id="forged-decisions")
def test_a_reader_sees_it_and_has_no_button(own_site: SiteInTime) -> None:
    who = visitor(own_site, Role.READ)
    text = who.page(PATH)
    assert "5ec2e7a1" in text
    assert "Appliquer<" not in text
    before = waits(own_site)
    form = {"csrf": csrf(who), "id": before[0]}
    for decision in ("release", "drop"):
        assert who.post(f"{PATH}/{decision}", data=form).status_code == 403
        assert who.post(f"{API}/{decision}", json={"ids": before}).status_code == 403
    assert waits(own_site) == before


@pytest.mark.threat(id="forged-decisions")
@pytest.mark.parametrize(("decision", "event"), [("release", "held_released"), ("drop", "held_dropped")])
def test_one_is_decided_and_noted_with_who_did(own_site: SiteInTime, decision: str, event: str) -> None:
    who = visitor(own_site)
    before = waits(own_site)
    with captured_logs() as log:
        answer = who.post(f"{PATH}/{decision}", data={"csrf": csrf(who), "id": before[0]})
    assert (answer.status_code, answer.location) == (303, f"{PATH}?done={decision}&count=1&left=0")
    assert 'role="status"' in who.page(answer.location)
    assert waits(own_site) == before[1:]
    [line] = lines_of(log)
    [token] = [each for each in own_site.store.read(stored_tokens.listed) if each.role == "operate"][-1:]
    assert (line["event"], line["by"], line["numbers"], line["count"]) == (event, token.id, str(before[0]), 1)


def test_a_proxys_person_is_noted_by_name(own_site: SiteInTime) -> None:
    web = own_site.settings.web
    assert web.proxy
    own_site.settings = own_site.settings.replace(web=web.replace(proxy=web.proxy.replace(role=Role.OPERATE)))
    own_site.__post_init__()
    client = own_site.app.test_client()
    asked = {
        "environ_base": {"REMOTE_ADDR": "203.0.113.7"},
        "headers": {"X-Remote-User": "Camille"},
        "base_url": "https://localhost",
    }
    text = client.get(PATH, **asked).get_data(as_text=True)  # type: ignore[arg-type]
    word = re.search(r'name="csrf" value="(\w+)"', text)
    assert word
    with captured_logs() as log:
        form = {"csrf": word[1], "id": waits(own_site)[0]}
        assert client.post(f"{PATH}/drop", data=form, **asked).status_code == 303  # type: ignore[arg-type]
    assert [line["by"] for line in lines_of(log)] == ["proxy:Camille"]


def test_what_is_released_is_taken_in(own_site: SiteInTime) -> None:
    who = visitor(own_site)
    first = who.data(API)["held"][0]
    who.post(f"{API}/release", json={"ids": [first["number"]]})
    with database(own_site.settings.store.address) as connection:
        sql = f"SELECT organisation FROM events WHERE uid = '{first['uid']}'"
        assert connection.exec_driver_sql(sql).scalar() == FOREIGN


@pytest.mark.parametrize("by", ["page", "api"])
def test_a_group_is_decided_as_far_as_it_was_seen(own_site: SiteInTime, by: str) -> None:
    who = visitor(own_site)
    group = the_group(who)
    before = waits(own_site)
    later = replace(a_delivery(1, wire_id=4340, uuid=f"0b5e6a3e-6f0e-4c57-9d0b-{4340:012x}"), organisation=FOREIGN)
    told = replace(incoming(later), authority=Authority(frozenset({FOREIGN})), signed_by=OTHER_TAG)
    own_site.store.write(judge_batch.take, [told], NOW)
    unseen = waits(own_site)[-1]
    if by == "page":
        answer = who.post(f"{PATH}/drop", data=group | {"csrf": csrf(who)})
        assert answer.location == f"{PATH}?done=drop&count=2&left=0"
    else:
        assert who.post(f"{API}/drop", json=group).get_json() == {"count": 2, "left": 0}
    assert waits(own_site) == [*before[2:], unseen]


def test_of_a_large_group_some_are_decided_and_the_rest_told(
    own_site: SiteInTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "MOST_AT_ONCE", 2)
    who = visitor(own_site)
    group = the_group(who, "removal") | {"csrf": csrf(who)}
    answer = who.post(f"{PATH}/release", data=group)
    assert answer.location == f"{PATH}?done=release&count=2&left=1"
    assert "Il en reste 1" in who.page(answer.location)
    assert who.post(f"{PATH}/release", data=group).location == f"{PATH}?done=release&count=1&left=0"
    assert own_site.store.read(set_aside.count, Wanted("removal")) == 0
    again = who.post(f"{PATH}/release", data=group)
    assert again.location == f"{PATH}?done=release&count=0&left=0"
    assert "Rien n'attendait plus" in html.unescape(who.page(again.location))


@pytest.mark.threat(id="forged-decisions")
@pytest.mark.parametrize("word", ["", "0" * 64])
def test_a_form_that_is_not_ours_is_refused(own_site: SiteInTime, word: str) -> None:
    who = visitor(own_site)
    before = waits(own_site)
    for decision in ("release", "drop"):
        assert who.post(f"{PATH}/{decision}", data={"csrf": word, "id": before[0]}).status_code == 403
    assert waits(own_site) == before


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "mood"},
        {"reason": ""},
        {"source": ""},
        {"source": "Mds'--"},
        {"signed_by": "x"},
        {"signed_by": None},
        {"model": ""},
        {"model": "R v"},
        {"up_to": ""},
        {"up_to": "-1"},
        {"up_to": None},
    ],
)
@pytest.mark.parametrize("decision", ["release", "drop"])
def test_a_group_of_which_a_part_is_missing_is_refused(
    own_site: SiteInTime, decision: str, change: dict[str, str | None]
) -> None:
    who = visitor(own_site)
    before = waits(own_site)
    group = {name: value for name, value in (the_group(who) | change).items() if value is not None}
    assert who.post(f"{PATH}/{decision}", data=group | {"csrf": csrf(who)}).status_code == 400
    assert who.post(f"{API}/{decision}", json=group).status_code == 400
    assert waits(own_site) == before


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"null",
        b"{}",
        b'{"ids": []}',
        b'{"ids": "1"}',
        b'{"ids": [true]}',
        b'{"ids": [0]}',
        b'{"ids": [1.5]}',
        b'{"ids": [9223372036854775808]}',
        b'{"ids": null}',
        json.dumps({"ids": list(range(1, 600))}).encode(),
    ],
)
def test_a_body_that_means_nothing_is_refused(own_site: SiteInTime, body: bytes) -> None:
    who = visitor(own_site)
    before = waits(own_site)
    answer = who.post(f"{API}/drop", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["status"]) == (400, "bad_request")
    assert who.post(f"{API}/drop", data=b"ids=1").status_code == 415
    assert waits(own_site) == before


def test_a_secret_of_which_no_more_is_kept_is_told(
    site: SiteInTime, reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each["full"] for each in reader.data(API)["groups"]] == [False, False]
    monkeypatch.setattr(held, "MOST_SET_ASIDE", 2)
    assert [each["full"] for each in reader.data(API)["groups"]] == [False, True]
    assert "rdv-receiver resync" in reader.page(PATH)


def test_an_agents_hostile_e_mail_stays_text(own_site: SiteInTime) -> None:
    with database(own_site.settings.store.address) as connection:
        text = json.dumps(
            {
                "agent": {"ident": "31", "email": "<script>alert(1)</script>@evil.example"},
                "version": {"kind": "updated", "state_at": NOW.isoformat()},
            }
        )
        sql = f"UPDATE set_aside SET sort='agent', model='{AgentNews.__name__}', ident='31', event_id=NULL, news=?"
        connection.exec_driver_sql(sql, (text,))
    shown = visitor(own_site).page(PATH)
    assert "<script" not in shown
    assert f"{display_safe('<script>alert(1)</script>')}@evil.example" in html.unescape(shown)


def test_nothing_waits(own_site: SiteInTime) -> None:
    own_site.store.write(set_aside.drop, waits(own_site))
    who = visitor(own_site)
    assert "Aucun webhook mis de côté n'attend" in html.unescape(who.page(PATH))
    assert who.data(API) == {"groups": [], "held": [], "next_after": None}
