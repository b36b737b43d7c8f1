"""A cap on what all transfers of a client move together, up and down.

The buckets of libraries on PyPI are for calls of web services, not for bytes (limits,
pyrate-limiter), or for asyncio (aiolimiter); s3transfer's is no public part of it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from s3_integration.cancellation import check_is_wanted

if TYPE_CHECKING:
    from collections.abc import Callable

_CREDIT_SECONDS = 0.05
"""What was left unused for so long may be made up for: sleeping always lasts a little longer."""

_STEP_SECONDS = 0.1
"""How soon somebody who waits notices that the transfer has ended."""

_SMALLEST_PIECE_BYTES = 4096
_LARGEST_PIECE_BYTES = 256 * 1024
_PIECES_PER_SECOND = 8


class TokenBucket:
    """Says when bytes may move, so that they never move faster than so many a second.

    Whoever comes first is served first; each has a time of its own, for which it waits.
    """

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._taken_until = 0.0

    def reserve(self, size_bytes: int, now: float) -> float:
        """The time by which `size_bytes` may have moved."""
        begin = max(self._taken_until, now - _CREDIT_SECONDS)
        self._taken_until = begin + size_bytes / self._bytes_per_second
        return self._taken_until


class Bandwidth:
    """What threads wait for before they go on to move bytes."""

    def __init__(
        self,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.piece_bytes = min(
            max(_SMALLEST_PIECE_BYTES, bytes_per_second // _PIECES_PER_SECOND),
            _LARGEST_PIECE_BYTES,
        )
        """What to move at once at most, so that no connection is silent for long."""
        self._bucket = TokenBucket(bytes_per_second)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> None:
        """Wait until so many bytes may move, or may have moved.

        Raises:
            BrokenOffError: the transfer ended meanwhile.
        """
        with self._lock:
            until = self._bucket.reserve(size_bytes, self._clock())
        while (left_seconds := until - self._clock()) > 0:
            check_is_wanted()
            self._sleep(min(left_seconds, _STEP_SECONDS))
