"""One message to one address: real servers, real certificates; the cause of a failure by code, its words nowhere."""

import os
import re
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from receiver.alerts.message import Message, Tone
from receiver.alerts.send import Sending, environment, scheme, try_all
from receiver.alerts.send_process import Outcome
from receiver.config import AlertSettings, Secret
from tests.alerts.sinks import HttpSink, SmtpSink, http_sink, smtp_sink

GUIDE = Path(__file__).parents[2] / "docs" / "fr" / "alertes.md"
MESSAGE = Message(Tone.ALARM, "[RDV → Exchange] ALARME : essai", "Première ligne.\nDeuxième <ligne> & fin.")


def settings(*addresses: str, ca_file: Path | None = None, http_proxy: str | None = None) -> AlertSettings:
    return AlertSettings(to=tuple(map(Secret, addresses)), ca_file=ca_file, http_proxy=http_proxy)


def send(address: str, ca_file: Path | None = None, http_proxy: str | None = None) -> Outcome:
    [outcome] = try_all(settings(address, ca_file=ca_file, http_proxy=http_proxy), MESSAGE)
    return outcome


def mail_address(port: int, scheme: str = "mailto", to: str = "dsi@ville.example", more: str = "") -> str:
    return f"{scheme}://127.0.0.1:{port}?from=rdv@ville.example&to={to}{more}"


# HTTP


def test_a_letter_arrives_whole(http: HttpSink) -> None:
    assert send(f"json://127.0.0.1:{http.port}/alertes") is Outcome.SENT
    [(path, body)] = http.posted
    assert (path, body["title"], body["message"], body["type"]) == ("/alertes", MESSAGE.title, MESSAGE.body, "failure")


def test_mattermost_gets_what_its_incoming_hooks_take(http: HttpSink) -> None:
    token = "a" * 26
    assert send(f"mmost://127.0.0.1:{http.port}/{token}") is Outcome.SENT
    [(path, body)] = http.posted
    assert path == f"/hooks/{token}"
    assert MESSAGE.title in body["text"]
    assert "Deuxième <ligne> & fin." in body["text"]
    assert "icon_url" not in body, "an image elsewhere would have to be fetched through the proxy"


def test_an_internal_authority_is_trusted_for_https(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    with http_sink(server_tls) as sink:
        assert send(f"jsons://127.0.0.1:{sink.port}") is Outcome.TLS_FAILED
        assert send(f"jsons://127.0.0.1:{sink.port}", ca_file) is Outcome.SENT
        assert len(sink.posted) == 1


def test_the_proxy_of_the_configuration_is_used(http: HttpSink) -> None:
    """The name need not even be known here: the proxy resolves it."""
    address = "json://mattermost.ville.example/alertes"
    assert send(address, http_proxy=f"http://127.0.0.1:{http.port}") is Outcome.SENT
    [(path, _)] = http.posted
    assert path == "http://mattermost.ville.example/alertes"


def test_without_a_proxy_in_the_configuration_there_is_none(monkeypatch: pytest.MonkeyPatch, http: HttpSink) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send(f"json://127.0.0.1:{http.port}") is Outcome.SENT


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, Outcome.LOGIN_REFUSED), (302, Outcome.REDIRECTED), (404, Outcome.REFUSED), (503, Outcome.REFUSED)],
)
def test_an_answer_that_is_no_acceptance_has_its_code(http: HttpSink, status: int, outcome: Outcome) -> None:
    """A redirected POST would become a GET that succeeds, and the message be lost."""
    http.status = status
    assert send(f"json://127.0.0.1:{http.port}") is outcome


def test_a_server_that_never_answers_is_given_up(http: HttpSink) -> None:
    http.hangs = True
    address = f"json://127.0.0.1:{http.port}?rto=600&cto=600"
    sending = Sending(settings(address), address, MESSAGE, timeout_s=2.0)
    assert sending.wait() is Outcome.TIMEOUT
    assert sending._process.returncode is not None


def test_an_address_that_fails_keeps_no_other_from_its_letter(http: HttpSink) -> None:
    outcomes = try_all(settings("json://127.0.0.1:1", f"json://127.0.0.1:{http.port}", "mailto://"), MESSAGE)
    assert outcomes == [Outcome.CONNECTION_FAILED, Outcome.SENT, Outcome.ADDRESS_UNREADABLE]


# Mail


def test_mail_through_an_internal_relay_in_the_clear(smtp: SmtpSink) -> None:
    assert send(mail_address(smtp.port)) is Outcome.SENT
    [mail] = smtp.mails
    assert (mail["Subject"], smtp.recipients) == (MESSAGE.title, ["dsi@ville.example"])
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines()[:2] == MESSAGE.body.splitlines()


