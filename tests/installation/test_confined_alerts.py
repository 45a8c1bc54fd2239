"""Alerts under the unit's confinement: the libraries that send them, and the authorities they trust."""

import ctypes.util
import json
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import trustme

from receiver.alerts.send_process import Outcome
from tests.alerts.sinks import http_sink, smtp_sink
from tests.installation.confinement import LAUNCHER, UNIT, allowed_calls, setting
from tests.requirements import require


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_letters_leave_the_confined_service(tmp_path: Path) -> None:
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    require(ctypes.util.find_library("seccomp"), "libseccomp is not installed")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "autorite.pem")
    unit = UNIT.read_text()
    (tmp_path / "calls").write_text("\n".join(sorted(allowed_calls(unit))))
    confined = [sys.executable, str(LAUNCHER), str(tmp_path / "calls"), setting(unit, "LimitNOFILE")]

    def send(address: str) -> str:
        order = {"app": "essai", "authorities": str(tmp_path / "autorite.pem"), "address": address}
        order |= {"title": "Essai", "body": "Essai", "tone": "info"}
        command = [*confined, sys.executable, "-m", "receiver.alerts.send_process"]
        done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, timeout=90, check=False)
        return done.stdout + done.stderr

    with http_sink(server_tls(authority)) as http, smtp_sink(starttls=server_tls(authority)) as smtp:
        assert send(f"jsons://127.0.0.1:{http.port}") == Outcome.SENT
        mail = f"mailtos://127.0.0.1:{smtp.port}?from=rdv@ville.example&to=dsi@ville.example"
        assert send(mail) == Outcome.SENT
        assert (http.titles, smtp.subjects) == (["Essai"], ["Essai"])
