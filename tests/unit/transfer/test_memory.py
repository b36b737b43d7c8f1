"""The bound for the memory of many uploads."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from s3_integration.transfer.memory import MemoryBound

MB = 10**6


def test_what_is_held_at_once_stays_within_the_bound_and_all_get_their_turn() -> None:
    bound, lock, held, most, done = MemoryBound(10 * MB), threading.Lock(), 0, 0, 0

    def hold(size_bytes: int) -> None:
        nonlocal held, most, done
        with bound.holding(size_bytes):
            with lock:
                held += size_bytes
                most = max(most, held)
            threading.Event().wait(0.001)
            with lock:
                held -= size_bytes
                done += 1

    with ThreadPoolExecutor(16) as pool:
        for job in [pool.submit(hold, size * MB) for size in (3, 4, 6, 9) * 10]:
            job.result(20)

    assert 0 < most <= 10 * MB
    assert done == 40


def test_a_file_larger_than_the_bound_is_held_alone() -> None:
    with MemoryBound(MB).holding(2 * MB):
        pass


def test_small_files_wait_for_nobody() -> None:
    bound = MemoryBound(MB)

    with bound.holding(MB), ThreadPoolExecutor(1) as pool:

        def hold_little() -> str:
            with bound.holding(16_384):
                return "held"

        assert pool.submit(hold_little).result(10) == "held"


def test_room_is_given_back_after_a_failure() -> None:
    bound = MemoryBound(MB)
    with contextlib.suppress(ZeroDivisionError), bound.holding(MB):
        raise ZeroDivisionError

    with bound.holding(MB):
        pass
