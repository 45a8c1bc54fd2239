"""argparse in French, and parsers that are built when their command is chosen."""

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from receiver.cli import output
from receiver.core.text import has_half_letters
from receiver.sentences import COMMANDS, USAGE

LONGEST_TEXT = 512
"""Maximum length of a typed name: that of the longest address in the record."""


def text(typed: str) -> str:
    """Return the typed name of a mailbox, an event or a code; refuse what a database does not accept."""
    if len(typed) > LONGEST_TEXT or has_half_letters(typed):
        raise argparse.ArgumentTypeError(COMMANDS["bad_text"].format(longest=LONGEST_TEXT))
    return typed


class Parser(argparse.ArgumentParser):
    """argparse with French messages."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, add_help=False, allow_abbrev=False)
        self._optionals.title = COMMANDS["options"]
        self._positionals.title = COMMANDS["arguments"]
        self.add_argument("-h", "--help", action="help", help=COMMANDS["help"])

    def format_usage(self) -> str:
        """Begin with the French word."""
        return super().format_usage().replace("usage: ", COMMANDS["usage"], 1)

    def format_help(self) -> str:
        """Begin with the French word."""
        return super().format_help().replace("usage: ", COMMANDS["usage"], 1)

    def error(self, message: str) -> NoReturn:
        """Print the error in French, and exit with 2."""
        for pattern, sentence in USAGE.items():
            if found := re.fullmatch(pattern, message, re.DOTALL):
                message = found.expand(sentence)
                break
        self.exit(2, output.printable(f"{self.prog} : {message}") + f"\n{self.format_usage()}")


class LateParser(Parser):
    """The parser of one command. Its module is imported, and its arguments are added, when it is chosen."""

    def __init__(self, *, lay: Callable[[argparse.ArgumentParser], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lay = lay

    def add_subparsers(self, **kwargs: Any) -> Any:
        """Add the subcommands; their parsers are ordinary ones, as the module is imported by then."""
        return super().add_subparsers(parser_class=Parser, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Add the arguments first. argparse calls this for the chosen command only, for help and errors too."""
        self._lay(self)
        return super().parse_known_args(args, namespace)
