"""The parts of one transfer in the threads of a shared pool."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import pytest

from s3_integration.cancellation import BrokenOffError, check_is_wanted
from s3_integration.config import S3Config
from s3_integration.transfer.parts import PartThreads, _Gate, in_threads, results_of
from tests.fixtures.children import environment_of, run_child


@pytest.fixture
def threads() -> PartThreads:
    return PartThreads(1)


def test_results_come_in_the_order_of_their_calls(threads: PartThreads) -> None:
    with in_threads(threads, [lambda: 1, lambda: 2, lambda: 3]) as jobs:
        assert results_of(jobs) == [1, 2, 3]


def test_the_first_failure_does_not_wait_for_the_rest(threads: PartThreads) -> None:
    failure_is_told = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    with in_threads(threads, [fail, lambda: failure_is_told.wait(2)]) as jobs:
        with pytest.raises(ZeroDivisionError):
            results_of(jobs)
        failure_is_told.set()

    # Cancelled before it began, or told in time.
    assert jobs[1].cancelled() or jobs[1].result()


def test_calls_that_have_not_begun_when_the_block_ends_never_do(
    threads: PartThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, block_has_ended, later = threading.Event(), threading.Event(), list[int]()

    def first() -> bool:
        has_begun.set()
        return block_has_ended.wait(10)

    shut = _Gate.shut

    def note_and_shut(gate: _Gate) -> None:
        block_has_ended.set()
        shut(gate)

    monkeypatch.setattr(_Gate, "shut", note_and_shut)

    with in_threads(threads, [first, lambda: later.append(1)]) as jobs:
        has_begun.wait(10)

    assert jobs[0].result() is True
    assert jobs[1].cancelled()
    assert later == []


def test_the_block_ends_only_when_its_calls_have_ended(threads: PartThreads) -> None:
    begun, ended = threading.Event(), list[int]()

    def call() -> None:
        begun.set()
        threading.Event().wait(0.05)
        ended.append(1)

    with in_threads(threads, [call]):
        begun.wait(10)

    assert ended == [1]


def test_what_a_call_sends_is_broken_off_when_the_block_ends(threads: PartThreads) -> None:
    is_sending = threading.Event()

    def send() -> None:
        limit = time.monotonic() + 10
        while time.monotonic() < limit:
            check_is_wanted()
            is_sending.set()

    with in_threads(threads, [send]) as jobs:
        assert is_sending.wait(10)

    assert isinstance(jobs[0].exception(), BrokenOffError)


def test_calls_see_the_callers_context(threads: PartThreads) -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("of the caller")

    with in_threads(threads, [variable.get]) as jobs:
        assert results_of(jobs) == ["of the caller"]


def test_a_call_whose_submission_a_signal_cut_short_is_waited_for_or_never_runs(
    threads: PartThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, called = PartThreads.submit, list[int]()
    thread_is_free = threading.Event()
    threads.submit(lambda: thread_is_free.wait(10))

    def interrupted(self: PartThreads, call: Callable[[], object]) -> object:
        lost.append(submit(self, call))
        raise KeyboardInterrupt

    lost: list[Future[object]] = []
    monkeypatch.setattr(PartThreads, "submit", interrupted)

    with (
        pytest.raises(KeyboardInterrupt),
        in_threads(threads, [lambda: called.append(1)]),
    ):
        pass

    thread_is_free.set()
    with pytest.raises(CancelledError):
        lost[0].result(10)
    assert called == []


INTERRUPTED_START = """
import threading
from s3_integration.transfer.parts import PartThreads, in_threads

start = threading.Thread.start

def start_and_be_interrupted(thread):
    start(thread)
    if threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt

threading.Thread.start = start_and_be_interrupted
threads = PartThreads(2)
try:
    with in_threads(threads, [lambda: None]):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""


ENDING_WHILE_THREADS_START = """
import concurrent.futures.thread as pools
import threading
from s3_integration.transfer.parts import PartThreads

submit = pools.ThreadPoolExecutor.submit
begun, shut = threading.Event(), threading.Event()

def submit_slowly(pool, call):
    future = submit(pool, call)
    begun.set()
    shut.wait(20)
    return future

pools.ThreadPoolExecutor.submit = submit_slowly
threading._register_atexit(shut.set)  # comes before the pools' own
threading.Thread(target=PartThreads(2).submit, args=(print,), daemon=True).start()
begun.wait(20)
"""


def test_a_process_that_ends_while_threads_start_comes_to_its_end() -> None:
    ended = run_child(ENDING_WHILE_THREADS_START, environment=environment_of(S3Config()))

    assert ended.returncode == 0


def test_a_process_that_is_interrupted_while_threads_start_comes_to_its_end() -> None:
    ended = run_child(INTERRUPTED_START, environment=environment_of(S3Config()))

    assert (ended.stdout, ended.returncode) == ("interrupted\n", 0)
