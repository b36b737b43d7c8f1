"""The same call for many items, in a few threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from s3_integration.bulk.parallel import in_parallel, some_in_parallel
from s3_integration.cancellation import BrokenOffError, check_is_wanted


def test_each_item_comes_back_with_its_result() -> None:
    assert dict(in_parallel(lambda number: number * 2, range(100), 4)) == {
        number: number * 2 for number in range(100)
    }


def test_calls_run_at_once() -> None:
    together = threading.Barrier(4, timeout=60)

    results = [result for _, result in in_parallel(lambda _: together.wait() >= 0, range(8), 4)]

    assert results == [True] * 8


def test_the_caller_can_do_something_else_before_it_waits() -> None:
    waits: list[int] = []

    told = list(in_parallel(str, range(3), 2, lambda: waits.append(1)))

    assert sorted(told) == [(0, "0"), (1, "1"), (2, "2")]
    assert waits


def test_items_are_never_read_far_ahead() -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    with closing(in_parallel(lambda number: number, numbers(), 2)) as results:
        next(results)

        assert len(read) <= 2 * 4


def test_what_a_call_raises_ends_all() -> None:
    def fail(number: int) -> int:
        if number == 3:
            raise KeyError(number)
        return number

    with pytest.raises(KeyError):
        list(in_parallel(fail, range(100), 2))


def test_closing_breaks_off_the_calls_under_way_and_begins_no_more() -> None:
    begun = threading.Semaphore(0)
    broken_off: list[int] = []

    def wait_until_unwanted(number: int) -> int:
        if not number:
            return number
        begun.release()
        while True:
            try:
                check_is_wanted()
            except BrokenOffError:
                broken_off.append(number)
                raise

    results = in_parallel(wait_until_unwanted, range(100), 2)
    assert next(results) == (0, 0)
    for _ in range(2):
        assert begun.acquire(timeout=60)
    results.close()

    assert len(broken_off) == 2


def test_some_items_need_a_call_and_the_others_do_not_wait_for_it() -> None:
    go_on = threading.Event()

    def slowly(number: int) -> int:
        assert go_on.wait(timeout=60)
        return -number

    results = some_in_parallel(slowly, range(5), lambda number: number == 1, 2)

    assert [next(results) for _ in range(4)] == [0, 2, 3, 4]
    go_on.set()
    assert list(results) == [-1]


def test_without_items_no_thread_starts() -> None:
    before = threading.active_count()

    assert list(in_parallel(lambda number: number, [], 2)) == []
    assert list(some_in_parallel(lambda n: n, [1, 2], lambda _: False, 2)) == [1, 2]
    assert threading.active_count() == before
