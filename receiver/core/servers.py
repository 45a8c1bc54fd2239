"""A calendar server's state, which all hosts share: how each answer changes it, as pure functions.

This is a circuit breaker. A failing server is probed by one call at a time, with backoff. A refused account is tried at
most every five minutes, as an Active Directory locks an account after a few wrong attempts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import ConnectorError, Temporary
from receiver.core.backoff import active_until, delay_s

ACCOUNT_REFUSED = frozenset({"unauthorized", "keytab_refused"})
"""Failure codes of a refused account: each further attempt counts towards locking it."""
ACCOUNT_PAUSE = timedelta(minutes=5)
THROTTLED = frozenset({"server_busy", "connections_busy"})
"""Failure codes for too many simultaneous calls, to the server or for our connections."""
UNANSWERED = frozenset({"timeout"})
"""Failure codes of a mailbox that do not prove that its server answers."""
PAUSED = "server_busy"
"""The code for a server that has not failed, but asked for a pause."""
ACCOUNT_TAG = 2
"""The first letters of a credentials tag identify the account, the others the rest of the connection."""
SUCCESS_EVERY = timedelta(minutes=1)
"""The precision of the last success: a higher one would cost a write for each change."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """The state of one configured calendar server."""

    name: str
    failure: str | None = None
    """Failure code; None: it answers, as far as is known."""
    failing_since: datetime | None = None
    blocked_until: datetime | None = None
    """No call is made before then: the end of the delay after a failure, or of a pause that the server asked for."""
    attempts: int = 0
    """Consecutive failures."""
    probe: str | None = None
    """Id of the one caller that probes it, until `probe_until`."""
    probe_until: datetime | None = None
    succeeded_at: datetime | None = None
    """The last answer, to about a minute."""
    throttled_at: datetime | None = None
    """When it last refused a call because there were too many."""
    credentials: str = ""
    """Tag of the account and the connection that were last configured, or last accepted."""
    stuck_calls: int = 0
    """The number of calls that never returned, since the beginning."""
    stuck_at: datetime | None = None

    def waits_until(self, now: datetime) -> datetime | None:
        """Return until when no call is made; None: calls are made."""
        return active_until(self.blocked_until, now)

    def is_blocked(self, now: datetime) -> bool:
        """Whether no call is made."""
        return self.waits_until(now) is not None

    def is_probed(self, now: datetime) -> bool:
        """Whether a caller is probing it."""
        return active_until(self.probe_until, now) is not None

    def is_heard(self, began_at: datetime, now: datetime, within: timedelta) -> bool:
        """Whether it answered lately. Before its first answer, the time counts from when it could first be asked."""
        return timedelta() <= now - (self.succeeded_at or began_at) < within

    def trouble(self, now: datetime) -> str | None:
        """Return the code of its failure or pause; None: it is called as usual."""
        return self.failure or (PAUSED if self.is_blocked(now) else None)


def configured(server: ServerState, credentials: str, now: datetime) -> ServerState:
    """Record the credentials of a process that starts. If they are new, a failing server is tried at once.

    An account that was refused stays paused over any connection.
    """
    if server.credentials == credentials:
        return server
    until = None
    if server.blocked_until and server.failure in ACCOUNT_REFUSED and _same_account(server, credentials):
        until = min(server.blocked_until, now + ACCOUNT_PAUSE)
    return replace(_released(server, server.probe), credentials=credentials, blocked_until=until, attempts=0)


def answered(server: ServerState, credentials: str, probe: str | None, now: datetime) -> ServerState:
    """Record an answer. Only a probe's answer ends a failure: another call may have begun before the failure."""
    if probe is not None:
        return replace(
            _released(server, probe),
            failure=None,
            failing_since=None,
            blocked_until=None,
            attempts=0,
            succeeded_at=now,
            credentials=credentials,
        )
    recent = server.succeeded_at is not None and now - server.succeeded_at < SUCCESS_EVERY
    return server if recent else replace(server, succeeded_at=now)


def throttled(server: ServerState, until: datetime, probe: str | None, now: datetime) -> ServerState:
    """Record that it refused a call because there were too many. That is no failure: all callers pause, then go on."""
    blocked_until = max(until, server.waits_until(now) or until)
    return replace(_released(server, probe), blocked_until=blocked_until, throttled_at=now)


def failed(
    server: ServerState, error: ConnectorError, credentials: str, probe: str | None, now: datetime, jitter: float
) -> ServerState:
    """Record a failure. What several threads and hosts report during one delay counts once.

    If the refused account is not the one that the other processes use, the shared state does not change.
    """
    if error.code in ACCOUNT_REFUSED and not _same_account(server, credentials):
        return _released(server, probe)
    is_known = server.failure is not None and server.is_blocked(now)
    attempts = max(server.attempts, 1) if is_known else server.attempts + 1
    until = now + pause_after(error, attempts, jitter)
    return replace(
        _released(server, probe),
        failure=server.failure if is_known and server.failure in ACCOUNT_REFUSED else error.code,
        failing_since=server.failing_since or now,
        blocked_until=max(until, server.waits_until(now) or until),
        attempts=attempts,
    )


def pause_after(error: ConnectorError, attempts: int, jitter: float) -> timedelta:
    """Return how long to make no call to a server after a number of consecutive failures."""
    retry_after_s = error.retry_after_s if isinstance(error, Temporary) else None
    pause = timedelta(seconds=delay_s(attempts, retry_after_s, jitter))
    return max(pause, ACCOUNT_PAUSE) if error.code in ACCOUNT_REFUSED else pause


def retried(server: ServerState) -> ServerState:
    """End the delay, as an operator asks. A refused account stays paused, as attempts could lock it."""
    if server.failure in ACCOUNT_REFUSED:
        return server
    return replace(server, blocked_until=None, attempts=0)


def stuck(server: ServerState, now: datetime) -> ServerState:
    """Count a call that does not return."""
    return replace(server, stuck_calls=server.stuck_calls + 1, stuck_at=now)


def probe_released(server: ServerState, probe: str | None) -> ServerState:
    """Let another caller probe; no call was made."""
    return _released(server, probe)


def _same_account(server: ServerState, credentials: str) -> bool:
    return server.credentials[:ACCOUNT_TAG] == credentials[:ACCOUNT_TAG]


def _released(server: ServerState, probe: str | None) -> ServerState:
    return replace(server, probe=None, probe_until=None) if probe is not None and server.probe == probe else server
