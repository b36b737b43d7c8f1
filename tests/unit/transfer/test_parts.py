"""The parts of one transfer in the threads of a shared pool."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

import pytest

from s3_integration.transfer import parts
from s3_integration.transfer.parts import in_threads, results_of


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_results_come_in_the_order_of_their_calls(pool: ThreadPoolExecutor) -> None:
    with in_threads(pool, [lambda: 1, lambda: 2, lambda: 3]) as jobs:
        assert results_of(jobs) == [1, 2, 3]


def test_the_first_failure_does_not_wait_for_the_rest(pool: ThreadPoolExecutor) -> None:
    failure_is_told = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    with in_threads(pool, [fail, lambda: failure_is_told.wait(2)]) as jobs:
        with pytest.raises(ZeroDivisionError):
            results_of(jobs)
        failure_is_told.set()

    # Cancelled before it began, or told in time.
    assert jobs[1].cancelled() or jobs[1].result()


def test_calls_that_have_not_begun_when_the_block_ends_never_do(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, block_has_ended, later = threading.Event(), threading.Event(), list[int]()

    def first() -> bool:
        has_begun.set()
        return block_has_ended.wait(10)

    def note_and_wait(jobs: list[futures.Future[object]]) -> object:
        block_has_ended.set()
        return futures.wait(jobs)

    monkeypatch.setattr(parts, "wait", note_and_wait)

    with in_threads(pool, [first, lambda: later.append(1)]) as jobs:
        has_begun.wait(10)

    assert jobs[0].result() is True
    assert jobs[1].cancelled()
    assert later == []


def test_the_block_ends_only_when_its_calls_have_ended(pool: ThreadPoolExecutor) -> None:
    begun, ended = threading.Event(), list[int]()

    def call() -> None:
        begun.set()
        threading.Event().wait(0.05)
        ended.append(1)

    with in_threads(pool, [call]):
        begun.wait(10)

    assert ended == [1]


def test_calls_see_the_callers_context(pool: ThreadPoolExecutor) -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("of the caller")

    with in_threads(pool, [variable.get]) as jobs:
        assert results_of(jobs) == ["of the caller"]
