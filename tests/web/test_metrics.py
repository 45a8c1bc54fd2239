"""`/metrics`: what Prometheus is told, in its own parser's eyes; counters that never go back; nothing of a person."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from sqlalchemy import create_engine, text

from receiver import __version__
from receiver.core.digests import secret_tag
from receiver.operations.erasure import purge
from receiver.store import Store, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch
from receiver.store.reports import activity
from receiver.web.app import create_app
from tests.makers import NOW, incoming
from tests.store.failing_ground import HERS, hear, place, refuse
from tests.store.scopes import THIRTY_FOUR, a_rdv
from tests.web.metrics_scrape import FIGURES, Scraped, suffer
from tests.web.receiver_client import RDV, SECRET, SOURCES, settings_of
from tests.web.test_webhook_logs import CANARY, with_canaries

ALLOWED_LABELS = {
    "version", "code", "severity", "subject", "cause", "source", "model", "outcome", "reason", "calendar", "verb",
    "kind", "tag", "colour",
}  # fmt: skip


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def scraped(store: Store, tmp_path: Path) -> Scraped:
    return Scraped(store, tmp_path)


def test_only_who_may_look_is_told(scraped: Scraped) -> None:
    assert scraped.get(Authorization="").status_code == 401
    assert scraped.get(Authorization="Bearer nonsense").status_code == 401
    assert scraped.get().status_code == 200


@on_sqlite
def test_without_pages_there_are_none(store: Store) -> None:
    app = create_app(settings_of(*SOURCES), store, flush_after_s=None)
    assert app.test_client().get("/metrics").status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "text/plain;version=0.0.4;q=0.3,*/*;q=0.1", "application/openmetrics-text;q=0", "nonsense"],
)
def test_the_plain_format_is_what_everybody_reads(scraped: Scraped, accept: str) -> None:
    answer = scraped.get(accept)
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert len(list(parse(answer.text))) > 10


@on_sqlite
@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.3",
        "application/openmetrics-text; version=none",
    ],
)
def test_openmetrics_is_spoken_to_who_asks_for_it(scraped: Scraped, accept: str) -> None:
    """The last is of no Prometheus; it must not fail either."""
    answer = scraped.get(accept)
    assert answer.mimetype == "application/openmetrics-text"
    families = {family.name: family for family in parse_openmetrics(answer.text)}
    assert families["rdv_receiver_build"].type == "info"
    assert families["rdv_receiver_webhooks_refused"].type == "counter"


def test_a_fresh_store_shows_zeros_where_a_first_time_matters(scraped: Scraped) -> None:
    """A counter that appears with 1 has never risen in Prometheus's eyes."""
    values = scraped.values()
    assert values[f'build_info{{version="{__version__}"}}'] == 1
    assert values['webhooks_refused_total{reason="unauthorized",source="mds"}'] == 0
    assert values['writes_total{calendar="exchange",outcome="done",verb="create"}'] == 0
    assert values["changes_due"] == values["events_unsettled"] == values["oldest_change_age_seconds"] == 0
    assert values['server_failing{calendar="exchange"}'] == values["removals_held"] == 0


def test_what_waits_for_somebody_is_shown_by_source_and_reason(scraped: Scraped) -> None:
    names = [f'webhooks_set_aside{{reason="{reason}",source="mds"}}' for reason in Reason]
    assert [scraped.values()[name] for name in names] == [0, 0, 0]
    scraped.store.write(judge_batch.take, [incoming(a_rdv(12, 60))], NOW)
    foreign = [replace(incoming(a_rdv(34, age)), authority=THIRTY_FOUR, signed_by=str(age)) for age in (5, 4)]
    scraped.store.write(judge_batch.take, foreign, NOW)
    assert [scraped.values()[name] for name in names] == [2, 0, 0]
    cause = 'cause="other_organisation",code="out_of_scope",severity="alarm",subject="mds"'
    assert scraped.values()[f"trouble{{{cause}}}"] == 1


def test_webhooks_are_counted_by_what_became_of_them(scraped: Scraped) -> None:
    assert [scraped.post(), scraped.post(), scraped.post(secret="wrong")] == [202, 202, 401]
    values = scraped.values()
    assert values['webhooks_total{model="Rdv",outcome="accepted",source="mds"}'] == 1
    assert values['webhooks_total{model="Rdv",outcome="duplicate",source="mds"}'] == 1
    assert values['webhooks_refused_total{reason="unauthorized",source="mds"}'] == 1
    assert values['last_webhook_timestamp_seconds{source="mds"}'] == NOW.timestamp()


def test_counters_never_go_back(scraped: Scraped) -> None:
    """Not when the process starts anew, and not when counts by the hour are dropped."""
    name = 'webhooks_total{model="Rdv",outcome="accepted",source="mds"}'
    scraped.post()
    scraped.start()
    assert scraped.values()[name] == 1
    scraped.now += timedelta(days=40)
    scraped.store.write(counters.record, {Tally("webhook", "mds", "Rdv", "accepted"): 4}, {}, scraped.now)
    purge(scraped.store, scraped.now, tombstone_days=30, journal_days=30)
    assert [count.count for count in scraped.store.read(activity.hours, NOW - timedelta(days=1))] == [4]
    scraped.token = scraped.issue()
    assert scraped.values()[name] == 5


