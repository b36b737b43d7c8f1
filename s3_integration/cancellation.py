"""Breaking off requests whose transfer has ended without them.

A part on a slow line takes minutes: whoever pressed Ctrl-C, or was told of another part's
failure, should not have to wait for it.
"""

from __future__ import annotations

import contextlib
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEP_SECONDS = 0.1
"""How soon somebody who waits notices that the transfer has ended."""

_endings: ContextVar[tuple[Callable[[], bool], ...]] = ContextVar("_endings", default=())


class BrokenOffError(BaseException):
    """Nobody waits for this request any more.

    It is no `Exception`, because botocore would take it for a failure of the network, and
    send the request again.
    """


@contextlib.contextmanager
def breaking_off_when(has_ended: Callable[[], bool]) -> Iterator[None]:
    """Break off the requests of the block, and of what runs in its context, once that is true."""
    token = _endings.set((*_endings.get(), has_ended))
    try:
        yield
    finally:
        _endings.reset(token)


def check_is_wanted() -> None:
    """Raise a `BrokenOffError` where the transfer of this thread's request has ended."""
    for has_ended in _endings.get():
        if has_ended():
            raise BrokenOffError


def wait_while_wanted(seconds: float) -> None:
    """Let so much time pass, but no more than a moment once the transfer has ended.

    Raises:
        BrokenOffError: it has.
    """
    check_is_wanted()
    # In steps, not by an event: whoever ends a transfer may do so in a signal's handler, which
    # must take no lock.
    step_seconds = _STEP_SECONDS if _endings.get() else seconds
    left_seconds = seconds
    while left_seconds > step_seconds:
        time.sleep(step_seconds)
        check_is_wanted()
        left_seconds -= step_seconds
    time.sleep(left_seconds)
    check_is_wanted()
