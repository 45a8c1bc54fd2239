"""The sections: one frozen model is what the file may say and what the program uses."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from receiver.config import ApiSettings, load
from tests.config.problems import problems_of
from tests.config.test_problems import ENVIRON, minimal, put, write


def test_a_changed_copy_is_checked(tmp_path: Path) -> None:
    web = load(write(tmp_path, minimal()), ENVIRON).web
    assert web.replace(threads=3) == type(web)(threads=3)
    for wrong in ({"threads": 0}, {"threads": "3"}, {"thread": 3}, {"listen": "nowhere"}):
        with pytest.raises(ValidationError):
            web.replace(**wrong)
    with pytest.raises(ValidationError):
        web.threads = 3  # type: ignore[misc]


def test_an_error_of_the_program_shows_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        ApiSettings(url="http://hunter2", email="hunter2", password="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)
    assert caught.value.error_count() == 3


def test_a_name_is_written_before_its_section_and_not_in_it(tmp_path: Path) -> None:
    tree = put(put(minimal(), "sources/mds/name", "x"), "calendars/exchange/name", "x")
    source, calendar = problems_of(write(tmp_path, tree), ENVIRON)
    assert (source.path, source.code) == ("sources.mds.name", "unknown_key")
    assert "name" not in str(source.details["known"]).split(", ")
    assert (calendar.path, calendar.details) == ("calendars.exchange.name", {"suggestion": "username"})


@pytest.mark.parametrize("scheme", ["POSTGRESQL", "PostgreSQL+psycopg"])
def test_the_scheme_of_a_database_may_be_in_capitals(scheme: str, tmp_path: Path) -> None:
    tree = put(minimal(), "store", {"url": f"{scheme}://u@h/b", "password": {"env": "RDV_PASSWORD"}})
    assert load(write(tmp_path, tree), ENVIRON).store.address == "postgresql+psycopg://u:p@h/b"


def test_what_the_program_adds_is_no_key(tmp_path: Path) -> None:
    for key in ("warnings", "watched"):
        [problem] = problems_of(write(tmp_path, put(minimal(), key, [])), ENVIRON)
        assert (problem.path, problem.code) == (key, "unknown_key")


def test_an_alert_that_is_not_verified_is_told_beside_another_mistake(tmp_path: Path) -> None:
    tree = put(put(minimal(), "alerts/to", [{"env": "RDV_TO"}]), "web/threads", 0)
    found = problems_of(write(tmp_path, tree), ENVIRON | {"RDV_TO": "jsons://h/?verify=no"})
    assert {problem.code for problem in found} == {"alert_not_verified", "out_of_range"}
