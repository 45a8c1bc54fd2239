"""A progress bar for people who watch; nothing where nobody does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield what is called, from any thread, when one of `total` things is done. Drawn on standard error."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    # Imported where it is drawn: it costs what no service needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
