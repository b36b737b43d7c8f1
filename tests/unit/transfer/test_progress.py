"""How far a transfer has come."""

from __future__ import annotations

import threading

from s3_integration.transfer.progress import Progress
from tests.fixtures.at_once import failures_at_once


def test_bytes_add_up() -> None:
    told: list[tuple[int, int]] = []
    progress = Progress(10, lambda *step: told.append(step))

    for moved_bytes in (3, 0, 7):
        progress.add(moved_bytes)

    assert told == [(3, 10), (3, 10), (10, 10)]


def test_nobody_needs_to_listen() -> None:
    Progress(10, None).add(3)


def test_the_callback_is_never_called_twice_at_once() -> None:
    inside, most_inside = list[int](), list[int]()

    def callback(done: int, _: int) -> None:
        inside.append(done)
        most_inside.append(len(inside))
        threading.Event().wait(0.001)
        inside.pop()

    progress = Progress(20, callback)

    failures = failures_at_once([lambda: progress.add(1)] * 20)

    assert failures == []
    assert most_inside == [1] * 20
