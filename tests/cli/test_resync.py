"""`resync` end to end over HTTP: what vanished without a word goes, and nothing else does."""

import ast
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import create_engine, select

from demo.processes import free_port
from emitter.rest import Account, Fault
from emitter.scenarios import cast
from receiver import bootstrap, sentences
from receiver.cli import resync as command
from receiver.config import load
from receiver.core.facts import Model
from receiver.operations import resync as platform
from receiver.operations import rules
from receiver.operations.resync import platform_api as api_module
from receiver.operations.resync.missing import Finding
from receiver.operations.resync.platform_api import Api
from receiver.operations.resync.progress import End, PollTimings
from receiver.operations.resync.start import Step
from receiver.store.database.tables import metadata
from receiver.store.tools import resync as stored_resync
from receiver.worker.server_threads import ServerThreads
from tests.authentication.certificates import Authority
from tests.cli.resync_harness import ENVIRON, SECRET, ResyncHarness, open_resync_harness
from tests.logs.captured import captured_logs
from tests.resync.instance import (
    ARRAS,
    CANARIES,
    EMAIL,
    LENS,
    PASSWORD,
    a_plage,
    an_absence,
    an_rdv,
)

QUICK = PollTimings(every_s=0.02, first_s=20, still_s=1, settled_s=0.2, most_s=60)


@pytest.fixture(autouse=True)
def process_logs() -> Iterator[io.StringIO]:
    """Commands set up the logs of a process that is theirs alone; here it is pytest's."""
    with captured_logs() as stream:
        yield stream


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TIMINGS", QUICK)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for what the test keeps from coming."""
    monkeypatch.setattr(command, "TIMINGS", PollTimings(every_s=0.02, first_s=0.1))


