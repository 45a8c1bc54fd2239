"""Two checkouts in alternation: small scripts stand for the benchmarks."""

import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks import compare, proc
from benchmarks.compare import Bench
from benchmarks.figures import Direction, Directions
from tests.lab.waiting import wait_until

DIRECTIONS: Directions = {"*_ms": Direction.LESS, "*_per_s": Direction.MORE, "*_count": Direction.NEUTRAL}
SCRIPT = """\
import json, sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__)
    turns = json.loads(here.with_suffix(".turns").read_text())
    figures = turns.pop(0)
    here.with_suffix(".turns").write_text(json.dumps(turns or [figures]))
    with (here.parents[2] / "order").open("a") as order:
        order.write(here.parents[1].name + "." + here.stem + " ")
    arguments = sys.argv[1:]
    file = Path(arguments[arguments.index("--json") + 1])
    file.write_text(json.dumps(figures))
"""
Turns = Sequence[Mapping[str, float]]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("old", "new"):
        (tmp_path / name / "benchmarks").mkdir(parents=True)
        environment(tmp_path / name)
    return tmp_path / "old", tmp_path / "new"


def environment(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / ".ready").touch()


def add(checkout: Path, name: str, turns: Turns, script: str = SCRIPT) -> None:
    """Put a benchmark there; its figures are those of its turns, the last ones again and again."""
    (checkout / "benchmarks" / f"{name}.py").write_text(script)
    (checkout / "benchmarks" / f"{name}.turns").write_text(json.dumps(turns))


def run(pair: tuple[Path, Path], *options: str, benches: Sequence[str] = ("fake",)) -> tuple[int, dict[str, dict]]:
    old, new = pair
    file = old.parent / "compared.json"
    plan = [Bench(name, lambda: DIRECTIONS) for name in benches]
    status = compare.main([str(old), "--json", str(file), *options], plan, new)
    document = json.loads(file.read_text())
    assert (document["old"], document["new"]) == (str(old), str(new))
    return status, document["benches"]


def verdicts(benches: dict[str, dict], name: str = "fake") -> dict[str, str]:
    return {figure: found["verdict"] for figure, found in benches[name]["figures"].items()}


def order(pair: tuple[Path, Path]) -> list[str]:
    return (pair[0].parent / "order").read_text().split()


