"""The table of response codes, and the silence of the libraries."""

import logging
import re
import traceback

import pytest

from connectors.base import ConnectorError, Create, Failed, Scope
from connectors.ews import EwsConnector, EwsSettings
from connectors.ews.errors import RULINGS, Kind, Refusal, of_request, of_response_code, of_status
from connectors.ews.silence import TALKATIVE
from mock_exchange import Fault, FaultKind, MockExchange
from tests.connectors.conformance import entry
from tests.connectors.ews import MAILBOX, PASSWORD, connected, exchange_for, settings_for
from tests.requirements import ews_schema_folder


def test_every_code_of_the_table_is_one_of_exchanges() -> None:
    schema = (ews_schema_folder() / "messages.xsd").read_text("utf-8")
    known = set(re.findall(r'enumeration value="(Error\w+)"', schema))
    assert len(known) > 400
    assert set(RULINGS) <= known


def test_our_codes_are_words_for_logs_and_metrics() -> None:
    codes = {ruling.code for ruling in RULINGS.values()} | {of_status(status, None).code for status in range(200, 600)}
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("code", sorted(RULINGS))
def test_what_a_whole_mailbox_or_server_suffers_from_may_heal(code: str) -> None:
    """Nothing that an administrator can repair may be given up."""
    ruling = of_response_code(Refusal(code))
    assert ruling.scope is Scope.ITEM or ruling.kind in {Kind.NOT_DONE, Kind.IN_DOUBT}


@pytest.mark.parametrize("status", range(300, 600))
def test_every_http_status_has_a_ruling(status: int) -> None:
    ruling = of_status(status, 3.0)
    certain = status < 500 or status == 503
    assert ruling.kind is (Kind.NOT_DONE if certain else Kind.IN_DOUBT)
    assert ruling.scope is Scope.SERVER


def test_an_unknown_code_over_a_request_may_pass() -> None:
    ruling = of_request(Refusal("ErrorNeverHeardOf"))
    assert (ruling.kind, ruling.code, ruling.scope) == (Kind.NOT_DONE, "never_heard_of", Scope.MAILBOX)


def test_a_version_that_exchangelib_does_not_speak_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="version"):
        EwsConnector(EwsSettings("https://x", "Exchange2525", "ntlm", "delegate", "u", "p", "i"))


CANARY = "Monsieur-Canari"


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - {FaultKind.HANG, FaultKind.SLOW_ANSWER}))
def test_nothing_of_a_failing_call_is_logged_or_kept(kind: FaultKind, caplog: pytest.LogCaptureFixture) -> None:
    """exchangelib logs credentials and whole requests at DEBUG, whole requests at ERROR, and quotes answers."""
    caplog.set_level(logging.DEBUG)
    with exchange_for("ntlm", "impersonation") as exchange, connected(settings_for(exchange)) as connector:
        exchange.inject(Fault(kind=kind, times=None, code=CANARY, delay_s=0.0))
        (outcome,) = connector.apply(MAILBOX, [Create(entry(title=CANARY))])
        told = [repr(outcome)]
        if isinstance(outcome, Failed):
            told += traceback.format_exception(outcome.error)
        with pytest.raises(ConnectorError) as caught:
            connector.find(MAILBOX, ["a"])
        told += traceback.format_exception(caught.value)
        assert caught.value.__context__ is None
        exchange.forget_complaints()  # no schema knows such a code
    kept = "\n".join([*told, caplog.text, *(repr(record.args) for record in caplog.records)])
    assert CANARY.lower() not in kept.lower()
    assert PASSWORD not in kept
    assert [record for record in caplog.records if record.name.partition(".")[0] in TALKATIVE] == []


def test_the_libraries_stay_silent_whatever_their_own_loggers_were_set_to(
    exchange: MockExchange, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("exchangelib.util").setLevel(logging.DEBUG)
    logging.getLogger("exchangelib.util.xml").setLevel(logging.DEBUG)
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    try:
        with connected(settings_for(exchange)) as connector:
            connector.apply(MAILBOX, [Create(entry(title=CANARY))])
            logging.getLogger("exchangelib.util.xml").error(CANARY)
            logging.getLogger("urllib3.connectionpool").critical(CANARY)
    finally:
        logging.getLogger().removeHandler(handler)
    assert CANARY not in "".join(capfd.readouterr())
