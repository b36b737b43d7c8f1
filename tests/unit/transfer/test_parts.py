"""The parts of one transfer in the threads of a shared pool."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Final, NoReturn

import pytest

from s3_integration.cancellation import BrokenOffError, check_is_wanted
from s3_integration.config import S3Config
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.parts import Parts, PartThreads, in_threads, results_of
from tests.fixtures.at_once import allow_threads
from tests.fixtures.children import environment_of, run_child


@pytest.fixture
def threads() -> PartThreads:
    return PartThreads(1)


def test_results_come_in_the_order_of_their_calls(threads: PartThreads) -> None:
    with in_threads(threads, [lambda: 1, lambda: 2, lambda: 3]) as jobs:
        assert results_of(jobs) == [1, 2, 3]


def test_the_first_failure_does_not_wait_for_the_rest(threads: PartThreads) -> None:
    failure_is_told, others = threading.Event(), list[bool]()

    def fail() -> NoReturn:
        raise ZeroDivisionError

    def wait() -> None:
        others.append(failure_is_told.wait(2))

    with in_threads(threads, [fail, wait]) as jobs:
        with pytest.raises(ZeroDivisionError):
            results_of(jobs)
        failure_is_told.set()

    # Never begun, or told in time.
    assert all(others)


def test_calls_that_have_not_begun_when_the_block_ends_never_do(
    threads: PartThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, block_has_ended, called = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        has_begun.set()
        assert block_has_ended.wait(10)
        called.append("first")

    wait_for_those_inside = Parts._wait_for

    def note_and_wait(parts: Parts[None], number: int) -> None:
        block_has_ended.set()
        wait_for_those_inside(parts, number)

    monkeypatch.setattr(Parts, "_wait_for", note_and_wait)

    with in_threads(threads, [first, lambda: called.append("later")]):
        assert has_begun.wait(10)

    drain(threads)
    assert called == ["first"]


def drain(threads: PartThreads) -> None:
    """Wait until the only thread has done all it was given before."""
    done = threading.Event()
    threads.submit(done.set)
    assert done.wait(10)


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
    is_sending, broken_off = threading.Event(), list[bool]()

    def send() -> None:
        limit = time.monotonic() + 10
        try:
            while time.monotonic() < limit:
                check_is_wanted()
                is_sending.set()
        except BrokenOffError:
            broken_off.append(True)
            raise

    with in_threads(threads, [send]):
        assert is_sending.wait(10)

    assert broken_off == [True]


def test_calls_see_the_callers_context(threads: PartThreads) -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("of the caller")

    with in_threads(threads, [variable.get]) as jobs:
        assert results_of(jobs) == ["of the caller"]


def test_a_call_whose_submission_a_signal_cut_short_is_waited_for_or_never_runs(
    threads: PartThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, called = threads.submit, list[int]()
    thread_is_free = threading.Event()
    threads.submit(lambda: thread_is_free.wait(10))

    def interrupted(call: object) -> NoReturn:
        submit(call)  # type: ignore[arg-type]  # as it came
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threads, "submit", interrupted)
        with (
            pytest.raises(KeyboardInterrupt),
            in_threads(threads, [lambda: called.append(1)]),
        ):
            pass

    thread_is_free.set()
    drain(threads)
    assert called == []


def test_the_threads_end_with_their_client() -> None:
    before = set(threading.enumerate())
    threads = PartThreads(3)
    drain(threads)
    started = set(threading.enumerate()) - before

    del threads

    for thread in started:
        thread.join(10)
    assert len(started) == 3
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("number", [0, 1])
def test_where_no_thread_can_be_started_the_error_says_so(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_threads(number, monkeypatch)

    with (
        pytest.raises(S3IntegrationError, match="no more threads"),
        in_threads(PartThreads(2), [lambda: 1]),
    ):
        pass


def test_where_not_all_threads_can_be_started_the_others_do_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_threads(3, monkeypatch)

    with in_threads(PartThreads(16), [lambda: 1] * 30) as jobs:
        assert results_of(jobs) == [1] * 30


_PROGRAM: Final = """
import atexit, sys, threading, time
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.parts import PartThreads, in_threads, results_of
"""

_INTERRUPTED_START: Final = """
start = threading.Thread.start

