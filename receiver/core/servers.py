"""One calendar server's standing, as all hosts share it, in pure functions: what an answer makes of it.

A server in trouble is probed by one call at a time, ever less often; a refused account at most every five minutes,
as an Active Directory locks an account after a few wrong attempts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import ConnectorError, Temporary
from receiver.core.backoff import active_until, delay_s

ACCOUNT_REFUSED = frozenset({"unauthorized", "keytab_refused"})
"""Codes that blame the account: each further try counts towards locking it."""
ACCOUNT_PAUSE = timedelta(minutes=5)
THROTTLED = frozenset({"server_busy", "connections_busy"})
"""Codes of a server, or of our own connections to it, that has too much to do at once."""
UNANSWERED = frozenset({"timeout"})
"""Codes of a mailbox that do not show that its server is there."""
PAUSED = "server_busy"
"""What is said of a server without a failure that asked for a pause."""
ACCOUNT_TAG = 2
"""How many letters of a tag tell the account; the others tell the rest of a connection."""
SUCCESS_EVERY = timedelta(minutes=1)
"""How exactly the last success is known: more often would be a write for each change."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """One configured calendar, by name."""

    name: str
    failure: str | None = None
    """Code of the trouble it is in; None: it answers, as far as anybody knows."""
    failing_since: datetime | None = None
    blocked_until: datetime | None = None
    """Nobody asks anything of it before then: the end of a trouble's wait, or of a pause that it asked for."""
    attempts: int = 0
    """Troubles in a row."""
    probe: str | None = None
    """Who is finding out alone whether it works; the claim ends by itself."""
    probe_until: datetime | None = None
    succeeded_at: datetime | None = None
    """The last answer, to about a minute."""
    throttled_at: datetime | None = None
    """When it last asked for less."""
    credentials: str = ""
    """Tag of the account, and of all else in the connection, that were last brought into use, or last accepted."""
    stuck_calls: int = 0
    """Calls that never came back, ever."""
    stuck_at: datetime | None = None

    def waits_until(self, now: datetime) -> datetime | None:
        """Return until when everybody leaves it alone; None: nobody does."""
        return active_until(self.blocked_until, now)

    def is_blocked(self, now: datetime) -> bool:
        """Whether everybody leaves it alone."""
        return self.waits_until(now) is not None

    def is_probed(self, now: datetime) -> bool:
        """Whether somebody is finding out."""
        return active_until(self.probe_until, now) is not None

    def trouble(self, now: datetime) -> str | None:
        """Return the code of its failure, or of the pause that it asked for; None: it is asked as usual."""
        return self.failure or (PAUSED if self.is_blocked(now) else None)


def configured(server: ServerState, credentials: str, now: datetime) -> ServerState:
    """Note what a process that starts will use: what failed otherwise has not been tried so, and is, at once.

    Not an account that was refused: it is as wrong over another connection, and is spared until its pause is over.
    """
    if server.credentials == credentials:
        return server
    until = None
    if server.blocked_until and server.failure in ACCOUNT_REFUSED and _same_account(server, credentials):
        until = min(server.blocked_until, now + ACCOUNT_PAUSE)
    return replace(_released(server, server.probe), credentials=credentials, blocked_until=until, attempts=0)


def answered(server: ServerState, credentials: str, probe: str | None, now: datetime) -> ServerState:
    """Note that it answered. Only a probe ends a trouble: a call that began before may answer in the midst of it."""
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
    """Note that it asked for less. That is no trouble: everybody waits, then all go on."""
    blocked_until = max(until, server.waits_until(now) or until)
    return replace(_released(server, probe), blocked_until=blocked_until, throttled_at=now)


def failed(
    server: ServerState, error: ConnectorError, credentials: str, probe: str | None, now: datetime, jitter: float
) -> ServerState:
    """Note a trouble; what several threads and hosts tell at once is one.

    A refusal of credentials that are no longer, or not yet, those of the others is the teller's own trouble.
    """
    if error.code in ACCOUNT_REFUSED and not _same_account(server, credentials):
        return _released(server, probe)
    told = server.failure is not None and server.is_blocked(now)
    attempts = max(server.attempts, 1) if told else server.attempts + 1
    until = now + pause_after(error, attempts, jitter)
    return replace(
        _released(server, probe),
        failure=server.failure if told and server.failure in ACCOUNT_REFUSED else error.code,
        failing_since=server.failing_since or now,
        blocked_until=max(until, server.waits_until(now) or until),
        attempts=attempts,
    )


def pause_after(error: ConnectorError, attempts: int, jitter: float) -> timedelta:
    """Return how long to leave a server alone after so many troubles in a row."""
    asked_s = error.retry_after_s if isinstance(error, Temporary) else None
    waited = timedelta(seconds=delay_s(attempts, asked_s, jitter))
    return max(waited, ACCOUNT_PAUSE) if error.code in ACCOUNT_REFUSED else waited


def retried(server: ServerState) -> ServerState:
    """Have it asked at once, as an operator wishes. Not where the account was refused: a pause keeps it from a lock."""
    if server.failure in ACCOUNT_REFUSED:
        return server
    return replace(server, blocked_until=None, attempts=0)


def stuck(server: ServerState, now: datetime) -> ServerState:
    """Count a call that does not come back."""
    return replace(server, stuck_calls=server.stuck_calls + 1, stuck_at=now)


def probe_released(server: ServerState, probe: str | None) -> ServerState:
    """Let somebody else find out: nothing was asked."""
    return _released(server, probe)


def _same_account(server: ServerState, credentials: str) -> bool:
    return server.credentials[:ACCOUNT_TAG] == credentials[:ACCOUNT_TAG]


def _released(server: ServerState, probe: str | None) -> ServerState:
    return replace(server, probe=None, probe_until=None) if probe is not None and server.probe == probe else server
