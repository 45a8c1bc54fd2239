"""The configuration of a receiver under test, as a tree: what a test does not say is ordinary."""

from typing import Any

Tree = dict[str, Any]


def a_source(platform: str = "production", **more: Any) -> Tree:
    """Return a source of RDV Service Public whose secret is in the variable `RDV_SECRET`."""
    return {"emitter": "rdv_service_public", "platform": platform, "secrets": [{"env": "RDV_SECRET"}]} | more


def a_configuration(store_url: str, **sections: Any) -> Tree:
    """Return a receiver with one source `mds`, which writes into the folder `ics` beside its configuration."""
    ordinary = {
        "store": {"url": store_url},
        "sources": {"mds": a_source()},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
    }
    return ordinary | sections
