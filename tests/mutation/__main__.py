"""Change the core one thing at a time, in a copy of the tree, and count the changes that no test notices."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("receiver", "connectors", "emitter", "mock_exchange", "tests", "pyproject.toml")
CONFIGURATION = """\
[mutmut]
source_paths=receiver/
only_mutate=receiver/core/*
also_copy=
    connectors
    emitter
    mock_exchange
pytest_add_cli_args=
    -p
    no:cacheprovider
    --hypothesis-seed=0
    -m
    not slow
pytest_add_cli_args_test_selection=
    tests/core
    tests/proof/test_life.py
"""
NOTICED = {"killed", "timeout", "segfault"}

Results = dict[str, dict[str, str]]
"""Module to mutant to what became of it."""


def main() -> int:
    """Return 0 where the score is reached."""
    options = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    options.add_argument("mutants", nargs="*", help="only these, such as 'receiver.core.plan*'")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--least", type=float, default=85.0, metavar="PERCENT", help="the score to reach")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures down")
    options.add_argument(
        "--survivors", type=Path, metavar="FILE", help="write down what nobody noticed, as differences"
    )
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rdv-mutants-") as name:
        folder = Path(name)
        _copy_to(folder)
        _mutmut(folder, "run", "--max-children", str(arguments.jobs), *arguments.mutants)
        results = _results(folder)
        if arguments.survivors:
            arguments.survivors.write_text(_differences(folder, results), "utf-8")
    figures = _figures(results)
    _print(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2), "utf-8")
    return 0 if figures["all"]["score"] >= arguments.least else 1


def _copy_to(folder: Path) -> None:
    """Copy what the tests of the core and the explorer need: mutmut writes beside what it reads."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    (folder / "setup.cfg").write_text(CONFIGURATION, "utf-8")


def _mutmut(folder: Path, *words: str) -> str:
    """Run one of mutmut's commands; a run shows its progress on the error channel."""
    command = [sys.executable, "-m", "tests.mutation.by_function", *words]
    shown = sys.stderr if words[0] == "run" else subprocess.PIPE
    return subprocess.run(command, cwd=folder, check=True, stdout=shown, text=True, encoding="utf-8").stdout or ""


def _results(folder: Path) -> Results:
    """Read what became of each mutant that was tried."""
    results: Results = defaultdict(dict)
    for line in _mutmut(folder, "results", "--all", "true").splitlines():
        mutant, _, outcome = line.strip().partition(": ")
        if outcome != "not checked":
            results[mutant.rpartition(".")[0]][mutant] = outcome
    return results


def _figures(results: Results) -> dict[str, dict[str, float]]:
    figures = {module: _score(Counter(outcomes.values())) for module, outcomes in sorted(results.items())}
    everything = Counter(outcome for outcomes in results.values() for outcome in outcomes.values())
    return {**figures, "all": _score(everything)}


def _score(outcomes: Counter[str]) -> dict[str, float]:
    """Count; a mutant that no test even reaches has survived."""
    killed = sum(count for outcome, count in outcomes.items() if outcome in NOTICED)
    mutants = outcomes.total()
    score = round(100 * killed / mutants, 1) if mutants else 100.0
    return {"mutants": mutants, "killed": killed, "survived": mutants - killed, "score": score}


def _differences(folder: Path, results: Results) -> str:
    left = [name for outcomes in results.values() for name, outcome in outcomes.items() if outcome not in NOTICED]
    return "".join(f"{name}\n{_changed(_mutmut(folder, 'show', name))}\n" for name in left)


def _changed(difference: str) -> str:
    lines = difference.splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"})


def _print(figures: dict[str, dict[str, float]]) -> None:
    sys.stdout.write(f"{'module':42} mutants  killed survived  score\n")
    for module, it in figures.items():
        sys.stdout.write(f"{module:42} {it['mutants']:7} {it['killed']:7} {it['survived']:8} {it['score']:5.1f}%\n")


if __name__ == "__main__":
    sys.exit(main())
