"""What loading a file complains of."""

from collections.abc import Mapping
from pathlib import Path

from receiver.config import ConfigurationErrors, Problem, load


def problems_of(path: Path, environ: Mapping[str, str]) -> list[Problem]:
    """Return the problems of a configuration; none where it loads."""
    try:
        load(path, environ)
    except ConfigurationErrors as errors:
        return list(errors.problems)
    return []
