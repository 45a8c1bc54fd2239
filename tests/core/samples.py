"""The sample payloads, and bodies made from them."""

import copy
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "payloads"
RDV_SAMPLES = sorted(path.stem for path in FOLDER.glob("rdv-*.json"))
OTHER_SAMPLES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("rdv-"))

REMOVED = object()


def sample(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def sample_bytes(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def edited(document: Any, path: str, value: object) -> Any:
    """A copy with the member at a path such as ``data.agents.0.email`` replaced, added or `REMOVED`."""
    changed = copy.deepcopy(document)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    place = changed
    for step in way:
        place = place[step]
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return changed


def as_body(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
