"""A private Kerberos realm: an MIT KDC with its own configuration and database, on loopback, in a temporary folder."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.lab.waiting import wait_until
from tests.requirements import require

REALM = "DEPARTEMENT.EXAMPLE"
DEADLINE_S = 20

# TCP first: where nobody listens, it is told at once. One try, or a lost datagram would cost seconds.
_CLIENT = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  max_retries = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
"""

_KDC = """
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principals
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
    max_life = 8h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{log}
"""


class Realm:
    """One realm. Its environment is the only thing that the process must be told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "kdc.log"
        self._port = _free_port()
        self._kdc: subprocess.Popen[bytes] | None = None
        words = {"realm": REALM, "port": self._port, "folder": folder, "log": self.log}
        (folder / "krb5.conf").write_text(_CLIENT.format(**words))
        (folder / "kdc.conf").write_text(_KDC.format(**words))
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")

    @property
    def environment(self) -> Mapping[str, str]:
        """What the Kerberos libraries must find, and what they must not."""
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            # Were one of these used in place of what a connector was given, its calls would fail.
            "KRB5CCNAME": "FILE:/nowhere/ccache",
            "KRB5_KTNAME": "FILE:/nowhere/keytab",
            "KRB5_CLIENT_KTNAME": "FILE:/nowhere/keytab",
            "KRB5RCACHENAME": "none:",
        }

    def add(self, principal: str, life: str = "8 hours", options: str = "") -> Path:
        """Make a principal with a chance key, anew where it exists, and return its keytab."""
        self.remove(principal)
        self._admin(f'addprinc -randkey -maxlife "{life}" {options} {principal}')
        return self.keytab(principal)

    def keytab(self, principal: str) -> Path:
        """Return a new keytab with a principal's key, which stays the same."""
        path = self.folder / f"{principal.replace('/', '-')}-{len(list(self.folder.iterdir()))}.keytab"
        self._admin(f"ktadd -norandkey -k {path} {principal}")
        return path

    def change_key(self, principal: str) -> None:
        """Change a principal's key: keytabs made before are worth nothing."""
        self._admin(f"change_password -randkey {principal}")

    def remove(self, principal: str) -> None:
        """Forget a principal."""
        self._admin(f"delprinc -force {principal}")

    def start(self) -> None:
        """Start the KDC and wait until it listens."""
        log = (self.folder / "krb5kdc.out").open("wb")
        with log:
            self._kdc = subprocess.Popen(
                [_program("krb5kdc"), "-n", "-P", str(self.folder / "pid")],
                env=self._variables(),
                stdout=log,
                stderr=log,
            )
        wait_until(self._listens)

    def stop(self) -> None:
        """Stop the KDC."""
        if self._kdc:
            self._kdc.terminate()
            self._kdc.wait(DEADLINE_S)
            self._kdc = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have no KDC for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def issued(self, kind: str = "AS_REQ") -> int:
        """Count the tickets given out: `AS_REQ` to begin with, `TGS_REQ` for services."""
        return sum(f"{kind} " in line and "ISSUE" in line for line in self.log.read_text().splitlines())

    def failed(self, principal: str) -> int:
        """Count the attempts of an account that were refused, as a domain counts them before it locks one."""
        told = ("CLIENT_NOT_FOUND", "PREAUTH_FAILED")
        return sum(
            principal in line and any(word in line for word in told) for line in self.log.read_text().splitlines()
        )

    def _listens(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _admin(self, query: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", query)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([_program(program), *arguments], env=self._variables(), check=True, capture_output=True)

    def _variables(self) -> dict[str, str]:
        return os.environ | dict(self.environment)


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    require(found, f"no {name}: install krb5-kdc and krb5-admin-server")
    return str(found)


def _free_port() -> int:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@contextmanager
def kerberos_realm(folder: Path) -> Iterator[Realm]:
    """Run a realm with its environment set in this process.

    The libraries read it at each call, so it stays until the end.
    """
    realm = Realm(folder)
    realm.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in realm.environment.items():
                patch.setenv(name, value)
            yield realm
    finally:
        realm.stop()
