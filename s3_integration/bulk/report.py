"""Keeping count of what becomes of each file, and telling how far it has come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from s3_integration.bulk.results import Packed
from s3_integration.models import FileResult, FolderProgress, TransferReport

if TYPE_CHECKING:
    from s3_integration.models import FolderProgressCallback

_TELL_EVERY_SECONDS = 0.1


class Ledger:
    """The results of one call; only the caller's thread writes."""

    def __init__(self, progress: FolderProgressCallback | None = None) -> None:
        self._progress = progress
        self._began = time.perf_counter()
        self._told = self._began
        self.done: Packed[FileResult] = Packed()
        self.skipped: Packed[FileResult] = Packed()
        self.failed: Packed[FileResult] = Packed()
        self._bytes_done = 0
        self._bytes_under_way = 0
        self._files_known = 0
        self._bytes_known = 0
        self._is_all_known = False

    def know(self, size: int) -> None:
        """Count a file that is to be moved or deleted."""
        self._files_known += 1
        self._bytes_known += size

    def forget(self, size: int) -> None:
        """Count a file no longer: it need not be moved."""
        self._files_known -= 1
        self._bytes_known -= size

    def know_all(self) -> None:
        """Take note that no further files will be found."""
        self._is_all_known = True

    def know_under_way(self, moved_bytes: int) -> None:
        """Take note of how much has moved of the files that are under way."""
        self._bytes_under_way = moved_bytes
        self._tell()

    def _end_under_way(self, size_bytes: int) -> None:
        # How much of it was counted, nobody knows; the next note tells what is under way then.
        self._bytes_under_way = max(0, self._bytes_under_way - size_bytes)

    def add_done(self, result: FileResult, moved_bytes: int) -> None:
        """Keep the result of a file that is where it should be."""
        self.done.append(result)
        self._bytes_done += moved_bytes
        self._end_under_way(moved_bytes)
        self._tell()

    def add_skipped(self, result: FileResult) -> None:
        """Keep the result of a file that was left as it is."""
        self.skipped.append(result)
        self._tell()

    def add_failed(self, result: FileResult) -> None:
        """Keep the result of a file that is not where it should be."""
        _forget_frames(result.error)
        self.failed.append(result)
        self._end_under_way(result.size)
        self._tell()

    def report(self) -> TransferReport:
        """All of it, told for the last time."""
        now = time.perf_counter()
        self._bytes_under_way = 0
        self._tell_now(now)
        return TransferReport(
            self.done, self.skipped, self.failed, self._bytes_done, now - self._began
        )

    def _tell(self) -> None:
        if self._progress is None:
            return
        now = time.perf_counter()
        if now - self._told >= _TELL_EVERY_SECONDS:
            self._tell_now(now)

    def _tell_now(self, now: float) -> None:
        if self._progress is None:
            return
        self._told = now
        self._progress(
            FolderProgress(
                files_done=len(self.done),
                files_skipped=len(self.skipped),
                files_failed=len(self.failed),
                bytes_done=self._bytes_done + self._bytes_under_way,
                files_known=self._files_known,
                bytes_known=self._bytes_known,
                is_all_known=self._is_all_known,
                seconds=now - self._began,
            )
        )


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what the functions held in which an error was raised: contents of files."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
