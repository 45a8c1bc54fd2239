"""Reads the bodies of webhooks, and limits how many large or heavy ones are handled at once.

An appointment with hundreds of participants takes some mebibytes. A few of these must fit into the memory of a process,
even if a stranger sends them, and small ones must not wait for them.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from io import BytesIO

from flask import Request
from werkzeug.exceptions import HTTPException

from receiver.core.wire.weight import is_heavier
from receiver.web.allocator import give_back
from receiver.web.gunicorn_worker import NOT_HTTP, longer_read

MAX_BODY_BYTES = 8 * 1024 * 1024
LARGE_BYTES = 1024 * 1024
LARGE_AT_ONCE = 2
"""The most bodies above `LARGE_BYTES` that a process reads or holds at once. Others are refused, and sent again."""
HEAVY = 2 * 1024 * 1024
"""In bytes: a body that may take more when decoded is decoded alone. An ordinary one takes at most 50 kB."""
_BLOCK = 64 * 1024
_AT_ONCE = nullcontext()


class TooLarge(Exception):
    """The body is longer than the limit."""


class Busy(Exception):
    """No more large bodies fit at once."""


class Bodies:
    """Reads the bodies of one process's requests."""

    def __init__(self) -> None:
        self._large = threading.BoundedSemaphore(LARGE_AT_ONCE)
        self._heavy = threading.Lock()

    def read(self, request: Request) -> AbstractContextManager[bytes]:
        """Return the body of a request, for a block. A large one keeps its place until the block ends.

        Raises:
            TooLarge: it is longer than the limit; on entering the block.
            Busy: it is large, and there is no place for it now; on entering the block.

        """
        length = request.content_length
        if length is not None and length <= LARGE_BYTES:  # as nearly every body: it needs no place
            return nullcontext(request.get_data(cache=False))
        return self._read_in_place(request)

    @contextmanager
    def _read_in_place(self, request: Request) -> Iterator[bytes]:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise TooLarge
        request.max_content_length = MAX_BODY_BYTES + 1  # Werkzeug would refuse a body of exactly the limit
        with ExitStack() as place:
            yield self._read(request, place)

    def _read(self, request: Request, place: ExitStack) -> bytes:
        stream = request.stream
        is_large = (request.content_length or 0) > LARGE_BYTES
        if is_large:
            self._take_place(request, place)
        body = BytesIO()  # unlike a list of blocks, it returns the whole without a copy of each
        while block := stream.read(_BLOCK):
            body.write(block)
            length = body.tell()
            if length > MAX_BODY_BYTES:
                raise TooLarge
            if length > LARGE_BYTES and not is_large:  # its length was not announced
                is_large = True
                self._take_place(request, place)
        return body.getvalue()

    def _take_place(self, request: Request, place: ExitStack) -> None:
        if not self._large.acquire(blocking=False):
            # A client that is still writing would not read the answer.
            with suppress(HTTPException, *NOT_HTTP):
                while request.stream.read(_BLOCK):
                    pass
            raise Busy
        place.callback(self._large.release)
        place.enter_context(longer_read(request.environ))

    def decoding(self, body: bytes) -> AbstractContextManager[None]:
        """Wait, on entering the block, until a body may be decoded, and keep that right until the block ends."""
        return self._alone() if is_heavier(body, HEAVY) else _AT_ONCE

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._heavy:
            try:
                yield
            finally:
                give_back()
