"""A table or a right that is missing is the database's trouble: nothing is set aside, and work goes on later."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from receiver.core.desired import Decision
from receiver.core.mailboxes import Mailbox
from receiver.store import Cause, Store, StoreUnavailable
from receiver.store.intake import inbox
from receiver.store.reports import overview
from receiver.store.work import settling
from tests.makers import MARTINE, NOW, a_delivery, incoming

Act = Callable[[Store], object]


def judge(store: Store) -> object:
    return [each.receipt for each in store.judge(NOW)]


def settle(store: Store) -> object:
    return store.settle(lambda _: Decision({Mailbox("exchange", "martine@x.example"): "d1"}), NOW)


def say(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def refused(act: Act, store: Store) -> Cause:
    with pytest.raises(StoreUnavailable) as caught:
        act(store)
    return caught.value.refusal.cause


@pytest.mark.parametrize(("table", "act"), [("dues", settle), ("event_agents", judge), ("agent_words", judge)])
def test_a_missing_table_sets_nothing_aside_and_all_goes_on_when_it_is_back(
    store_url: str, table: str, act: Act
) -> None:
    with closing(Store(store_url)) as store:
        bring(store, act)
        say(store_url, f"ALTER TABLE {table} RENAME TO elsewhere")
        for use in (act, Store.look_for_damage):
            assert refused(use, store) is Cause.INCOMPLETE
        say(store_url, f"ALTER TABLE elsewhere RENAME TO {table}")
        store.look_for_damage()
        act(store)
        assert store.read(overview.failures, NOW) == []
        assert not store.read(settling.has_unsettled) if act is settle else store.read(inbox.is_empty)


@pytest.fixture
def limited_url(store_url: str) -> Iterator[str]:
    """Address of a database as an account without any power of its own; the tables are another's."""
    owner = store_url
    role = f"rdv_{uuid.uuid4().hex}"
    say(owner, f"CREATE ROLE {role}", f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    say(owner, f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
    yield make_url(owner).update_query_dict({"options": f"-c role={role}"}).render_as_string(hide_password=False)
    say(owner, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("table", "act"), [("dues", settle), ("event_agents", judge), ("agent_words", judge)])
def test_a_missing_right_sets_nothing_aside_and_all_goes_on_when_it_is_granted(
    store_url: str, limited_url: str, table: str, act: Act
) -> None:
    role = str(make_url(limited_url).query["options"]).removeprefix("-c role=")
    with closing(Store(limited_url)) as store:
        bring(store, act)
        say(store_url, f"REVOKE ALL ON {table} FROM {role}")
        for use in (act, Store.look_for_damage):
            assert refused(use, store) is Cause.RIGHTS_MISSING
        say(store_url, f"GRANT ALL ON {table} TO {role}")
        store.look_for_damage()
        act(store)
        assert store.read(overview.failures, NOW) == []


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_an_account_that_only_appends_lacks_nothing(store_url: str, limited_url: str) -> None:
    role = str(make_url(limited_url).query["options"]).removeprefix("-c role=")
    say(store_url, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    with closing(Store(limited_url)) as store:
        store.look_for_damage()


def bring(store: Store, act: Act) -> None:
    """Have something that can be judged, or settled."""
    store.keep(incoming(a_delivery(agents=(MARTINE,))))
    if act is settle:
        judge(store)
        assert store.read(settling.has_unsettled)
