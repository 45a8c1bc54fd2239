"""The benchmark of pages, small: that it measures what it says, not how fast this machine is."""

from pathlib import Path

import pytest

from benchmarks import pages
from benchmarks.figures import undeclared
from benchmarks.million import Size
from receiver.store import Store
from receiver.web.app import create_app


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return pages.measure(f"sqlite:///{tmp_path_factory.mktemp('pages') / 'store.db'}", Size(2_000), rounds=1)


def test_every_page_has_a_figure_and_a_baseline_beside_it(figures: dict[str, float]) -> None:
    assert figures.keys() == {f"{name}_median_ms" for name in pages.PATHS} | {"baseline_select_1_ms", "fill_s"}
    assert all(value > 0 for value in figures.values())


def test_no_page_is_forgotten(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    rules = create_app(pages.settings(), store, flush_after_s=None).url_map.iter_rules()
    store.close()
    shown = {
        rule.rule for rule in rules if "GET" in (rule.methods or ()) and rule.endpoint.partition(".")[0] == "pages"
    }
    measured = {path.partition("?")[0] for path in pages.PATHS.values()}
    assert shown - measured == {"/status/unmapped.txt", "/status/static/<path:filename>"}


def test_every_figure_declares_which_way_is_better(figures: dict[str, float]) -> None:
    assert not undeclared(figures, pages.DIRECTIONS)
