"""Whose entries stand in the way of ours."""

import uuid
from collections import Counter

import pytest

from connectors.base import Other
from receiver.core.other_installations import (
    Served,
    conflicting_entries,
    is_installation,
    platform_of,
    with_most_entries,
)

ONE, TWO = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
PRODUCTION = Served(frozenset({"production", "mairie"}))


@pytest.mark.parametrize(
    ("uid", "platform"),
    [("Rdv/1@production", "production"), ("a@b@mairie", "mairie"), ("production", None), ("", None), ("Rdv/1@", "")],
)
def test_a_uid_ends_with_its_platform(uid: str, platform: str | None) -> None:
    assert platform_of(uid) == platform


@pytest.mark.parametrize("text", ["", "x", "ABCDEF" + ONE[6:], f"{{{ONE}}}", ONE.replace("-", ""), f" {ONE}", "é" * 36])
def test_only_a_name_as_ours_are_made_is_one(text: str) -> None:
    assert is_installation(ONE)
    assert not is_installation(text)


def test_entries_of_the_platforms_that_we_serve_are_counted_by_installation() -> None:
    found = [
        Other(ONE, "Rdv/1@production"),
        Other(ONE, "Rdv/2@mairie"),
        Other(TWO, "Rdv/1@production"),
        Other(TWO, "Rdv/1@demo"),
        Other("somebody", "Rdv/1@production"),
    ]
    assert conflicting_entries(found, PRODUCTION) == Counter({ONE: 2, TWO: 1})
    assert conflicting_entries(found, Served(PRODUCTION.platforms, frozenset({ONE}))) == Counter({TWO: 1})
    assert conflicting_entries(found, Served()) == Counter()


def test_the_one_with_the_most_is_named_and_of_equal_ones_the_first() -> None:
    assert with_most_entries(Counter({ONE: 1, TWO: 3})) == TWO
    assert with_most_entries(Counter({TWO: 2, ONE: 2})) == ONE