@pytest.fixture
def opened(tmp_path: Path, migrated_sqlite: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    return lambda *accounts, **more: open_resync_harness(
        tmp_path, migrated_sqlite, capsys, free_port(), *accounts, **more
    )


@pytest.fixture
def harness(opened: Callable[..., Any]) -> Iterator[ResyncHarness]:
    with opened() as harness:
        harness.subscribe()
        yield harness


def uid(number: int, model: str = "Rdv") -> str:
    return f"{model}/{an_rdv(number).uuid if model == 'Rdv' else number}@production"


def findings(report: dict[str, Any]) -> dict[str, str]:
    return {each["uid"]: each["finding"] for each in report["verification"]["events"]}


def test_everything_comes_again_and_nothing_is_removed(harness: ResyncHarness) -> None:
    harness.hold(*(an_rdv(number) for number in range(1, 31)), an_absence(1))
    status, report = harness.report("--organisation", "12")
    assert (status, report["ok"], report["verification"]["events"]) == (0, True, [])
    assert report["organisations"] == [
        {"organisation": 12, "step": Step.TRIGGERED, "unsubscribed": [], "trouble": None}
    ]
    assert report["received"] == {"rdv": 30, "absence": 1}
    assert report["end"] in {End.COMPLETE, End.STILL}


def test_what_was_never_told_arrives(harness: ResyncHarness) -> None:
    """The first use: a receiver that is installed where the platform has been used for years."""
    harness.platform.hold(*(an_rdv(number) for number in range(1, 301)), a_plage(5))
    status, report = harness.report("--models", "rdv,plage_ouverture")
    assert (status, report["received"]) == (0, {"rdv": 300, "plage_ouverture": 1})


@pytest.mark.usefixtures("nothing_comes")
def test_three_hundred_events_over_many_pages_are_asked_for(harness: ResyncHarness) -> None:
    """Not one of them comes again, and all exist."""
    numbers = range(1, 301)
    harness.hold(*(an_rdv(number) for number in numbers))
    harness.platform.withheld = {(type(an_rdv(1)), number) for number in numbers}
    status, report = harness.report()
    assert (status, report["end"]) == (1, End.NOTHING_CAME)
    assert report["verification"]["counts"][Finding.EXISTS] == 300
    asked = [path for method, path in harness.api.requests if "id%5B%5D" in path]
    assert len(asked) == 6


def test_what_vanished_without_a_word_is_removed(harness: ResyncHarness) -> None:
    rdvs, absences = [an_rdv(number) for number in range(1, 11)], [an_absence(1), an_absence(2)]
    harness.hold(*rdvs, *absences)
    harness.platform.vanish(rdvs[3], absences[0])
    status, report = harness.report()
    assert status == 0
    assert findings(report) == {uid(4): Finding.GONE, uid(1, "Absence"): Finding.GONE}
    assert sorted(report["verification"]["removed"]) == sorted([uid(4), uid(1, "Absence")])
    assert destroyed(harness) == {uid(4), uid(1, "Absence")}


def test_the_calendar_loses_what_vanished_and_nothing_else(harness: ResyncHarness) -> None:
    rdvs = [an_rdv(number) for number in range(1, 6)]
    harness.hold(*rdvs)
    harness.platform.vanish(rdvs[1])
    harness.platform.withheld = {(type(rdvs[2]), 3)}
    assert shown(harness) == {1, 2, 3, 4, 5}
    harness.run()
    assert shown(harness) == {1, 3, 4, 5}


def shown(harness: ResyncHarness) -> set[int]:
    """The RDVs in the agent's calendar, once the worker has done all that is due."""
    settings, now = load(harness.config, ENVIRON), harness.store.now()
    rules.propose(harness.store, settings.ruleset(), now, confirmed=True)
    connector = bootstrap.connectors(settings, harness.store.installation().id)["pilot"]
    crew = ServerThreads("pilot", connector, 1, harness.store, settings.ruleset())
    while harness.store.settle(lambda view: settings.ruleset().compute_desired(view, now), now) or crew.work_once():
        pass
    connector.close()
    entries = "".join(path.read_text("utf-8") for path in (harness.folder / "ics").glob("*/*.ics"))
    return {number for number in range(1, 10) if an_rdv(number).uuid in entries}


def destroyed(harness: ResyncHarness) -> set[str]:
    """What the record takes for gone for good, and keeps nothing of."""
    engine = create_engine(f"sqlite:///{harness.folder}/store.db")
    events = metadata.tables["events"]
    with engine.connect() as connection:
        gone = select(events.c.uid).where(
            events.c.kind == "destroyed", events.c.facts.is_(None), events.c.unsettled_at.is_not(None)
        )
        found = set(connection.scalars(gone))
    engine.dispose()
    return found


def test_what_exists_and_did_not_come_again_stays(harness: ResyncHarness) -> None:
    harness.hold(*(an_rdv(number) for number in range(1, 6)), an_absence(1), an_absence(2))
    harness.platform.withheld = {(type(an_rdv(1)), 2), (type(an_absence(1)), 1)}
    status, report = harness.report()
    assert (status, report["verification"]["removed"]) == (0, [])
    assert findings(report) == {uid(2): Finding.EXISTS, uid(1, "Absence"): Finding.EXISTS}


def test_what_is_over_is_left_alone_unless_asked_for(harness: ResyncHarness) -> None:
    harness.remember(an_rdv(1, days=-3))
    harness.hold(an_rdv(2))
    assert findings(harness.report()[1]) == {}
    assert findings(harness.report("--verify-only", "--all")[1]) == {uid(1): Finding.GONE}


def test_a_rdv_that_may_only_be_hidden_stays(harness: ResyncHarness) -> None:
    """Nothing of this motif is shown to the account: it may well see but its own service."""
    harness.hold(an_rdv(1, motif=cast.SOCIAL), an_rdv(2, motif=cast.CONSULTATION))
    harness.platform.vanish(an_rdv(1, motif=cast.SOCIAL))
    status, report = harness.report()
    assert (status, findings(report)) == (1, {uid(1): Finding.HIDDEN})
    assert report["verification"]["removed"] == []


def test_an_account_that_sees_a_part_proves_nothing(opened: Callable[..., Any]) -> None:
    """It takes part in some RDVs of a service that is not its own."""
    account = Account(EMAIL, PASSWORD, basic_in=frozenset({ARRAS.id}), services=frozenset({99}))
    with opened(account) as harness:
        harness.subscribe()
        rdvs = [an_rdv(number) for number in range(1, 6)]
        harness.hold(*rdvs)
        harness.platform.vanish(rdvs[0])
        harness.platform.rdvs = lambda *_args: [rdvs[1]]
        status, report = harness.report("--models", "rdv")
    assert (status, report["verification"]["removed"]) == (1, [])
    assert findings(report)[uid(1)] == Finding.HIDDEN


def test_an_absence_that_the_account_may_not_see_stays(opened: Callable[..., Any]) -> None:
    account = Account(EMAIL, PASSWORD, basic_in=frozenset({ARRAS.id}))
    with opened(account) as harness:
        harness.subscribe()
        harness.hold(an_absence(1), an_absence(2))
        harness.platform.withheld = {(type(an_absence(1)), 1)}
        harness.platform.vanish(an_absence(2))
        status, report = harness.report("--models", "absence")
    assert status == 1
    assert findings(report) == {uid(1, "Absence"): Finding.FORBIDDEN, uid(2, "Absence"): Finding.GONE}


@pytest.mark.usefixtures("nothing_comes")
def test_a_plage_that_cannot_be_read_stays(harness: ResyncHarness) -> None:
    """The API has no path for one: the 404 of a path that does not exist would empty the calendars."""
    harness.remember(a_plage(1))
    status, report = harness.report("--models", "plage_ouverture")
    assert (status, findings(report)) == (1, {uid(1, "PlageOuverture"): Finding.UNREADABLE})


@pytest.mark.usefixtures("nothing_comes")
def test_a_firewalls_404_removes_nothing(harness: ResyncHarness) -> None:
    harness.hold(an_absence(1))
    harness.platform.withheld = {(type(an_absence(1)), 1)}
    harness.platform.faults = [Fault(404, body=b"<html>", path="absences/1")]
    status, report = harness.report("--models", "absence")
    assert (status, findings(report)) == (1, {uid(1, "Absence"): Finding.UNANSWERED})


@pytest.mark.usefixtures("nothing_comes")
def test_a_platform_that_stops_answering_is_asked_no_more(
    harness: ResyncHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.remember(*(an_absence(number) for number in range(1, 11)))
    monkeypatch.setattr("receiver.operations.resync.platform_http.ATTEMPTS", 1)
    harness.platform.faults = [Fault(500, path="absences/")] * 20
    status, report = harness.report("--models", "absence")
    assert (status, report["verification"]["counts"][Finding.UNANSWERED]) == (1, 10)
    assert len(harness.platform.faults) == 17


def test_many_removals_wait_for_a_confirmation(harness: ResyncHarness) -> None:
    """A wrong address of the API, or a copy of the platform, looks just like this."""
    rdvs = [an_rdv(number) for number in range(1, 31)]
    harness.hold(*rdvs)
    harness.platform.vanish(*rdvs[:21])
    status, report = harness.report()
    assert (status, report["verification"]["held"], report["verification"]["removed"]) == (1, 21, [])
    assert harness.run("--verify-only")[0] == 1
    assert len(harness.removed("--verify-only", "--force")) == 21
    assert harness.run("--verify-only")[0] == 0


def test_few_removals_wait_for_nobody(harness: ResyncHarness) -> None:
    rdvs = [an_rdv(number) for number in range(1, 31)]
    harness.hold(*rdvs)
    harness.platform.vanish(*rdvs[:20])
    assert len(harness.removed()) == 20


def test_a_dry_run_looks_and_asks_for_nothing(harness: ResyncHarness) -> None:
    harness.hold(an_rdv(1))
    status, report = harness.report("--dry-run")
    assert (status, report["organisations"][0]["step"], report["verification"]) == (0, Step.READY, None)
    assert set(harness.methods()) == {"GET"}
    assert harness.run("--verify-only")[0] == 2


def test_a_dry_verification_removes_nothing(harness: ResyncHarness) -> None:
    harness.hold(an_rdv(1), an_rdv(2))
    harness.platform.vanish(an_rdv(1))
    assert harness.report("--no-verify")[1]["verification"] is None
    status, report = harness.report("--verify-only", "--dry-run")
    assert (status, findings(report), report["verification"]["removed"]) == (0, {uid(1): Finding.GONE}, [])
    assert harness.removed("--verify-only") == [uid(1)]


def test_an_endpoint_is_made_where_it_lacks_and_only_where_it_is_asked_for(harness: ResyncHarness) -> None:
    harness.hold(an_rdv(1), an_rdv(2, organisation=LENS))
    assert harness.report("--organisation", "13")[1]["organisations"][0]["step"] == Step.NO_ENDPOINT
    assert harness.run("--create-endpoint")[0] == 2
    status, report = harness.report("--organisation", "13", "--create-endpoint")
    assert (status, report["organisations"][0]["step"]) == (0, Step.CREATED)
    assert harness.platform.endpoints[2].secret == SECRET
    assert set(harness.platform.endpoints[2].subscriptions) >= {
        "rdv",
        "absence",
        "plage_ouverture",
        "agent",
        "agent_role",
    }
    assert report["received"] == {"rdv": 1}


def test_a_secret_of_other_organisations_is_given_to_none(harness: ResyncHarness) -> None:
    harness.configure(secrets=[{"env": "RDV_OLD", "organisations": [12]}])
    assert harness.report("--organisation", "13", "--create-endpoint")[1]["organisations"][0]["step"] == Step.NO_SECRET
    assert len(harness.platform.endpoints) == 1


def test_an_organisation_that_the_account_does_not_belong_to_is_said(opened: Callable[..., Any]) -> None:
    with opened(Account(EMAIL, PASSWORD, admin_of=frozenset({ARRAS.id}))) as harness:
        harness.subscribe()
        harness.hold(an_rdv(1))
        harness.configure(organisations=[12, 13])
        status, report = harness.report()
    steps = {each["organisation"]: each["step"] for each in report["organisations"]}
    assert (status, steps) == (1, {12: Step.TRIGGERED, 13: Step.NOT_A_MEMBER})
    assert report["received"] == {"rdv": 1}


def test_an_account_that_may_not_trigger_is_said_and_nothing_is_verified(opened: Callable[..., Any]) -> None:
    account = Account(EMAIL, PASSWORD, admin_of=frozenset({ARRAS.id}), territory_admin=False)
    with opened(account) as harness:
        harness.subscribe()
        harness.remember(an_rdv(1))
        status, report = harness.report()
    [organisation] = report["organisations"]
    assert (status, organisation["step"], organisation["trouble"]) == (1, Step.FAILED, "forbidden")
    assert report["verification"] is None


def test_what_an_endpoint_does_not_send_is_said(harness: ResyncHarness) -> None:
    harness.platform.endpoints.clear()
    harness.subscribe(ARRAS.id, "rdv", "motif")
    harness.hold(an_rdv(1))
    status, report = harness.report()
    assert (status, report["organisations"][0]["unsubscribed"]) == (1, ["absence"])


def test_other_webhooks_of_an_organisation_are_left_alone(harness: ResyncHarness) -> None:
    """rdv-insertion, or the town hall's own tools, have endpoints there too."""
    harness.platform.endpoints.clear()
    harness.webhook_url = f"{harness.webhook_url}-of-others"
    harness.subscribe()
    status, report = harness.report()
    assert (status, report["organisations"]) == (1, [])
    assert set(harness.methods()) == {"GET"}


def test_a_token_that_runs_out_midway_stops_nothing(harness: ResyncHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.hold(*(an_rdv(number) for number in range(1, 4)), an_absence(1))
    harness.platform.vanish(an_rdv(1), an_absence(1))
    count = stored_resync.count_sent

    def told(*args: Any) -> Any:
        harness.platform.accounts.expire()
        return count(*args)

    monkeypatch.setattr(stored_resync, "count_sent", told)
    assert len(harness.removed()) == 2
    assert harness.platform.accounts.sign_ins == 2


def test_a_busy_platform_is_waited_for(harness: ResyncHarness) -> None:
    harness.hold(an_rdv(1), an_rdv(2))
    harness.platform.vanish(an_rdv(2))
    harness.platform.faults = [
        Fault(429, 0, path=path) for path in ("organisations", "webhook_endpoints", "rdvs", "id%5B")
    ]
    assert harness.removed() == [uid(2)]
    assert harness.platform.faults == []


def test_interrupting_leaves_the_resync_running(harness: ResyncHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.hold(an_rdv(1))
    count = stored_resync.count_sent

    def press(*_args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_resync, "count_sent", press)
    status, report = harness.report()
    assert (status, report["interrupted"], report["verification"]) == (1, True, None)
    harness.platform.wait()
    now = harness.store.now()
    harness.store.judge_all(now)
    assert harness.store.read(count, "mds", now - timedelta(minutes=5)) == {Model.RDV: 1}


def test_a_verification_that_is_interrupted_removes_nothing(
    harness: ResyncHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.hold(an_rdv(1), an_absence(1))
    harness.platform.vanish(an_absence(1))

    def press(*_args: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as pressed:
        pressed.setattr(Api, "absence", press)
        status, report = harness.report()
    assert (status, report["interrupted"], report["verification"]) == (1, True, None)
    assert harness.removed("--verify-only") == [uid(1, "Absence")]


def test_every_code_has_its_sentence() -> None:
    written = {
        argument.value
        for path in Path(platform.__path__[0]).glob("platform_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RestError"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    assert written == {"not_understood", "filter_ignored"}
    known = {*api_module._CODES.values(), "server_error", "redirected", "tls", "proxy", "timeout", "unreachable"}
    known |= {"sign_in_refused", "sign_in_unavailable"}
    assert written | known | set(Step) | set(End) | (set(Finding) - {"forbidden"}) <= set(sentences.RESYNC)


def test_a_private_authority_is_trusted(opened: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    folder.mkdir()
    authority = Authority(folder, trustme.CA())
    with opened(api=authority.server(), ca_file=str(authority.ca_file)) as harness:
        harness.subscribe()
        harness.hold(an_rdv(1))
        assert harness.run("--models", "rdv")[0] == 0
        harness.configure()
        status, report = harness.report()
        assert (status, report["trouble"]) == (1, "tls")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--source", "nobody"], "source_unknown"),
        (["--verify-only"], "never_resynced"),
        (["--create-endpoint"], "create_needs_organisations"),
    ],
)
def test_what_cannot_be_begun_is_refused(harness: ResyncHarness, words: list[str], code: str) -> None:
    status, _, told = harness.run(*words)
    assert (status, told) == (2, f"{sentences.RESYNC[code]}\n")
    assert harness.api.requests == []


@pytest.mark.parametrize(
    ("source", "words", "code"),
    [
        ({"has_api": False}, [], "api_missing"),
        ({"has_api": False, "emitter": "rdv_insertion"}, ["--source", "mds"], "no_api_of_insertion"),
        ({"organisations": [12]}, ["--organisation", "13"], "organisation_not_of_source"),
    ],
)
def test_a_source_that_cannot_do_it_is_refused(
    harness: ResyncHarness, source: dict[str, Any], words: list[str], code: str
) -> None:
    harness.configure(**source)
    status, _, told = harness.run(*words)
    assert (status, told) == (2, f"{sentences.RESYNC[code]}\n")


def test_an_address_that_nobody_told_is_asked_for(harness: ResyncHarness) -> None:
    harness.configure(api={"webhook_url": None})
    assert harness.run()[2] == f"{sentences.RESYNC['endpoint_url_missing']}\n"


@pytest.mark.parametrize("words", [["--models", "rdv,user"], ["--verify-only", "--no-verify"], ["--organisation", "x"]])
def test_options_that_make_no_sense_are_usage(harness: ResyncHarness, words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        harness.run(*words)
    assert left.value.code == 2


def test_people_read_what_happened(harness: ResyncHarness) -> None:
    rdvs = [an_rdv(number) for number in range(1, 4)]
    harness.hold(*rdvs, an_absence(1), a_plage(1))
    harness.platform.vanish(rdvs[0])
    harness.platform.withheld = {(type(a_plage(1)), 1)}
    status, out, err = harness.run("--models", "rdv,absence,plage_ouverture")
    assert (status, err) == (1, "")
    for told in (sentences.RESYNC["triggered"], uid(1), sentences.RESYNC["gone"], sentences.RESYNC["unreadable"]):
        assert told in out
    harness.configure(api={"email": "nobody@departement.example"})
    assert sentences.RESYNC["sign_in_refused"] in harness.run()[1]


def test_nothing_of_an_usager_and_no_secret_reaches_anything(harness: ResyncHarness, process_logs: io.StringIO) -> None:
    """The API tells everything about usagers, in each of its answers."""
    harness.hold(*(an_rdv(number) for number in range(1, 6)), an_absence(1))
    harness.platform.vanish(an_rdv(1))
    harness.platform.withheld = {(type(an_rdv(1)), 2), (type(an_absence(1)), 1)}
    harness.platform.faults = [Fault(403, body=json.dumps(CANARIES).encode(), path="absences/1")]
    harness.run()
    harness.run("--verify-only", "--json")
    harness.run("--organisation", "13", "--create-endpoint")
    harness.store.close()
    left = "".join(harness.printed) + process_logs.getvalue()
    left += "".join(path.read_bytes().decode("latin-1") for path in harness.folder.iterdir() if path.is_file())
    words = [*CANARIES, PASSWORD, SECRET, "Rendez-vous médical".encode().decode("latin-1")]
    assert [word for word in words if word in left] == []
