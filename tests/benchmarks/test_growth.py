"""The benchmark of growth, small: that it measures what it says, not how fast this machine is."""

from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.figures import undeclared


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    folder = tmp_path_factory.mktemp("growth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growth, "PURGING_S", 0.3)
        sizes = 1_000, 2_000
        urls = [f"sqlite:///{folder}/{events}.db" for events in sizes]
        return growth.measure(urls, sizes, rounds=2, with_cpu=True)


def test_every_operation_is_measured_in_both_stores(figures: dict[str, float]) -> None:
    for name in growth.OPERATIONS:
        ratio = figures[f"growth_{name}_large_ms"] / figures[f"growth_{name}_small_ms"]
        assert figures[f"growth_{name}_ratio"] == pytest.approx(ratio)
        assert figures[f"growth_{name}_cpu_ratio"] > 0


def test_the_worst_ratio_is_the_worst(figures: dict[str, float]) -> None:
    ratios = [value for name, value in figures.items() if name.endswith("_ratio")]
    assert figures["growth_worst_ratio"] == max(ratios)


def test_others_write_while_a_large_journal_is_purged(figures: dict[str, float]) -> None:
    assert figures["purge_longest_wait_ms"] > 0


def test_an_operation_that_found_nothing_to_do_is_not_measured(tmp_path: Path) -> None:
    """It would be fast."""
    with growth._opened(f"sqlite:///{tmp_path}/store.db") as store:
        store.migrate()
        place = growth.Place(store, growth.Size(10), store.now(), growth._rules())
        for operation in (place.settle, place.write, place.purge):
            with pytest.raises(AssertionError):
                operation()()


def test_every_figure_declares_which_way_is_better(figures: dict[str, float]) -> None:
    assert not undeclared(figures, growth.DIRECTIONS)
