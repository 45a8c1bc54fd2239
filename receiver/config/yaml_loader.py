"""PyYAML's safe loader, with a bound on depth, and with tabs where YAML allows them and PyYAML does not."""

from typing import Any

import yaml

MAX_DEPTH = 20
_LINE_BREAKS = "\r\n\x85\u2028\u2029"


class TooDeepError(Exception):
    """Nesting beyond anything a configuration needs."""


class Loader(yaml.SafeLoader):
    """Stops at a depth: the composer would else recurse as far as the text says. Tabs may stand between tokens."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Count the levels."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeepError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def scan_to_next_token(self) -> None:
        """Go over tabs too: behind a value, before a comment, on an empty line. Indentation stays spaces alone."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self._stands_in_indentation()):
            self.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> Any:
        """Take tabs within a text for blanks of it, and drop those behind it."""
        length = 0
        while self.peek(length) in {" ", "\t"}:
            length += 1
        blanks = self.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        behind = self.peek(length)
        self.forward(length)
        return super().scan_plain_spaces(indent, start_mark) if behind in _LINE_BREAKS else [blanks]

    def _stands_in_indentation(self) -> bool:
        if self.buffer[self.pointer - self.column : self.pointer].strip(" \t"):
            return False
        length = 0
        while self.peek(length) in {" ", "\t"}:
            length += 1
        return self.peek(length) not in _LINE_BREAKS + "#\0"
