"""Debian's `webhook`, which `benchmarks.intake` compares with, and the hooks that keep a body on the disk."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake_servers import Kept, Running, wait_for
from demo import processes

HOOK = """\
#!/bin/sh
dd of="$SPOOL/$HOOK_ID" conv=fsync status=none <<BODY && exec sync -- "$SPOOL"
$HOOK_BODY
BODY
"""
HOOK_FILE_ONLY = """\
#!/bin/sh
exec dd of="$SPOOL/$HOOK_ID" conv=fsync status=none <<BODY
$HOOK_BODY
BODY
"""


@dataclass(frozen=True, slots=True)
class GoWebhook:
    """Debian's `webhook` with a hook that is done when the body is on the disk."""

    folder: Path
    secret: str
    hook: str = HOOK

    @contextmanager
    def running(self) -> Iterator[Running]:
        """Run it."""
        program = shutil.which("webhook")
        if program is None:
            sys.exit("Debian's package `webhook` is not installed (or use --no-webhook)")
        port = processes.free_port()
        spool = self.folder / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        command = [program, "-hooks", str(self._hooks()), "-ip", "127.0.0.1", "-port", str(port)]
        quiet = subprocess.DEVNULL
        environment = os.environ | {"SPOOL": str(spool)}
        server = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, text=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/")
            yield Running([port], "/hooks/rdv", [], lambda: _files(spool))
        finally:
            processes.stop(server)

    def _hooks(self) -> Path:
        script = self.folder / "hook.sh"
        script.write_text(self.hook, "utf-8")
        script.chmod(0o755)
        path = self.folder / "hooks.json"
        path.write_text(json.dumps([self._hook(script)]), "utf-8")
        return path

    def _hook(self, script: Path) -> dict[str, object]:
        parameter = {"source": "header", "name": "X-Lapin-Signature"}
        signed = {"type": "payload-hmac-sha256", "secret": self.secret, "parameter": parameter}
        given = [{"source": "raw-request-body", "envname": "HOOK_BODY"}]
        given += [{"source": "header", "name": "X-Lapin-Signature", "envname": "HOOK_ID"}]
        return {
            "id": "rdv",
            "execute-command": str(script),
            "command-working-directory": str(self.folder),
            "include-command-output-in-response": True,  # it answers when the hook is done
            "pass-environment-to-command": given,
            "trigger-rule": {"match": signed},
        }


def _files(spool: Path) -> Kept:
    """Count the files that hold something: each has its body's signature for a name."""
    return Kept(sum(1 for file in spool.iterdir() if file.stat().st_size), 0)
