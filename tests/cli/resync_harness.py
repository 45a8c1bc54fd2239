"""The platform over HTTP, the receiver's application over HTTP, and the commands that resynchronise the two."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from emitter.model import Event
from emitter.payloads import Entry, Generation, render
from emitter.rest import Account, Endpoint, RestPlatform, RestServer
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.facts import Emitter
from receiver.core.payload import decode
from receiver.core.policies import Policies
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.web.app import create_app
from tests.lab.configuration import a_source
from tests.makers import KARIM, MARTINE, incoming
from tests.resync.instance import ADMIN, ARRAS, EMAIL, PASSWORD, an_instance

SECRET = "a secret of the webhooks"
ENVIRON = {"RDV_SECRET": SECRET, "RDV_OLD": "an older secret", "RDV_API": PASSWORD}
LAST_WEEK = timedelta(days=5)


@dataclass
class ResyncHarness:
    """A configuration, a store, and what surrounds them."""

    folder: Path
    platform: RestPlatform
    api: RestServer
    capsys: pytest.CaptureFixture[str]
    store: Store
    webhook_url: str = ""
    printed: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def configure(self, api: Mapping[str, Any] | None = None, *, has_api: bool = True, **source: Any) -> None:
        access = {"url": self.api.url, "email": EMAIL, "password": {"env": "RDV_API"}, "webhook_url": self.webhook_url}
        mds = a_source()
        tree = {
            "store": {"url": f"sqlite:///{self.folder}/store.db"},
            "sources": {"mds": mds | ({"api": access | dict(api or {})} if has_api else {}) | source},
            "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
            "mailboxes": {"map": {each.email: each.email for each in (MARTINE, KARIM)}},
        }
        self.config.write_text(json.dumps(tree), "utf-8")

    def subscribe(self, organisation: int = ARRAS.id, *subscriptions: str, secret: str = SECRET) -> Endpoint:
        kinds = subscriptions or ("rdv", "absence", "plage_ouverture")
        number = len(self.platform.endpoints) + 1
        return self.platform.add_endpoint(Endpoint(number, organisation, self.webhook_url, secret, kinds))

    def remember(self, *entries: Entry, ago: timedelta = LAST_WEEK) -> None:
        """Have been told of them by webhooks, some time ago."""
        then = datetime.now(UTC) - ago
        bodies = [render(entry, Event.CREATED, Generation.YEAR_2024, then) for entry in entries]
        news = [decode(body, Emitter.RDV_SERVICE_PUBLIC, Policies()) for body in bodies]
        self.store.write(
            judge_batch.take,
            [incoming(each, body=body, received_at=then) for each, body in zip(news, bodies, strict=True)],
            then,
        )

    def hold(self, *entries: Entry) -> None:
        """Have the platform hold them, and remember them."""
        self.platform.hold(*entries)
        self.remember(*entries)

    def run(self, *words: str) -> tuple[int, str, str]:
        status = cli.main(["--config", str(self.config), "resync", *words])
        captured = self.capsys.readouterr()
        self.printed += [captured.out, captured.err]
        return status, captured.out, captured.err

    def report(self, *words: str) -> tuple[int, dict[str, Any]]:
        status, out, _ = self.run(*words, "--json")
        return status, json.loads(out)

    def removed(self, *words: str) -> list[str]:
        _, report = self.report(*words)
        return sorted(report["verification"]["removed"])

    def methods(self) -> list[str]:
        return [method for method, path in self.api.requests if "sign_in" not in path]


class _Quiet(WSGIRequestHandler):
    """Logs no request: gunicorn, which serves in its place, does not either."""

    def log_request(self, *_args: object) -> None:
        pass


@contextmanager
def serving(config: Path, store: Store, webhook_port: int) -> Iterator[None]:
    """Serve webhooks as the receiver does."""
    app = create_app(load(config, ENVIRON), store, flush_after_s=None)
    server = make_server("127.0.0.1", webhook_port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def open_resync_harness(
    folder: Path,
    migrated: Path,
    capsys: pytest.CaptureFixture[str],
    port: int,
    *accounts: Account,
    api: tuple[Path, Path] | tuple[()] = (),
    **access: Any,
) -> Iterator[ResyncHarness]:
    (folder / "store.db").write_bytes(migrated.read_bytes())
    (folder / "ics").mkdir()
    store = Store(f"sqlite:///{folder}/store.db")
    platform = an_instance(*(accounts or (ADMIN,)))
    with RestServer(platform, *api) as server:
        harness = ResyncHarness(folder, platform, server, capsys, store, f"http://127.0.0.1:{port}/webhooks/mds")
        harness.configure(access)
        with serving(harness.config, store, port):
            yield harness
            platform.wait()
    store.close()
