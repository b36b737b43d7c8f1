"""The local ends of a transfer, before it begins: a source that may not change, and a destination.

Sources are read through file descriptors that were checked after opening, so that a path
that is exchanged meanwhile changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.transfer.folders import FileIn, may_not_write_to
from s3_integration.transfer.found import opened_descriptor
from s3_integration.transfer.sources import Identity
from s3_integration.utils import MAX_OBJECT_SIZE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.found import SourcePath
    from s3_integration.utils import ByteRange

_COARSE_TICK_NS = 20_000_000
"""Two writes within one tick of the kernel's clock (10 ms at 100 Hz) leave one mtime."""

_WHOLE_SECONDS_TICK_NS = 2_000_000_000
"""FAT keeps mtimes to 2 s, some network file systems to 1 s."""


class SourceChangedError(Exception):
    """The file is not what it was when the upload began."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file, open for an upload, with what it looked like at that moment."""

    path: SourcePath
    size_bytes: int
    mtime_ns: int
    is_fresh: bool
    """It was written so shortly before that a later write could leave the same mtime."""
    descriptor: int

    @property
    def name(self) -> str:
        """See `Source`."""
        return f"the file {str(self.path)!r}"

    @property
    def identity(self) -> Identity:
        """See `Source`."""
        inode = os.fstat(self.descriptor).st_ino
        return Identity(str(Path(self.path).absolute()), self.mtime_ns, inode)

    def read(self, part: ByteRange) -> bytes:
        """Exactly the bytes of `part`.

        Raises:
            SourceChangedError: the file has become shorter.
        """
        pieces: list[bytes] = []
        offset = part.start
        while offset < part.stop:
            piece = os.pread(self.descriptor, part.stop - offset, offset)
            if not piece:
                message = f"it was cut to {offset} bytes while it was read"
                raise SourceChangedError(message)
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Need it no more."""
        os.close(self.descriptor)

    def check_unchanged(self) -> None:
        """Raise a `SourceChangedError` if size or time of change differ from the beginning."""
        now = os.fstat(self.descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size_bytes, self.mtime_ns):
            message = (
                f"it had {self.size_bytes} bytes when the upload began and has {now.st_size} now"
                if now.st_size != self.size_bytes
                else "it was written to while it was read"
            )
            raise SourceChangedError(message)


@contextlib.contextmanager
def open_source(path: SourcePath) -> Iterator[SourceFile]:
    """Open a file for uploading, while the block runs; see `opened_source`."""
    source = opened_source(path)
    try:
        yield source
    finally:
        source.close()


def opened_source(path: SourcePath) -> SourceFile:
    """Open a file for uploading, until it is closed.

    Raises:
        OSError: it is missing, unreadable, a folder, too large for S3, or no regular file (a
            pipe or device has no content that could be stored as it is).
    """
    descriptor = opened_descriptor(path)
    try:
        found = os.fstat(descriptor)
        _check_fits(found, path)
        is_fresh = _is_fresh(found.st_mtime_ns, time.time_ns())
        return SourceFile(path, found.st_size, found.st_mtime_ns, is_fresh, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _check_fits(found: os.stat_result, path: SourcePath) -> None:
    """Raise an OSError unless it is a file that S3 can store."""
    check_is_regular(found.st_mode, path)
    if found.st_size > MAX_OBJECT_SIZE_BYTES:
        raise OSError(errno.EFBIG, "it is larger than the 50 TB that S3 allows", str(path))


def _is_fresh(mtime_ns: int, now_ns: int) -> bool:
    in_whole_seconds = mtime_ns % 1_000_000_000 == 0
    tick_ns = _WHOLE_SECONDS_TICK_NS if in_whole_seconds else _COARSE_TICK_NS
    return now_ns - mtime_ns < tick_ns


def check_is_regular(mode: int, path: SourcePath) -> None:
    """Raise an OSError unless `mode` is a regular file's."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, socket or device, not a file", str(path))


def check_destination(destination: Destination) -> None:
    """Find out before any request whether a file can be made there.

    A link at a path is looked through, for the caller may have meant what it leads to; one in
    an open folder is not, for somebody else may have put it there.

    Raises:
        OSError: it is a folder or a special file, something on the way is no folder, or
            the folder may not be written to.
    """
    if isinstance(destination, FileIn):
        _check_place(destination)
        return
    with contextlib.suppress(FileNotFoundError):
        check_is_regular(destination.stat().st_mode, destination)
    if os.access(destination.parent, os.W_OK | os.X_OK):
        return
    folder = next(parent for parent in destination.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise may_not_write_to(folder)


def _check_place(place: FileIn) -> None:
    with contextlib.suppress(FileNotFoundError):
        found = place.status()
        if not stat.S_ISLNK(found.st_mode):
            check_is_regular(found.st_mode, place.path)
    place.folder.check_writable()
