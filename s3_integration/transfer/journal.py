"""Records of uploads under way, in the user's state folder, for the run after a kill.

A record is one file: a line with what is uploaded, written before S3 is asked for an upload,
a line with the upload's name, and a line before its end. Its process holds it locked, so a
record that can be locked is that of a process that is no more. It holds no secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from typing import TYPE_CHECKING

from s3_integration.transfer import locks, resume
from s3_integration.transfer.locks import NoLocksError, is_still_at, try_lock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from s3_integration.transfer.resume import Remembered

logger = logging.getLogger(__name__)

_MOST_RECORDS = 16
"""Uploads of one key at one time that are remembered; further ones cannot be resumed."""

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class UploadRecord:
    """One record, locked for as long as it is open."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        text = _read(descriptor)
        self.remembered = resume.from_lines(text)
        # What a torn line left would spoil the next one.
        os.ftruncate(descriptor, text.rfind(b"\n") + 1)

    def write(self, remembered: Remembered) -> None:
        """Write all that is known; where that fails, nothing is left.

        Raises:
            OSError: it cannot be written.
        """
        try:
            for line in resume.as_lines(remembered):
                self.append(line)
        except OSError:
            self.remove()
            raise
        self.remembered = remembered

    def append(self, line: bytes) -> None:
        """Write one line at the end.

        Raises:
            OSError: it cannot be written; a part of it may be there.
        """
        os.lseek(self._descriptor, 0, os.SEEK_END)
        while line:
            line = line[os.write(self._descriptor, line) :]

    def remove(self) -> None:
        """Forget the upload."""
        with contextlib.suppress(OSError):  # without its folder it is forgotten, too
            if is_still_at(self.path, self._descriptor):
                os.unlink(self.path)  # noqa: PTH108 - paths are text here, as locks.py has them
        self.close()

    def close(self) -> None:
        """Leave the record for the next run; twice is as good as once."""
        if self._descriptor >= 0:
            # First, since a signal may strike once it is closed and the number another file's.
            descriptor, self._descriptor = self._descriptor, -1
            locks.close(descriptor)


class ObjectRecords:
    """The records of uploads of one object."""

    def __init__(self, folder: Path, endpoint_url: str, bucket: str, key: str) -> None:
        named = f"{endpoint_url}\0{bucket}\0{key}".encode()
        self._start = str(folder / hashlib.sha256(named).hexdigest()[:32])

    def new(self, remembered: Remembered) -> UploadRecord | None:
        """A record of its own for an upload that is about to start.

        Raises:
            OSError: nothing can be written there.
        """
        for path in self._paths():
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    record = _locked(path, descriptor)
                except OSError:  # some network file systems have no locks
                    os.unlink(path)  # noqa: PTH108 - see UploadRecord.remove
                    raise
                if record is not None:
                    record.write(remembered)
                    return record
        return None

    def of_the_killed(self) -> Iterator[UploadRecord]:
        """The records of processes that are no more; each is locked now, and the caller's."""
        for path in self._existing():
            with contextlib.suppress(OSError):  # not ours to open, or gone meanwhile
                if record := _locked(path, os.open(path, _FLAGS)):
                    yield record

    def in_use(self, *, except_for: Collection[str] = ()) -> list[Remembered | None]:
        """What living processes work on; None: one of them is about to begin.

        Args:
            except_for: paths of records that the caller has itself.
        """
        found: list[Remembered | None] = []
        for path in self._existing():
            if path not in except_for:
                with contextlib.suppress(OSError):
                    found += _remembered_by_the_living(path)
        return found

    def forget(self, upload_id: str) -> None:
        """Remove the record of an upload that is no more, unless its process lives."""
        for record in self.of_the_killed():
            if record.remembered and record.remembered.upload_id == upload_id:
                record.remove()
            record.close()

    def _existing(self) -> Iterator[str]:
        return (path for path in self._paths() if os.access(path, os.F_OK))

    def _paths(self) -> Iterator[str]:
        return (f"{self._start}.{number}.jsonl" for number in range(_MOST_RECORDS))


def _locked(path: str, descriptor: int) -> UploadRecord | None:
    """The record, if nobody else has it."""
    try:
        if try_lock(descriptor) and is_still_at(path, descriptor):
            return UploadRecord(path, descriptor)
    except BaseException:
        locks.close(descriptor)
        raise
    locks.close(descriptor)
    return None


def _remembered_by_the_living(path: str) -> Iterator[Remembered | None]:
    descriptor = os.open(path, _FLAGS)  # NFS locks only what is open for writing: flock(2)
    try:
        # One without a line is left alone: its process may be about to lock it.
        text = _read(descriptor)
        if not text or _may_be_in_use(descriptor):
            yield resume.from_lines(text)
    finally:
        locks.close(descriptor)


def _may_be_in_use(descriptor: int) -> bool:
    try:
        return not try_lock(descriptor)
    except NoLocksError:
        return True


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def uploads_folder() -> Path | None:
    """Where records are kept; None where this user has no folder that is theirs alone."""
    # Imported on first use: few transfers are large enough to need it.
    from platformdirs import user_state_path  # noqa: PLC0415 - see above

    try:
        folder = user_state_path("s3_integration", appauthor=False) / "uploads"
        problem = _problem_with(folder)
    except RuntimeError as error:  # newer versions of platformdirs say so of a missing home
        problem = str(error)
    if problem:
        logger.info("uploads that are killed cannot be resumed: %s", problem)
        return None
    return folder


def _problem_with(folder: Path) -> str:
    if not folder.is_absolute():  # a user without a home
        return f"there is no home for {str(folder)!r}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        return str(error)
    # Who can put records there could let this process abort uploads of their choice.
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return f"others may write to {str(folder)!r}"
    return ""
