"""What is slow is named once, and is there."""

from pathlib import Path

from tests.tiers import SLOW, TESTS, is_slow


def test_each_slow_directory_or_module_exists() -> None:
    assert [path for path in SLOW if not (TESTS / path).exists()] == []


def test_a_module_is_slow_by_its_directory_or_by_its_own_name() -> None:
    assert is_slow(Path("drill/test_drill.py"))
    assert is_slow(Path("web/test_prometheus.py"))
    assert not is_slow(Path("web/test_health.py"))
