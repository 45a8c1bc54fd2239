"""YAML text to plain values with the line of each key. Knows nothing of what the keys mean.

Only mappings with text keys, lists, texts, numbers, booleans and nothing: what JSON could hold. A document cannot
make objects, repeat a key, or grow beyond its bounds by aliases.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from receiver.config.decoding import Undecodable, decoded
from receiver.config.problems import ConfigurationErrors, Location, Problem
from receiver.config.yaml_loader import MAX_DEPTH, Loader, TooDeepError
from receiver.core.text import is_blank
from receiver.regular_files import NotRegularError, open_regular

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

MAX_BYTES = 4 * 1024 * 1024
MAX_VALUES = 200_000

_BOOL_TAG = "tag:yaml.org,2002:bool"
_OTHER_BASE = re.compile(r"[-+]?(?:0[0-9_]+|[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?)")
"""Numbers that YAML reads to other bases than people do: 012 as ten, 12:30 as 750."""
_SCALAR_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
# A date, a time or `=` is nothing the configuration knows: it stays the text that was written.
_TEXT_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "timestamp", "value", "merge")}


@dataclass
class Document:
    """The values of a file and where each of them stands."""

    root: dict[str, Value]
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, location: Location) -> int | None:
        """Return the line of the value, or of the nearest thing around it that was written."""
        while location:
            if location in self.lines:
                return self.lines[location]
            location = location[:-1]
        return None

    def texts(self) -> Iterator[tuple[Location, str]]:
        """Yield each text with its location."""
        yield from _texts((), self.root)


def _texts(location: Location, value: Value) -> Iterator[tuple[Location, str]]:
    match value:
        case str():
            yield location, value
        case dict():
            for key, inner in value.items():
                yield from _texts((*location, key), inner)
        case list():
            for place, inner in enumerate(value):
                yield from _texts((*location, place), inner)


def read_document(path: Path) -> Document:
    """Read the file.

    Raises:
        ConfigurationErrors: it cannot be read, is no YAML, or is no mapping.

    """
    try:
        with open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationErrors([Problem((), "file_missing")]) from None
    except NotRegularError:
        code = "file_is_folder" if path.is_dir() else "file_not_regular"
        raise ConfigurationErrors([Problem((), code)]) from None
    except (OSError, UnicodeError):
        raise ConfigurationErrors([Problem((), "file_unreadable")]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationErrors([Problem((), "file_too_big")])
    return parse(raw)


def parse(raw: bytes) -> Document:
    """Turn the bytes of a file into a document; repeated keys and foreign tags become its problems.

    Raises:
        ConfigurationErrors: nothing usable could be read.

    """
    try:
        # SafeLoader's own bytes decoding would skip what it cannot decode.
        text = decoded(raw)
    except Undecodable as error:
        raise ConfigurationErrors([Problem((), "not_utf8", line=error.line)]) from None
    if unusual := _unusual_indentation(text):
        # What belongs to what is not known then, so nothing else is looked at.
        raise ConfigurationErrors(unusual)
    return _Builder().build(_compose(text))


def _unusual_indentation(text: str) -> list[Problem]:
    """Return the lines that begin with a blank other than a space or a tab: it looks like a space."""
    found = []
    for number, line in enumerate(re.split("\r\n|[\r\n]", text), 1):
        begins = line.lstrip(" \t")
        if begins and is_blank(begins[0]):
            found.append(Problem((), "yaml_blank", line=number, column=len(line) - len(begins) + 1))
    return found


def _compose(text: str) -> yaml.MappingNode:
    loader = None
    try:
        loader = Loader(text)
        node = loader.get_single_node()
    except TooDeepError:
        raise _refusal("yaml_too_deep", None) from None
    except yaml.MarkedYAMLError as error:
        # The parser's own words quote the file, where a misplaced secret may stand: only the place is kept.
        raise _refusal("yaml_tab" if "'\\t'" in str(error.problem) else "yaml_syntax", error.problem_mark) from None
    except yaml.reader.ReaderError as error:
        raise _character(text, error.position) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise _refusal("yaml_syntax", None) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise _refusal("file_empty", None)
    if not isinstance(node, yaml.MappingNode):
        raise _refusal("not_mapping", node.start_mark)
    return node


def _character(text: str, position: int) -> ConfigurationErrors:
    """Return the refusal of a character that YAML does not allow."""
    lines = text[:position].split("\n")
    return ConfigurationErrors([Problem((), "yaml_syntax", line=len(lines), column=len(lines[-1]) + 1)])


def _refusal(code: str, mark: yaml.Mark | None) -> ConfigurationErrors:
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return ConfigurationErrors([Problem((), code, line=line, column=column)])


def _with_whole_letters(text: str) -> str:
    """Return a text with the halves of letters put together: JSON, which is YAML, writes those of an emoji apart."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _is_unusual(character: str) -> bool:
    return character not in " \t" and is_blank(character)


class _Builder:
    """Walks the nodes once. Aliases share nodes, so what is counted is visits, not nodes."""

    def __init__(self) -> None:
        self.document = Document({})
        self.visited = 0
        self.scalars = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.MappingNode) -> Document:
        self.document.root = self._mapping(node, ())
        return self.document

    def _value(self, node: yaml.Node, location: Location) -> Value:
        self.visited += 1
        if self.visited > MAX_VALUES:
            raise _refusal("yaml_too_big", node.start_mark)
        if len(location) > MAX_DEPTH:  # an alias to what surrounds it
            raise _refusal("yaml_too_deep", node.start_mark)
        self.document.lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self._value(child, (*location, place)) for place, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, location)
        return self._trouble(location, "yaml_tag", node)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, location)
            if key is None:
                continue
            here = (*location, key)
            if key in values:
                self._trouble(here, "key_twice", key_node, first_line=self.document.lines[here])
                continue
            self.document.lines[here] = key_node.start_mark.line + 1
            values[key] = self._value(value_node, here)
        return values

    def _key(self, node: yaml.Node, location: Location) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._trouble(location, "key_not_text", node)
            return None
        key = node.value if node.tag in _SCALAR_TAGS else self._scalar(node, location)
        return str(key) if key is not None else None

    def _scalar(self, node: yaml.ScalarNode, location: Location) -> Value:
        if node.tag in _TEXT_TAGS:
            return self._text(node, location)
        if node.tag not in _SCALAR_TAGS:
            return self._trouble(location, "yaml_tag", node)
        if _OTHER_BASE.fullmatch(node.value) and node.tag != _BOOL_TAG:
            return self._trouble(location, "yaml_number", node)
        try:
            value: bool | int | float | None = self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, KeyError, OverflowError):
            return self._trouble(location, "yaml_value", node)
        too_large = isinstance(value, int) and abs(value) > 2**63
        no_number = isinstance(value, float) and value - value != 0  # infinite or not a number
        return self._trouble(location, "yaml_value", node) if too_large or no_number else value

    def _text(self, node: yaml.ScalarNode, location: Location) -> Value:
        text = _with_whole_letters(node.value)
        if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
            return self._trouble(location, "yaml_value", node)
        if node.style is None and text and (_is_unusual(text[0]) or _is_unusual(text[-1])):
            return self._trouble(location, "yaml_blank", node)
        return text

    def _trouble(self, location: Location, code: str, node: yaml.Node, **details: int) -> Value:
        """Note the problem; nothing stands for the value that cannot be."""
        mark = node.start_mark
        self.document.problems.append(Problem(location, code, details, mark.line + 1, column=mark.column + 1))
        return None
