"""A bound for the memory of many uploads at once: each file is read whole before it is sent."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIFLE_BYTES = 128 * 1024
"""Files up to this size are not counted: a thousand of them take as much as the bound."""


class MemoryBound:
    """Lets files be read while so many bytes of them are in memory, and one at least."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, size_bytes: int) -> Iterator[None]:
        """Wait until there is room, and take it while the block runs."""
        if size_bytes <= _TRIFLE_BYTES:
            yield
            return
        end_turn()
        with self._changed:
            self._changed.wait_for(lambda: self._has_room_for(size_bytes))
            self._held_bytes += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._held_bytes -= size_bytes
                self._changed.notify_all()

    def _has_room_for(self, size_bytes: int) -> bool:
        return not self._held_bytes or self._held_bytes + size_bytes <= self._most_bytes
