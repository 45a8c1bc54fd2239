"""A real Prometheus scrapes a receiver as the guide says, and its rules see what is wrong."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import requests
import yaml
from werkzeug.serving import make_server

from demo.processes import free_port
from receiver.store import Store
from tests.lab.waiting import wait_until
from tests.requirements import require
from tests.web.metrics_scrape import Scraped, suffer
from tests.web.test_monitoring_files import GUIDE, RULES, on_sqlite

PATIENCE_S = 30.0


@pytest.fixture
def address(store: Store, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A receiver with troubles that listens; where, and the token that opens it."""
    scraped = Scraped(store, tmp_path)
    suffer(store)
    server = make_server("127.0.0.1", 0, scraped.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", scraped.token
    server.shutdown()
    thread.join()
    server.server_close()


def configuration(folder: Path, address: str, token: str) -> Path:
    """What the guide has people write, for a receiver at hand."""
    [written] = re.findall(r"```yaml\n( +rule_files:.*?)```", GUIDE, re.DOTALL)
    document = yaml.safe_load(written)
    [job] = document["scrape_configs"]
    (folder / "token").write_text(token, "utf-8")
    job |= {"scheme": "http", "scrape_interval": "1s", "static_configs": [{"targets": [address]}]}
    job["authorization"]["credentials_file"] = str(folder / "token")
    document |= {"rule_files": [str(RULES)], "global": {"evaluation_interval": "1s"}}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(document), "utf-8")
    return file


@pytest.fixture
def prometheus(address: tuple[str, str], tmp_path: Path) -> Iterator[str]:
    program = which("prometheus")
    require(program, "Prometheus is not installed (Debian's package prometheus)")
    port = free_port()
    options = [
        f"--config.file={configuration(tmp_path, *address)}",
        f"--storage.tsdb.path={tmp_path / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(PATIENCE_S)


def ask(prometheus: str, question: str) -> list[Any]:
    """The answer, as soon as there is one."""

    def found() -> list[Any]:
        try:
            told = requests.get(f"{prometheus}/api/v1/query", params={"query": question}, timeout=5).json()
        except requests.RequestException:  # not up yet, or up and still reading what it wrote before
            return []
        return list(told.get("data", {}).get("result", []))

    return wait_until(found, f"an answer to {question}", PATIENCE_S, every_s=0.1)


@on_sqlite
def test_prometheus_reads_what_the_guide_has_it_read(prometheus: str) -> None:
    assert [sample["value"][1] for sample in ask(prometheus, 'up{job="rdv-receiver"} == 1')] == ["1"]
    [failing] = ask(prometheus, 'rdv_receiver_trouble{code="server_failing"}')
    assert failing["metric"]["subject"] == "exchange"
    pending = ask(prometheus, 'ALERTS{alertname="RdvReceiverServeurEnEchec"}')
    assert [alert["metric"]["severity"] for alert in pending] == ["alarm"]
