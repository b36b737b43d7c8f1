"""How long to wait for what, and when a transfer counts as one that has come to a stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3_integration.config import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for what."""

    connect_seconds: float
    answer_seconds: float
    """Without a byte, before an answer begins."""
    stall_seconds: float
    """The time over which `slowest_bytes_per_second` have to be reached."""
    slowest_bytes_per_second: int


def limits_of(settings: Settings) -> Limits:
    """How long a transfer waits for what."""
    return Limits(
        connect_seconds=settings.connect_timeout_seconds,
        answer_seconds=settings.read_timeout_seconds,
        stall_seconds=min(settings.transfer.stall_timeout_seconds, settings.read_timeout_seconds),
        slowest_bytes_per_second=settings.transfer.slowest_bytes_per_second,
    )


class TooSlowError(TimeoutError):
    """Fewer bytes have moved than the settings want."""


class Pace:
    """Notices a transfer that has come to a stop, or nearly so; its first bytes start it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began: float | None = None
        self._moved_bytes = 0

    def note(self, moved_bytes: int) -> None:
        """Count what has moved.

        Raises:
            TooSlowError: too little has, for too long.
        """
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self._moved_bytes += moved_bytes
        seconds = now - self._began
        if seconds < self._limits.stall_seconds:
            return
        if self._moved_bytes < self._limits.slowest_bytes_per_second * seconds:
            raise TooSlowError
        self._began, self._moved_bytes = now, 0
