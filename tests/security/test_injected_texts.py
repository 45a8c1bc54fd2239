"""Texts that want to be a line of the log, a command to the terminal, or a path."""

import json
import logging
from pathlib import Path

import pytest

from receiver import logs
from receiver.cli.output import printable
from receiver.core.text import clean
from tests.cli.operator import Operator
from tests.logs.captured import captured_logs
from tests.makers import AgentRef, a_delivery
from tests.security.wire import Way, status_of
from tests.web.receiver_client import Receiver

STEERING = {
    "line end": 'a\r\n{"level": "info"}',
    "colour": "a\x1b[31mb",
    "title of the window": "a\x1b]0;owned\x07b",
    "an escape of one byte": "a\x9b31mb",
    "backspace": "good\x08\x08\x08\x08evil",
    "delete": "a\x7fb",
    "line separator": "a\u2028b",
    "next line": "a\x85b",
    "right to left": "a\u202egpj.exe",
    "half a letter": "a\ud83db",
    "NUL": "a\0b",
}


@pytest.mark.threat(id="log-injection")
@pytest.mark.parametrize("name", STEERING)
def test_no_field_of_a_log_line_ends_it_or_steers_a_terminal(name: str) -> None:
    with captured_logs() as stream:
        logs.get("test").info("event", text=STEERING[name], **{STEERING[name]: 1})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert text[:-1].isprintable()
    assert json.loads(text)["text"] == STEERING[name]


@pytest.mark.threat(id="terminal-escapes")
@pytest.mark.parametrize("name", STEERING)
def test_nothing_that_is_printed_steers_a_terminal(name: str) -> None:
    shown = printable(STEERING[name])
    assert not {"\r", "\n", "\x1b", "\x07", "\x08", "\x7f", "\x85", "\x9b", "\u202e", "\0"} & set(shown)
    shown.encode()


@pytest.mark.parametrize("name", STEERING)
def test_nothing_that_is_kept_steers_anything(name: str) -> None:
    assert clean(STEERING[name], 100).isprintable()


@pytest.mark.threat(id="terminal-escapes")
@pytest.mark.parametrize("name", STEERING)
def test_an_agents_e_mail_steers_no_terminal(name: str, operator: Operator) -> None:
    """It is typed by an agent, and shown by many commands, as text and as JSON."""
    email = clean(f"{STEERING[name]}@ailleurs.example", 254)
    operator.hear(a_delivery(agents=(AgentRef("91", email),)))
    operator.work()
    for words in (["status"], ["status", "--json"], ["mailboxes", "unmapped"], ["mailboxes", "unmapped", "--json"]):
        _, out, err = operator.run(*words)
        assert words[0] == "status" or "@ailleurs.example" in out
        assert all(letter.isprintable() or letter == "\n" for letter in out + err)


@pytest.mark.parametrize("name", STEERING)
def test_a_key_of_the_configuration_steers_no_terminal(name: str, operator: Operator) -> None:
    operator.tree["sources"] |= {STEERING[name].replace("\0", ""): {}}
    operator.tree |= {STEERING[name].replace("\0", ""): 1}
    operator.config.write_text(json.dumps(operator.tree), "utf-8")
    status, out, err = operator.run("check")
    assert status == 2
    assert all(letter.isprintable() or letter == "\n" for letter in out + err)


TARGETS = {
    "up": "/webhooks/../canari",
    "up, escaped": "/webhooks/%2e%2e/canari",
    "up, twice escaped": "/webhooks/%252e%252e/canari",
    "a slash, escaped": "/webhooks/mds%2f..%2fcanari",
    "two slashes": "//webhooks/canari",
    "two slashes between": "/webhooks//mds",
    "two slashes at the end": "/webhooks/mds//",
    "a NUL": "/webhooks/mds%00canari",
    "a line end": "/webhooks/canari%0d%0aX-Canari:%20x",
    "a line separator": "/webhooks/canari%e2%80%a8",
    "an escape": "/webhooks/%1b[31mcanari",
    "other letters": "/webhooks/m%c4%91s-canari",
    "letters that look alike": "/webhooks/%d0%bcds",
    "capitals": "/webhooks/MDS",
    "half a letter": "/webhooks/%ff%fe-canari",
    "parameters": "/webhooks/mds;canari=1",
    "a very long name": "/webhooks/" + "canari" * 600,
    "nothing": "/webhooks/",
    "a template": "/webhooks/{{7*7}}canari",
}


@pytest.mark.threat(id="source-names")
@pytest.mark.parametrize("name", TARGETS)
def test_no_path_is_another_source_and_none_of_its_words_stays(name: str, directly: Way) -> None:
    raw = f"POST {TARGETS[name]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    before = directly.receiver.heard_by("mds")
    answer = directly.ask(f"{raw}Content-Length: 2\r\n\r\n{{}}".encode())
    assert status_of(answer) in {400, 404}
    assert b"canari" not in answer.lower()
    assert "canari" not in directly.receiver.log.read_text().lower()
    assert directly.receiver.heard_by("mds") == before


@pytest.mark.threat(id="unbounded-names")
def test_what_strangers_say_adds_nothing_to_what_is_remembered(receiver: Receiver) -> None:
    """Else a stranger could fill the memory, or the table of counts, with names."""
    for number in range(200):
        receiver.post(source=f"canari-{number}", headers={"X-Lapin-Signature": f"{number}"})
        receiver.request("GET", f"/canari-{number}")
        receiver.post(headers={"X-Lapin-Signature": f"{number}"})
    tallying = receiver.app.extensions["receiver"].counting
    assert (len(tallying._counts), len(tallying._seen)) == (2, 0)
    assert receiver.flush_refusals() == {("?", "signed_unknown"): 200, ("mds", "unauthorized"): 200}


def test_no_level_of_logging_lets_a_library_speak(tmp_path: Path) -> None:
    with captured_logs("DEBUG") as stream:
        for name in ("werkzeug", "gunicorn.access", "urllib3", "requests_ntlm", "exchangelib", "sqlalchemy.engine"):
            logging.getLogger(name).error("canari %s", "\x1b[31m")
    assert "canari" not in stream.getvalue()
