"""What is kept of tokens: enough to recognise and to revoke them, never their text."""

from datetime import timedelta

import pytest

from receiver.config import WebSettings
from receiver.core.roles import Role
from receiver.core.tokens import LONGEST, InvalidToken
from receiver.operations.access.tokens import NotOne, Tokens, revoke, state
from receiver.store import Store
from receiver.store.tools import tokens as stored_tokens
from receiver.store.tools.tokens import TokenRecord
from tests.makers import NOW
from tests.web.receiver_client import TOKEN_KEY, settings_of

SETTINGS = settings_of().replace(web=WebSettings(token_key=TOKEN_KEY))
DAY = timedelta(days=1)


def a_record(token_id: str = "aa11", **changes: object) -> TokenRecord:
    ordinary: dict[str, object] = {"role": "read", "label": "supervision", "created_at": NOW, "expires_at": NOW + DAY}
    return TokenRecord(token_id, **(ordinary | changes))  # type: ignore[arg-type]


def test_a_token_is_found_by_its_id(store: Store) -> None:
    store.write(stored_tokens.add, a_record())
    assert (store.read(stored_tokens.find, "aa11"), store.read(stored_tokens.find, "aa12")) == (a_record(), None)


def test_the_newest_is_listed_first(store: Store) -> None:
    store.write(stored_tokens.add, a_record("old", created_at=NOW - DAY))
    store.write(stored_tokens.add, a_record("new"))
    assert [record.id for record in store.read(stored_tokens.listed)] == ["new", "old"]


def test_revoking_twice_keeps_the_first_moment(store: Store) -> None:
    store.write(stored_tokens.add, a_record())
    store.write(stored_tokens.revoke, "aa11", NOW)
    store.write(stored_tokens.revoke, "aa11", NOW + DAY)
    assert store.read(stored_tokens.listed) == [a_record(revoked_at=NOW)]


def test_a_token_opens_until_it_ends(store: Store) -> None:
    tokens = Tokens.of(SETTINGS, store)
    text, record = tokens.issue(Role.OPERATE, DAY, "Paul", NOW)
    bearer = tokens.open(text, NOW + DAY - timedelta(seconds=1))
    assert (bearer.token_id, bearer.role, bearer.label, bearer.expires_at) == (
        record.id,
        Role.OPERATE,
        "Paul",
        NOW + DAY,
    )
    with pytest.raises(InvalidToken):
        tokens.open(text, NOW + DAY)


@pytest.mark.parametrize(
    ("claimed", "noted", "allowed"),
    [("read", "operate", "read"), ("operate", "read", "read"), ("operate", "operate", "operate")],
)
def test_a_token_allows_the_lesser_of_what_it_says_and_of_what_was_noted(
    store: Store, claimed: str, noted: str, allowed: str
) -> None:
    """Neither a row changed by hand, nor one that a restored backup brought back, gives more than was signed."""
    tokens = Tokens.of(SETTINGS, store)
    text, record = Tokens(Elsewhere(), tokens.installation, tokens.key).issue(Role(claimed), DAY, "", NOW)  # type: ignore[arg-type]
    store.write(stored_tokens.add, a_record(record.id, role=noted))
    assert tokens.open(text, NOW).role == allowed


class Elsewhere:
    """A store that keeps nothing."""

    def write(self, change: object, record: TokenRecord) -> None:
        pass


def test_a_role_that_nobody_knows_opens_nothing(store: Store) -> None:
    tokens = Tokens.of(SETTINGS, store)
    text, record = Tokens(Elsewhere(), tokens.installation, tokens.key).issue(Role.READ, DAY, "", NOW)  # type: ignore[arg-type]
    store.write(stored_tokens.add, a_record(record.id, role="king"))
    with pytest.raises(InvalidToken):
        tokens.open(text, NOW)


@pytest.mark.parametrize("lifetime", [timedelta(0), -DAY, LONGEST + timedelta(seconds=1)])
def test_no_token_is_made_for_no_time_or_for_ever(store: Store, lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        Tokens.of(SETTINGS, store).issue(Role.READ, lifetime, "", NOW)
    assert store.read(stored_tokens.listed) == []


def test_the_key_is_shown_in_no_repr(store: Store) -> None:
    tokens = Tokens.of(SETTINGS, store)
    assert repr(tokens.key) not in repr(tokens)


def test_a_token_is_revoked_by_the_beginning_of_its_id(store: Store) -> None:
    store.write(stored_tokens.add, a_record("aa11"))
    store.write(stored_tokens.add, a_record("ab22"))
    assert revoke(store, "AA", NOW).id == "aa11"
    assert [state(record, NOW) for record in store.read(stored_tokens.listed)] == ["revoked", "valid"]


@pytest.mark.parametrize("beginning", ["a", "", "c", "aa112"])
def test_a_beginning_of_several_or_of_none_revokes_nothing(store: Store, beginning: str) -> None:
    store.write(stored_tokens.add, a_record("aa11"))
    store.write(stored_tokens.add, a_record("ab22"))
    with pytest.raises(NotOne):
        revoke(store, beginning, NOW)
    assert {state(record, NOW) for record in store.read(stored_tokens.listed)} == {"valid"}


def test_a_token_that_ended_is_told_from_one_that_was_revoked() -> None:
    ended = a_record(expires_at=NOW)
    assert (state(ended, NOW), state(a_record(expires_at=NOW, revoked_at=NOW), NOW)) == ("expired", "revoked")
