"""Running the parts of one transfer in the threads of a shared pool."""

from __future__ import annotations

import contextlib
import contextvars
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Result = TypeVar("Result")


@contextlib.contextmanager
def in_threads(
    pool: Executor, calls: Iterable[Callable[[], Result]]
) -> Iterator[list[Future[Result]]]:
    """Run `calls` in the pool; however the block ends, all of them have ended after it.

    Calls that have not started by then never do. Each runs in the caller's context, so
    that its retries count for the caller's operation.
    """
    jobs: list[Future[Result]] = []
    try:
        # One by one: Ctrl-C may come while there are thousands of them to submit.
        for call in calls:
            jobs.append(pool.submit(contextvars.copy_context().run, call))  # noqa: PERF401
        yield jobs
    finally:
        for job in jobs:
            job.cancel()
        wait(jobs)


def results_of(jobs: list[Future[Result]]) -> list[Result]:
    """The results of all jobs, or the first failure as soon as it happens."""
    done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
    for job in done:
        job.result()
    return [job.result() for job in jobs]
