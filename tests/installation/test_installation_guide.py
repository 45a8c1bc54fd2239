"""The installation guide, carried out word by word on an empty Debian 12: from nothing to an appointment in a calendar.

There is no systemd as process 1 in a chroot: where the guide says `systemctl start`, the unit's ExecStart is run as the
unit's user, under the unit's own seccomp filter and with nothing writable but its state. The rest is the guide's.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import trustme

from demo.processes import is_ready
from emitter.delivery import Courier, DeliveryReport
from emitter.platforms import Platform, signer
from emitter.retries import RetryPolicy
from emitter.scenarios import ExpectedEntry, Story, build
from mock_exchange.exchange import MockExchange
from tests.installation.confinement import LAUNCHER, UNIT, allowed_calls, setting
from tests.installation.guide import blocks
from tests.installation.network import loopback_only
from tests.lab.waiting import wait_until
from tests.packaging import sandbox
from tests.packaging.image import host_settings
from tests.packaging.sandbox import Sandbox, run
from tests.requirements import require

CHECKOUT = Path(__file__).parents[2]
VERSION = "0.1.0"
SECRET, PASSWORD = "un secret assez long pour un essai", "Un mot de passe d'essai"
MARTINE, KARIM = "martine.agent@departement.example", "karim.agent@departement.example"
MAIL = "mail.departement.example"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """The empty Debian and what becomes of it."""

    root: Path

    def carry_out(self, script: str, **env: str) -> str:
        """Run a block of the guide as its reader, root, does."""
        done = run(self._sandbox(env), ["sh", "-euc", script], timeout_s=300)
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def _sandbox(self, env: dict[str, str] | None = None) -> Sandbox:
        return Sandbox(self.root, {"PATH": PATH, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(env or {})})

    def nginx(self) -> list[str]:
        """The command of the reverse proxy."""
        return self._sandbox().command(["nginx", "-g", "daemon off;"])

    def service(self, calls: Path) -> list[str]:
        """The unit's command, confined as the unit says."""
        unit = (self.root / "etc/systemd/system/rdv-receiver.service").read_text()
        user, states = setting(unit, "User"), [f"/var/lib/{name}" for name in setting(unit, "StateDirectory").split()]
        uid, gid = account(self.root, user)
        confined = Sandbox(
            self.root,
            {"PATH": PATH, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            directory=setting(unit, "WorkingDirectory"),
            user=f"{uid}:{gid}",
            read_only=True,
            binds={
                **{self.root / state[1:]: state for state in states},
                LAUNCHER: "/srv/confined.py",
                calls: "/srv/calls",
            },
        )
        limit = setting(unit, "LimitNOFILE")
        return confined.command(
            ["python3", "/srv/confined.py", "/srv/calls", limit, *setting(unit, "ExecStart").split()]
        )


@pytest.fixture
def server() -> Iterator[Server]:
    """An empty Debian, gone afterwards."""
    require(not sandbox.missing(), f"a chroot needs {sandbox.missing()}")
    require(shutil.which("debootstrap"), "debootstrap is not installed")
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    with tempfile.TemporaryDirectory() as work:
        root = Path(work) / "root"
        if made := os.environ.get("RDV_DEBIAN_ROOT"):  # a developer's, to save half a minute
            subprocess.run(["cp", "-a", made, root], check=True)
        else:
            options = ["--variant=minbase", "--include=systemd,ca-certificates"]  # a server's image has these
            done = subprocess.run(
                ["debootstrap", *options, "bookworm", root], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # no package starts anything here
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        yield Server(root)


def account(root: Path, name: str) -> tuple[str, str]:
    """Return the uid and the gid that systemd-sysusers gave."""
    [line] = (line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith(f"{name}:"))
    return line.split(":")[2], line.split(":")[3]


def test_the_guide_leads_to_an_appointment_in_a_calendar(server: Server, tmp_path: Path) -> None:
    """One test, since each step stands on the one before."""
    bundle = server.root / f"root/rdv-receiver-{VERSION}"
    subprocess.run([sys.executable, CHECKOUT / "deploy/offline/bundle.py", "--output", bundle], check=True)
    packages, check_sums, install, user, secrets, configure, check, proxy = blocks("installation.md")
    server.carry_out(packages, **host_settings())
    with ExitStack() as stack:
        stack.enter_context(loopback_only())
        exchange = stack.enter_context(exchange_server(server, tmp_path))
        for block in (check_sums, install, user):
            server.carry_out(block)
        write_secrets(server)
        for block in (secrets, configure):
            server.carry_out(block)
        server.carry_out(check)
        ca_file = write_certificate(server, tmp_path)
        server.carry_out(proxy)
        listen_on_one_address(server)
        calls, service_log = tmp_path / "calls", tmp_path / "service"
        calls.write_text("\n".join(sorted(allowed_calls(UNIT.read_text()))))
        with running(server.service(calls), service_log), running(server.nginx(), tmp_path / "nginx"):
            wait_until(lambda: is_ready("http://127.0.0.1:8080"), "the service", PATIENCE_S, 0.2, service_log.read_text)
            assert answers("https://127.0.0.1/healthz", ca_file)
            assert not answers("https://127.0.0.1/readyz", ca_file)
            story = build("working_day", datetime.now(UTC))
            assert delivered(story, ca_file).undelivered == ()
            wait_until(
                lambda: shown(exchange, MARTINE) == story.expected[MARTINE],
                "the entry",
                PATIENCE_S,
                0.2,
                service_log.read_text,
            )
            assert shown(exchange, KARIM) == (), "the guide begins with one person"
        assert exchange.complaints == []
        log = service_log.read_text()
        assert '"level": "error"' not in log
        upgrade(server, bundle)


def upgrade(server: Server, bundle: Path) -> None:
    """The other guide, on the same server: the new version is the old one under another number."""
    shutil.copytree(bundle, bundle.with_name("rdv-receiver-0.1.1"))
    for block in blocks("mise-a-jour.md"):
        server.carry_out(block, NOUVELLE="0.1.1")
    assert (server.root / "opt/rdv-receiver/current").readlink() == Path("0.1.1")
    assert (server.root / "root/rdv-sauvegarde/rdv.db").is_file()


@contextmanager
def exchange_server(server: Server, folder: Path) -> Iterator[MockExchange]:
    """An Exchange whose certificate is of the house's own authority."""
    authority = trustme.CA()
    pem = folder / "exchange.pem"
    authority.issue_cert(MAIL).private_key_and_cert_chain_pem.write_to_path(pem)
    (server.root / "etc/rdv-receiver").mkdir()
    authority.cert_pem.write_to_path(server.root / "etc/rdv-receiver/autorite.pem")
    with (server.root / "etc/hosts").open("a") as hosts:
        hosts.write(f"\n127.0.0.1 localhost\n127.0.0.2 {MAIL}\n")
    with MockExchange(
        [MARTINE, KARIM],
        auth="ntlm",
        users={"DEPARTEMENT\\svc-rdv": PASSWORD},
        impersonators={"DEPARTEMENT\\svc-rdv": None},
        tls=(str(pem), str(pem)),
        host="127.0.0.2",
        port=443,
    ) as exchange:
        yield exchange


def write_secrets(server: Server) -> None:
    """What the guide's reader does in an editor."""
    for name, value in (("mds", SECRET), ("exchange", PASSWORD)):
        (server.root / "etc/rdv-receiver/secrets" / name).write_text(f"{value}\n")


def write_certificate(server: Server, folder: Path) -> Path:
    """Put the public certificate where the guide says; return its authority."""
    authority = trustme.CA()
    issued = authority.issue_cert("rdv.departement.example", "127.0.0.1")
    target = server.root / "etc/ssl/rdv-receiver"
    target.mkdir()
    issued.private_key_pem.write_to_path(target / "cle.pem")
    issued.cert_chain_pems[0].write_to_path(target / "certificat.pem")
    authority.cert_pem.write_to_path(folder / "public.pem")
    return folder / "public.pem"


def listen_on_one_address(server: Server) -> None:
    """Here the Exchange is on the same machine, and has its port on another address."""
    path = server.root / "etc/nginx/conf.d/rdv-receiver.conf"
    path.write_text(re.sub(r"listen 443 ssl;", "listen 127.0.0.1:443 ssl;", path.read_text(), count=1))


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[None]:
    """Run a part of the server until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        subprocess.run(["kill", "-TERM", *child], check=False)
        process.wait(PATIENCE_S)


def answers(url: str, ca_file: Path | None = None) -> bool:
    """Whether it says 200."""
    with suppress(requests.ConnectionError), requests.get(url, timeout=10, verify=str(ca_file or True)) as answer:
        return answer.status_code == 200
    return False


def delivered(story: Story, ca_file: Path) -> DeliveryReport:
    """Send the day's webhooks as the platform does."""
    courier = Courier(
        url="https://127.0.0.1/webhooks/mds",
        signer=signer(Platform.RDV_SERVICE_PUBLIC, SECRET),
        policy=RetryPolicy(Platform.RDV_SERVICE_PUBLIC.waits_s, time_scale=0.01),
        ca_file=str(ca_file),
    )
    return courier.deliver([step.delivery for step in story.steps])


def shown(exchange: MockExchange, mailbox: str) -> tuple[ExpectedEntry, ...]:
    """Return what the calendar holds, in order of time."""
    held = (
        ExpectedEntry(item.subject, item.location or "", item.start, item.end)
        for item in exchange.items(mailbox, "calendar")
    )
    return tuple(sorted(held, key=lambda entry: (entry.start, entry.title)))