def test_both_are_measured_in_turns(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": value} for value in (10, 20, 40)])
    add(new, "fake", [{"wait_ms": value} for value in (11, 20, 20)])
    status, benches = run(pair)
    assert status == 0
    assert order(pair) == ["old.fake", "new.fake"] * 3
    found = benches["fake"]["figures"]["wait_ms"]
    assert found["old"] == [10, 20, 40]
    assert found["new"] == [11, 20, 20]
    assert found["ratios"] == [1.1, 1, 0.5]
    assert (found["min"], found["median"], found["max"]) == (0.5, 1, 1.1)
    assert "fake.wait_ms: 0.500 1.000 1.100, same" in capsys.readouterr().out


def test_a_figure_that_got_worse_every_time_fails(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": 100, "rate_per_s": 100, "quick_ms": 100, "thing_count": 1}])
    add(new, "fake", [{"wait_ms": 106, "rate_per_s": 94, "quick_ms": 90, "thing_count": 9}])
    status, benches = run(pair)
    assert status == 1
    expected = {"wait_ms": "worse", "rate_per_s": "worse", "quick_ms": "better", "thing_count": "neutral"}
    assert verdicts(benches) == expected
    assert capsys.readouterr().out.splitlines()[-1] == "not good: fake: wait_ms, rate_per_s"


def test_a_suspect_is_measured_again(pair: tuple[Path, Path]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": 100}])
    add(new, "fake", [{"wait_ms": value} for value in (120, 110, 107, 104, 120)])
    status, benches = run(pair)
    assert status == 0
    assert benches["fake"]["rounds"] == 4, "the fourth round cleared it"
    assert verdicts(benches) == {"wait_ms": "same"}


def test_a_suspect_is_measured_again_so_often_at_most(pair: tuple[Path, Path]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": 100}])
    add(new, "fake", [{"wait_ms": 120}])
    status, benches = run(pair, "--rounds", "2", "--more", "1")
    assert status == 1
    assert benches["fake"]["rounds"] == 3


def test_a_figure_of_one_checkout_alone_is_named(pair: tuple[Path, Path]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": 1, "gone_ms": 1}])
    add(new, "fake", [{"wait_ms": 1, "fresh_ms": 9}])
    status, benches = run(pair, "--rounds", "1")
    assert status == 0
    assert verdicts(benches) == {"wait_ms": "same", "gone_ms": "old_only", "fresh_ms": "new_only"}


def test_a_benchmark_of_one_checkout_alone_is_named(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = pair
    for checkout, name in ((old, "fake"), (new, "fake"), (new, "fresh"), (old, "gone"), (old, "forgotten")):
        add(checkout, name, [{"wait_ms": 1}])
    (old / "benchmarks" / "helper.py").write_text("no program")
    status, benches = run(pair, benches=("fake", "fresh", "gone"))
    assert status == 0
    problems = {name: found["problem"] for name, found in benches.items()}
    assert problems == {"fake": None, "fresh": "new_only", "gone": "old_only", "forgotten": "old_only"}
    assert {"fresh: new_only", "gone: old_only", "forgotten: old_only"} <= set(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    "script",
    [
        'if __name__ == "__main__": raise SystemExit("broken")',
        'if __name__ == "__main__": print("no figures")',
        'import sys\nif __name__ == "__main__": open(sys.argv[-1], "w").write("[1]")',
        'if __name__ == "__main__": import time; print("hangs"); time.sleep(600)',
    ],
)
def test_a_benchmark_that_fails_stops_no_other(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str], script: str, side: int
) -> None:
    for checkout in pair:
        add(checkout, "fake", [{"wait_ms": 1}])
        add(checkout, "broken", [{"wait_ms": 1}])
    add(pair[side], "broken", [], script)
    limit = "1" if "hangs" in script else "60"
    status, benches = run(pair, "--limit-s", limit, benches=("broken", "fake"))
    assert status == 1
    assert benches["broken"]["problem"] == ("failed_old", "failed_new")[side]
    assert verdicts(benches) == {"wait_ms": "same"}
    assert str(pair[side]) in capsys.readouterr().err


def test_what_was_compared_before_a_failure_is_kept(pair: tuple[Path, Path]) -> None:
    old, new = pair
    add(old, "fake", [{"wait_ms": 1}])
    add(new, "fake", [{"wait_ms": 1}, "nonsense"])  # type: ignore[list-item]
    status, benches = run(pair)
    assert status == 1
    assert benches["fake"]["problem"] == "failed_new"
    assert benches["fake"]["rounds"] == 1
    assert verdicts(benches) == {"wait_ms": "same"}


@pytest.mark.parametrize(("side", "status", "problem"), [(0, 0, "options_unknown"), (1, 1, "failed_new")])
def test_options_that_only_the_old_one_does_not_know_are_no_failure(
    pair: tuple[Path, Path], side: int, status: int, problem: str
) -> None:
    for checkout in pair:
        add(checkout, "fake", [{"wait_ms": 1}])
    add(pair[side], "fake", [], 'if __name__ == "__main__": import sys; sys.exit(2)')
    assert run(pair)[0] == status
    assert run(pair)[1]["fake"]["problem"] == problem


def test_a_figure_without_a_direction_fails(pair: tuple[Path, Path]) -> None:
    for checkout in pair:
        add(checkout, "fake", [{"mystery": 1}])
    status, benches = run(pair)
    assert status == 1
    assert verdicts(benches) == {"mystery": "undeclared"}


def test_benchmarks_are_chosen(pair: tuple[Path, Path]) -> None:
    for checkout in pair:
        add(checkout, "fake", [{"wait_ms": 1}])
        add(checkout, "other", [{"wait_ms": 1}])
    _, benches = run(pair, "--only", "other", "--rounds", "1", benches=("fake", "other"))
    assert benches.keys() == {"other"}
    assert order(pair) == ["old.other", "new.other"]


def test_the_quick_profile_has_arguments_of_its_own(pair: tuple[Path, Path]) -> None:
    bench = Bench("fake", lambda: DIRECTIONS, ["--large"], ["--small"])
    for quick, expected in ((True, ["--small"]), (False, ["--large"])):
        assert compare.Plan([bench], 1, 0, quick, 60).arguments(bench) == expected


CHILD = """\
import os, signal, subprocess, sys, time
from pathlib import Path

if __name__ == "__main__":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path("child").write_text(str(child.pid))
    {then}
"""


@pytest.mark.parametrize(
    ("then", "status"),
    [("sys.exit(1)", 1), ("os.kill(os.getppid(), signal.SIGINT); time.sleep(600)", 130)],
)
def test_no_process_is_left(pair: tuple[Path, Path], then: str, status: int) -> None:
    """Whether a benchmark breaks, or somebody interrupts the comparison."""
    for checkout in pair:
        add(checkout, "fake", [], CHILD.format(then=then))
    found, _ = run(pair)
    assert found == status
    child = int((pair[0] / "child").read_text())
    wait_until(lambda: proc.resident_mb(child) is None, "the end of the child")  # killed, and a moment still there


MAKEFILE = """\
.venv/.ready:
	mkdir -p .venv/bin
	ln -s {python} .venv/bin/python
	touch $@
"""


def test_the_old_checkout_makes_its_own_environment(pair: tuple[Path, Path]) -> None:
    old, _ = pair
    for checkout in pair:
        add(checkout, "fake", [{"wait_ms": 1}])
    for path in (old / ".venv" / ".ready", old / ".venv" / "bin" / "python"):
        path.unlink()
    (old / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    assert run(pair)[0] == 0
    assert (old / ".venv" / ".ready").exists()


@pytest.mark.parametrize("spoil", ["nothing", "no environment", "the same"])
def test_what_cannot_be_measured_is_refused(pair: tuple[Path, Path], tmp_path: Path, spoil: str) -> None:
    old, new = pair
    add(new, "fake", [{"wait_ms": 1}])
    if spoil == "no environment":
        (old / ".venv" / ".ready").unlink()
    chosen = {"nothing": tmp_path / "nowhere", "no environment": old, "the same": new}[spoil]
    with pytest.raises(SystemExit) as refusal:
        compare.main([str(chosen)], [Bench("fake", lambda: DIRECTIONS)], new)
    assert refusal.value.code == 2


def test_every_program_is_compared_or_left_out_knowingly() -> None:
    named = [bench.name for bench in compare.BENCHES]
    assert compare.Checkout(compare.HERE).programs() == {*named, *compare.LEFT_OUT}
    assert len(named) == len(set(named))
    for bench in compare.BENCHES:
        assert bench.directions()
