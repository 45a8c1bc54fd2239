"""A web process whose store is not there: it answers, says why, and becomes the real one when it can."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import Client

from receiver.store import StoreUnavailable
from receiver.web.waiting import Waiting


class Maker:
    """Makes the application once there is a store."""

    def __init__(self) -> None:
        self.ready = False
        self.tried = 0

    def __call__(self) -> Flask:
        self.tried += 1
        if not self.ready:
            raise StoreUnavailable("store_vanished")
        app = Flask("real")
        app.add_url_rule("/healthz", view_func=lambda: "the real one")
        return app


@pytest.fixture
def maker() -> Maker:
    return Maker()


def test_without_a_store_it_lives_is_not_ready_and_refuses_webhooks_with_the_code(maker: Maker) -> None:
    client = Client(Waiting(maker, look_every_s=3600))
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["checks"]["store"]) == (503, "store_vanished")  # type: ignore[index]
    assert ready.json["codes"] == ["store_vanished"]  # type: ignore[index]
    for ask in (client.post, client.get):
        told = ask("/webhooks/mds")
        assert (told.status_code, told.json) == (503, {"status": "unavailable", "reason": "store_vanished"})
        assert int(told.headers["Retry-After"]) > 0
    assert client.get("/status").status_code == client.get("/metrics").status_code == 503


@pytest.mark.parametrize(("look_every_s", "tried"), [(0.0, 4), (3600.0, 1)])
def test_it_looks_again_but_not_for_everybody_who_asks(maker: Maker, look_every_s: float, tried: int) -> None:
    client = Client(Waiting(maker, look_every_s))
    for _ in range(3):
        client.get("/healthz")
    assert maker.tried == tried


def test_it_becomes_the_real_one(maker: Maker) -> None:
    waiting = Waiting(maker, look_every_s=0)
    client = Client(waiting)
    assert client.get("/healthz").json == {"status": "ok"}
    maker.ready = True
    assert client.get("/healthz").text == "the real one"
    assert waiting.application is not None
    tried = maker.tried
    client.get("/healthz")
    assert maker.tried == tried


def test_with_a_store_there_is_nothing_before_the_real_one(maker: Maker) -> None:
    maker.ready = True
    assert Client(Waiting(maker)).get("/healthz").text == "the real one"


def test_what_is_not_the_stores_failure_ends_the_process() -> None:
    def broken() -> Flask:
        raise ValueError

    make: Callable[[], Flask] = broken
    with pytest.raises(ValueError):  # noqa: PT011  # any
        Waiting(make)
