"""What must hold of a store after a cut of power."""

import hmac
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.core.digests import DIGEST_BYTES
from receiver.store import Store, StoreUnavailable
from tests.databases import sqlalchemy_url
from tests.power_loss import disk
from tests.power_loss.stores import Kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found after one cut."""

    required: int = 0
    """Acknowledged before it."""
    kept: int = 0
    """Webhooks in the store, acknowledged or not."""
    lost: int = 0
    doubled: int = 0
    troubles: list[str] = field(default_factory=list)
    """All else: it does not mount, does not open, is damaged, takes nothing."""

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        return not (self.lost or self.doubled or self.troubles)


def examine(kind: Kind, image: Path, folder: Path, required: Collection[bytes]) -> Verdict:
    """Bring the machine up again and look; the image is written to.

    Args:
        kind: what the store is.
        image: the disk as the cut has left it.
        folder: where to mount it, and where programs log to.
        required: bodies that were acknowledged before the cut.

    """
    try:
        with disk.mounted(image, folder / "after") as place, kind.opened(place, folder / "after.log") as url:
            return judge(kind, url, required)
    except subprocess.CalledProcessError:
        return Verdict(len(required), troubles=["the file system does not mount"])
    except psycopg.OperationalError:
        return Verdict(len(required), troubles=["the database does not start"])


def judge(kind: Kind, url: str, required: Collection[bytes]) -> Verdict:
    """Open the store as the receiver does, and look what is in it; what waits there is judged on the way."""
    try:
        with closing(Store(sqlalchemy_url(url))) as store:
            store.migrate()  # as `run` does when it starts: the cut may have come before the schema was made
            key = store.installation().digest_key
            wanted = {digest(key, body) for body in required}
            found = kept(url)
            troubles = [*kind.damage(url), *_unusable(store, url, found)]
    except (StoreUnavailable, SQLAlchemyError, sqlite3.Error) as error:
        return Verdict(len(required), troubles=[f"the store does not open: {error!r}"])
    doubled = sum(times > 1 for times in found.values())
    return Verdict(len(required), found.total(), len(wanted - found.keys()), doubled, troubles)


def digest(key: bytes, body: bytes) -> bytes:
    """Return what the store knows a body by."""
    return hmac.digest(key, body, "sha256")[:DIGEST_BYTES]


JUDGED = ("deliveries", "set_aside")
"""Where a webhook stands once it is judged. What takes out too many entries at once is set aside."""


def kept(url: str, tables: Collection[str] = ("inbox", *JUDGED)) -> Counter[bytes]:
    """Return how often the store holds each webhook, by its digest: before and after it is judged."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            rows = [connection.scalars(text(f"SELECT digest FROM {table}")).all() for table in tables]
    finally:
        engine.dispose()
    return Counter(bytes(found) for table in rows for found in table)


def _unusable(store: Store, url: str, found: Counter[bytes]) -> Iterator[str]:
    """Look whether the receiver can go on: judge what waits, which reads and writes everywhere."""
    while store.judge(datetime.now(UTC)):
        pass
    if kept(url, JUDGED) != found:
        yield "what waits cannot be judged"
