"""mutmut's command, with tests chosen by function and not by single case.

Some cases have values in their names that pytest does not find again when they stand on its command line.
"""

from collections.abc import Iterable

from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner

chosen = PytestRunner._pytest_args_regular_run


def chosen_by_function(self: PytestRunner, tests: Iterable[str]) -> list[str]:
    """Return pytest's arguments for these tests, each function once, in the same order."""
    arguments: list[str] = chosen(self, list(dict.fromkeys(test.partition("[")[0] for test in tests)))
    return arguments


if __name__ == "__main__":
    PytestRunner._pytest_args_regular_run = chosen_by_function
    cli()
