"""Which names are time zones: the same on every host, in a message and in a configuration."""

import shutil
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from exchangelib import EWSTimeZone
from hypothesis import given
from hypothesis import strategies as st

from receiver.core import zones
from receiver.core.facts import Emitter
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from tests.core.samples import as_body, edited, sample

RDV = sample("rdv-2026-visio-guadeloupe")
NO_ZONES = [
    "", " ", ".", "..", "localtime", "posixrules", "Factory", "right/Europe/Paris", "posix/Europe/Paris", "right/UTC",
    "../zoneinfo/Europe/Paris", "/usr/share/zoneinfo/Europe/Paris", "Europe/../Europe/Paris", "Europe//Paris",
    "Europe", "Europe/", "America/Argentina", "europe/paris", "EUROPE/PARIS", "Europe/paris", " Europe/Paris",
    "Europe/Paris ", "Europe/Paris\n", "Europe/Paris\0", "Europe\\Paris", "Europe/Pari", "Europe/Pàris", "Paris",
    "Romance Standard Time", "(UTC+01:00) Paris", "+01:00", "UTC+1", "GMT+25", "tzdata.zi", "zone.tab", "zones",
    "__init__.py",
    "SystemV/EST5", "US/Pacific-New", "Europe/Paris.bak", "a" * 5000, "A/" * 3000, "\u202eEurope/Paris",
]  # fmt: skip


@pytest.fixture(params=["without time zones", "with its own"])
def odd_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """A slim container, and a host with more names than there are zones."""
    if request.param == "with its own":
        paris = Path(str(files("tzdata"))) / "zoneinfo/Europe/Paris"
        for name in ("localtime", "posixrules", "right/Europe/Paris", "Ici/Meme", "Europe/Pari"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(paris, tmp_path / name)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zones.names.cache_clear()
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(before)
    zones.names.cache_clear()
    ZoneInfo.clear_cache()


def refused(zone: str) -> tuple[str, ...]:
    try:
        decode(as_body(edited(RDV, "data.time_zone", zone)), Emitter.RDV_SERVICE_PUBLIC, Policies())
    except InvalidPayload as error:
        return error.paths
    return ()


def test_a_message_may_name_every_zone_that_exchange_can_be_told() -> None:
    for zone in zones.names():
        assert not refused(zone)
        assert EWSTimeZone(zone).ms_id
        ZoneInfo(zone)


@pytest.mark.parametrize("zone", NO_ZONES, ids=lambda zone: ascii(zone)[:40])
def test_what_is_no_zone_is_refused_by_its_path(zone: str) -> None:
    assert refused(zone) == ("data.time_zone",)


@pytest.mark.threat(id="calendar-texts")
@pytest.mark.usefixtures("odd_host")
def test_the_hosts_files_add_nothing_and_lack_nothing() -> None:
    for zone in (*NO_ZONES, "Ici/Meme"):
        assert refused(zone) == ("data.time_zone",)
    for zone in (*zones.FRENCH, "UTC", "Etc/GMT-4", "US/Eastern", "Asia/Kolkata"):
        assert not refused(zone)
        assert datetime(2026, 7, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() is not None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("europe/paris", "Europe/Paris"),
        ("Europe/Paris ", "Europe/Paris"),
        ("Paris", "Europe/Paris"),
        ("Europe/Pari", "Europe/Paris"),
        ("right/Europe/Paris", "Europe/Paris"),
        ("posix/Indian/Reunion", "Indian/Reunion"),
        ("Indian/Réunion", "Indian/Reunion"),
        ("Réunion", "Indian/Reunion"),
        ("america/st barthelemy", "America/St_Barthelemy"),
        ("Europe", "Europe/Paris"),
        ("America", "America/Guadeloupe"),
        ("Pacific/", "Pacific/Noumea"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("localtime", "Europe/Paris"),
        ("posixrules", "Europe/Paris"),
        ("Factory", "Europe/Paris"),
        ("../../etc/passwd", "Europe/Paris"),
        ("", "Europe/Paris"),
    ],
)
def test_the_nearest_name_is_the_one_that_was_meant(text: str, meant: str) -> None:
    assert zones.nearest(text) == meant


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_there_is_always_a_nearest_one(text: str) -> None:
    assert zones.nearest(text) in zones.names()
