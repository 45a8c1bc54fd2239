"""The watch's life: look, tell, remember; reload and stop when told to."""

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
from receiver.alerts.check import Looker, OpenStore, Seen, blind, look
from receiver.alerts.message import Sender
from receiver.alerts.recipient import Pace, Recipient
from receiver.alerts.sent import MemoryFile, default_path
from receiver.config import Reloadable
from receiver.config.store_url import sqlite_file
from receiver.operations import unreached
from receiver.operations.refused_configuration import Word
from receiver.sentences.phrases import PARIS
from receiver.store import Store

POLL_S = 0.2
LOOK_S = 20.0
"""A store that has not answered after so long cannot be used."""
STUCK_S = 300.0
"""A look that never comes back is left behind with its process, after so long."""
STUCK_STATUS = 75
"""Status of a process that wants to be started anew: EX_TEMPFAIL of sysexits.h."""

log = logs.get("watch")


class LookStuck(Exception):
    """A look never came back; a new process must go on."""


@dataclass
class Watch:
    """One watching process."""

    settings: Reloadable
    open_store: OpenStore
    pace: Pace = field(default_factory=Pace)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        """Remember; send nothing yet."""
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._looker = Looker()
        self._look_due = 0.0
        self._sender = Sender(socket.gethostname())
        self._word = Word("watch")
        self._unreached = unreached.Word()
        self._recipients: dict[str, Recipient] = {}
        path = default_path(sqlite_file(self.settings.current.store_url), self.environ)
        self._file = MemoryFile(path, datetime.now(UTC))
        self._follow_settings()

    def stop(self) -> None:
        """Ask the loop to end once the letters in hand are sent."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask the loop to read the configuration anew."""
        self._reloading.set()

    def run(self) -> None:
        """Watch until told to stop, or until there is nobody to tell.

        Raises:
            LookStuck: the store was asked, and never answered.

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
        """Look once, send what is due, and remember it."""
        self._take_in(look(self.settings.current, self.open_store, self._digest_on()))
        while any(recipient.busy for recipient in self._recipients.values()):
            for recipient in self._recipients.values():
                recipient.step(self.settings.current.alerts)
            time.sleep(POLL_S)
        self._remember()

    def turn(self) -> None:
        """Do what there is to do; never waits.

        Raises:
            LookStuck: the store was asked, and never answered.

        """
        if self._reloading.is_set():
            self._reloading.clear()
            self._reload()
        seen = self._seen()
        if seen is not None:
            self._take_in(seen)
        for recipient in self._recipients.values():
            recipient.step(self.settings.current.alerts)
        self._remember()

    def _seen(self) -> Seen | None:
        """Return what was seen since the last turn, if anything; begin the next look where it is time."""
        seen, age_s = self._looker.answer(), self._looker.age_s
        if age_s >= STUCK_S:
            raise LookStuck
        if seen is None and time.monotonic() >= self._look_due:
            self._look_due = time.monotonic() + self.pace.look_every_s
            if age_s >= LOOK_S:
                return blind(self.settings.current, self._digest_on())
            current, digest_on = self.settings.current, self._digest_on()
            self._looker.start(partial(look, current, self.open_store, digest_on, self._leave_word))
        return seen

    def _leave_word(self, store: Store) -> None:
        now = store.now()
        self._word.leave(store, self.settings.refused, now)
        since = {place: each.unreached_since for place, each in enumerate(self._recipients.values())}
        self._unreached.leave(store, since, now)

    def _digest_on(self) -> date | None:
        """Return today, if somebody is to have a digest."""
        now, alerts = datetime.now(UTC), self.settings.current.alerts
        due = any(recipient.needs_digest(alerts, now) for recipient in self._recipients.values())
        return now.astimezone(PARIS).date() if due else None

    def _take_in(self, seen: Seen) -> None:
        if seen.installation:
            self._sender = Sender(self._sender.host, seen.installation)
        for recipient in self._recipients.values():
            if not recipient.busy:
                recipient.take_in(self.settings.current.alerts, seen, self._sender, datetime.now(UTC))

    def _reload(self) -> None:
        if self.settings.reload():
            self._finish()
            self._follow_settings()
        self._look_due = 0.0

    def _follow_settings(self) -> None:
        """Know the recipients of the configuration, each with what it was told."""
        named = [(self._file.name_of(each.value), each.value) for each in self.settings.current.alerts.to]
        before = self._recipients
        self._recipients = {
            name: Recipient(place, address, self._file.of(name), self.pace)
            for place, (name, address) in enumerate(named)
        }
        for name in self._recipients.keys() & before.keys():
            self._recipients[name].go_on_from(before[name].failures)

    def _finish(self) -> None:
        for recipient in self._recipients.values():
            recipient.finish()
        self._remember()

    def _remember(self) -> None:
        self._file.keep({name: recipient.memory for name, recipient in self._recipients.items()})


def run_once(settings: Reloadable, open_store: OpenStore) -> None:
    """Look once, send what is due, and remember it."""
    Watch(settings, open_store).once()


def run(settings: Reloadable, open_store: OpenStore, pace: Pace | None = None) -> None:
    """Watch in this process until SIGTERM or SIGINT; SIGHUP reads the configuration anew."""
    watch = Watch(settings, open_store, pace or Pace())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watch.stop())
    signal.signal(signal.SIGHUP, lambda *_: watch.reload())
    try:
        watch.run()
    except LookStuck:
        log.error("look_stuck")
        sys.exit(STUCK_STATUS)
