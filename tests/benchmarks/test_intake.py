"""The benchmark of intake, small: that it measures what it says, and that what is lost is noticed."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import growth, intake, intake_servers
from benchmarks.figures import undeclared
from benchmarks.go_webhook import HOOK, HOOK_FILE_ONLY
from benchmarks.intake_servers import Kept, Running, Server
from benchmarks.wrk import Burst, Load
from tests.databases import postgres_binaries
from tests.requirements import require

SECRET = "a secret of this test"


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    require(shutil.which("wrk"), "wrk is not installed")
    return Load.prepared(tmp_path_factory.mktemp("intake"), SECRET, seconds=1)


@pytest.fixture(scope="module")
def figures(load: Load) -> dict[str, float]:
    require(shutil.which("webhook"), "webhook is not installed")
    servers = intake.on_sqlite(load.folder, SECRET, with_webhook=True)
    return intake.measure({"": servers}, load, rounds=1, seconds=1)


def test_every_server_has_a_rate(figures: dict[str, float]) -> None:
    for name in ("receiver", "with_worker", "noop", "webhook", "webhook_file_only"):
        assert figures[f"intake_{name}_per_s"] > 0


def test_ratios_are_ours_to_anothers(figures: dict[str, float]) -> None:
    for name in intake.OTHERS:
        ratio = figures["intake_receiver_per_s"] / figures[f"intake_{name}_per_s"]
        assert figures[f"intake_ratio_{name}"] == pytest.approx(ratio)


def test_webhooks_cost_their_processes_time(figures: dict[str, float]) -> None:
    assert figures["intake_cpu_ms"] > 0
    assert figures["intake_noop_cpu_ms"] > 0


def test_the_worker_beside_them_works(figures: dict[str, float]) -> None:
    assert 0 < figures["intake_judged_share"] <= 1
    assert figures["intake_with_worker_p99_ms"] > 0


def test_nothing_fails(figures: dict[str, float]) -> None:
    assert figures["intake_failed"] == 0


def test_two_hosts_share_one_postgresql(load: Load) -> None:
    require(postgres_binaries(), "PostgreSQL's server programs are not installed")
    servers = intake.on_postgresql(load.folder, SECRET)
    figures = intake.measure({"postgresql_": servers}, load, rounds=1, seconds=1)
    assert figures["postgresql_intake_ratio_noop"] > 0
    assert figures["postgresql_intake_failed"] == 0


@pytest.mark.parametrize("hook", [HOOK, HOOK_FILE_ONLY])
def test_a_hook_writes_the_body(tmp_path: Path, hook: str) -> None:
    script = tmp_path / "hook.sh"
    script.write_text(hook)
    body = '{"data": "$HOME `id` \\\\n é"}'
    environment = {"PATH": "/usr/bin:/bin", "SPOOL": str(tmp_path), "HOOK_ID": "signature", "HOOK_BODY": body}
    subprocess.run(["sh", script], env=environment, check=True)
    assert (tmp_path / "signature").read_text() == body + "\n"


def test_a_hook_that_cannot_write_fails(tmp_path: Path) -> None:
    """Or webhook would answer 200."""
    script = tmp_path / "hook.sh"
    script.write_text(HOOK)
    environment = {"PATH": "/usr/bin:/bin", "SPOOL": str(tmp_path / "nowhere"), "HOOK_ID": "a", "HOOK_BODY": "b"}
    assert subprocess.run(["sh", script], env=environment, check=False, capture_output=True).returncode != 0


@dataclass(frozen=True)
class Forgetful:
    """Says that it has kept so many."""

    webhooks: int

    @contextmanager
    def running(self) -> Iterator[Running]:
        yield Running([1], "/", [], lambda: Kept(self.webhooks, 0))


@dataclass(frozen=True)
class Played:
    """As if so many webhooks were answered."""

    warmed_up: int
    sent: int
    bodies: int = 1_000

    def warm_up(self, _ports: Sequence[int], _path: str) -> Burst:
        return Burst(1.0, self.warmed_up, 0, 1.0, 2.0)

    def send(self, _ports: Sequence[int], _path: str, seconds: int) -> Burst:
        return Burst(float(seconds), self.sent, 0, 1.0, 2.0)


def played(server: Server, load: Played) -> intake.Turn:
    return intake.take_turn("server", server, load, 2)  # type: ignore[arg-type]


def test_who_keeps_all_that_it_acknowledged_is_measured() -> None:
    assert played(Forgetful(110), Played(10, 100)).per_s == 50


def test_who_lost_one_webhook_is_not_measured() -> None:
    """A fast answer that kept nothing would be worth nothing."""
    with pytest.raises(SystemExit, match="answered 110 webhooks by 2xx and kept 109"):
        played(Forgetful(109), Played(10, 100))


def test_who_refuses_all_is_not_measured() -> None:
    with pytest.raises(SystemExit, match="answered nothing"):
        played(Forgetful(10), Played(10, 0))


def test_bodies_that_were_sent_twice_prove_nothing() -> None:
    with pytest.raises(SystemExit, match="twice"):
        played(Forgetful(2_000), Played(10, 1_001))


def test_what_waits_and_what_was_judged_is_counted_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with growth._opened(url) as store:
        store.migrate()
        for number in (1, 2):
            store.keep(growth._incoming(number, 1))
        twice = growth._incoming(3, 1)
        store.judge_all(store.now())
        store.keep(twice)
        store.judge_all(store.now())
        store.keep(twice)
    assert intake_servers._kill_and_count([], url) == Kept(webhooks=3, judged=3)


def test_every_figure_declares_which_way_is_better(figures: dict[str, float]) -> None:
    assert not undeclared(figures, intake.DIRECTIONS)
