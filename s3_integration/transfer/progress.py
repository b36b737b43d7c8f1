"""Telling callers how far a transfer has come, one call at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3_integration.models import ProgressCallback


class Progress:
    """Adds up what many threads move, and tells it to one callback."""

    def __init__(self, total_bytes: int, callback: ProgressCallback | None) -> None:
        self._total_bytes = total_bytes
        self._callback = callback
        self._done_bytes = 0
        self._lock = threading.Lock()

    def add(self, moved_bytes: int) -> None:
        """Count bytes that were moved; what has to be moved again is counted off before."""
        if self._callback is None:
            return
        with self._lock:
            self._done_bytes += moved_bytes
            self._callback(self._done_bytes, self._total_bytes)
