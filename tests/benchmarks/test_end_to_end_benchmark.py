"""The benchmark of latencies and the soak, small: that they measure what they say."""

from pathlib import Path

import pytest

from benchmarks import end_to_end, lone_change, soak
from benchmarks.figures import undeclared
from benchmarks.soak import Sample, Slope


def test_lone_changes_arrive(tmp_path: Path) -> None:
    figures = lone_change.measure(tmp_path, changes=2)
    assert 0 < figures["latency_median_ms"] <= figures["latency_p99_ms"]
    assert not undeclared(figures, lone_change.DIRECTIONS)


def test_changes_arrive_under_load(tmp_path: Path) -> None:
    figures = end_to_end.measure_loaded(tmp_path, changes=3, per_s=10)
    assert 0 < figures["loaded_latency_median_ms"] <= figures["loaded_latency_p99_ms"]
    assert figures["loaded_webhooks_per_s"] > 0
    assert not undeclared(figures, end_to_end.DIRECTIONS)


def test_a_soak_sees_every_process_and_loses_nothing(tmp_path: Path) -> None:
    samples, figures = soak.soak(tmp_path, seconds=3, agents=2, per_s=10, every_s=0.2)
    assert {sample.role for sample in samples} == {"supervisor", "master", "web", "worker", "watch"}
    assert figures["soak_accepted"] > 0
    assert figures["soak_entries_off"] == 0
    assert figures["soak_unexpected_answers"] == 0
    assert not undeclared(figures, soak.DIRECTIONS)
    assert {"soak_rss_slope_mb_per_hour", "soak_fd_slope_per_hour"} <= figures.keys()


def test_samples_are_written_as_they_are_read(tmp_path: Path) -> None:
    soak.write([Sample(1.0, "web", 7, 80.5, 12)], tmp_path / "new" / "soak.csv")
    assert (tmp_path / "new" / "soak.csv").read_text().split() == ["seconds,role,pid,rss_mb,fds", "1.0,web,7,80.50,12"]


def test_a_line_is_fitted() -> None:
    assert soak.fit([(0, 80), (1800, 85), (3600, 90)]) == Slope(pytest.approx(10), pytest.approx(0, abs=1e-9))
    noisy = soak.fit([(0, 80), (900, 86), (1800, 84), (2700, 90), (3600, 90)])
    assert noisy.error > 1
