"""A source's time zone: a name that a message may bear as well, or a problem that names the nearest one."""

import zoneinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from receiver import sentences
from receiver.config import load
from receiver.core import zones
from tests.config.problems import problems_of
from tests.config.test_problems import ENVIRON, SOURCE, minimal, put, write
from tests.core.test_zones import NO_ZONES, odd_host

__all__ = ["odd_host"]

AT = "sources.mds.time_zone"


def codes(folder: Path, zone: object) -> list[tuple[str, str]]:
    problems = problems_of(write(folder, put(minimal(), f"{SOURCE}/time_zone", zone)), ENVIRON)
    for problem in problems:
        assert sentences.CONFIGURATION[problem.code].format(**problem.details)
    return [(problem.path, problem.code) for problem in problems]


@pytest.mark.parametrize("zone", NO_ZONES, ids=lambda zone: ascii(zone)[:40])
def test_what_no_message_may_name_no_configuration_may(zone: str, tmp_path: Path) -> None:
    [(path, code)] = codes(tmp_path, zone)
    unfit = {"yaml_value": "\0", "yaml_blank": "\u202e"}  # told before anybody asks for zones
    assert (path, code) == (AT, "time_zone") or (code in unfit and unfit[code] in zone)


@pytest.mark.usefixtures("odd_host")
def test_what_the_host_holds_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    for zone in ("localtime", "posixrules", "right/Europe/Paris", "Ici/Meme", "Europe/Pari"):
        assert codes(folder, zone) == [(AT, "time_zone")]
    for zone in zones.FRENCH:
        assert not codes(folder, zone)


def test_every_zone_of_the_list_is_taken(tmp_path: Path) -> None:
    for zone in ("UTC", "Etc/GMT-4", "US/Eastern", "CET", *zones.FRENCH):
        settings = load(write(tmp_path, put(minimal(), f"{SOURCE}/time_zone", zone)), ENVIRON)
        assert settings.sources["mds"].time_zone.key == zone


def test_the_nearest_name_is_told(tmp_path: Path) -> None:
    [problem] = problems_of(write(tmp_path, put(minimal(), f"{SOURCE}/time_zone", "indian/reunion")), ENVIRON)
    assert problem.details == {"nearest": "Indian/Reunion"}


@pytest.mark.parametrize("content", [b"", b"TZif2" + bytes(10), b"TZif2" + b"\xff" * 60, b"[Europe/Paris]\n" * 9])
def test_a_zone_whose_rules_are_damaged_on_this_host_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe/Paris").write_bytes(content)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    ZoneInfo.clear_cache()
    try:
        assert codes(tmp_path, "Europe/Paris") == [(AT, "time_zone_damaged")]
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


@pytest.mark.threat(id="forbidden-characters")
@pytest.mark.parametrize("category", ["a\ufffeb", "a\uffffb", "a\ufdd0b", "a\x9bb", "a\x7fb", "a\u2028b"])
def test_a_category_that_no_request_to_exchange_can_hold_is_refused(category: str, tmp_path: Path) -> None:
    path = write(tmp_path, put(minimal(), "policies/category", category))
    assert yaml.safe_load(path.read_text("utf-8"))["policies"]["category"] == category
    assert [problem.code for problem in problems_of(path, ENVIRON)] == ["control_character"]
