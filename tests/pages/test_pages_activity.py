"""What counts by the hour become: lines, a week, bars."""

from datetime import UTC, date, datetime, timedelta

import pytest

from receiver.store.reports.activity import ModelCount, SeriesCount
from receiver.web.pages import chart
from receiver.web.pages.filters import ago, number, percent
from receiver.web.views import week as activity
from receiver.web.views.week import Bucket
from tests.makers import NOW

HOUR = NOW.replace(minute=0)


def a_count(count: int, series: str = "kept", back_h: int = 0) -> SeriesCount:
    return SeriesCount(HOUR - timedelta(hours=back_h), series, count)


def test_a_source_sums_up_its_models() -> None:
    counts = [ModelCount("mds", "Absence", HOUR, 1, 2), ModelCount("mds", "Rdv", HOUR, 4, 8)]
    other = ModelCount("other", "Rdv", HOUR, 16, 32)
    known, unheard = activity.sources(["mds", "new"], {"mds": NOW}, [*counts, other])
    assert (known.last_at, known.this_hour, known.day) == (NOW, 5, 10)
    assert [(each.model, each.last_hour, each.day) for each in known.models] == [("Absence", HOUR, 2), ("Rdv", HOUR, 8)]
    assert (unheard.last_at, unheard.day, unheard.models) == (None, 0, ())


def test_a_write_is_done_or_failed() -> None:
    hours = [a_count(3, "done"), a_count(1, "failed"), a_count(9, "done", back_h=30), a_count(7)]
    writes = activity.writes(hours, NOW)
    assert (writes.done, writes.failed, writes.success) == (3, 1, 0.75)
    assert activity.writes([], NOW).success is None


def test_a_week_has_no_gaps_and_ends_today() -> None:
    week = activity.week([], NOW)
    assert (len(week), week[0].day, week[-1]) == (56, date(2026, 11, 25), Bucket(date(2026, 12, 1), 21))
    assert all(bucket.is_empty for bucket in week)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 10, 28, 12, tzinfo=UTC), datetime(2026, 10, 21, 22, tzinfo=UTC)),  # 25 October has 25 hours
        (datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 3, 24, 23, tzinfo=UTC)),  # 29 March has 23
        (datetime(2026, 12, 1, 22, 59, tzinfo=UTC), datetime(2026, 11, 24, 23, tzinfo=UTC)),
        (datetime(2026, 12, 1, 23, 1, tzinfo=UTC), datetime(2026, 11, 25, 23, tzinfo=UTC)),
    ],
)
def test_every_hour_of_a_week_in_paris_is_in_it_once(now: datetime, first: datetime) -> None:
    assert activity.week_start(now) == first
    span = int((now - first) / timedelta(hours=1)) + 1
    hours = [SeriesCount(first + timedelta(hours=each), "kept", 1) for each in range(span)]
    assert sum(bucket.kept for bucket in activity.week(hours, now)) == span


def test_the_largest_bar_has_all_the_room_and_none_leaves_it() -> None:
    week = [Bucket(date(2026, 12, 1), 0, kept=5, refused=400), Bucket(date(2026, 12, 1), 3, kept=700, refused=1)]
    panel = chart.panel(week, "kept", "refused")
    assert (panel.highest, panel.good, panel.bad) == (700, 705, 401)
    assert all(bar.y >= 0 and bar.y + bar.height <= chart.UP + chart.DOWN for bar in panel.bars)
    assert all(bar.height >= chart.SMALLEST for bar in panel.bars)
    assert max(bar.height for bar in panel.bars if not bar.good) == chart.DOWN


def test_an_empty_week_has_no_bars() -> None:
    panel = chart.panel(activity.week([], NOW), "done", "failed")
    assert (panel.bars, panel.highest) == ((), 0)


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100 %"), (0.99996, "99,9 %"), (0.971, "97,1 %"), (0.0, "0 %"), (0.5, "50 %")]
)
def test_a_hundred_percent_means_all(share: float, text: str) -> None:
    assert percent(share).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_thousands_stand_apart() -> None:
    assert number(1234567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=-5), "à l'instant"),
        (timedelta(seconds=59), "à l'instant"),
        (timedelta(minutes=59), "il y a 59 min"),
        (timedelta(hours=47), "il y a 47 h"),
        (timedelta(hours=48), "il y a 2 jours"),
    ],
)
def test_how_long_ago(passed: timedelta, text: str) -> None:
    assert ago(NOW - passed, NOW).replace("\N{NO-BREAK SPACE}", " ") == text