def start_and_be_interrupted(thread):
    start(thread)
    if threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt

threading.Thread.start = start_and_be_interrupted
try:
    with in_threads(PartThreads(2), [lambda: None]):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""

_ENDING_WHILE_THREADS_START: Final = """
start, begun = threading.Thread.start, threading.Event()

def start_slowly(thread):
    start(thread)
    if thread.name == "s3_integration-part":
        begun.set()
        time.sleep(20)

threading.Thread.start = start_slowly
start(threading.Thread(target=PartThreads(2).submit, args=(print,), daemon=True))
begun.wait(20)
"""

_ENDING_WHILE_THREADS_ARE_IDLE: Final = """
with in_threads(PartThreads(2), [lambda: None] * 9) as jobs:
    print(len(results_of(jobs)))
"""

_INTERRUPTED_WHILE_LOCKING: Final = """
def trace(frame, event, argument):
    # As a signal may that comes when the lock is taken, and nothing yet gives it back.
    if event == "call" and frame.f_code is threading.Condition.__enter__.__code__:
        return trace
    if event == "return":
        sys.settrace(None)
        raise KeyboardInterrupt
    return None

threads = PartThreads(2)
go_on = threading.Event()
with in_threads(threads, [lambda: None]) as jobs:
    results_of(jobs)

def call():
    go_on.wait(1)

if sys.argv[1] == "results":
    action = lambda: results_of(jobs)
else:
    action = lambda: None
try:
    with in_threads(threads, [call] * 4) as jobs:
        sys.settrace(trace)
        action()
except KeyboardInterrupt:
    pass
sys.settrace(None)
with in_threads(threads, [lambda: 7] * 4) as jobs:
    print(results_of(jobs))
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (_INTERRUPTED_START, "interrupted"),
        (_ENDING_WHILE_THREADS_START, ""),
        (_ENDING_WHILE_THREADS_ARE_IDLE, "9"),
    ],
    ids=["interrupted while threads start", "ending while threads start", "idle threads"],
)
def test_a_process_comes_to_its_end(program: str, said: str) -> None:
    child = run_child(
        _PROGRAM + program, environment=environment_of(S3Config()), timeout_seconds=15
    )

    assert (child.stdout.strip(), child.stderr, child.returncode) == (said, "", 0)


@pytest.mark.parametrize("where", ["results", "shut"])
def test_ctrl_c_takes_no_lock_along_that_a_part_needs_to_end(where: str) -> None:
    program = _PROGRAM + _INTERRUPTED_WHILE_LOCKING

    child = run_child(program, where, environment=environment_of(S3Config()), timeout_seconds=20)

    assert (child.stdout.strip(), child.stderr) == ("[7, 7, 7, 7]", "")


@pytest.mark.parametrize("begun_before", ["", "move()"], ids=["begun there", "before"])
def test_in_an_atexit_handler_parts_are_moved_or_the_error_says_why(begun_before: str) -> None:
    # Up to Python 3.11, threads can be started there; later ones have to be there already.
    program = f"""{_PROGRAM}
threads = PartThreads(2)
def move():
    try:
        with in_threads(threads, [lambda: 7]) as jobs:
            print(results_of(jobs))
    except S3IntegrationError as error:
        print(error.message)

{begun_before}
atexit.register(move)
"""

    child = run_child(program, environment=environment_of(S3Config()), timeout_seconds=20)

    refused = "The Python interpreter is ending, and starts no more transfers."
    assert child.stdout.splitlines()[-1] in ({"[7]"} if begun_before else {"[7]", refused})
    assert (child.stderr, child.returncode) == ("", 0)
