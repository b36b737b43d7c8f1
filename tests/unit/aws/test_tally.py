"""Counting retries, whichever thread they happen in."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from s3_integration.aws.tally import count_retry, counting_retries


def test_an_operation_without_retries_took_one_attempt() -> None:
    with counting_retries() as tally:
        pass

    assert tally.attempts == 1


def test_retries_in_threads_count_for_the_operation_whose_context_they_run_in() -> None:
    with counting_retries() as tally, ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(contextvars.copy_context().run, count_retry) for _ in range(400)]

    assert [job.result() for job in jobs] == [None] * 400
    assert tally.attempts == 401


def test_operations_at_the_same_time_count_apart() -> None:
    both_are_counting = threading.Barrier(2)

    def operate(retries: int) -> int:
        with counting_retries() as tally:
            both_are_counting.wait()
            for _ in range(retries):
                count_retry()
            both_are_counting.wait()
        return tally.attempts

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(operate, [3, 5])) == [4, 6]


def test_an_operation_inside_another_counts_for_itself() -> None:
    with counting_retries() as outer:
        with counting_retries() as inner:
            count_retry()
        count_retry()
        count_retry()

    assert (outer.attempts, inner.attempts) == (3, 2)


def test_counting_ends_with_the_block_also_where_it_raises() -> None:
    with pytest.raises(OSError, match="broken"), counting_retries() as tally:
        raise OSError("broken")

    count_retry()  # belongs to nobody

    assert tally.attempts == 1
