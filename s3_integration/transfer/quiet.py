"""Forks that wait until awscrt's threads are out of Python.

A thread of C that enters Python at the very moment of a fork holds a lock of the interpreter
that nobody releases in the child: CPython 3.11 then never comes back from `os.fork` there
(`_PyThreadState_DeleteExcept` waits). So a fork first waits for awscrt to end what it is at, and
whatever begins meanwhile goes another way.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_WAIT_SECONDS = 10.0
"""Then the fork goes on: it most likely does no harm."""

_STEP_SECONDS = 0.005

# Neither is guarded by a lock, which a fork could leave held: each change is one step.
_busy: set[threading.Event] = set()
"""Each is set once awscrt calls Python no more for one request."""
_forks_at_hand: list[None] = []


@contextlib.contextmanager
def beginning() -> Iterator[set[threading.Event] | None]:
    """Begin a request in the block, and add its event to what is given; None: a fork is near."""
    _forget_ended()
    begins = threading.Event()
    _busy.add(begins)  # before the look, so that either this or the fork sees the other
    try:
        yield None if _forks_at_hand else _busy
    finally:
        _busy.discard(begins)


def _forget_ended() -> None:
    for event in list(_busy):
        if event.is_set():
            _busy.discard(event)


def _wait_for_quiet() -> None:
    _forks_at_hand.append(None)
    until = time.monotonic() + _LONGEST_WAIT_SECONDS
    while _busy and time.monotonic() < until:
        time.sleep(_STEP_SECONDS)
        _forget_ended()


def _go_on() -> None:
    _forks_at_hand.clear()


def _begin_anew() -> None:
    _forks_at_hand.clear()
    _busy.clear()


os.register_at_fork(before=_wait_for_quiet, after_in_parent=_go_on, after_in_child=_begin_anew)
