"""What `check` says of configurations that work and let somebody in."""

import json
import os
from pathlib import Path

import pytest

from receiver.cli import main as cli
from receiver.config import load
from receiver.config.store_url import unverified_host
from receiver.operations.support.check import Level
from receiver.operations.support.check_exposure import exposure_findings

STORE = "postgresql+psycopg://rdv:passe@"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("sqlite:////var/lib/rdv.db", None),
        (f"{STORE}base.departement.example/rdv", "base.departement.example"),
        (f"{STORE}base.departement.example:5433/rdv", "base.departement.example:5433"),
        (f"{STORE}10.1.2.3/rdv?sslmode=require", "10.1.2.3"),
        (f"{STORE}10.1.2.3/rdv?sslmode=verify-ca", "10.1.2.3"),
        (f"{STORE}10.1.2.3/rdv?sslmode=verify-full&application_name=x", None),
        (f"{STORE}10.1.2.3/rdv?sslmode=verify-full&sslmode=disable", "10.1.2.3"),
        (f"{STORE}[2001:db8::1]:5432/rdv", "[2001:db8::1]:5432"),
        (f"{STORE}localhost/rdv", None),
        (f"{STORE}LOCALHOST:5433/rdv", None),
        (f"{STORE}127.0.0.2:5433/rdv", None),
        (f"{STORE}[::1]:5432/rdv", None),
        (f"{STORE}[::1]/rdv", None),
        (f"{STORE}/rdv", None),
        ("postgresql+psycopg:///rdv", None),
        ("postgresql+psycopg:///rdv?host=/var/run/postgresql", None),
        ("postgresql+psycopg:///rdv?host=base.departement.example", "base.departement.example"),
        (f"{STORE}localhost/rdv?host=base.departement.example", "base.departement.example"),
        (f"{STORE}localhost/rdv?hostaddr=10.1.2.3", "10.1.2.3"),
        (f"{STORE}localhost,base.departement.example:5432/rdv", "base.departement.example:5432"),
        (f"{STORE}%2Fvar%2Frun%2Fpostgresql/rdv", None),
        (f"{STORE}localhost.example/rdv", "localhost.example"),
    ],
)
def test_a_server_elsewhere_is_verified_by_name_or_told(address: str, host: str | None) -> None:
    assert unverified_host(address) == host


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RDV_SECRET", "un secret assez long pour un essai")
    (tmp_path / "ics").mkdir()
    path = tmp_path / "config.yaml"
    path.write_text(
        f"store: {{url: 'sqlite:///{tmp_path}/rdv.db'}}\n"
        "sources: {mds: {emitter: rdv_service_public, platform: production, secrets: [{env: RDV_SECRET}]}}\n"
        f"calendars: {{pilote: {{kind: ics_folder, path: '{tmp_path}/ics'}}}}\n"
        "mailboxes: {domains: {departement.example: departement.example}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("{pages: true, proxy: {address: 127.0.0.1}}", True),
        ("{pages: true, proxy: {address: 127.0.0.1, role: operate}}", True),
        ("{pages: true, proxy: {address: '::1'}}", True),
        ("{pages: true, proxy: {address: 0.0.0.0/0}}", True),
        ("{pages: true, proxy: {address: '::/0'}}", True),
        ("{pages: true, proxy: {address: 10.1.2.9}}", False),
        ("{pages: false, proxy: {address: 127.0.0.1}}", False),
        ("{pages: true}", False),
    ],
)
def test_a_trusted_proxy_on_this_machine_is_told(config: Path, web: str, told: bool) -> None:
    config.write_text(config.read_text() + f"web: {web}\n")
    found = list(exposure_findings(load(config, os.environ)))
    assert [(finding.code, finding.level) for finding in found] == [("proxy_on_loopback", Level.WARNING)] * told


def test_check_tells_both_and_goes_on(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--config", str(config), "migrate"]) == 0
    config.write_text(
        config.read_text() + "web: {pages: true, listen: '127.0.0.1:0', proxy: {address: 127.0.0.1, role: operate}}\n"
    )
    capsys.readouterr()
    assert cli.main(["--config", str(config), "check", "--json"]) == 0
    codes = [finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    assert "proxy_on_loopback" in codes
    assert cli.main(["--config", str(config), "check"]) == 0
    assert "127.0.0.1" in capsys.readouterr().out
