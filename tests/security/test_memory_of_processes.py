"""A whole receiver before an Exchange server that means harm: none of its processes grows beyond its memory."""

import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from benchmarks.proc import peak_mb, receiver_processes
from demo import processes
from demo.processes import Secrets, free_port
from emitter.platforms import Platform, signer
from emitter.scenarios import build
from receiver.operations.failures import retry_all
from receiver.store import Store
from receiver.store.tools.failures import Chosen
from tests.lab.waiting import wait_until
from tests.security import tricks
from tests.security.hostile import Reply, hostile

MOST_MIB = 200
CONNECTIONS = 4
MAILBOXES = 6
ROUNDS = 2
"""So often each trick is played: what the first leaves, the next must not add to."""
PATIENCE_S = 300.0
KEYS = Secrets(webhook="un secret assez long", exchange="un autre secret")


def replies() -> dict[str, Reply]:
    """Return every trick that goes on after a refusal: an account that was refused is left alone for minutes."""
    inflating = {f"bomb {name}": reply for name, reply in tricks.bombs().items() if "401" not in name}
    flooding = {f"flood {name}": reply for name, reply in tricks.FAST.items() if "401" not in name}
    tiny = {f"tiny {name}": reply for name, reply in tricks.tiny_elements(2_000_000).items()}
    return inflating | flooding | tiny


def configured(folder: Path, server: str, port: int) -> Path:
    source = {
        "emitter": "rdv_service_public",
        "platform": "production",
        "secrets": [{"env": "RDV_WEBHOOK_SECRET"}],
    }
    exchange = {
        "kind": "ews",
        "server": f"{server}/EWS/Exchange.asmx",
        "version": "Exchange2016",
        "auth": "basic",
        "username": "svc-rdv",
        "password": {"env": "RDV_EXCHANGE_PASSWORD"},
        "connections": CONNECTIONS,
        "timeout_s": 1,
    }
    path = folder / "config.yaml"
    known = {
        "store": {"url": f"sqlite:///{folder}/store.db"},
        "sources": {"mds": source},
        "calendars": {"exchange": exchange},
        "mailboxes": {"domains": {"departement.example": "departement.example"}},
        "audit": {"scheduled": False},
        "web": {"listen": f"127.0.0.1:{port}"},
    }
    path.write_text(json.dumps(known), "utf-8")
    return path


def webhooks() -> Iterator[bytes]:
    """Yield appointments, each of another agent."""
    template = json.loads(build("create", datetime.now(UTC)).steps[0].body)
    for number in range(MAILBOXES):
        [agent, *_] = template["data"]["agents"]
        data = template["data"] | {
            "id": 1000 + number,
            "uuid": f"00000000-0000-4000-8000-{number:012}",
            "agents": [agent | {"id": number + 1, "email": f"agent{number}@departement.example"}],
        }
        yield json.dumps(template | {"data": data}).encode()


@pytest.mark.threat(id="endless-answers")
def test_no_process_of_a_receiver_grows_beyond_its_memory(tmp_path: Path) -> None:
    played = replies()
    turns = itertools.cycle(played.values())

    def in_turn(head: bytes) -> Iterable[bytes]:
        return next(turns)(head)

    port = free_port()
    with hostile(in_turn) as server:
        config = configured(tmp_path, server.address, port)
        with processes.receiver(config, port, KEYS, tmp_path / "log") as process:
            sign = signer(Platform.RDV_SERVICE_PUBLIC, KEYS.webhook)
            for body in webhooks():
                answer = requests.post(
                    f"http://127.0.0.1:{port}/webhooks/mds", body, headers={**sign(body)}, timeout=30
                )
                assert answer.status_code == 202
            store = Store(f"sqlite:///{tmp_path}/store.db")

            def all_is_played() -> bool:
                retry_all(store, Chosen())
                return len(server.heard) >= ROUNDS * len(played)

            wait_until(all_is_played, "all calls", PATIENCE_S, 0.2, lambda: f"only {len(server.heard)} calls")
            store.close()
            peaks = {f"{each.role} {each.pid}": peak_mb(each.pid) for each in receiver_processes(process.pid)}
    assert {name: peak for name, peak in peaks.items() if peak > MOST_MIB} == {}
    assert any(name.startswith("worker") for name in peaks)
    assert any(name.startswith("web") for name in peaks)
