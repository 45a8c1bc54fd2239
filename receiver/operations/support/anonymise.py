"""Replaces personal data and secrets in a text, each value always by the same placeholder. Pure."""

import json
import re
from collections import Counter
from collections.abc import Mapping

ADDRESS, HOST, FILE, TEXT, SECRET, MACHINE = "adresse", "hote", "fichier", "texte", "secret", "machine"

OPEN = frozenset(
    {
        "access", "auth", "calendar", "default_calendar", "digest_at", "emitter", "kind", "neighbours",
        "on_agent_deletion", "on_agent_departure", "on_cancel", "on_rgpd_purge", "platform", "role", "sensitivity",
        "start_at", "time_zone", "title", "version",
    }
)  # fmt: skip
"""Keys of the configuration whose texts are choices, names or dates, and not personal."""

_HOSTS = frozenset({"host", "link_hosts", "listen", "domains", "address"})
_NAMED_BY_PEOPLE = frozenset({"map", "domains", "motif_titles"})
"""Sections whose keys are typed values: addresses and motifs."""

# Only from the beginning of a word: otherwise each letter of a long word would be tried as a beginning.
_EMAIL = re.compile(r"(?<![^\s\"'<>(),;:@/\\])[^\s\"'<>(),;:@/\\]+@[^\s\"'<>(),;:@/\\]+")
_SHORTEST = 5
"""Shorter values are not replaced: they would match inside other words."""


class Placeholders:
    """The placeholders of all replaced values so far."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def of(self, kind: str, text: str) -> str:
        """Return the placeholder of a text: ``adresse-3``."""
        known = text.strip().lower()
        if known not in self._words:
            self._counts[kind] += 1
            self._words[known] = f"{kind}-{self._counts[kind]}"
        return self._words[known]

    def scrub(self, text: str) -> str:
        """Replace in a text all that looks like an e-mail, and all hosts and secrets that have a placeholder."""
        text = _EMAIL.sub(lambda found: self.of(ADDRESS, found.group()), text)
        for known in sorted(self._words, key=len, reverse=True):
            word = self._words[known]
            if len(known) >= _SHORTEST and word.startswith((HOST, SECRET, MACHINE)):
                text = re.sub(re.escape(known), word, text, flags=re.IGNORECASE)
        return text


def configuration(root: Mapping[str, object], placeholders: Placeholders) -> dict[str, object]:
    """Return the file's structure: keys, numbers, choices, references of secrets, and placeholders for other values."""
    return {key: _redacted(key, value, placeholders) for key, value in root.items()}


def _redacted(key: str, value: object, placeholders: Placeholders) -> object:
    if isinstance(value, list):
        return [_redacted(key, each, placeholders) for each in value]
    if isinstance(value, dict):
        return _section(key, value, placeholders)
    if not isinstance(value, str) or key in OPEN:
        return value
    return _word(key, value, placeholders)


def _section(key: str, section: Mapping[str, object], placeholders: Placeholders) -> dict[str, object]:
    if any(isinstance(section.get(place), str) for place in ("env", "file")):
        return _reference(section)
    if key in _NAMED_BY_PEOPLE:
        return {
            placeholders.of(_kind(key, name), name): _redacted("", each, placeholders) for name, each in section.items()
        }
    return {name: _redacted(name, each, placeholders) for name, each in section.items()}


def _reference(section: Mapping[str, object]) -> dict[str, object]:
    place = {"secret": "env" if "env" in section else "file"}
    return place | {name: each for name, each in section.items() if name == "organisations"}


def _word(key: str, value: str, placeholders: Placeholders) -> str:
    scheme, divided, rest = value.partition("://")
    if divided:
        return f"{scheme}://{placeholders.of(FILE if rest.startswith('/') else HOST, rest)}"
    return placeholders.of(_kind(key, value), value)


def _kind(key: str, value: str) -> str:
    if "@" in value:
        return ADDRESS
    if key in _HOSTS or re.fullmatch(r"[\w-]+(\.[\w-]+)+", value):
        return HOST
    return FILE if "/" in value else TEXT


LOGGED = frozenset(
    {
        "calendar", "changes", "child", "code", "count", "created", "dry_run", "error", "errand", "event", "extras",
        "held", "installation", "level", "log", "mailbox", "merged", "outcome", "removed", "signal", "standing",
        "status", "ts", "updated", "verb", "warnings",
    }
)  # fmt: skip
"""Fields of our log lines that hold codes, counts and names of parts."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:+-]{1,80}")


def log_line(line: str) -> str | None:
    """Return a line of our log with only its impersonal fields; None: it is not ours."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not {"ts", "level", "event", "log"} <= content.keys():
        return None
    kept = {name: _plain(value) for name, value in content.items() if name in LOGGED}
    if isinstance(frames := content.get("frames"), list):  # places in the program, without its folder's path
        kept["frames"] = [place for each in frames if (place := _plain(str(each).rpartition("/")[2]))]
    return json.dumps({name: value for name, value in kept.items() if value is not None})


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else None
    return value if isinstance(value, int | float) else None
