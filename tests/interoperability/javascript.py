"""ews-javascript-api on Node.js: its packages, installed once for each state of the lock file, and runs of it."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.requirements import require

HERE = Path(__file__).parent / "node"
MANIFEST = ("package.json", "package-lock.json")
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
PATIENCE_S = 120


def packages(manifest: Path = HERE) -> Path:
    """Return a folder with the packages that a folder's lock file names, below the user's cache."""
    require(shutil.which("node") and shutil.which("npm"), "Node.js with npm is not installed")
    digest = hashlib.sha256(b"".join(manifest.joinpath(name).read_bytes() for name in MANIFEST)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rdv-receiver-tests")
    wanted = cache / f"node-{digest}"
    if not wanted.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(manifest, wanted)
    return wanted


def _install(manifest: Path, wanted: Path) -> None:
    """Install beside, then rename: an interrupted installation is never found, and of two at once one stays."""
    with tempfile.TemporaryDirectory(dir=wanted.parent) as work:
        folder = Path(work, "node")
        folder.mkdir()
        for name in MANIFEST:
            shutil.copy(manifest / name, folder)
        installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, timeout=PATIENCE_S, check=False)
        require(installed.returncode == 0, f"npm cannot install what {manifest}/package-lock.json names")
        try:
            folder.rename(wanted)
        except OSError:
            if not wanted.exists():
                raise


@dataclass(frozen=True)
class Client:
    """One account of one server, acting as one mailbox."""

    folder: Path
    url: str
    username: str
    password: str
    mailbox: str

    def run(self, *steps: dict[str, Any]) -> list[Any]:
        """Do the steps in one process; return their answers."""
        where = {"url": self.url, "username": self.username, "password": self.password, "mailbox": self.mailbox}
        done = subprocess.run(
            ["node", str(HERE / "client.mjs")],
            cwd=self.folder,
            input=json.dumps(where | {"steps": steps}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        answers: list[Any] = json.loads(done.stdout)
        return answers
