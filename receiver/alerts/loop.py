"""The loop of `watch`: checks, sends what is due, remembers what was sent; reloads and stops."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial

from receiver import logs
from receiver.alerts.beat import ONCE_EVERY, Beat, beat
from receiver.alerts.check import CheckThread, Found, OpenStore, check, without_store
from receiver.alerts.message import Sender
from receiver.alerts.recipient import Pace, Recipient
from receiver.alerts.sent import SentFile, default_path
from receiver.config import Reloadable
from receiver.config.store_url import sqlite_file
from receiver.operations import refused_configuration, unreached
from receiver.sentences.phrases import PARIS
from receiver.store import Store

POLL_S = 0.2
CHECK_S = 20.0
"""After this time without an answer the store counts as unusable."""
STUCK_S = 300.0
"""A check that takes longer counts as stuck, and a new process must replace this one."""
STUCK_STATUS = 75
"""Exit status of a process that must be started again: EX_TEMPFAIL of sysexits.h."""

log = logs.get("watch")


class CheckStuck(Exception):
    """A check never ended; a new process must replace this one."""


@dataclass
class Watch:
    """One process that sends alerts."""

    settings: Reloadable
    open_store: OpenStore
    pace: Pace = field(default_factory=Pace)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        """Read what was sent before; send nothing yet."""
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._checks = CheckThread()
        self._beat = Beat(self.open_store)
        self._check_due = 0.0
        self._sender = Sender(socket.gethostname())
        self._refused = refused_configuration.Notice("watch")
        self._unreached = unreached.Notice()
        self._recipients: dict[str, Recipient] = {}
        path = default_path(sqlite_file(self.settings.current.store.address), self.environ)
        self._file = SentFile(path, datetime.now(UTC))
        self._follow_settings()

    def stop(self) -> None:
        """Ask the loop to end once the messages that are being sent have been sent."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask the loop to read the configuration again."""
        self._reloading.set()

    def run(self) -> None:
        """Check and send until asked to stop, or until there is no recipient.

        Raises:
            CheckStuck: the store was asked, and never answered.

        """
        log.info("watch_started", recipients=len(self._recipients))
        try:
            while self._recipients and not self._stopping.is_set():
                self.turn()
                self._stopping.wait(POLL_S)
        finally:
            self._finish()
        if not self._recipients:
            log.warning("nobody_to_tell")
        log.info("watch_stopped")

    def once(self) -> None:
        """Check once, send what is due, and remember it."""
        self._take_in(check(self.settings.current, self.open_store, self._digest_on()))
        while any(recipient.busy for recipient in self._recipients.values()):
            for recipient in self._recipients.values():
                recipient.step(self.settings.current.alerts)
            time.sleep(POLL_S)
        self._remember()
        beat(self.settings.current, self.open_store, ONCE_EVERY)

    def turn(self) -> None:
        """Do what is due. Never waits.

        Raises:
            CheckStuck: the store was asked, and never answered.

        """
        if self._reloading.is_set():
            self._reloading.clear()
            self._reload()
        self._beat.turn(self.settings.current)
        found = self._found()
        if found is not None:
            self._take_in(found)
        for recipient in self._recipients.values():
            recipient.step(self.settings.current.alerts)
        self._remember()

    def _found(self) -> Found | None:
        """Return what was found since the last turn, if anything; start the next check if it is due."""
        found, age_s = self._checks.take(), self._checks.age_s
        if age_s >= STUCK_S:
            raise CheckStuck
        if found is None and time.monotonic() >= self._check_due:
            self._check_due = time.monotonic() + self.pace.check_every_s
            current, digest_on = self.settings.current, self._digest_on()
            if age_s >= CHECK_S:
                return without_store(current, digest_on)
            self._checks.start(partial(check, current, self.open_store, digest_on, self._report))
        return found

    def _report(self, store: Store) -> None:
        now = store.now()
        self._refused.write(store, self.settings.refused, now)
        since = {place: each.unreached_since for place, each in enumerate(self._recipients.values())}
        self._unreached.write(store, since, now)

    def _digest_on(self) -> date | None:
        """Return today's date if any recipient needs today's digest."""
        now, alerts = datetime.now(UTC), self.settings.current.alerts
        due = any(recipient.needs_digest(alerts, now) for recipient in self._recipients.values())
        return now.astimezone(PARIS).date() if due else None

    def _take_in(self, found: Found) -> None:
        if found.installation:
            self._sender = Sender(self._sender.host, found.installation)
        for recipient in self._recipients.values():
            if not recipient.busy:
                recipient.take_in(self.settings.current.alerts, found, self._sender, datetime.now(UTC))

    def _reload(self) -> None:
        if self.settings.reload():
            self._finish()
            self._follow_settings()
        self._check_due = 0.0

    def _follow_settings(self) -> None:
        """Take the recipients from the configuration, each with the record of what it was sent."""
        named = [(self._file.name_of(each.value), each.value) for each in self.settings.current.alerts.to]
        before = self._recipients
        self._recipients = {
            name: Recipient(place, address, self._file.of(name), self.pace)
            for place, (name, address) in enumerate(named)
        }
        for name in self._recipients.keys() & before.keys():
            self._recipients[name].continue_from(before[name].failures)

    def _finish(self) -> None:
        for recipient in self._recipients.values():
            recipient.finish()
        self._remember()

    def _remember(self) -> None:
        self._file.keep({name: recipient.state for name, recipient in self._recipients.items()})


def run_once(settings: Reloadable, open_store: OpenStore) -> None:
    """Check once, send what is due, and remember it."""
    Watch(settings, open_store).once()


def run(settings: Reloadable, open_store: OpenStore, pace: Pace | None = None) -> None:
    """Send alerts from this process until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    watch = Watch(settings, open_store, pace or Pace())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watch.stop())
    signal.signal(signal.SIGHUP, lambda *_: watch.reload())
    try:
        watch.run()
    except CheckStuck:
        log.error("look_stuck")
        sys.exit(STUCK_STATUS)
