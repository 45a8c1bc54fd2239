"""The configuration of a receiver under test, mostly as a tree: what a test does not say is ordinary."""

from typing import Any

from receiver.config import Secret, SigningSecret

Tree = dict[str, Any]


def a_source(platform: str = "production", **more: Any) -> Tree:
    """Return a source of RDV Service Public whose secret is in the variable `RDV_SECRET`."""
    return {"emitter": "rdv_service_public", "platform": platform, "secrets": [{"env": "RDV_SECRET"}]} | more


def signing(value: str, *organisations: int) -> SigningSecret:
    """Return a source's secret as it is when it was read; with organisations, it speaks for these alone."""
    return SigningSecret(env=Secret(value), organisations=frozenset(organisations) or None)


def a_configuration(store_url: str, **sections: Any) -> Tree:
    """Return a receiver with one source `mds`, which writes into the folder `ics` beside its configuration."""
    ordinary = {
        "store": {"url": store_url},
        "sources": {"mds": a_source()},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
    }
    return ordinary | sections
