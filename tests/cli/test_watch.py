"""`watch` from the command line: trials, a single look, and what `check` says of addresses."""

import json
from collections.abc import Iterator

import pytest

from receiver import sentences
from receiver.alerts.send_process import Outcome
from receiver.cli import main as cli
from receiver.cli import run
from receiver.config import load
from receiver.store import heartbeats
from receiver.store.work import rulesets as stored_rulesets
from tests.alerts.sinks import HttpSink, http_sink
from tests.cli.console import Console

SECRET = "hunter2"

pytestmark = pytest.mark.usefixtures("process_logs")


@pytest.fixture
def http() -> Iterator[HttpSink]:
    with http_sink() as sink:
        yield sink


def addresses(console: Console, monkeypatch: pytest.MonkeyPatch, *to: str) -> None:
    for place, address in enumerate(to):
        monkeypatch.setenv(f"RDV_TO_{place}", address)
    alerts = {"to": [{"env": f"RDV_TO_{place}"} for place in range(len(to))], "hold_minutes": 0, "digest_at": None}
    console.configure(alerts=alerts)


def of(sink: HttpSink) -> str:
    return f"json://jean:{SECRET}@127.0.0.1:{sink.port}"


# --test


def test_each_address_gets_a_trial_and_a_line(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    http: HttpSink,
) -> None:
    addresses(console, monkeypatch, of(http), f"mailtos://jean:{SECRET}@127.0.0.1:1?to=a@b.example&from=c@d.example")
    status, out = console.run("watch", "--test")
    assert status == 1
    assert [line.partition(" : ")[0] for line in out.splitlines()] == ["alerts.to[0] (json)", "alerts.to[1] (mailtos)"]
    assert out.splitlines()[0].endswith(sentences.DELIVERY[Outcome.SENT])
    assert out.splitlines()[1].endswith(sentences.DELIVERY[Outcome.CONNECTION_FAILED])
    assert "hunter" not in out
    assert http.titles == [sentences.ALERT["test_title"]]


def test_a_trial_that_arrives_everywhere_is_a_success(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    http: HttpSink,
) -> None:
    addresses(console, monkeypatch, of(http), of(http))
    assert console.run("watch", "--test")[0] == 0
    assert len(http.titles) == 2


def test_a_trial_with_nobody_to_tell_is_none(console: Console) -> None:
    status, out = console.run("watch", "--test")
    assert (status, out) == (1, sentences.WATCH["nobody"] + "\n")


def test_a_trial_needs_no_store(console: Console, monkeypatch: pytest.MonkeyPatch, http: HttpSink) -> None:
    """It is when things are down that one wants to know whether alerts arrive."""
    addresses(console, monkeypatch, of(http))
    tree = json.loads(console.path.read_text())
    console.configure(alerts=tree["alerts"], store={"url": "postgresql://nobody@127.0.0.1:1/none"})
    assert console.run("watch", "--test")[0] == 0


# --once, and without an option


def test_one_look_tells_what_is_due_prints_nothing_and_remembers(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    http: HttpSink,
) -> None:
    addresses(console, monkeypatch, of(http))
    for name in (f"{heartbeats.SERVES}here", "worker/here/1"):
        console.store.write(heartbeats.beat, name, console.store.now())
    console.store.write(
        stored_rulesets.hold,
        load(console.path, {"RDV_SECRET": "s", "RDV_TO_0": of(http)}).ruleset(),
        40,
        console.store.now(),
    )
    for _ in range(2):
        assert console.run("watch", "--once") == (0, "")
    assert ["40 entrées" in title for title in http.titles] == [True]
    assert SECRET not in (console.path.parent / "alertes.json").read_text()


def test_with_nobody_to_tell_the_watch_ends_at_once(
    console: Console,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["--config", str(console.path), "watch"]) == 0
    assert "nobody_to_tell" in capsys.readouterr().err
    assert console.run("watch", "--once") == (0, "")
    assert not (console.path.parent / "alertes.json").exists()


def test_run_has_a_watch_only_where_there_is_somebody_to_tell(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load(console.path, {"RDV_SECRET": "s"})
    assert list(run.child_commands(console.path, settings)) == ["serve", "worker"]
    addresses(console, monkeypatch, "json://127.0.0.1")
    told = load(console.path, {"RDV_SECRET": "s", "RDV_TO_0": "json://127.0.0.1"})
    assert list(run.child_commands(console.path, told)) == ["serve", "worker", "watch"]


# check


def test_check_tells_an_address_that_cannot_be_read_by_its_place(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses(console, monkeypatch, "json://127.0.0.1/hunter2a", "hunter2b")
    status, out = console.run("check", "--json")
    report = json.loads(out)
    found = {each["subject"]: each["code"] for each in report["findings"] if "alerts" in each["subject"]}
    assert found == {"alerts.to[0]": "alert_address_ready", "alerts.to[1]": "alert_address_unusable"}
    assert status == 1
    assert "hunter" not in out + console.run("check")[1]


def test_an_address_that_switches_verification_off_is_refused(
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    addresses(console, monkeypatch, "json://127.0.0.1", "jsons://hunter2@127.0.0.1?verify=no")
    assert cli.main(["--config", str(console.path), "check", "--json"]) == 2
    printed = capsys.readouterr()
    [problem] = json.loads(printed.out)["problems"]
    assert (problem["path"], problem["code"]) == ("alerts.to[1]", "alert_not_verified")
    assert "hunter" not in printed.out + printed.err


def test_every_outcome_has_its_sentence() -> None:
    assert set(sentences.DELIVERY) == set(Outcome)
