"""The commands of a guide that a test carries out: its fenced blocks marked ``sh testé``, in their order."""

import re
import textwrap
from pathlib import Path

GUIDES = Path(__file__).parents[2] / "docs/fr"
_BLOCK = re.compile(r"^ *```sh testé\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(name: str) -> list[str]:
    """Return the scripts of a guide."""
    return [textwrap.dedent(found) for found in _BLOCK.findall((GUIDES / name).read_text("utf-8"))]
