"""The command line."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from emitter.__main__ import main
from emitter.scenarios import EVERY_SCENARIO
from emitter.signing import sign


@pytest.fixture
def command(server, monkeypatch):
    monkeypatch.setenv("TEST_SECRET", "secret")

    def run(*arguments: str) -> int:
        return main([*arguments, "--url", server.url, "--secret-env", "TEST_SECRET", "--time-scale", "0.001"])

    return run


def test_list_names_every_scenario_with_a_line(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EVERY_SCENARIO)
    assert all(len(line.split()) > 3 for line in lines)


def test_play_delivers_a_story_and_exits_0(command, server, capsys):
    assert command("play", "agent_swapped") == 0
    assert len(server.received) == 3
    assert all(request.headers["X-Lapin-Signature"] == sign(request.body, "secret") for request in server.received)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[-1] == "3 of 3 delivered in 3 attempts"
    assert "202 accepted" in lines[0]


def test_an_ordered_story_is_sent_in_order(command, server):
    assert command("play", "out_of_order", "--jobs", "4") == 0
    assert [json.loads(request.body)["meta"]["event"] for request in server.received] == [
        "updated",
        "created",
    ]
    assert server.most_at_once == 1


def test_disorder_sends_every_state_and_some_twice(command, server):
    assert command("play", "working_day", "--disorder", "--seed", "3") == 0
    assert len({request.body for request in server.received}) == 30
    assert len(server.received) > 31


def test_play_exits_1_when_something_was_not_taken(command, server, accept, capsys):
    server.script = lambda _request, number: accept(status=500 if number <= 3 else 202)
    assert command("play", "create", "--attempts", "3") == 1
    assert "0 of 1 delivered in 3 attempts" in capsys.readouterr().out


def test_a_firewall_page_is_trouble_though_it_says_200(command, server, accept, capsys):
    server.script = lambda _request, _number: accept(status=200, body=b"<html></html>")
    assert command("play", "create") == 1
    assert "FIREWALL PAGE" in capsys.readouterr().out


@pytest.mark.parametrize(("signature", "header"), [("hmac", "X-RDVI-SIGNATURE"), ("jwt", "Authorization")])
def test_rdv_insertion_plays_its_own_shape_with_either_signature(command, server, signature, header):
    assert command("play", "create", "--emitter", "rdv_insertion", "--signature", signature) == 0
    [request] = server.received
    assert header in request.headers
    assert "rdv_solidarites_rdv_id" in json.loads(request.body)["data"]


def test_the_working_day_can_be_played_with_bearer_tokens(command, server):
    assert command("play", "working_day", "--emitter", "rdv_insertion", "--signature", "jwt") == 0
    assert all(request.headers["Authorization"].startswith("Bearer ") for request in server.received)


def test_play_shows_what_must_result(command, capsys):
    command("play", "destroyed", "--expected")
    assert "expected for martine.agent@departement.example: nothing" in capsys.readouterr().out


def test_send_sends_the_very_bytes_of_a_file(command, server, pytestconfig):
    path = pytestconfig.rootpath / "tests" / "payloads" / "rdv-2024-created.json"
    assert command("send", str(path)) == 0
    assert server.received[0].body == path.read_bytes()


def test_send_shifts_several_files_by_one_offset(command, server, pytestconfig):
    folder = pytestconfig.rootpath / "tests" / "payloads"
    files = [str(folder / name) for name in ("rdv-2024-created.json", "rdv-2024-updated-moved-and-agent-removed.json")]
    assert command("send", *files, "--shift", "--jobs", "1") == 0
    ages = [datetime.fromisoformat(json.loads(request.body)["meta"]["timestamp"]) for request in server.received]
    assert 59 < (datetime.now(UTC) - ages[1]).total_seconds() < 90
    assert (ages[1] - ages[0]).total_seconds() == 92_838


@pytest.mark.parametrize(
    "arguments",
    [
        ("play", "create", "--signature", "jwt"),
        ("play", "create", "--generation", "rdv_insertion"),
        ("play", "create", "--generation", "2024", "--emitter", "rdv_insertion"),
        ("play", "single_use_place", "--emitter", "rdv_insertion"),
        ("send", "no-such-file.json"),
    ],
)
def test_what_cannot_be_asked_for_exits_2_and_sends_nothing(command, server, arguments, capsys):
    assert command(*arguments) == 2
    assert server.received == []
    assert capsys.readouterr().err


def test_a_missing_secret_exits_2(server, monkeypatch, capsys):
    monkeypatch.delenv("TEST_SECRET", raising=False)
    assert main(["play", "create", "--url", server.url, "--secret-env", "TEST_SECRET"]) == 2
    assert "TEST_SECRET" in capsys.readouterr().err


def test_a_file_that_is_no_sample_exits_2(command, tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[]", encoding="utf-8")
    assert command("send", str(path), "--shift") == 2


def test_an_address_that_is_none_exits_2(monkeypatch):
    monkeypatch.setenv("TEST_SECRET", "secret")
    assert main(["play", "create", "--url", "nowhere", "--secret-env", "TEST_SECRET"]) == 2


def test_the_package_runs_as_a_module(pytestconfig):
    done = subprocess.run(
        [sys.executable, "-m", "emitter", "list"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "working_day" in done.stdout
