"""The suite for servers that are there already, against a mock that runs as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from mock_exchange import MockExchange
from tests.connectors.ews import ACCOUNT, ALIAS, MAILBOX, OTHER, PASSWORD, check_clean, exchange_for

ROOT = Path(__file__).parents[2]


def run_suite(**variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/connectors/any_server.py"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("RDV_", "PYTEST_"))}
    return subprocess.run(command, cwd=ROOT, env=plain | variables, capture_output=True, text=True, check=False)


def environment(server: MockExchange) -> dict[str, str]:
    return {
        "RDV_EWS_SERVER": server.url,
        "RDV_EWS_USERNAME": ACCOUNT,
        "RDV_EWS_PASSWORD": PASSWORD,
        "RDV_EWS_MAILBOX": MAILBOX,
        "RDV_EWS_OTHER_MAILBOX": OTHER,
        "RDV_EWS_ALIAS": ALIAS,
    }


def test_the_suite_passes_and_leaves_nothing_behind() -> None:
    with exchange_for("ntlm", "impersonation") as server:
        finished = run_suite(**environment(server))
        assert finished.returncode == 0, finished.stdout
        assert "skipped" not in finished.stdout
        assert server.items(MAILBOX, "calendar") == server.items(OTHER, "calendar") == []
        assert [f for f in server.store.folders.values() if f.display_name.startswith("conformance")] == []
        check_clean(server)


def test_what_is_not_set_is_named() -> None:
    finished = run_suite(RDV_EWS_SERVER="https://mail.departement.example/EWS/Exchange.asmx")
    assert finished.returncode == 1
    assert "RDV_EWS_MAILBOX, RDV_EWS_OTHER_MAILBOX" in finished.stdout
