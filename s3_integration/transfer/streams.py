"""How many streams a download takes: as many as it needs to be fast, and no more.

S3 gives one stream some 85 MB/s, so that a fast line needs many. A server near by keeps a
core busy with each stream; more of them than there are cores would only take turns.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3_integration.transfer.wire import Body

_SAMPLE_BYTES = 2 * 1024 * 1024
"""What of the first answer is enough to judge by."""

_LONGEST_SAMPLE_SECONDS = 0.05
"""A stream that takes longer over that is slow enough to have company."""


def streams_worth(busy_seconds: float, seconds: float, cores: int, most: int) -> int:
    """How many streams keep all cores busy, if one keeps one of them so for a share of time."""
    if busy_seconds * most <= seconds * cores:
        return most
    return max(1, round(seconds * cores / busy_seconds))


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # a container may have less than its machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Streams:
    """Lets the ranges of one download be fetched by a number of streams that the first decides.

    Made by the thread that reads the first answer, when it begins to.
    """

    def __init__(self, most: int, cores: int) -> None:
        self._most = most
        self._cores = cores
        self._number = most
        self._is_decided = False
        # No Event: where a signal strikes in the main thread, it may leave the Event's lock
        # taken, which the streams need. This lock is only ever given back by that thread.
        self._undecided = threading.Lock()
        self._undecided.acquire()
        self._left_bytes = _SAMPLE_BYTES
        self._began = (time.thread_time(), time.perf_counter())

    def note(self, moved_bytes: int) -> None:
        """Count what the first answer has brought."""
        if self._is_decided:
            return
        self._left_bytes -= moved_bytes
        if self._left_bytes <= 0:
            busy_began, began = self._began
            busy_seconds = time.thread_time() - busy_began
            seconds = time.perf_counter() - began
            self._number = streams_worth(busy_seconds, seconds, self._cores, self._most)
            self._is_decided = True
            self._undecided.release()

    def jobs(self, calls: Iterable[Callable[[], object]]) -> list[Callable[[], None]]:
        """One job for each stream that may be worth while; together they make all calls."""
        waiting = deque(calls)
        number = min(self._most, len(waiting))
        return [functools.partial(self._run, stream, waiting) for stream in range(number)]

    def _run(self, stream: int, waiting: deque[Callable[[], object]]) -> None:
        if self._undecided.acquire(timeout=_LONGEST_SAMPLE_SECONDS):
            self._undecided.release()
        while stream < self._number:
            try:
                call = waiting.popleft()
            except IndexError:
                return
            call()


class FirstBody:
    """The first answer's body, which tells the streams how fast it comes."""

    def __init__(self, body: Body, streams: Streams) -> None:
        self._body = body
        self._streams = streams

    def readinto(self, buffer: memoryview) -> int:
        """See `Body`."""
        count = self._body.readinto(buffer)
        self._streams.note(count)
        return count

    def close(self) -> None:
        """See `Body`."""
        self._body.close()
