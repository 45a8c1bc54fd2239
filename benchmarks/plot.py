"""Draws the benchmarks' JSON files: `python -m benchmarks.plot FOLDER --into docs/benchmarks`.

FOLDER holds the files of `--json` and `--samples`, named after their benchmarks: intake.json, ews_storm.json,
growth.json, memory.json, end_to_end.json, soak.csv. What is not there is not drawn.
"""

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]
GOAL_RATIO = 2.0
DPI = 110
OURS, OTHERS = "tab:blue", "lightgrey"


def main() -> None:
    """Draw, and print which files were written."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    arguments = options.parse_args()
    written = draw(arguments.folder, arguments.into)
    if not written:
        sys.exit(f"nothing to draw in {arguments.folder}")
    for path in written:
        print(path)


def draw(folder: Path, into: Path) -> list[Path]:
    """Draw the files of one folder into another; return the files that were written."""
    pyplot = _pyplot()
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (source, drawing) in DRAWINGS.items():
        if (folder / source).is_file():
            figure = drawing(pyplot, folder / source)
            figure.savefig(into / f"{name}.png", dpi=DPI)
            pyplot.close(figure)
            written.append(into / f"{name}.png")
    return written


def _pyplot() -> Any:
    """Return matplotlib with a backend for files; exit with a hint if it is not installed."""
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError:
        sys.exit("matplotlib is not installed: pip install matplotlib")
    pyplot.switch_backend("Agg")
    return pyplot


def by_operation(figures: Figures, prefix: str) -> dict[str, float]:
    """Return one database's ratios of elapsed time, by operation."""
    start, end = f"{prefix}growth_", "_ratio"
    found = {name[len(start) : -len(end)]: value for name, value in figures.items() if name.startswith(start)
             and name.endswith(end)}  # fmt: skip
    return {name: value for name, value in found.items() if name != "worst" and not name.endswith("_cpu")}


def intake_rates(figures: Figures) -> dict[str, tuple[float, float | None]]:
    """Return, by server, how many webhooks a second it took, and ours against that; None: it is ours."""
    start, end = "intake_", "_per_s"
    rates = {}
    for prefix, suffix in (("", ""), ("postgresql_", ", PostgreSQL")):
        for name, value in figures.items():
            if name.startswith(prefix + start) and name.endswith(end):
                server = name[len(prefix + start) : -len(end)]
                label = server.replace("_", " ") + suffix
                rates[label] = value, figures.get(f"{prefix}intake_ratio_{server}")
    return rates


def storm_seconds(figures: Figures) -> dict[str, float]:
    """Return how long the storm takes: the lower bound, ours, and a naive receiver."""
    ours = figures["storm_seconds"]
    return {"bound": figures["bound_seconds"], "ours": ours, "naive": ours * figures["storm_ratio_naive"]}


def read_samples(path: Path) -> dict[str, list[tuple[float, float, float]]]:
    """Return (minutes, MB, open files) by process, as `role pid`."""
    lives: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            life = lives[f"{row['role']} {row['pid']}"]
            life.append((float(row["seconds"]) / 60, float(row["rss_mb"]), float(row["fds"])))
    return dict(lives)


def _intake(pyplot: Any, path: Path) -> Any:
    rates = intake_rates(json.loads(path.read_text("utf-8")))
    figure, axes = pyplot.subplots(figsize=(8, 0.5 * len(rates) + 1.5), layout="constrained")
    colours = [OURS if ratio is None else OTHERS for _, ratio in rates.values()]
    bars = axes.barh(list(rates), [rate for rate, _ in rates.values()], color=colours)
    texts = [f"{rate:,.0f}" + ("" if ratio is None else f"   ours: ×{ratio:.2f}") for rate, ratio in rates.values()]
    axes.bar_label(bars, texts, padding=3)
    axes.margins(x=0.35)
    axes.invert_yaxis()
    axes.set_xlabel("signed webhooks a second, from 16 clients")
    axes.set_title("Intake")
    return figure


