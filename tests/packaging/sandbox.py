"""Runs commands in a root file system of their own, confined as a container engine confines them.

Mount and process namespaces of util-linux stand in for the engine. What is started is process 1 of its namespace, and
every mount goes with it.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("unshare", "nsenter", "chroot", "setpriv", "mount", "ip")
_DEVICES = ("null", "zero", "full", "random", "urandom")


def missing() -> list[str]:
    """Return what this machine lacks to run anything here."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    return [*lacking, *([] if os.geteuid() == 0 else ["root"])]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A root file system and how it is presented to what runs in it."""

    root: Path
    env: Mapping[str, str]
    directory: str = "/"
    user: str | None = None
    """`uid:gid`, without any privilege; None: root, with all."""
    read_only: bool = False
    network: bool = True
    """The machine's own network; else nothing but a loopback interface."""
    binds: Mapping[Path, str] = field(default_factory=dict)
    """Host paths and where they are mounted."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return a host command that starts `argv` inside."""
        setup = "\n".join(["set -eu", *self._mounts(), *self._loopback(), 'exec "$@"'])
        spaces = ["--mount", "--pid", "--fork", "--kill-child", *([] if self.network else ["--net"])]
        return ["unshare", *spaces, "sh", "-c", setup, "sandbox", "chroot", str(self.root), *self._dropped(argv)]

    def also(self, process: int, argv: Sequence[str]) -> list[str]:
        """Return a host command that runs `argv` beside a process that was started here."""
        spaces = ["--mount", "--pid", "--net", "--root"]
        return ["nsenter", "--target", str(process), *spaces, *self._dropped(argv)]

    def _dropped(self, argv: Sequence[str]) -> list[str]:
        environment = ["env", "-i", "-C", self.directory, *(f"{name}={value}" for name, value in self.env.items())]
        if self.user is None:
            return [*environment, *argv]
        uid, _, gid = self.user.partition(":")
        identity = ["--reuid", uid, "--regid", gid, "--clear-groups"]
        powers = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        return ["setpriv", *identity, *powers, *environment, *argv]

    def _mounts(self) -> list[str]:
        root = shlex.quote(str(self.root))
        lines = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount -t tmpfs dev {root}/dev"]
        for device in _DEVICES:
            lines += [f"touch {root}/dev/{device}", f"mount --bind /dev/{device} {root}/dev/{device}"]
        lines.append(f"mount -t tmpfs -o mode=1777 tmp {root}/tmp")
        for source, target in self.binds.items():
            mount_point = shlex.quote(f"{self.root}{target}")
            make = f"mkdir -p {mount_point}" if source.is_dir() else f"touch {mount_point}"
            lines += [make, f"mount --bind {shlex.quote(str(source))} {mount_point}"]
        if self.read_only:
            lines.append(f"mount -o remount,bind,ro {root}")
        return lines

    def _loopback(self) -> list[str]:
        return [] if self.network else ["ip link set lo up"]


def run(sandbox: Sandbox, argv: Sequence[str], timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run to the end; the output is text, errors included."""
    command = sandbox.command(argv)
    out = subprocess.PIPE
    return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False)
