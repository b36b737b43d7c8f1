"""How long to wait for what, and when a transfer counts as one that has come to a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_integration.aws.bandwidth import Bandwidth

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
    bandwidth: Bandwidth | None = None
    """What all together may not exceed; who waits for it has not stopped."""


def limits_of(settings: Settings) -> Limits:
    """How long the transfers of one client, in one process, wait for what."""
    most = settings.transfer.max_bytes_per_second
    return Limits(
        connect_seconds=settings.connect_timeout_seconds,
        answer_seconds=settings.read_timeout_seconds,
        stall_seconds=min(settings.transfer.stall_timeout_seconds, settings.read_timeout_seconds),
        slowest_bytes_per_second=settings.transfer.slowest_bytes_per_second,
        bandwidth=Bandwidth(most) if most is not None else None,
    )


class TooSlowError(TimeoutError):
    """Fewer bytes have moved than the settings want."""


class Pace:
    """Notices a transfer that has come to a stop, or nearly so.

    Only waiting counts: between two reads, whoever takes the bytes may do what it likes.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._has_begun = False
        self._waited_seconds = 0.0
        self._moved_bytes = 0

    def note(self, moved_bytes: int, waited_seconds: float) -> None:
        """Count what has moved, and how long that took; the wait for the first bytes is free.

        Raises:
            TooSlowError: too little has, for too long.
        """
        self._moved_bytes += moved_bytes
        self._waited_seconds += waited_seconds if self._has_begun else 0.0
        self._has_begun = True
        if self._waited_seconds < self._limits.stall_seconds:
            return
        if self._moved_bytes < self._limits.slowest_bytes_per_second * self._waited_seconds:
            raise TooSlowError
        self._waited_seconds, self._moved_bytes = 0.0, 0

    def rest(self) -> None:
        """Begin anew with the next bytes."""
        self._has_begun, self._waited_seconds, self._moved_bytes = False, 0.0, 0
