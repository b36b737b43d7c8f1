"""Running the parts of one transfer in the threads of a shared pool."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from s3_integration.cancellation import breaking_off_when
from s3_integration.perprocess import PerProcess
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
        self._number = number
        self._pool = PerProcess(self._make_pool)

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Let a thread make the call, in the caller's context."""
        return self._pool.get().submit(contextvars.copy_context().run, call)

    def _make_pool(self) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(self._number, "s3_integration-part")
        # A signal that strikes the main thread while `submit` starts a thread leaves that
        # thread unknown to the pool, which then never ends it: the process would not exit.
        # Signals strike only the main thread, so another one starts them all.
        starter = threading.Thread(target=self._start_threads, args=(pool,), daemon=True)
        starter.start()
        starter.join()
        return pool

    def _start_threads(self, pool: ThreadPoolExecutor) -> None:
        # A pool starts a thread only where none is idle, so each has to wait for the last.
        all_started = threading.Barrier(self._number)
        try:
            for _ in range(self._number):
                pool.submit(all_started.wait)
        except RuntimeError:  # the process is ending already: let those go that have started
            all_started.abort()


class _Gate:
    """Lets calls pass until it is shut, and then waits for those inside.

    A signal can strike between a call's way into the pool's queue and the moment that its
    future is known here; such a call can be neither cancelled nor waited for by its future.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_shut = False

    def guarded(self, call: Callable[[], Result]) -> Callable[[], Result]:
        def pass_through() -> Result:
            with self._changed:
                if self._is_shut:
                    raise CancelledError
                self._inside += 1
            try:
                with breaking_off_when(lambda: self._is_shut):
                    return call()
            finally:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

        return pass_through

    def shut(self) -> None:
        with self._changed:
            self._is_shut = True
            self._changed.wait_for(lambda: not self._inside)


@contextlib.contextmanager
def in_threads(
    threads: PartThreads, calls: Iterable[Callable[[], Result]]
) -> Iterator[list[Future[Result]]]:
    """Run `calls` in the threads; however the block ends, all of them have ended after it.

    Calls that have not started by then never do, and requests of theirs that are still being
    sent are broken off. Each runs in the caller's context, so that its retries count for the
    caller's operation.
    """
    jobs: list[Future[Result]] = []
    gate = _Gate()
    try:
        # One by one: Ctrl-C may come while there are thousands of them to submit.
        for call in calls:
            jobs.append(threads.submit(gate.guarded(call)))  # noqa: PERF401
        yield jobs
    finally:
        for job in jobs:
            job.cancel()
        gate.shut()


def results_of(jobs: list[Future[Result]]) -> list[Result]:
    """The results of all jobs, or the first failure as soon as it happens."""
    if jobs:
        end_turn()
    done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
    for job in done:
        job.result()
    return [job.result() for job in jobs]
