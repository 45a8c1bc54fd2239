"""Canaries: a word of its own in every personal field, looked for in every byte that the receiver leaves anywhere."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from emitter.samples import shift_sample
from tests.end_to_end.test_samples import PAYLOADS
from tests.end_to_end.town import KARIM, MARTINE, Town, open_town

PERSONAL = ("users", "participations", "rdvs_users", "context", "address", "name")
"""Members of `data` that are, or may be, about an usager."""

SAMPLES = sorted(path.stem for path in PAYLOADS.glob("rdv-*.json") if "destroyed" not in path.stem)


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


def broken(body: bytes) -> bytes:
    """The same with a field of the wrong kind, so that it is refused with a word on what is wrong."""
    message = json.loads(body)
    message["data"]["starts_at"] = message["data"].get("address") or "Canari"
    return json.dumps(message).encode()


def everything(town: Town, answers: list[bytes]) -> dict[str, bytes]:
    """Every byte that is left anywhere."""
    files = {str(path.name): path.read_bytes() for path in town.folder.iterdir() if path.is_file()}
    sent = b"\n".join(recorded.request for recorded in town.exchange.requests)
    return {**files, "answers": b"\n".join(answers), "EWS requests": sent}


def test_nothing_of_an_usager_is_found_anywhere(tmp_path: Path) -> None:
    canaries = Canaries()
    with open_town(tmp_path) as town:
        answers = []
        for name in SAMPLES:
            source = "rsa" if name.startswith("rdv-insertion") else "mds"
            body = with_canaries(name, canaries)
            for sent in (body, broken(body), body[:-1]):
                courier = town.courier(source)
                url, headers = courier.url, courier.signer(sent)
                answers.append(requests.post(url, data=sent, headers=dict(headers), timeout=10).content)
            unsigned = requests.post(courier.url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
            answers.append(unsigned.content)
        town.wait_for(lambda: len(town.calendar(MARTINE)) + len(town.calendar(KARIM)) >= 8, "the entries")
        left = everything(town, answers)
        assert (tmp_path / "store.db-wal").exists(), "the write-ahead log is looked into as well"
        found = {place: word for place, content in left.items() for word in canaries.words if word.encode() in content}
        assert found == {}
        assert len(canaries.words) > 300
        assert b"Consultation PMI" in left["EWS requests"], "what should be there is, so looking works"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_address_of_a_rdv_is_never_used(name: str) -> None:
    """Each sample carries one or none; the canary test above relies on this list being whole."""
    data = json.loads((PAYLOADS / f"{name}.json").read_bytes())["data"]
    assert "address" in data
