"""The reverse proxies of deploy/, with this machine's paths and ports in the place of a server's; no other change."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.lab.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "rdv.departement.example"
INNER_HOST = "rdv-interne.departement.example"
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs."""

    port: int
    ca_file: Path
    log: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy runs in a test."""

    folder: Path
    port: int
    behind: int
    """The receiver's port."""
    inner_port: int | None = None
    """Where the pages are for the inside; None: nowhere."""

    def certificate(self) -> Path:
        """Make both certificates and their authority; return the authority's file."""
        authority = trustme.CA()
        for host, key, chain in ((HOST, "cle", "certificat"), (INNER_HOST, "interne-cle", "interne")):
            issued = authority.issue_cert(host)
            issued.private_key_pem.write_to_path(self.folder / f"{key}.pem")
            for pem in issued.cert_chain_pems:
                pem.write_to_path(self.folder / f"{chain}.pem", append=True)
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        return self.folder / "ca.pem"


def nginx_files(place: Place, emitters: str = "", inside: str = "127.0.0.0/8") -> Path:
    """Write nginx's configuration for here; return its main file. `inside`: who may see the pages."""
    ours = substituted(
        (DEPLOY / "nginx/rdv-receiver.conf").read_text("utf-8"),
        {
            "listen 443 ssl;": f"listen 127.0.0.1:{place.port} ssl;",
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{place.behind};",
            "/etc/ssl/rdv-receiver/": f"{place.folder}/",
            "/etc/nginx/rdv-receiver-emetteurs.conf": f"{place.folder}/emetteurs.conf",
            "/var/log/nginx/": f"{place.folder}/",
        },
    )
    (place.folder / "rdv-receiver.conf").write_text(ours, "utf-8")
    shipped = (DEPLOY / "nginx/rdv-receiver-emetteurs.conf").read_text("utf-8")
    (place.folder / "emetteurs.conf").write_text(shipped + emitters, "utf-8")
    (place.folder / "interne.conf").write_text(_inner_nginx(place, inside) if place.inner_port else "", "utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {place.folder}/{kind};\n" for kind in kinds)
    main = place.folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\npid {place.folder}/nginx.pid;\nevents {{}}\nerror_log {place.folder}/nginx.log;\n"
        f"http {{\n{temporary}include {place.folder}/rdv-receiver.conf;\ninclude {place.folder}/interne.conf;\n}}\n",
        "utf-8",
    )
    return main


def _inner_nginx(place: Place, inside: str) -> str:
    return substituted(
        (DEPLOY / "nginx/rdv-receiver-interne.conf").read_text("utf-8"),
        {
            "listen 10.1.2.3:8443 ssl;": f"listen 127.0.0.1:{place.inner_port} ssl;",
            "allow 10.0.0.0/8;": f"allow {inside};",
            "/etc/ssl/rdv-receiver/": f"{place.folder}/",
            "/var/log/nginx/": f"{place.folder}/",
        },
    )


def caddy_file(place: Place, emitters: str = "", inside: str = "127.0.0.0/8") -> Path:
    """Write Caddy's configuration for here. `emitters`: the only ones; `inside`: who may see the pages."""
    ours = substituted(
        (DEPLOY / "caddy/Caddyfile").read_text("utf-8"),
        {
            f"https://{HOST} {{": f"https://{HOST}:{place.port} {{\n\tbind 127.0.0.1",
            "reverse_proxy 127.0.0.1:8080": f"reverse_proxy 127.0.0.1:{place.behind}",
            "/etc/ssl/rdv-receiver/": f"{place.folder}/",
        },
    )
    if emitters:
        start = ours.index("# @ailleurs")
        end = ours.index("# }", start) + len("# }")
        rule = ours[start:end].replace("# ", "").replace("192.0.2.0/24 2001:db8:1234::/48", emitters)
        ours = ours[:start] + rule + ours[end:]
    if place.inner_port:
        inner = {
            f"https://{INNER_HOST}:8443": f"https://{INNER_HOST}:{place.inner_port}",
            "bind 10.1.2.3": "bind 127.0.0.1",
            "remote_ip 10.0.0.0/8": f"remote_ip {inside}",
            "reverse_proxy 127.0.0.1:8080": f"reverse_proxy 127.0.0.1:{place.behind}",
            "/etc/ssl/rdv-receiver/": f"{place.folder}/",
        }
        text = substituted((DEPLOY / "caddy/interne.caddy").read_text("utf-8"), inner)
        (place.folder / "interne.caddy").write_text(text, "utf-8")
        imported = "import /etc/caddy/interne.caddy"
        ours = substituted(ours, {f"# {imported}": f"import {place.folder}/interne.caddy"})
    path = place.folder / "Caddyfile"
    path.write_text(ours, "utf-8")
    return path


def substituted(text: str, changes: dict[str, str]) -> str:
    """Replace each word; one that is not there is an error."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def running(command: list[str], place: Place, ca_file: Path) -> Iterator[Proxy]:
    """Run a proxy until the block ends."""
    log = place.folder / "output"
    environment = {**os.environ, "HOME": str(place.folder), "XDG_DATA_HOME": str(place.folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        _wait_for(process, place.port, log)
        yield Proxy(place.port, ca_file, log)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    wait_until(answers, "the proxy", PATIENCE_S, evidence=log.read_text)
