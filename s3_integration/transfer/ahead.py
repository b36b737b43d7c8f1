"""How much of an object to ask for, when a reader needs bytes that it does not have."""

from __future__ import annotations

from s3_integration.utils import KIB, MIB, ByteRange

LEAST_BYTES = 256 * KIB
"""S3 takes some 30 ms to answer, and 3 ms to send so much (one stream, 85 MB/s)."""

MOST_BYTES = 32 * MIB
"""What one reader keeps in memory; at four parts of 8 MiB, several streams are at work."""


class ReadAhead:
    """Asks for twice as much each time while reading goes on in order, and for little after a jump.

    A jump to the end asks for the end as a whole: zip and Parquet files are read from there.
    """

    def __init__(self) -> None:
        self._step_bytes = LEAST_BYTES
        self._next = 0

    def range_for(self, position: int, wanted_bytes: int, size_bytes: int) -> ByteRange:
        """What to ask for, so that the byte at `position` is there, and more, if it fits."""
        in_order = position == self._next
        self._step_bytes = min(self._step_bytes * 2, MOST_BYTES) if in_order else LEAST_BYTES
        start = position if in_order else max(0, min(position, size_bytes - LEAST_BYTES))
        length = min(max(position - start + wanted_bytes, self._step_bytes), MOST_BYTES)
        part = ByteRange(start, min(start + length, size_bytes))
        self._next = part.stop
        return part

    def note(self, stop: int) -> None:
        """What came without being asked for here ended at `stop`."""
        self._next = stop