def test_what_fails_is_told_by_server_and_code(scraped: Scraped) -> None:
    suffer(scraped.store)
    values = scraped.values()
    assert values['entries_failing{calendar="exchange",code="invalid_item"}'] == 1
    assert values['mailboxes_failing{calendar="exchange",code="impersonation_denied"}'] == 1
    assert values['events_failing{code="recurrence_not_holdable"}'] == 1
    assert values['server_failing{calendar="exchange"}'] == 1
    assert values['server_last_success_timestamp_seconds{calendar="exchange"}'] == NOW.timestamp()
    assert values['trouble{cause="timeout",code="server_failing",severity="alarm",subject="exchange"}'] == 1


def test_what_waits_is_told_with_its_age(scraped: Scraped) -> None:
    hear(scraped.store, 5)
    assert scraped.values()["events_unsettled"] == 1
    place(scraped.store, {HERS: "d1"})
    scraped.now += timedelta(minutes=20)
    values = scraped.values()
    assert (values["changes_due"], values["oldest_change_age_seconds"]) == (1, 1200)
    assert values['trouble{cause="",code="changes_late",severity="alarm",subject=""}'] == 1


@on_sqlite
def test_the_workers_figures_are_told_in_base_units(scraped: Scraped) -> None:
    unknown = {"certificate/gone": 1, "clock/gone": 1, "turn/audit": 0}
    scraped.store.write(counters.record, {}, FIGURES | unknown, NOW)
    values = scraped.values()
    assert values["agents_unmapped"] == 3
    assert values['certificate_expiry_timestamp_seconds{calendar="exchange"}'] == 1_804_000_000
    assert values['server_clock_ahead_seconds{calendar="exchange"}'] == -7
    assert values['audit_differences{kind="missing"}'] == 2
    assert (values["audit_mailboxes"], values["audit_timestamp_seconds"]) == (40, NOW.timestamp())
    assert "gone" not in scraped.get().text


@on_sqlite
def test_workers_are_counted_and_not_named(scraped: Scraped) -> None:
    """Each start has a name of its own: each would be a series for ever."""
    scraped.store.write(heartbeats.beat, "worker/a-host-1", NOW)
    scraped.store.write(heartbeats.beat, "worker/a-host-2", NOW - timedelta(minutes=3))
    values = scraped.values()
    assert values["workers"] == 1
    assert values["worker_heartbeat_timestamp_seconds"] == NOW.timestamp()
    assert "a-host" not in scraped.get().text


@on_sqlite
def test_secrets_are_told_by_their_tag(scraped: Scraped) -> None:
    scraped.post()
    tag = secret_tag(scraped.store.installation().digest_key, SECRET)
    assert scraped.values()[f'secret_last_used_timestamp_seconds{{source="mds",tag="{tag}"}}'] == NOW.timestamp()
    assert SECRET not in scraped.get().text


def test_a_store_that_cannot_be_read_fails_the_scrape(scraped: Scraped, store_url: str) -> None:
    """Prometheus then sets `up` to 0, which everybody who uses it watches."""
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE tallies"))
    engine.dispose()
    answer = scraped.get()
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable"})


@pytest.mark.parametrize(("revision", "code"), [("0002", "store_not_current"), ("9999", "store_too_new")])
def test_a_store_of_another_version_tells_that_and_no_more(
    scraped: Scraped, store_url: str, revision: str, code: str
) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        connection.execute(text("UPDATE installation SET oldest_schema = 9999"))
    engine.dispose()
    values = scraped.values()
    assert values[f'trouble{{cause="",code="{code}",severity="alarm",subject=""}}'] == 1
    assert "changes_due" not in values


def test_nothing_of_a_person_is_told(scraped: Scraped) -> None:
    """Neither of an usager nor of an agent: whoever may read Prometheus reads all of it, for years."""
    assert scraped.post(with_canaries()) == 202
    place(scraped.store, {HERS: "d1"})
    refuse(scraped.store)
    for accept in ("", "application/openmetrics-text"):
        told = scraped.get(accept).text
        assert CANARY not in told
        assert "@" not in told
        assert RDV["data"]["uuid"] not in told


@on_sqlite
def test_the_disk_of_the_store_is_told_as_a_share(scraped: Scraped) -> None:
    assert 0 < scraped.values()["store_disk_free_ratio"] < 1


@on_sqlite
def test_labels_are_those_that_are_promised(scraped: Scraped) -> None:
    scraped.post()
    labels = {label for family in scraped.families().values() for sample in family.samples for label in sample.labels}
    assert labels <= ALLOWED_LABELS
