"""The keys of pages, alerts and audits."""

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver.config import AlertSettings, ProxySettings, Secret, Settings, WebSettings, load
from receiver.core.roles import Role
from receiver.core.thresholds import Thresholds
from tests.config.test_problems import ENVIRON, found, minimal, put, write


def read(folder: Path, **sections: Any) -> Settings:
    return load(write(folder, minimal() | sections), ENVIRON)


def test_without_their_keys_there_are_neither_pages_nor_alerts(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.web, settings.alerts) == (WebSettings(), AlertSettings())
    assert (settings.web.pages, settings.alerts.to) == (False, ())


def test_what_is_written_is_what_holds(tmp_path: Path) -> None:
    alerts = {
        "to": [{"env": "RDV_PASSWORD"}],
        "digest_at": "7:30",
        "change_late_minutes": 3,
        "source_silent_hours": 4,
        "certificate_days": 60,
        "hold_minutes": 1,
        "http_proxy": "http://proxy.departement.example:3128",
    }
    read_alerts = read(tmp_path, alerts=alerts).alerts
    assert read_alerts.to == (Secret("p"),)
    assert read_alerts.thresholds == Thresholds(
        change_late=timedelta(minutes=3), source_silent=timedelta(hours=4), certificate_warning=timedelta(days=60)
    )
    assert (read_alerts.timings.digest_at, read_alerts.timings.hold) == (time(7, 30), timedelta(minutes=1))
    assert read_alerts.timings.calm == timedelta(minutes=1)
    assert read_alerts.http_proxy == "http://proxy.departement.example:3128"
    assert "p" not in repr(read_alerts.to)[len("(Secret(") :]


def test_a_proxy_that_knows_people_is_named_by_its_address(tmp_path: Path) -> None:
    web = {"pages": True, "proxy": {"address": "10.1.2.0/24", "user_header": "Remote-User", "role": "operate"}}
    assert read(tmp_path, web=web).web.proxy == ProxySettings(
        address="10.1.2.0/24", user_header="Remote-User", role=Role.OPERATE
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [("08:00", time(8)), ("8:05", time(8, 5)), ("23:59", time(23, 59)), (18 * 60 + 30, time(18, 30)), (None, None)],
)
def test_an_hour_is_read_as_people_write_it(tmp_path: Path, written: object, expected: time | None) -> None:
    """YAML reads ``18:30`` without quotes as a number of minutes."""
    assert read(tmp_path, alerts={"digest_at": written}).alerts.timings.digest_at == expected


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ("alerts/digest_at", "24:00", "clock_time"),
        ("alerts/digest_at", "8h", "clock_time"),
        ("alerts/digest_at", 8, "clock_time"),
        ("alerts/digest_at", True, "clock_time"),
        ("alerts/digest_at", 1440, "clock_time"),
        ("alerts/to", ["mailto://a@b"], "secret_is_a_value"),
        ("alerts/change_late_minutes", 0, "out_of_range"),
        ("alerts/http_proxy", "proxy.departement.example", "proxy_address"),
        ("alerts/http_proxy", "http://user:secret@proxy.example:3128", "proxy_address"),
        ("alerts/http_proxy", "http://proxy.example:port", "proxy_address"),
        ("alerts/http_proxy", "ftp://proxy.example:21", "proxy_address"),
        ("web/proxy/address", "10.1.2.3/8", "network"),
        ("web/proxy/address", "proxy", "network"),
        ("web/pages", "yes", "not_boolean"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, place: str, value: object, code: str) -> None:
    tree = put(minimal(), place, value)
    [(path, told)] = found(write(tmp_path, tree))
    assert (path.replace("[0]", ""), told) == (place.replace("/", "."), code)


def test_a_header_that_is_none_is_refused(tmp_path: Path) -> None:
    web = {"proxy": {"address": "127.0.0.1", "user_header": "X-User: evil"}}
    assert found(write(tmp_path, minimal() | {"web": web})) == [("web.proxy.user_header", "header_name")]


@pytest.mark.parametrize(("written", "expected"), [({}, True), ({"audit": {"scheduled": False}}, False)])
def test_calendars_are_compared_every_night_unless_that_is_switched_off(
    tmp_path: Path, written: dict[str, Any], expected: bool
) -> None:
    assert read(tmp_path, **written).audit.scheduled is expected
