"""`purge`: what an operator types, and the report that somebody in charge of privacy files."""

import json
import stat
from datetime import timedelta

import pytest

from receiver.config import load
from receiver.core.facts import AgentRef
from receiver.store import StoreUnavailable
from receiver.store.tools import erasure
from tests.cli.operator import HERS, SECRET, Operator
from tests.makers import KARIM, MARTINE, a_delivery, a_slot, an_absence

LEFT = type(MARTINE)(MARTINE.ident, "agent_31@deleted.rdv-solidarites.fr")


@pytest.fixture
def served(operator: Operator) -> Operator:
    """Two appointments, one of both agents; an absence; all written. Then she left the platform."""
    operator.hear(a_delivery(wire_id=1, uuid="u1"), a_delivery(wire_id=2, uuid="u2", agents=(MARTINE,)))
    operator.hear(a_slot(an_absence()))
    operator.work()
    operator.hear(a_delivery(1, wire_id=1, uuid="u1", agents=(LEFT, KARIM)))
    operator.work()
    assert operator.entries(HERS) == 3
    return operator


def test_an_agent_is_erased_and_the_report_says_so(served: Operator) -> None:
    path = served.folder / "effacement.txt"
    status, out, _ = served.run("purge", "--agent", f" {HERS.upper()}", "--report", str(path))
    assert status == 1, "the mapping of the configuration still names her"
    assert (path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)) == (out, 0o600)
    assert HERS in out
    assert served.store.installation().id in out
    assert "Consultation" not in out
    assert served.entries(HERS) == 3


def test_programs_read_what_was_erased_and_what_is_to_be_done(served: Operator) -> None:
    path = served.folder / "1.json"
    status, report = served.report("purge", "--agent", HERS, "--report", str(path))
    assert status == 1
    assert report["erased"] == {
        "placements": 3, "events": 1, "event_agents": 2, "agents": 1, "agent_words": 1, "writes": 2,
        "mailboxes": 1
    }  # fmt: skip
    assert report["unfinished"] == ["mapped"]
    assert report["remains"] == ["entries", "journal", "backups", "platform"]
    assert json.loads(path.read_text("utf-8")) == report
    del served.tree["mailboxes"]["map"][HERS]
    served.write()
    served.work()
    status, report = served.report("purge", "--agent", HERS, "--report", str(served.folder / "2.json"))
    assert (status, report["erased"], report["unfinished"]) == (0, {"rulesets": 1}, [])
    status, report = served.report("purge", "--agent", HERS, "--report", str(served.folder / "3.json"))
    assert (status, report["erased"]) == (0, {})
    assert "rien" in served.run("purge", "--agent", HERS, "--report", str(served.folder / "4.txt"))[1]


