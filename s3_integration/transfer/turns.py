"""Turns: of the threads that move many small files, one computes while the others wait for S3.

Python runs one thread at a time, and a thread that calls the system lets another one run: for
a small file, that would be some thirty changes, which cost as much as the work itself. A turn
lasts until the thread has to wait. It is a courtesy and no lock: who waits too long for it
goes on without.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_WAIT_SECONDS = 0.1
"""Only a turn that somebody forgot to end would last so long."""

_mine = threading.local()


class Turns:
    """What one group of threads shares."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for a turn of the calling thread, unless it has one."""
        if getattr(_mine, "turns", None) is None and self._lock.acquire(
            timeout=_LONGEST_WAIT_SECONDS
        ):
            _mine.turns = self

    @contextlib.contextmanager
    def lasting(self) -> Iterator[None]:
        """Have a turn of the calling thread, whenever it need not wait, while the block runs."""
        self.take()
        try:
            yield
        finally:
            end_turn()

    def _end(self) -> None:
        _mine.turns = None
        self._lock.release()


def end_turn() -> Turns | None:
    """End the calling thread's turn, before it waits for anything; None where it has none."""
    turns: Turns | None = getattr(_mine, "turns", None)
    if turns is not None:
        turns._end()  # noqa: SLF001 - the other half of `take`
    return turns