def _storm(pyplot: Any, path: Path) -> Any:
    """Draw it twice: beside the naive receiver, the bound and ours are hardly visible."""
    seconds = storm_seconds(json.loads(path.read_text("utf-8")))
    figure, panels = pyplot.subplots(1, 2, figsize=(8, 4), layout="constrained")
    for axes, names in zip(panels, (("bound", "ours"), ("bound", "ours", "naive")), strict=True):
        colours = [OURS if name == "ours" else OTHERS for name in names]
        bars = axes.bar(names, [seconds[name] for name in names], color=colours)
        axes.bar_label(bars, [_against_ours(seconds, name) for name in names], padding=3)
        axes.margins(y=0.15)
        axes.set_ylabel("seconds")
    figure.suptitle("A storm of changes after an outage")
    return figure


def _against_ours(seconds: Mapping[str, float], name: str) -> str:
    ratio = "" if name == "ours" else f"\n×{seconds[name] / seconds['ours']:.3g} of ours"
    return f"{seconds[name]:.1f} s{ratio}"


def _growth(pyplot: Any, path: Path) -> Any:
    figures = json.loads(path.read_text("utf-8"))
    databases = {"SQLite": by_operation(figures, ""), "PostgreSQL": by_operation(figures, "postgresql_")}
    measured = {name: ratios for name, ratios in databases.items() if ratios}
    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    width = 0.8 / len(measured)
    for place, (name, ratios) in enumerate(measured.items()):
        axes.bar([at + place * width for at in range(len(ratios))], list(ratios.values()), width, label=name)
    names = [name.replace("_", " ") for name in databases["SQLite"]]
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(names))], names, rotation=20)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.axhline(GOAL_RATIO, color="red", linewidth=0.8, linestyle="--", label="goal")
    axes.set_ylabel("time, against the small store")
    axes.set_title("What a hundred times larger store costs")
    axes.legend()
    return figure


def _bars(title: str, unit: str, wanted: Callable[[str], bool]) -> Callable[[Any, Path], Any]:
    def drawing(pyplot: Any, path: Path) -> Any:
        figures = {name: value for name, value in json.loads(path.read_text("utf-8")).items() if wanted(name)}
        figure, axes = pyplot.subplots(figsize=(8, 0.5 * len(figures) + 1.5), layout="constrained")
        bars = axes.barh(list(figures), list(figures.values()))
        axes.bar_label(bars, fmt="%.0f", padding=3)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.set_title(title)
        return figure

    return drawing


def _soak(pyplot: Any, path: Path) -> Any:
    figure, (memory, files) = pyplot.subplots(2, 1, figsize=(9, 7), sharex=True, layout="constrained")
    for name, life in read_samples(path).items():
        minutes, megabytes, count = zip(*life, strict=True)
        memory.plot(minutes, megabytes, label=name, linewidth=1)
        files.plot(minutes, count, label=name, linewidth=1)
    memory.set_ylabel("resident memory, MB")
    memory.set_ylim(bottom=0)
    memory.legend(loc="lower right", fontsize="small", ncols=2)
    files.set_ylabel("open files")
    files.set_ylim(bottom=0)
    files.set_xlabel("minutes")
    figure.suptitle("Every process under steady traffic, with faults")
    return figure


DRAWINGS: Mapping[str, tuple[str, Callable[[Any, Path], Any]]] = {
    "intake": ("intake.json", _intake),
    "ews_storm": ("ews_storm.json", _storm),
    "growth": ("growth.json", _growth),
    "memory": ("memory.json", _bars("Memory of each process, at most", "MB", lambda name: name.endswith("_rss_mb"))),
    "end_to_end": ("end_to_end.json", _bars("From webhook to calendar", "ms", lambda name: name.endswith("_ms"))),
    "soak": ("soak.csv", _soak),
}


if __name__ == "__main__":
    main()
