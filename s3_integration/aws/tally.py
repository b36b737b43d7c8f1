"""Counting retries, so that an operation's log line can tell how hard it was."""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tally:
    """How often one operation had to send something again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retries = 0

    def add_retry(self) -> None:
        """Count one more."""
        with self._lock:
            self._retries += 1

    @property
    def attempts(self) -> int:
        """1 where all went well at once, one more for each retry of any request."""
        return 1 + self._retries


# A context variable, not an argument: retries happen inside botocore's event handlers,
# which see nothing of ours. Threads of a transfer run in a copy of the caller's context.
_current: ContextVar[Tally | None] = ContextVar("s3_integration_tally", default=None)


@contextlib.contextmanager
def counting_retries() -> Iterator[Tally]:
    """Count the retries of everything inside the block."""
    tally = Tally()
    token = _current.set(tally)
    try:
        yield tally
    finally:
        _current.reset(token)


def count_retry() -> None:
    """Tell the operation under way, if there is one, of a retry."""
    if (tally := _current.get()) is not None:
        tally.add_retry()
