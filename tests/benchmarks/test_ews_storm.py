"""The benchmark of storms, small: that it measures what it says, not how fast this machine is."""

from pathlib import Path

import pytest

from benchmarks import ews_storm
from benchmarks.figures import undeclared
from benchmarks.storm_facts import Size
from tests.requirements import require

SMALL = Size(mailboxes=3, changes=10)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return ews_storm.measure(tmp_path_factory.mktemp("storm"), SMALL, known_mailboxes=20, naive=5)


def test_every_figure_is_there_and_above_nothing(figures: dict[str, float]) -> None:
    required = {
        "storm_ratio_bound",
        "storm_ratio_naive",
        "posts_per_lone_change",
        "client_cpu_ms_per_change",
        "worker_rss_mb",
    }
    assert required <= figures.keys()
    assert all(figures[name] > 0 for name in required)


def test_a_lone_change_costs_one_post(figures: dict[str, float]) -> None:
    assert figures["posts_per_lone_change"] == 1.0


def test_a_storm_costs_few_posts_more_than_the_bound(figures: dict[str, float]) -> None:
    """A mailbox that is taken before all its changes are settled costs a second round; handshakes come on top."""
    handshakes = 3 * ews_storm.CONNECTIONS
    assert figures["bound_posts"] <= figures["storm_posts"] <= 2 * figures["bound_posts"] + handshakes


def test_mailboxes_are_identified_before_the_storm(figures: dict[str, float]) -> None:
    identified = 2 * SMALL.mailboxes
    assert figures["installation_posts"] >= identified + SMALL.mailboxes


def test_the_bound_is_latency_and_the_librarys_own_work() -> None:
    assert ews_storm.bound_posts(Size(500, 40)) == 1500
    assert ews_storm.bound(Size(500, 40), alone_ms=0.5) == pytest.approx(1500 * 0.04 / 4 + 20_000 * 0.0005)


def test_a_folder_in_memory_is_refused() -> None:
    """A commit there costs nothing: the figures would flatter."""
    require(Path("/dev/shm").is_dir(), "no memory file system")
    with pytest.raises(SystemExit):
        ews_storm.refuse_memory(Path("/dev/shm"))


def test_every_figure_declares_which_way_is_better(figures: dict[str, float]) -> None:
    assert not undeclared(figures, ews_storm.DIRECTIONS)
