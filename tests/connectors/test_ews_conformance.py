"""The port's suite against a server, in the two ways that départements grant access."""

from datetime import datetime

import pytest

from connectors.base import Change, Create, Delete, Done, Update
from mock_exchange import MockExchange
from tests.connectors.conformance import (
    PARIS,
    AliasConformance,
    Bench,
    Conformance,
    check_shows,
    create,
    entry,
    full_entry,
    listed,
)
from tests.connectors.ews import (
    ALIAS,
    BASIC_DELEGATE,
    MAILBOX,
    NTLM_IMPERSONATION,
    bench_for,
    check_clean,
    connected,
    exchange_for,
    settings_for,
    verbs,
)
from tests.connectors.series_conformance import RULES, SeriesConformance, series
from tests.requirements import ews_schema_folder


@pytest.fixture(params=[NTLM_IMPERSONATION, BASIC_DELEGATE], ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


class TestEws(Conformance):
    """The port's suite on EWS."""


class TestEwsAliases(AliasConformance):
    """The port's suite of addresses on EWS."""


class TestEwsSeries(SeriesConformance):
    """The port's suite of series on EWS."""


def test_every_message_is_what_microsofts_schemas_say(way: tuple[str, str]) -> None:
    """The suite above holds every message against them too, where they are at hand."""
    with (
        exchange_for(*way, schema_dir=ews_schema_folder()) as server,
        connected(settings_for(server, *way)) as connector,
        connected(settings_for(server, *way, installation="another")) as other,
    ):
        bench = bench_for(server, connector, other)
        connector.probe(MAILBOX)
        connector.identify(ALIAS)
        small, full = create(bench, entry("a"), full_entry("b"))
        changes: list[Change] = [Update(small, full_entry("a")), Update(full, entry("b")), Create(entry("c"))]
        connector.apply(MAILBOX, [*changes, Delete("nonsense")])
        connector.find(MAILBOX, ["a", "b", "absent"])
        repeated = create(bench, *(series(rule) for rule in RULES))
        connector.apply(MAILBOX, [Update(item_id, series(RULES[0])) for item_id in repeated])
        assert len(listed(bench)) == 3 + len(RULES)
        connector.apply(MAILBOX, [Delete(item_id) for item_id in (small, full, *repeated)])
        verbs_sent = set(verbs(server))
        assert verbs_sent >= {
            "ConvertId",
            "CreateItem",
            "UpdateItem",
            "DeleteItem",
            "FindItem",
            "FindFolder",
            "GetFolder",
            "GetItem",
        }
        check_clean(server)


@pytest.mark.parametrize(
    "version",
    [
        "Exchange2010",
        "Exchange2010_SP1",
        "Exchange2010_SP2",
        "Exchange2013",
        "Exchange2013_SP1",
        "Exchange2015",
        "Exchange2016",
    ],
)
def test_every_version_can_be_spoken(server: MockExchange, way: tuple[str, str], version: str) -> None:
    with (
        connected(settings_for(server, *way, version=version)) as connector,
        connected(settings_for(server, *way, installation="another")) as other,
    ):
        bench = bench_for(server, connector, other)
        (item_id,) = create(bench, full_entry())
        connector.probe(MAILBOX)
        assert connector.identify(ALIAS) == MAILBOX
        (outcome,) = connector.apply(MAILBOX, [Update(item_id, entry(full_entry().uid))])
        check_shows(bench, listed(bench)[item_id], entry(full_entry().uid))
        assert connector.apply(MAILBOX, [Delete(item_id)]) == [outcome] == [Done(item_id)]


def test_texts_are_escaped_where_the_body_is_html(bench: Bench, server: MockExchange) -> None:
    create(bench, entry(notice="<script>alert('x')</script> & co", link='https://x.example/?a="><script>b&c'))
    (item,) = server.items(bench.mailbox)
    assert item.body_type == "HTML"
    assert "<script" not in item.body
    assert item.body.count("<a href=") == 1


def test_an_end_in_the_hour_that_comes_twice_reads_back(bench: Bench) -> None:
    """By the wall clock it ends before it begins. An .ics file has no words for that."""
    start = datetime(2026, 10, 25, 2, 30, tzinfo=PARIS)
    written = entry(start=start, end=datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=PARIS))
    (item_id,) = create(bench, written)
    check_shows(bench, listed(bench)[item_id], written)
