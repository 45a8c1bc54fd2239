"""Two short drills with fixed seeds, and what can be said of a drill without holding one.

Whoever is in a hurry leaves the drills out: `pytest -k "not drill"`.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.processes import free_port
from tests.chaos.drill import Order, Result, run
from tests.chaos.nemesis import Kind, plan
from tests.chaos.post import Post
from tests.chaos.record import again, append
from tests.chaos.verdict import expected
from tests.chaos.workload import CANARY, Workload
from tests.convergence.oracle import Shown

BEGAN = datetime(2026, 11, 24, 9, tzinfo=UTC)
EVERYTHING = frozenset(Kind)


@pytest.mark.parametrize(("store", "seed"), [("sqlite", 11), ("postgresql", 12)])
def test_a_drill_loses_and_doubles_nothing_that_was_acknowledged(store: str, seed: int) -> None:
    order = Order(seed, minutes=0.4, store=store, rate=60, pace_s=1.0)
    result = run(order)
    assert result.violations == [], (again(order), result.folder)
    assert result.acknowledged == result.webhooks > 100
    assert sum(result.kills.values()) >= 5
    assert result.entries > 50


def test_a_seed_draws_the_same_blows_again() -> None:
    assert plan(1, 60, EVERYTHING, 1.0) == plan(1, 60, EVERYTHING, 1.0) != plan(2, 60, EVERYTHING, 1.0)


def test_blows_that_cannot_be_struck_are_not_drawn() -> None:
    drawn = {blow.kind for blow in plan(1, 600, EVERYTHING - {Kind.FILL_DISK}, 1.0)}
    assert drawn == EVERYTHING - {Kind.FILL_DISK}


def test_a_seed_draws_the_same_town_again() -> None:
    first, second = (Workload(3, BEGAN).live(500) for _ in range(2))
    assert [job.body for job in first] == [job.body for job in second]


def test_what_the_town_must_see_does_not_depend_on_the_order_of_arrival() -> None:
    jobs = Workload(4, BEGAN).live(1500)
    assert expected(jobs, BEGAN) == expected(reversed(jobs), BEGAN)


def test_a_webhook_that_is_lost_would_be_seen() -> None:
    """The drill is only as good as its oracle. What changes no entry, or is told by two, is not missed."""
    jobs = Workload(5, BEGAN).live(400)
    whole = expected(jobs, BEGAN)
    without = [expected(jobs[:lost] + jobs[lost + 1 :], BEGAN) for lost in range(370, 400)]
    assert sum(seen != whole for seen in without) >= 10


def test_the_canary_stands_in_what_is_sent_and_nowhere_in_what_is_expected() -> None:
    jobs = Workload(6, BEGAN).live(800)
    assert sum(CANARY.encode() in job.body for job in jobs) > 700
    seen: Counter[Shown] = sum(expected(jobs, BEGAN).values(), Counter())
    assert not [shown for shown in seen if CANARY in shown.title + shown.place]


def test_the_record_counts_every_drill_good_or_bad(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text("**0 drills**\n\n| seed |\n| --- |\n", "utf-8")
    append(page, Result(Order(1, 2), webhooks=10, kills={"web": 3, "worker": 4}))
    append(page, Result(Order(2, 2, "postgresql"), webhooks=5, kills={"web": 1}, violations=["lost"]))
    assert "**2 drills, 1 passed: 8 kills, 15 webhooks.**" in page.read_text("utf-8")


def test_an_emitter_that_is_closed_stops_retrying() -> None:
    """A receiver that takes nothing must not keep a drill from ending."""
    post = Post([f"http://127.0.0.1:{free_port()}"], "secret", 1)
    post.send(Workload(7, BEGAN).live(30))
    post.close()
    assert post.outstanding == len(post.owed) >= 30
