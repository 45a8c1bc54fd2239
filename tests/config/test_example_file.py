"""The example is the reference page of the configuration: it must load as it is and name every key."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from receiver.config import Auth, EwsCalendar, IcsFolder, load
from receiver.config.secret_fields import SecretReference
from receiver.config.section import Section
from receiver.config.settings import SECTIONS
from receiver.core.mailboxes import Mailbox
from receiver.core.policies import OnCancel, Policies

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
COMMENTED_OUT = re.compile(r"^  # (exchange-kerberos:|installation:|  (?=\S))", re.MULTILINE)
"""The lines of the calendar that most do without, and the key that nobody has before the first start."""
ENVIRON = {"RDV_SECRET_MDS_NORD": "a", "RDV_SECRET_INSERTION": "b", "RDV_EXCHANGE_PASSWORD": "c"}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The example where an administrator would put it, with the files it names."""
    shutil.copy(EXAMPLE, tmp_path / "config.yaml")
    (tmp_path / "secrets").mkdir()
    for name in ("base", "mds-sud", "api-mds", "alerte-courriel", "jetons"):
        secret = tmp_path / "secrets" / name
        secret.write_text("0123456789abcdef" * 4 if name == "jetons" else f"{name}-secret\n")
        secret.chmod(0o600)
    trustme.CA().cert_pem.write_to_path(tmp_path / "autorite.pem")
    (tmp_path / "agents.csv").write_text("agent;mailbox\na@x.example;b@y.example\n")
    return tmp_path / "config.yaml"


def test_the_example_loads_as_it_is(installed: Path) -> None:
    settings = load(installed, ENVIRON)
    assert settings.warnings == ()
    assert settings.store.address == "postgresql+psycopg://rdv:base-secret@base.departement.example/rdv"
    assert isinstance(settings.calendars["exchange"], EwsCalendar)
    assert settings.calendars["pilote"] == IcsFolder(name="pilote", path=Path("/var/lib/rdv-receiver/pilote"))
    assert settings.mailboxes.addresses["a@x.example"] == Mailbox("exchange", "b@y.example")
    assert settings.mailboxes.addresses["essai@departement.example"].calendar == "pilote"


def uncommented(text: str) -> str:
    return COMMENTED_OUT.sub(lambda found: f"  {found[1]}", text)


def test_the_calendar_that_is_commented_out_loads_as_it_is(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.config.loading._kerberos_is_installed", lambda: True)
    installed.write_text(uncommented(installed.read_text()))
    keytab = installed.parent / "exchange.keytab"
    keytab.write_bytes(b"\x05\x02")
    keytab.chmod(0o600)
    calendar = load(installed, ENVIRON).calendars["exchange-kerberos"]
    assert isinstance(calendar, EwsCalendar)
    assert (calendar.auth, calendar.keytab, calendar.password) == (Auth.KERBEROS, keytab, None)


def test_a_sources_policies_override_the_global_ones_key_by_key(installed: Path) -> None:
    settings = load(installed, ENVIRON)
    assert settings.sources["insertion"].policies.on_cancel is OnCancel.DELETE
    assert settings.sources["mds"].policies.on_cancel is OnCancel.MARK
    assert settings.sources["mds"].policies.reminder_minutes == 15


def test_the_example_shows_the_defaults_where_it_says_so() -> None:
    shown: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["policies"]
    for name in shown.keys() - {"link_hosts", "reminder_minutes", "category", "motif_titles"}:
        assert shown[name] == getattr(Policies(), name)


def _keys(section: type[Section]) -> set[str]:
    """Every key that a section may have, in it or deeper."""
    keys = set(section.file_keys())
    return keys.union(*(_keys(inner) for key in keys for inner in section.sections_under(key)))


def _written_keys(value: object) -> set[str]:
    if isinstance(value, list):
        return {key for part in value for key in _written_keys(part)}
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in _written_keys(part)}
    return set()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_the_schema_appears_in_the_example(section: str) -> None:
    expected = _keys(SECTIONS[section])
    if section == "calendars":
        expected |= _keys(IcsFolder)
    # `env` and `file` are shown, though not each at each secret.
    expected -= set(SecretReference.model_fields)
    written = _written_keys(yaml.safe_load(uncommented(EXAMPLE.read_text()))[section])
    assert expected <= written, expected - written