def test_mail_over_starttls_with_a_password(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    with smtp_sink(starttls=server_tls, password="mot-de-passe") as sink:
        address = f"mailtos://rdv:mot-de-passe@127.0.0.1:{sink.port}?from=rdv@ville.example&to=dsi@ville.example"
        assert send(address) is Outcome.TLS_FAILED
        assert send(address.replace("mot-de-passe", "faux"), ca_file) is Outcome.LOGIN_REFUSED
        assert sink.mails == []
        assert send(address, ca_file) is Outcome.SENT
        assert sink.subjects == [MESSAGE.title]


def test_mail_encrypted_from_the_first_byte(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    with smtp_sink(tls=server_tls) as sink:
        address = mail_address(sink.port, "mailtos", more="&mode=ssl")
        assert send(address) is Outcome.TLS_FAILED
        assert send(address, ca_file) is Outcome.SENT


def test_mail_that_asks_for_encryption_never_goes_in_the_clear(smtp: SmtpSink) -> None:
    assert send(mail_address(smtp.port, "mailtos")) is Outcome.TLS_FAILED
    assert smtp.mails == []


def test_one_refused_recipient_of_several_is_told_and_not_tried_again(smtp: SmtpSink) -> None:
    """To send it again would reach the others each time, for ever."""
    smtp.refused_recipients = frozenset({"parti@ville.example"})
    assert send(mail_address(smtp.port, to="parti@ville.example,dsi@ville.example")) is Outcome.PARTLY_SENT
    assert smtp.recipients == ["dsi@ville.example"]


def test_a_refused_mail_has_its_code(smtp: SmtpSink) -> None:
    smtp.refuses = True
    assert send(mail_address(smtp.port)) is Outcome.REFUSED


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        (mail_address(1), Outcome.CONNECTION_FAILED),
        ("mailto://serveur.invalid?from=rdv@ville.example&to=a@ville.example", Outcome.NAME_UNKNOWN),
        ("hunter2", Outcome.ADDRESS_UNREADABLE),
        ("unknown://hunter2", Outcome.ADDRESS_UNREADABLE),
        ("jsons://127.0.0.1:1/?verify=no", Outcome.ADDRESS_UNVERIFIED),
    ],
)
def test_a_cause_has_its_code(address: str, outcome: Outcome) -> None:
    assert send(address) is outcome


def test_an_address_is_asked_for_without_sending_anything(http: HttpSink) -> None:
    addresses = settings(f"json://127.0.0.1:{http.port}", "nimporte", "json://h?verify=No")
    assert try_all(addresses, None) == [Outcome.READABLE, Outcome.ADDRESS_UNREADABLE, Outcome.ADDRESS_UNVERIFIED]
    assert http.posted == []


def test_every_address_of_the_guide_can_be_read() -> None:
    addresses = re.findall(r"\| `([a-z]+://[^`]+)` \|", GUIDE.read_text("utf-8"))
    assert len(addresses) == 7
    assert set(try_all(settings(*addresses), None)) == {Outcome.READABLE}


def test_a_teams_workflow_is_named_by_the_address_that_teams_gives() -> None:
    address = (
        "https://prod-12.westeurope.logic.azure.com:443/workflows/0123456789abcdef0123456789abcdef/triggers/manual/"
        "paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefghijklmnop"
    )
    assert try_all(settings(address), None) == [Outcome.READABLE]


# What must not be seen


def test_the_sending_process_says_one_word_and_nothing_more() -> None:
    """Its errors go nowhere even where they are looked at; libraries quote addresses with their passwords."""
    order = (
        '{"app": "x", "authorities": "", "title": "t", "body": "b", "tone": "info",'
        ' "address": "mailtos://jean:hunter2@127.0.0.1:1?to=a@ville.example&from=b@ville.example"}'
    )
    command = [sys.executable, "-m", "receiver.alerts.send_process"]
    done = subprocess.run(command, input=order, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (Outcome.CONNECTION_FAILED, "")


@pytest.mark.threat(id="secrets-exposed")
def test_the_address_is_not_among_the_arguments_nor_our_secrets_in_the_environment(
    http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others on the machine may read both."""
    monkeypatch.setenv("RDV_EXCHANGE_PASSWORD", "hunter2")
    http.hangs = True
    address = f"json://jean:hunter3@127.0.0.1:{http.port}"
    sending = Sending(settings(address), address, MESSAGE)
    proc = Path(f"/proc/{sending._process.pid}")
    deadline = time.monotonic() + 20
    while b"send_process" not in (shown := (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()):
        assert time.monotonic() < deadline
    sending.give_up()
    assert sending.outcome() is Outcome.FAILED
    assert b"hunter" not in shown


def test_only_the_configured_proxy_is_in_the_environment() -> None:
    around = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "ville.example", "PATH": "/bin", "RDV_SECRET": "s"}
    assert environment(settings(), around) == {"PATH": "/bin"}
    assert environment(settings(http_proxy="http://p:1"), around) == {
        "PATH": "/bin",
        "NO_PROXY": "ville.example",
        "http_proxy": "http://p:1",
        "https_proxy": "http://p:1",
    }
    assert os.environ.get("http_proxy") != "http://p:1"


@pytest.mark.parametrize(
    ("address", "shown"),
    [("mailtos://u:p@h", "mailtos"), ("hunter2", "?"), ("Hunter2://x", "?"), ("p@ss://x", "?"), ("", "?")],
)
def test_of_an_address_its_beginning_is_shown(address: str, shown: str) -> None:
    assert scheme(address) == shown
