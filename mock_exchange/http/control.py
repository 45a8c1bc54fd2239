"""The JSON API under /mock/ for tests in other processes. Only loopback is answered."""

import ipaddress
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mock_exchange.errors import EwsError
from mock_exchange.http.backend import Backend
from mock_exchange.http.faults import Fault, FaultKind
from mock_exchange.http.recording import Recorded, StoredItem

PREFIX = "/mock/"
Arguments = dict[str, Any]
Action = Callable[[Backend, Arguments], Any]


def answer(backend: Backend, client: str, method: str, target: str, body: bytes) -> tuple[int, Any]:
    """Return status and content."""
    if not ipaddress.ip_address(client).is_loopback:
        return 403, {"error": "only loopback"}
    url = urlsplit(target)
    action = ACTIONS.get((method, url.path))
    if action is None:
        return 404, {"error": "unknown"}
    try:
        arguments = dict(parse_qsl(url.query)) | (json.loads(body) if body else {})
        return 200, action(backend, arguments)
    except EwsError as error:
        return 404, {"error": error.code}
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": repr(error)}


def _items(backend: Backend, arguments: Arguments) -> Any:
    folder = arguments.get("folder", "calendar")
    found = backend.items(arguments["mailbox"], None if folder == "*" else folder)
    return [_item(item) for item in found]


def _occurrences(backend: Backend, arguments: Arguments) -> Any:
    start, end = (datetime.fromisoformat(arguments[name]) for name in ("start", "end"))
    return [_item(item) for item in backend.occurrences(arguments["mailbox"], start, end)]


def _act_on_item(backend: Backend, arguments: Arguments) -> Any:
    """Do what an agent could: `action` is move, copy, delete or edit."""
    item_id = arguments["item_id"]
    match arguments["action"]:
        case "move":
            return {"item_id": backend.move_item(item_id, arguments["folder"])}
        case "copy":
            return {"item_id": backend.copy_item(item_id, arguments.get("folder", "calendar"))}
        case "delete":
            return {"item_id": backend.delete_item(item_id, arguments.get("folder"))}
        case "edit":
            return _item(backend.edit_item(item_id, **arguments["changes"]))
        case other:
            raise ValueError(other)


def _requests(backend: Backend, arguments: Arguments) -> Any:
    bodies = arguments.get("bodies") in {"1", "true", True}
    return [_request(recorded, bodies) for recorded in backend.requests]


def _forget(backend: Backend, _: Arguments) -> Any:
    backend.forget_requests()
    return {}


def _add_fault(backend: Backend, arguments: Arguments) -> Any:
    backend.inject(Fault(kind=FaultKind(arguments.pop("kind")), **arguments))
    return {}


def _clear_faults(backend: Backend, _: Arguments) -> Any:
    backend.faults.clear()
    return {}


def _forget_complaints(backend: Backend, _: Arguments) -> Any:
    backend.forget_complaints()
    return {}


def _add_mailbox(backend: Backend, arguments: Arguments) -> Any:
    backend.add_mailbox(arguments["address"], *arguments.get("aliases", ()))
    return {}


def _rename_mailbox(backend: Backend, arguments: Arguments) -> Any:
    backend.rename_mailbox(arguments["address"], arguments["new"])
    return {}


def _limit(backend: Backend, arguments: Arguments) -> Any:
    backend.limit(**arguments)
    return {}


def _set_quota(backend: Backend, arguments: Arguments) -> Any:
    backend.set_quota(arguments["mailbox"], arguments["size_bytes"])
    return {}


def _move_mailbox(backend: Backend, arguments: Arguments) -> Any:
    """Begin or finish a move: `phase` says which."""
    phases = {"begin": backend.begin_move, "finish": backend.finish_move}
    phases[arguments["phase"]](arguments["mailbox"])
    return {}


def _add_folder(backend: Backend, arguments: Arguments) -> Any:
    made = backend.make_folder(arguments["mailbox"], arguments["name"], arguments.get("parent", "calendar"))
    return {"folder_id": made}


def _state(backend: Backend, _: Arguments) -> Any:
    with backend.store.lock:
        mailboxes = {box.address: box.aliases for box in backend.store.mailboxes.values()}
        items = len(backend.store.items)
    return {
        "mailboxes": mailboxes,
        "items": items,
        "requests": len(backend.requests),
        "mails_sent": backend.mails_sent,
        "schema_errors": [asdict(error) for error in backend.schema_errors],
        "crashes": [repr(error) for error in backend.crashes],
    }


ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "/mock/items"): _items,
    ("POST", "/mock/items"): _act_on_item,
    ("GET", "/mock/occurrences"): _occurrences,
    ("GET", "/mock/requests"): _requests,
    ("DELETE", "/mock/requests"): _forget,
    ("POST", "/mock/faults"): _add_fault,
    ("DELETE", "/mock/faults"): _clear_faults,
    ("DELETE", "/mock/complaints"): _forget_complaints,
    ("POST", "/mock/mailboxes"): _add_mailbox,
    ("POST", "/mock/mailboxes/rename"): _rename_mailbox,
    ("POST", "/mock/mailboxes/quota"): _set_quota,
    ("POST", "/mock/mailboxes/move"): _move_mailbox,
    ("POST", "/mock/limits"): _limit,
    ("POST", "/mock/folders"): _add_folder,
    ("GET", "/mock/state"): _state,
}


def _item(item: StoredItem) -> Arguments:
    fields = asdict(item)
    moments = {name: fields[name].isoformat() for name in ("start", "end", "created", "modified")}
    extended = [{"set": space, "name": name, "value": value} for (space, name), value in item.extended.items()]
    return fields | moments | {"extended": extended}


def _request(recorded: Recorded, bodies: bool) -> Arguments:
    content = asdict(recorded)
    for name in ("request", "response"):
        raw = content.pop(name)
        if bodies:
            content[name] = raw.decode("utf-8", "replace")
    return content
