"""The port's suite against an EWS server that is there already: `make conformance-ews`. Not collected by itself.

It writes into two mailboxes, marks everything as an installation of its own, and takes it all away again. The
environment says where:

* ``RDV_EWS_SERVER``: the whole address of the endpoint, ``RDV_EWS_VERSION`` (default ``Exchange2016``);
* ``RDV_EWS_AUTH`` (default ``ntlm``), ``RDV_EWS_USERNAME``, ``RDV_EWS_PASSWORD``, ``RDV_EWS_KEYTAB``,
  ``RDV_EWS_CA_FILE``;
* ``RDV_EWS_ACCESS``: ``impersonation`` (the default) or ``delegate``;
* ``RDV_EWS_MAILBOX`` and ``RDV_EWS_OTHER_MAILBOX``: primary addresses;
* ``RDV_EWS_ALIAS``: another address of the first one; without it that one test is skipped.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from exchangelib.folders import Calendar
from exchangelib.properties import FolderId, ItemId
from exchangelib.services import CopyItem, CreateFolder, DeleteFolder, MoveItem
from exchangelib.util import TNS

from connectors.base import Delete
from connectors.ews import EwsConnector, EwsSettings
from connectors.ews.services import MailboxAccount, _OnePost, item_id_in, protocol_for
from tests.connectors.conformance import WIDE, Bench, Conformance
from tests.connectors.ews import connected
from tests.connectors.series_conformance import SeriesConformance


class Move(_OnePost, MoveItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """MoveItem."""


class Copy(_OnePost, CopyItem):  # type: ignore[misc]  # as above
    """CopyItem."""


class MakeFolder(_OnePost, CreateFolder):  # type: ignore[misc]  # as above
    """CreateFolder."""


class RemoveFolder(_OnePost, DeleteFolder):  # type: ignore[misc]  # as above
    """DeleteFolder."""


class Hands:
    """An agent's hands in a mailbox."""

    def __init__(self, settings: EwsSettings, mailbox: str) -> None:
        self._protocol = protocol_for(settings)
        self._account = MailboxAccount(mailbox, self._protocol, settings.access)
        self._folder: FolderId | None = None

    def move_to_subfolder(self, item_id: str) -> str:
        """Move an item into a calendar below the calendar, made at need."""
        (moved,) = Move(account=self._account).send(items=[ItemId(id=item_id)], to_folder=self._subfolder())
        return item_id_in(moved) or ""

    def copy(self, item_id: str) -> None:
        """Copy an item beside itself."""
        Copy(account=self._account).send(items=[ItemId(id=item_id)], to_folder=self._account.calendar_folder())

    def close(self) -> None:
        """Take the subfolder away, and hang up."""
        if self._folder:
            RemoveFolder(account=self._account).send(folders=[self._folder], delete_type="HardDelete")
        self._protocol.wire.close()

    def _subfolder(self) -> FolderId:
        if self._folder is None:
            calendar = self._account.calendar_folder()
            wanted = Calendar(root=calendar.root, name=f"conformance {uuid.uuid4().hex[:8]}")
            (made,) = MakeFolder(account=self._account).send(parent_folder=calendar, folders=[wanted])
            self._folder = FolderId(id=next(made.iter(f"{{{TNS}}}FolderId")).get("Id"))
        return self._folder


def setting(name: str, default: str = "") -> str:
    return os.environ.get(f"RDV_EWS_{name}", default)


@pytest.fixture
def settings() -> EwsSettings:
    missing = [name for name in ("SERVER", "MAILBOX", "OTHER_MAILBOX") if not setting(name)]
    if missing:
        pytest.fail(f"these must be set: {', '.join(f'RDV_EWS_{name}' for name in missing)}")
    return EwsSettings(
        server=setting("SERVER"),
        version=setting("VERSION", "Exchange2016"),
        auth=setting("AUTH", "ntlm"),
        access=setting("ACCESS", "impersonation"),
        username=setting("USERNAME"),
        password=setting("PASSWORD"),
        keytab=Path(setting("KEYTAB")) if setting("KEYTAB") else None,
        ca_file=Path(setting("CA_FILE")) if setting("CA_FILE") else None,
        installation=f"conformance-{uuid.uuid4()}",
    )


@pytest.fixture
def bench(settings: EwsSettings) -> Iterator[Bench]:
    mailbox, other = setting("MAILBOX"), setting("OTHER_MAILBOX")
    hands = Hands(settings, mailbox)
    strange = replace(settings, installation=f"conformance-{uuid.uuid4()}")
    with connected(settings) as connector, connected(strange) as stranger:
        try:
            yield Bench(
                connector=connector,
                stranger=stranger,
                mailbox=mailbox,
                other_mailbox=other,
                nobodys=f"{uuid.uuid4().hex}@{mailbox.rpartition('@')[2]}",
                move_to_subfolder=hands.move_to_subfolder,
                copy=hands.copy,
                exact_zones=False,
            )
        finally:
            for each in (connector, stranger):
                clean(each, mailbox, other)
            hands.close()


def clean(connector: EwsConnector, *mailboxes: str) -> None:
    for mailbox in mailboxes:
        left = [Delete(marked.item_id) for marked in connector.list_marked(mailbox, *WIDE)]
        for first in range(0, len(left), 100):
            connector.apply(mailbox, left[first : first + 100])


class TestServer(Conformance):
    """The port's suite."""


class TestServerSeries(SeriesConformance):
    """The port's suite of series."""


def test_an_alias_identifies_as_the_primary_address(bench: Bench) -> None:
    if not setting("ALIAS"):
        pytest.skip("RDV_EWS_ALIAS names no other address of RDV_EWS_MAILBOX")
    assert bench.connector.identify(setting("ALIAS")) == bench.mailbox
