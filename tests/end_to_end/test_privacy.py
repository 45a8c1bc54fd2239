"""Canaries: a word of its own in every personal field, looked for in every byte that the receiver leaves anywhere."""

import json
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from emitter.samples import shift_sample
from emitter.scenarios.cast import DUPONT_EMAIL
from tests.end_to_end.test_samples import PAYLOADS
from tests.lab.running_receiver import KARIM, MARTINE, RunningReceiver, running_receiver

PERSONAL = ("users", "participations", "rdvs_users", "context", "address", "name")
"""Members of `data` that are, or may be, about an usager."""

SAMPLES = sorted(path.stem for path in PAYLOADS.glob("rdv-*.json") if "destroyed" not in path.stem)
OTHERS = sorted(path.stem for path in PAYLOADS.glob("*.json") if not path.stem.startswith("rdv-"))


class Canaries:
    """Words that occur nowhere else."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def new(self) -> str:
        self.words.append(f"Canari{len(self.words):04}Zwq")
        return self.words[-1]

    def into(self, value: Any) -> Any:
        """Put a word in the place of every text and every nothing."""
        if isinstance(value, dict):
            return {key: self.into(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.into(member) for member in value]
        return self.new() if isinstance(value, str) or value is None else value


def with_canaries(name: str, canaries: Canaries) -> bytes:
    message = json.loads(shift_sample((PAYLOADS / f"{name}.json").read_bytes(), datetime.now(UTC)))
    data = message["data"]
    for member in PERSONAL:
        if member in data:
            data[member] = canaries.into(data[member])
    data["rdvs_users"] = [{"user": {"last_name": canaries.new()}}]
    for agent in data["agents"]:
        agent |= {name: canaries.new() for name in ("first_name", "last_name", "inclusion_connect_open_id_sub")}
    data["organisation"] |= {name: canaries.new() for name in ("phone_number", "email")}
    if data.get("lieu"):
        data["lieu"]["phone_number"] = canaries.new()
    data["motif"]["instruction_for_rdv"] = canaries.new()
    return json.dumps(message, ensure_ascii=False).encode()


def other_with_canaries(name: str, canaries: Canaries) -> bytes:
    """An absence, an opening, news of an agent, or something that concerns no calendar."""
    age = timedelta(minutes=1 if name.startswith("agent-") else 0)  # the agent came back: openings are shown again
    message = json.loads(shift_sample((PAYLOADS / f"{name}.json").read_bytes(), datetime.now(UTC) - age))
    data = message["data"]
    if message["meta"]["model"] == "User":
        message["data"] = canaries.into(data)
        return json.dumps(message, ensure_ascii=False).encode()
    for person in (data, data.get("agent") or {}):
        person |= {key: canaries.new() for key in ("first_name", "last_name") if key in person}
    if "title" in data:
        data["title"] = canaries.new()
        data["ical"] = re.sub(r"SUMMARY:[^\r]*", f"SUMMARY:{canaries.new()}", data["ical"])
    if "organisation" in data:
        data["organisation"] |= {key: canaries.new() for key in ("phone_number", "email")}
    return json.dumps(message, ensure_ascii=False).encode()


def broken(body: bytes) -> bytes:
    """The same with a field of the wrong kind, so that it is refused with a word on what is wrong."""
    message = json.loads(body)
    wrong = "starts_at" if "starts_at" in message["data"] else "id"
    message["data"][wrong] = message["data"].get("address") or message["data"].get("title") or "Canari"
    return json.dumps(message).encode()


def everything(receiver: RunningReceiver, answers: list[bytes]) -> dict[str, bytes]:
    """Every byte that is left anywhere."""
    files = {str(path.name): path.read_bytes() for path in receiver.folder.iterdir() if path.is_file()}
    sent = b"\n".join(recorded.request for recorded in receiver.exchange.requests)
    return {**files, "answers": b"\n".join(answers), "EWS requests": sent}


def post_all_ways(receiver: RunningReceiver, name: str, body: bytes) -> list[bytes]:
    """Right, broken, cut off and unsigned; rdv-insertion's also by bearer token. Returns the answers."""
    source = "rsa" if name.startswith("rdv-insertion") else "mds"
    answers = []
    for sent in (body, broken(body), body[:-1]):
        courier = receiver.courier(source)
        answers.append(requests.post(courier.url, data=sent, headers=dict(courier.signer(sent)), timeout=10).content)
    if source == "rsa":
        by_token = receiver.courier(source, "jwt")
        forged = body.replace(b"Canari", b"Serin")  # the token's address is not the body's
        for sent in (body, forged):
            headers = dict(by_token.signer(body))
            answers.append(requests.post(by_token.url, data=sent, headers=headers, timeout=10).content)
    unsigned = requests.post(courier.url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
    return [*answers, unsigned.content]


@pytest.mark.threat(id="usager-data")
def test_nothing_of_an_usager_is_found_anywhere(tmp_path: Path) -> None:
    canaries = Canaries()
    with running_receiver(tmp_path, extra_policies="policies: {plages_ouverture: true}\n") as receiver:
        receiver.exchange.add_mailbox(DUPONT_EMAIL)
        answers = []
        for name in SAMPLES:
            answers += post_all_ways(receiver, name, with_canaries(name, canaries))
        for name in OTHERS:
            answers += post_all_ways(receiver, name, other_with_canaries(name, canaries))
        shown = (MARTINE, KARIM, DUPONT_EMAIL)
        receiver.wait_for(lambda: sum(len(receiver.calendar(mailbox)) for mailbox in shown) >= 10, "the entries")
        receiver.wait_for(lambda: b"Plage d'ouverture" in everything(receiver, [])["EWS requests"], "the openings")
        left = everything(receiver, answers)
        assert (tmp_path / "store.db-wal").exists(), "the write-ahead log is looked into as well"
        found = {place: word for place, content in left.items() for word in canaries.words if word.encode() in content}
        assert found == {}
        assert len(canaries.words) > 300
        assert b"Consultation PMI" in left["EWS requests"], "what should be there is, so looking works"
        assert b"Plage d'ouverture" in left["EWS requests"]


def test_a_wrong_mapping_is_told_without_the_addresses_in_it(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        (tmp_path / "agents.csv").write_text("agent;mailbox\nCanari0001Zwq;Canari0002Zwq@x\n", "utf-8")
        text = receiver.config.read_text("utf-8").replace("mailboxes:\n", "mailboxes:\n  csv: agents.csv\n")
        receiver.config.write_text(text, "utf-8")
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: receiver.log_lines("configuration_refused") != [], "the refusal")
        assert "Canari" not in receiver.log.read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_address_of_a_rdv_is_never_used(name: str) -> None:
    """Each sample carries one or none; the canary test above relies on this list being whole."""
    data = json.loads((PAYLOADS / f"{name}.json").read_bytes())["data"]
    assert "address" in data
