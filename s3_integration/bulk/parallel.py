"""The same call for many items, in a few threads."""

from __future__ import annotations

import contextvars
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from s3_integration.cancellation import breaking_off_when

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK_AHEAD = 4
"""Items that are read for each thread, so that it finds one while the caller is at work."""


class Threads:
    """Threads that start with the first call, and whose requests end with the last.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self.look_ahead = _LOOK_AHEAD * most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="s3_integration-bulk")
        # No Event: a signal may strike while its lock is taken, which is never given back then.
        self._endings: list[None] = []

    def begin(self, call: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Let a thread make the call, in the caller's context."""
        return self._pool.submit(contextvars.copy_context().run, self._made, call, item)

    def _made(self, call: Callable[[Item], Result], item: Item) -> Result:
        with breaking_off_when(lambda: bool(self._endings)):
            return call(item)

    def close(self) -> None:
        """Begin no further call, break off the requests of those under way, and wait for them."""
        self._endings.append(None)
        self._pool.shutdown(wait=True, cancel_futures=True)


def in_parallel(
    call: Callable[[Item], Result],
    items: Iterable[Item],
    most_threads: int,
    meanwhile: Callable[[], None] | None = None,
) -> Generator[tuple[Item, Result], None, None]:
    """Each item with the result of `call`, as they come.

    `items` is read by the caller's thread, and never far ahead. So is `meanwhile` called, each
    time before it waits for calls under way. Closing the generator, or
    Ctrl-C, begins no further call.
    """
    open_calls: dict[Future[Result], Item] = {}
    waiting = iter(items)
    with closing(Threads(most_threads)) as threads:
        while True:
            for item in islice(waiting, threads.look_ahead - len(open_calls)):
                open_calls[threads.begin(call, item)] = item
            if not open_calls:
                return
            if meanwhile is not None:
                meanwhile()
            for future in wait(open_calls, return_when=FIRST_COMPLETED).done:
                yield open_calls.pop(future), future.result()


def some_in_parallel(
    call: Callable[[Item], Item],
    items: Iterable[Item],
    needs_call: Callable[[Item], bool],
    most_threads: int,
) -> Iterator[Item]:
    """The items, or what `call` makes of those that need it; no more than that in their order."""
    open_calls: deque[Future[Item]] = deque()
    with closing(Threads(most_threads)) as threads:
        for item in items:
            if needs_call(item):
                open_calls.append(threads.begin(call, item))
            else:
                yield item
            while open_calls and (open_calls[0].done() or len(open_calls) >= threads.look_ahead):
                yield open_calls.popleft().result()
        while open_calls:
            yield open_calls.popleft().result()
