"""`diagnose`: an archive for support, without personal data.

Each file is made of codes, counts and names of parts that are listed here. As a second protection, every known address,
host and secret is then searched in all files and replaced.
"""

import json
import os
import platform
import shutil
import socket
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from receiver import __version__
from receiver.config import EwsCalendar, Settings
from receiver.config.document import read_document
from receiver.config.store_url import sqlite_file
from receiver.core.secret_edges import bare
from receiver.operations import status
from receiver.operations.access import token_key
from receiver.operations.support import anonymise, check
from receiver.operations.support.anonymise import ADDRESS, HOST, MACHINE, SECRET, Placeholders
from receiver.store import Store, counters, heartbeats
from receiver.store.reports import activity, overview
from receiver.store.tools import backup
from receiver.store.work import servers

COUNTED = timedelta(days=7)
LINES = 2_000
UNIT = "rdv-receiver"
LIMIT_S = 20

Run = Callable[[list[str]], list[str]]
"""Runs a program and returns the lines that it prints; none if it is missing or fails."""


def collect(settings: Settings, config: Path, store: Store | None, now: datetime, run: Run) -> dict[str, str]:
    """Return the archive's files, by name.

    Args:
        settings: the settings in use.
        config: the file that they were read from.
        store: open; None: it cannot be opened.
        now: the moment.
        run: runs a program of the system.

    """
    words = Placeholders()
    _learn(words, settings)
    parts: dict[str, object] = {
        "configuration.json": anonymise.configuration(read_document(config).root, words),
        "version.json": _version(),
        "system.json": _system(settings, run),
        **_of_store(settings, store, now),
    }
    texts = {name: json.dumps(part, ensure_ascii=False, indent=2, default=str) for name, part in parts.items()}
    if lines := _log(run):
        texts["journal.jsonl"] = "\n".join(lines)
    return {name: words.scrub(text) + "\n" for name, text in sorted(texts.items())}


def write(path: Path, files: Mapping[str, str]) -> None:
    """Write an archive that only its owner may read.

    Raises:
        OSError: it exists, or cannot be written.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def run_program(words: list[str]) -> list[str]:
    """Run a program of the system; see `Run`."""
    program = shutil.which(words[0])
    if program is None:
        return []
    try:
        done = subprocess.run([program, *words[1:]], capture_output=True, timeout=LIMIT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()


def _learn(words: Placeholders, settings: Settings) -> None:
    """Add all values that must be replaced in the texts."""
    for secret in _secrets(settings):
        words.of(SECRET, secret)
    for email, mailbox in settings.mailboxes.addresses.items():
        words.of(ADDRESS, email)
        words.of(ADDRESS, mailbox.address)
    if (host := urlsplit(settings.store.address).hostname) is not None:
        words.of(HOST, host)
    for domains in settings.mailboxes.domains.items():
        for domain in domains:
            words.of(HOST, domain)
    words.of(MACHINE, socket.gethostname())


def _secrets(settings: Settings) -> Iterator[str]:
    """Yield every secret, as written and without additions around it."""
    for secret in _written_secrets(settings):
        yield from {secret, bare(secret)} - {""}


def _written_secrets(settings: Settings) -> Iterator[str]:
    for source in settings.sources.values():
        yield from (each.secret.value for each in source.secrets)
        if source.api is not None:
            yield source.api.password.value
    for calendar in settings.calendars.values():
        if isinstance(calendar, EwsCalendar):
            yield calendar.username
            if calendar.password is not None:
                yield calendar.password.value
    yield from (address.value for address in settings.alerts.to)
    if (key := token_key.existing_secret(settings)) is not None:
        yield key
    if (password := urlsplit(settings.store.address).password) is not None:
        yield from {password, unquote(password)}


def _version() -> dict[str, object]:
    packages = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "distribution": _distribution(),
        "packages": dict(sorted(packages.items())),
    }


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _system(settings: Settings, run: Run) -> dict[str, object]:
    clock = run(["timedatectl", "show", "--property=NTP", "--property=NTPSynchronized", "--property=Timezone"])
    return {"clock": dict(line.split("=", 1) for line in clock if "=" in line), "disk": _disk(settings)}


def _disk(settings: Settings) -> dict[str, object] | None:
    file = sqlite_file(settings.store.address)
    if file is None or not file.parent.is_dir():
        return None
    usage = shutil.disk_usage(file.parent)
    files = {"database": file, "log": Path(f"{file}-wal")}
    sizes = {name: path.stat().st_size for name, path in files.items() if path.exists()}
    kind = check.file_system(file.parent.resolve(), check.mount_table())
    return {"file_system": kind, "total": usage.total, "free": usage.free, "sizes": sizes}


def _of_store(settings: Settings, store: Store | None, now: datetime) -> dict[str, object]:
    kind = "sqlite" if sqlite_file(settings.store.address) else "postgresql"
    if store is None:
        return {"store.json": {"kind": kind, "usable": False}}
    standing = store.standing()
    described = {"kind": kind, "usable": True, "revision": store.revision(), "standing": standing}
    if not standing.usable:
        return {"store.json": described}
    who, found = store.installation(), status.status(settings, store, now)
    return {
        "store.json": described
        | {"must_adopt": who.must_adopt, "uninstalled_at": who.uninstalled_at, "rows": store.read(backup.counts_of)},
        "status.json": {
            "troubles": [asdict(trouble) for trouble in found.troubles],
            "sight": asdict(found.sight) if found.sight else None,
            "seconds_since_beats": _beats(store.read(heartbeats.beats), now),
        },
        "servers.json": [
            {name: value for name, value in asdict(server).items() if name not in {"credentials", "probe"}}
            for server in store.read(servers.listed)
        ],
        "failures.json": [asdict(group) for group in store.read(overview.failures, now)],
        "tallies.json": [asdict(count) for count in store.read(activity.hours, now - COUNTED)],
        "figures.json": {name: asdict(figure) for name, figure in store.read(counters.figures_named).items()},
    }


def _beats(beats: Mapping[str, datetime], now: datetime) -> dict[str, list[int]]:
    """Return the ages of the last heartbeats, by kind of process: full names would show the machine's name."""
    ages: defaultdict[str, list[int]] = defaultdict(list)
    for name, at in beats.items():
        ages[name.partition("/")[0]].append(int((now - at).total_seconds()))
    return dict(ages)


def _log(run: Run) -> list[str]:
    """Return the end of our log, if this machine has it and we may read it."""
    lines: Iterable[str] = run(["journalctl", "-u", UNIT, "-n", str(LINES), "-o", "cat", "--no-pager"])
    return [kept for line in lines if (kept := anonymise.log_line(line)) is not None]
