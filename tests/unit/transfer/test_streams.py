"""How many streams a download takes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Final

import pytest

from s3_integration.config import S3Config
from s3_integration.transfer import streams
from s3_integration.transfer.streams import Streams, streams_worth, usable_cores
from tests.fixtures.children import environment_of, run_child

MIB = 2**20


@pytest.mark.parametrize(
    ("busy_seconds", "seconds", "cores", "expected"),
    [
        (0.002, 0.025, 2, 16),  # 85 MB/s: most of the time is waiting
        (0.002, 0.0024, 2, 2),  # a server near by
        (0.002, 0.002, 1, 1),
        (0.002, 0.002, 64, 16),  # there is a core for each
        (0.002, 0.001, 1, 1),  # clocks differ
        (0.0, 0.001, 1, 16),
        (0.001, 0.004, 1, 4),
    ],
)
def test_there_are_as_many_streams_as_keep_the_cores_busy(
    busy_seconds: float, seconds: float, cores: int, expected: int
) -> None:
    assert streams_worth(busy_seconds, seconds, cores, 16) == expected


class Clocks:
    """Time as the test tells it: of the thread, and of the world."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.busy = self.now = 0.0
        monkeypatch.setattr(time, "thread_time", lambda: self.busy)
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


def run_all(jobs: list[Callable[[], None]]) -> None:
    """Run the jobs in turn, the last first."""
    for job in reversed(jobs):
        job()


def test_a_fast_first_stream_leaves_the_rest_to_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    shared = Streams(16, cores=2)
    called = list[int]()
    jobs = shared.jobs(lambda n=n: called.append(n) for n in range(100))  # type: ignore[misc]  # n is bound now
    clocks.busy, clocks.now = 0.002, 0.002
    shared.note(2 * MIB)

    for job in jobs[2:]:
        job()
    by_those_that_do_not_pay = list(called)
    run_all(jobs[:2])

    assert len(jobs) == 16
    assert by_those_that_do_not_pay == []
    assert called == list(range(100))


def test_a_slow_first_stream_gets_all_the_company_it_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks = Clocks(monkeypatch)
    shared = Streams(3, cores=2)
    called = list[int]()
    jobs = shared.jobs(lambda n=n: called.append(n) for n in range(3))  # type: ignore[misc]  # n is bound now
    clocks.busy, clocks.now = 0.002, 0.1
    shared.note(2 * MIB)

    jobs[2]()

    assert called == [0, 1, 2]


def test_nobody_waits_long_for_a_first_stream_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_LONGEST_SAMPLE_SECONDS", 0.0)
    shared, called = Streams(4, cores=1), list[int]()

    shared.jobs([lambda: called.append(1)] * 4)[3]()

    assert called == [1] * 4


def test_streams_wait_for_the_first_ones_word() -> None:
    shared, called = Streams(4, cores=1), threading.Event()
    (job,) = shared.jobs([called.set])
    thread = threading.Thread(target=job)
    thread.start()

    shared.note(2 * MIB)
    thread.join(10)

    assert called.is_set()


def test_no_more_streams_begin_than_there_are_ranges() -> None:
    counter = itertools.count()

    assert len(Streams(16, cores=2).jobs([counter.__next__] * 3)) == 3
    assert Streams(16, cores=2).jobs([]) == []


def test_there_is_a_core_at_least() -> None:
    assert usable_cores() >= 1


_INTERRUPTED_WHILE_LOCKING: Final = """
import sys, threading
from s3_integration.transfer.streams import Streams

def trace(frame, event, argument):
    # As a signal may that comes when the lock is taken, and nothing yet gives it back.
    if event == "call" and frame.f_code is threading.Condition.__enter__.__code__:
        return trace
    if event == "return":
        sys.settrace(None)
        raise KeyboardInterrupt
    return None

streams = Streams(4, cores=1)
[job] = streams.jobs([lambda: print("called")])
sys.settrace(trace)
try:
    streams.note(2 * 1024 * 1024)
except KeyboardInterrupt:
    pass
sys.settrace(None)
thread = threading.Thread(target=job, daemon=True)
thread.start()
thread.join(10)
"""


def test_ctrl_c_takes_no_lock_along_that_a_stream_waits_for() -> None:
    child = run_child(_INTERRUPTED_WHILE_LOCKING, environment=environment_of(S3Config()))

    assert (child.stdout.strip(), child.stderr) == ("called", "")
