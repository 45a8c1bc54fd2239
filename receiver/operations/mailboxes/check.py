"""`mailboxes check`: whether the service account can do, in each mailbox, all that the worker will do there.

The mailboxes of a server are tried in parallel, one of them first: a trouble of the server as a whole, such as a
refused account, ends the trial of that server. Returns findings by code; the command has the sentences and tables.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.base import Connector, ConnectorError, Probe, Scope
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.core.thresholds import Thresholds
from receiver.operations.mailboxes.trial import Pace, Trial
from receiver.operations.support.check import Finding, Level, certificate_findings, mailboxes_to_probe, worst
from receiver.store import Store
from receiver.store.reports import overview
from receiver.store.work import mailbox_identity


@dataclass(frozen=True, slots=True)
class MailboxResult:
    """One mailbox that was tried."""

    mailbox: Mailbox
    findings: tuple[Finding, ...]
    identity: str | None = None
    """Its primary address, as the server reports it."""
    server_version: str | None = None
    clock_ahead_s: float | None = None
    latency_ms: int | None = None
    """Median duration of the calls."""
    throttled: int = 0
    """How many calls were answered "busy", and repeated after the pause that the server asked for."""

    @property
    def level(self) -> Level:
        """The level of the worst finding."""
        return worst(self.findings)


@dataclass(frozen=True, slots=True)
class ServerResult:
    """One calendar server and its mailboxes."""

    calendar: str
    findings: tuple[Finding, ...]
    mailboxes: tuple[MailboxResult, ...]
    untried: int = 0

    @property
    def ok(self) -> bool:
        """Whether the server and all its mailboxes can be used."""
        levels = {worst(self.findings), *(each.level for each in self.mailboxes)}
        return not self.untried and Level.TROUBLE not in levels


def known_mailboxes(settings: Settings, store: Store, now: datetime) -> list[Mailbox]:
    """Return every mailbox that the mapping names, that entries go to, or that a coming event will need."""
    mapping = settings.mailboxes
    coming = (mapping.locate(agent.email) for agent in store.read(overview.coming_agents, now))
    known = {
        *mapping.addresses.values(),
        *store.read(mailbox_identity.in_use),
        *(each for each in coming if isinstance(each, Mailbox)),
    }
    return sorted(each for each in known if each.calendar in settings.calendars)


def named_mailboxes(settings: Settings, asked: Sequence[str]) -> list[Mailbox]:
    """Return the mailboxes asked for, each in the calendars that the mapping names for it, else in the default one."""
    return [
        Mailbox(calendar, address)
        for calendar in settings.calendars
        for address in mailboxes_to_probe(settings.mailboxes, calendar, asked)
    ]


def check_mailboxes(
    settings: Settings,
    mailboxes: Sequence[Mailbox],
    connectors: Mapping[str, Connector],
    now: datetime,
    title: str,
    tried: Callable[[], None],
    *,
    write: bool,
) -> list[ServerResult]:
    """Try the mailboxes, server by server.

    Args:
        settings: gives the number of connections of each server.
        mailboxes: which.
        connectors: by calendar; the caller closes them.
        now: the moment, for the certificate's expiry.
        title: of the entry that is written.
        tried: called, from any thread, when a mailbox is done.
        write: whether to write an entry, and remove it.

    """
    results = []
    for name, calendar in settings.calendars.items():
        if asked := [each for each in mailboxes if each.calendar == name]:
            server = _Server(connectors[name], title if write else None, tried)
            doors = certificate_findings(connectors[name], f"calendars.{name}", now)
            results.append(server.result(name, doors, asked, calendar.connections))
    return results


@dataclass
class _Server:
    """One server whose mailboxes are being tried."""

    connector: Connector
    title: str | None
    """Title of the entry to write; None: nothing is written."""
    tried: Callable[[], None]
    pace: Pace = field(default_factory=Pace)
    trouble: Finding | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _names: dict[str, list[str]] = field(default_factory=dict)
    """Requested addresses by the mailbox's primary address; the mailbox is written into under the first."""

    def result(self, calendar: str, doors: list[Finding], asked: Sequence[Mailbox], threads: int) -> ServerResult:
        if all(finding.ok for finding in doors):
            results = [each for each in self._results(asked, threads) if each is not None]
        else:
            results = []  # no call would succeed
        findings = [*doors, *([self.trouble] if self.trouble else []), *_clock(f"calendars.{calendar}", results)]
        done = tuple(self._with_shared(each) for each in results)
        return ServerResult(calendar, tuple(findings), done, len(asked) - len(done))

    def _results(self, asked: Sequence[Mailbox], threads: int) -> Iterator[MailboxResult | None]:
        # One goes first: a refused account is then shown once, not once for each connection.
        yield self._try(asked[0])
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(self._try, each) for each in asked[1:]]
            try:
                for future in futures:
                    yield future.result()
            except KeyboardInterrupt:
                # Running trials are finished and their entries removed; the others count as not tried.
                self._stop(Finding("interrupted", f"calendars.{asked[0].calendar}", Level.TROUBLE))
                for future in futures:
                    future.cancel()
                yield from (future.result() for future in futures if not future.cancelled())

    def _stop(self, finding: Finding) -> None:
        with self._lock:
            self.trouble = self.trouble or finding
        self.pace.stop.set()

    def _try(self, mailbox: Mailbox) -> MailboxResult | None:
        """Return the result of the trial; None: it only showed a trouble of the server."""
        if self.pace.stop.is_set():
            return None
        trial, findings, probe = Trial(self.connector, mailbox.address, self.pace), [], None
        subject = f"calendars.{mailbox.calendar} {mailbox.address}"
        try:
            probe = trial.reach()
            findings.append(_reached(subject, mailbox.address, probe))
            if self._is_first(mailbox.address, probe.identity) and self.title is not None:
                findings += self._write(trial, subject, self.title)
        except ConnectorError as error:
            if error.scope is Scope.SERVER:
                self._stop(Finding(error.code, f"calendars.{mailbox.calendar}", Level.TROUBLE))
                if not trial.may_remain:
                    return None
            else:
                findings.append(Finding(error.code, subject, Level.TROUBLE))
        if trial.may_remain:
            findings.append(Finding("probe_may_remain", subject, Level.TROUBLE))
        if trial.throttled:
            findings.append(Finding("throttled", subject, Level.WARNING, {"count": trial.throttled}))
        self.tried()
        return _result(mailbox, findings, probe, trial)

    def _write(self, trial: Trial, subject: str, title: str) -> Iterator[Finding]:
        if leftovers := trial.write(title):
            yield Finding("leftovers_removed", subject, Level.OK, {"count": leftovers})
        yield Finding("mailbox_written", subject)

    def _is_first(self, address: str, identity: str | None) -> bool:
        """Note an address; return whether it is its mailbox's first: two trials would remove each other's entry."""
        with self._lock:
            names = self._names.setdefault(identity or address, [])
            names.append(address)
            return len(names) == 1

    def _with_shared(self, result: MailboxResult) -> MailboxResult:
        others = [name for name in self._names.get(result.identity or "", ()) if name != result.mailbox.address]
        if not others:
            return result
        subject = f"calendars.{result.mailbox.calendar} {result.mailbox.address}"
        shared = Finding("mailbox_twice", subject, Level.WARNING, {"others": ", ".join(sorted(others))})
        return replace(result, findings=(*result.findings, shared))


def _reached(subject: str, asked: str, probe: Probe) -> Finding:
    if probe.identity is None:
        return Finding("identity_unknown", subject, Level.WARNING)
    if probe.identity != asked:
        return Finding("mailbox_named_otherwise", subject, Level.WARNING, {"address": probe.identity})
    return Finding("mailbox_reached", subject)


def _result(mailbox: Mailbox, findings: list[Finding], probe: Probe | None, trial: Trial) -> MailboxResult:
    seen = probe or Probe(mailbox.address)
    return MailboxResult(
        mailbox,
        tuple(findings),
        seen.identity,
        seen.server_version,
        seen.clock_ahead_s,
        trial.latency_ms,
        trial.throttled,
    )


def _clock(subject: str, results: Sequence[MailboxResult]) -> Iterator[Finding]:
    """Report the largest clock difference: several servers may answer under one name."""
    ahead = [each.clock_ahead_s for each in results if each.clock_ahead_s is not None]
    if not ahead:
        return
    ahead_s = max(ahead, key=abs)
    off = abs(ahead_s) > Thresholds().clock_off.total_seconds()
    yield Finding(
        "clock_off" if off else "clock_right", subject, Level.TROUBLE if off else Level.OK, {"seconds": round(ahead_s)}
    )
