"""Running the parts of one transfer in the threads of a shared pool.

The caller's thread takes no lock that those of the parts need: a signal, which strikes the
main thread, may raise after the lock was taken and before anything would give it back. News
come to it by a `SimpleQueue`, and all else is done by steps that nothing can divide.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
import weakref
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from s3_integration.cancellation import breaking_off_when
from s3_integration.perprocess import PerProcess
from s3_integration.transfer.threads import refusal_told
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Result = TypeVar("Result")


class PartThreads:
    """The threads that all transfers of a client share; they start with the first part.

    One pool bounds memory, since each of its threads holds one part, and the order of its
    queue keeps transfers from starving.
    """

    def __init__(self, number: int) -> None:
        self._pool = PerProcess(functools.partial(_Pool, number))

    def submit(self, call: Callable[[], object]) -> None:
        """Let a thread make the call, which raises nothing, in the caller's context.

        Raises:
            S3IntegrationError: no thread could be started.
        """
        self._pool.get().calls.put(functools.partial(contextvars.copy_context().run, call))


class _Pool:
    """Threads that the process does not wait for: those wait who gave them something to do."""

    def __init__(self, number: int) -> None:
        self.calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        # Not in an atexit handler: others may come after it, and transfer something.
        weakref.finalize(self, self.calls.put, None).atexit = False
        self._refusal: RuntimeError | None = None
        threads = [
            threading.Thread(
                target=_make_calls, args=(self.calls,), name="s3_integration-part", daemon=True
            )
            for _ in range(number)
        ]
        self._start(threads)

    def _start(self, threads: list[threading.Thread]) -> None:
        # A signal that strikes while a thread starts another one can take along a lock that
        # the new one needs. Signals strike only the main thread, so another one starts them.
        refusals: list[RuntimeError] = []
        starter = threading.Thread(target=_start_all, args=(threads, refusals), daemon=True)
        try:
            starter.start()
        except RuntimeError as refusal:
            raise refusal_told(refusal) from refusal
        starter.join()
        # Those that have started do the work of the others.
        if refusals and not any(thread.is_alive() for thread in threads):
            raise refusal_told(refusals[0]) from refusals[0]


def _start_all(threads: list[threading.Thread], refusals: list[RuntimeError]) -> None:
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as refusal:
        refusals.append(refusal)


def _make_calls(calls: SimpleQueue[Callable[[], object] | None]) -> None:
    while (call := calls.get()) is not None:
        call()
        del call  # what it holds may be large, and the next one long in coming
    calls.put(None)  # for the other threads


class Parts(Generic[Result]):
    """The calls of one transfer; see `in_threads`."""

    def __init__(self, calls: Iterable[Callable[[], Result]]) -> None:
        self._waiting = deque(enumerate(calls))
        self._number = len(self._waiting)
        self._results: dict[int, Result] = {}
        self._failures: deque[BaseException] = deque()
        self._is_shut = False
        # They carry nothing: what has been taken from a queue is lost where a signal strikes.
        self._news: SimpleQueue[None] = SimpleQueue()
        """A call has ended."""

    def submit_to(self, threads: PartThreads) -> None:
        """Let the threads make all calls."""
        # One by one: Ctrl-C may come while there are thousands of them to submit.
        for _ in range(self._number):
            threads.submit(self._make_next)

    def results(self) -> list[Result]:
        """See `results_of`."""
        while not self._failures and len(self._results) < self._number:
            self._news.get()
        if self._failures:
            raise self._failures[0]
        return [self._results[index] for index in range(self._number)]

    def shut(self) -> None:
        """Let no more calls begin, and wait for those that have."""
        self._is_shut = True
        left = 0
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.pop()
                left += 1
        self._wait_for(self._number - left)
        # Their tracebacks hold what the calls held, and would keep it for long.
        self._failures.clear()

    def _wait_for(self, number: int) -> None:
        while len(self._results) + len(self._failures) < number:
            self._news.get()

    def _make_next(self) -> None:
        try:
            index, call = self._waiting.popleft()
        except IndexError:  # they were shut
            return
        try:
            with breaking_off_when(lambda: self._is_shut):
                result = call()
        except BaseException as failure:  # noqa: BLE001 - the caller's thread raises it
            self._failures.append(failure)
        else:
            self._results[index] = result
        self._news.put(None)


@contextlib.contextmanager
def in_threads(
    threads: PartThreads, calls: Iterable[Callable[[], Result]]
) -> Iterator[Parts[Result]]:
    """Run `calls` in the threads; however the block ends, all of them have ended after it.

    Calls that have not started by then never do, and requests of theirs that are still being
    sent are broken off. Each runs in the caller's context, so that its retries count for the
    caller's operation.
    """
    end_turn()  # what is large would keep others from theirs
    parts = Parts(calls)
    try:
        parts.submit_to(threads)
        yield parts
    finally:
        parts.shut()


def results_of(parts: Parts[Result]) -> list[Result]:
    """The results of all calls, or the first failure as soon as it happens."""
    return parts.results()
