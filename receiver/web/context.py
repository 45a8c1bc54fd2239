"""What the routes and views of one process share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from receiver.config import Settings
from receiver.store import Store
from receiver.web.counting import Counting
from receiver.web.overload import Overload


@dataclass(frozen=True, slots=True)
class WebContext:
    """The settings in force and the shared objects of a process."""

    settings: Settings
    store: Store
    counting: Counting
    overload: Overload
    digest_key: bytes
    clock: Callable[[], datetime]
