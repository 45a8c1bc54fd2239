"""Drawings of the benchmarks' files."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import plot, soak
from benchmarks.soak import Sample
from tests.requirements import require

FIGURES = {
    "growth_worst_ratio": 1.5,
    "growth_settle_ratio": 1.5,
    "growth_settle_cpu_ratio": 1.2,
    "growth_settle_small_ms": 8.0,
    "postgresql_growth_worst_ratio": 1.1,
    "postgresql_growth_settle_ratio": 1.1,
}


def test_ratios_are_told_apart_by_database() -> None:
    assert plot.by_operation(FIGURES, "") == {"settle": 1.5}
    assert plot.by_operation(FIGURES, "postgresql_") == {"settle": 1.1}


INTAKE = {
    "intake_receiver_per_s": 900.0,
    "intake_with_worker_per_s": 500.0,
    "intake_webhook_per_s": 300.0,
    "intake_ratio_webhook": 3.0,
    "intake_cpu_ms": 1.0,
    "postgresql_intake_receiver_per_s": 800.0,
    "postgresql_intake_noop_per_s": 1600.0,
    "postgresql_intake_ratio_noop": 0.5,
}
STORM = {"storm_seconds": 30.0, "bound_seconds": 20.0, "storm_ratio_naive": 40.0, "storm_ratio_bound": 1.5}


def test_rates_stand_beside_ours_against_them() -> None:
    assert plot.intake_rates(INTAKE) == {
        "receiver": (900.0, None),
        "with worker": (500.0, None),
        "webhook": (300.0, 3.0),
        "receiver, PostgreSQL": (800.0, None),
        "noop, PostgreSQL": (1600.0, 0.5),
    }


def test_a_storm_is_as_long_as_its_ratios_say() -> None:
    assert plot.storm_seconds(STORM) == {"bound": 20.0, "ours": 30.0, "naive": 1200.0}


def test_samples_are_read_by_process(tmp_path: Path) -> None:
    soak.write([Sample(60.0, "web", 7, 80.5, 12), Sample(120.0, "web", 7, 81.0, 12)], tmp_path / "soak.csv")
    assert plot.read_samples(tmp_path / "soak.csv") == {"web 7": [(1.0, 80.5, 12.0), (2.0, 81.0, 12.0)]}


def test_what_is_there_is_drawn(tmp_path: Path) -> None:
    require(find_spec("matplotlib"), "matplotlib is not installed")
    (tmp_path / "intake.json").write_text(json.dumps(INTAKE))
    (tmp_path / "ews_storm.json").write_text(json.dumps(STORM))
    (tmp_path / "growth.json").write_text(json.dumps(FIGURES))
    (tmp_path / "memory.json").write_text(json.dumps({"web_rss_mb": 90.0}))
    soak.write([Sample(60.0, "web", 7, 80.5, 12)], tmp_path / "soak.csv")
    written = plot.draw(tmp_path, tmp_path / "drawn")
    assert [path.name for path in written] == [
        "intake.png",
        "ews_storm.png",
        "growth.png",
        "memory.png",
        "soak.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit, match="matplotlib"):
        plot.draw(tmp_path, tmp_path)