def test_with_entries_the_worker_takes_them_out_first(served: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.operations.erasure.sleep", lambda _: served.work())
    path = served.folder / "r.json"
    _, report = served.report("purge", "--agent", HERS, "--with-entries", "--report", str(path), "--wait", "60")
    assert (served.entries(HERS), report["removals"], report["unfinished"]) == (0, 0, ["mapped"])
    assert report["erased"]["mailboxes"] == 1
    assert "entries" not in report["remains"]


def test_while_the_worker_is_at_it_the_command_waits(served: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    served.hear(a_delivery(1, wire_id=2, uuid="u2", agents=(MARTINE,), motif="Another"))
    settings = load(served.config, {"RDV_SECRET": SECRET})
    served.store.settle(lambda view: settings.ruleset().compute_desired(view, served.store.now()), served.store.now())
    work = served.store.claim("dossier", served.store.now(), 100, timedelta(minutes=1))
    assert work is not None
    assert work.mailbox.address == HERS
    status, report = served.report("purge", "--agent", HERS, "--report", str(served.folder / "1.json"), "--wait", "0")
    assert (status, report["erased"], "busy" in report["unfinished"]) == (1, {}, True)
    monkeypatch.setattr("receiver.operations.erasure.sleep", lambda _: served.store.release(work))
    _, report = served.report("purge", "--agent", HERS, "--report", str(served.folder / "2.json"), "--wait", "60")
    assert (report["erased"]["agents"], "busy" in report["unfinished"]) == (1, False)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_what_the_worker_has_not_taken_out_in_time_is_to_be_done(served: Operator) -> None:
    path = served.folder / "r.json"
    status, report = served.report("purge", "--agent", HERS, "--with-entries", "--report", str(path), "--wait", "0")
    assert (status, report["removals"], report["unfinished"]) == (1, 3, ["removals", "mapped"])


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_one_who_is_still_active_is_told_to_come_back(served: Operator) -> None:
    _, report = served.report("purge", "--agent", KARIM.email or "", "--dry-run")
    assert report["remains"][0] == "active"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_dry_run_counts_and_needs_no_report(served: Operator) -> None:
    status, report = served.report("purge", "--agent", HERS, "--dry-run")
    assert (status, report["dry_run"], report["erased"]["agents"]) == (1, True, 1)
    assert served.report("purge", "--agent", HERS, "--dry-run")[1]["erased"] == report["erased"]
    assert served.entries(HERS) == 3


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--retention", "--agent", HERS],
        ["--agent", HERS],
        ["--retention", "--with-entries"],
        ["--retention", "--report", "x"],
        ["--agent", HERS, "--report", "/nowhere/at/all.txt"],
    ],
)
def test_what_is_not_said_clearly_erases_nothing(served: Operator, words: list[str]) -> None:
    status, out, told = served.run("purge", *words)
    assert (status, out) == (2, "")
    assert told
    assert served.report("purge", "--agent", HERS, "--dry-run")[1]["erased"]["agents"] == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", ["martine", "@x.example", "a@", 'a"@x.example', "a b@x.example", "a@b@c.example"])
def test_an_address_is_one(served: Operator, address: str) -> None:
    with pytest.raises(SystemExit) as left:
        served.run("purge", "--agent", address, "--dry-run")
    assert left.value.code == 2


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_report_is_never_written_over(served: Operator) -> None:
    path = served.folder / "r.txt"
    path.write_text("the one of last year", "utf-8")
    assert served.run("purge", "--agent", HERS, "--report", str(path))[0] == 2
    assert path.read_text("utf-8") == "the one of last year"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_erasure_that_fails_leaves_no_report(served: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("DiskFull")

    monkeypatch.setattr(erasure, "erase", fail)
    path = served.folder / "r.txt"
    assert served.run("purge", "--agent", HERS, "--report", str(path))[0] == 1
    assert not path.exists()


def test_what_was_kept_long_enough_goes_by_hand_as_by_the_worker(served: Operator) -> None:
    served.clock["now"] += timedelta(days=31)
    status, counted = served.report("purge", "--retention", "--dry-run")
    assert (status, counted["dry_run"], counted["rows"]["deliveries"]) == (0, True, 4)
    status, dropped = served.report("purge", "--retention")
    assert (status, dropped["rows"]["deliveries"], dropped["rows"]["writes"]) == (0, 4, counted["rows"]["writes"])
    status, out, _ = served.run("purge", "--retention")
    assert status == 0
    assert out


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kept", ["ren\u00e9@d\u00e9partement.example", "ren\u00e9@xn--dpartement-b7a.example"])
@pytest.mark.parametrize("typed", ["RENE\u0301@D\u00e9partement.example", "ren\u00e9@xn--dpartement-b7a.example"])
def test_an_agent_is_found_in_whatever_spelling(served: Operator, kept: str, typed: str) -> None:
    served.hear(a_delivery(1, wire_id=93, uuid="u93", agents=(AgentRef("93", kept),)))
    assert served.report("purge", "--agent", typed, "--dry-run")[1]["erased"]["agents"] == 1
