"""The local ends of a transfer: a source that may not change, a destination that is whole.

Everything goes through file descriptors that were checked after opening, so that a path
that is exchanged meanwhile changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.transfer import locks
from s3_integration.transfer.busy import BusyFolders
from s3_integration.transfer.locks import NoLocksError, is_still_at, try_lock
from s3_integration.transfer.notes import Notes, noted_in
from s3_integration.transfer.permissions import final_mode
from s3_integration.utils import MAX_OBJECT_SIZE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from s3_integration.transfer.notes import Content
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)

PARTIAL_SUFFIX = ".s3-partial"
"""The end of every temporary file's name."""

_MOST_PARTIAL_FILES = 1000
"""Downloads to one and the same destination at one time; the last to finish wins."""

_busy_folders = BusyFolders(PARTIAL_SUFFIX)

_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW

_LONGEST_GAP = 16
"""Unused names in a row after which no abandoned file is looked for any more."""

_COARSE_TICK_NS = 20_000_000
"""Two writes within one tick of the kernel's clock (10 ms at 100 Hz) leave one mtime."""

_WHOLE_SECONDS_TICK_NS = 2_000_000_000
"""FAT keeps mtimes to 2 s, some network file systems to 1 s."""


class SourceChangedError(Exception):
    """The file is not what it was when the upload began."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file, open for an upload, with what it looked like at that moment."""

    path: Path
    size_bytes: int
    mtime_ns: int
    is_fresh: bool
    """It was written so shortly before that a later write could leave the same mtime."""
    descriptor: int

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
def open_source(path: Path) -> Iterator[SourceFile]:
    """Open a file for uploading.

    Raises:
        OSError: it is missing, unreadable, a folder, too large for S3, or no regular file (a
            pipe or device has no content that could be stored as it is).
    """
    # O_NONBLOCK: opening a FIFO would otherwise wait for its writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        check_is_regular(found.st_mode, path)
        if found.st_size > MAX_OBJECT_SIZE_BYTES:
            raise OSError(errno.EFBIG, "it is larger than the 50 TB that S3 allows", str(path))
        yield SourceFile(
            path=path,
            size_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
            is_fresh=_is_fresh(found.st_mtime_ns, time.time_ns()),
            descriptor=descriptor,
        )
    finally:
        os.close(descriptor)


def _is_fresh(mtime_ns: int, now_ns: int) -> bool:
    in_whole_seconds = mtime_ns % 1_000_000_000 == 0
    tick_ns = _WHOLE_SECONDS_TICK_NS if in_whole_seconds else _COARSE_TICK_NS
    return now_ns - mtime_ns < tick_ns


def check_is_regular(mode: int, path: Path) -> None:
    """Raise an OSError unless `mode` is a regular file's."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, socket or device, not a file", str(path))


def check_destination(path: Path) -> None:
    """Find out before any request whether a file can be made at `path`.

    Raises:
        OSError: it is a folder or a special file, something on the way is no folder, or
            the folder may not be written to.
    """
    with contextlib.suppress(FileNotFoundError):
        check_is_regular(path.stat().st_mode, path)
    if os.access(path.parent, os.W_OK | os.X_OK):
        return
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "the folder may not be written to", str(folder))


class PartialFile:
    """A temporary file beside its destination, which it replaces when it is whole.

    It is nobody else's to read (0600) and locked while its process lives. Its name follows
    from the destination's, so the next download finds what a killed one left behind. Where the
    file system has no locks, its name is chance, so that nobody takes it for a killed one's.

    Args:
        destination: where it is to be in the end.
        content: what it is to hold, if a killed download shall be gone on with.
        left: the file of such a one.
    """

    def __init__(
        self, destination: Path, content: Content | None = None, left: Leftover | None = None
    ) -> None:
        self.destination = destination
        self._path, self._descriptor = left.opened if left else _create(destination)
        self.noted = left.noted if left else []
        """Ranges that a killed download has written."""
        self._notes: Notes | None = None
        if content and locks.is_locked(self._descriptor):
            self._notes = Notes(self._descriptor, content, len(self.noted))

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self._path)

    def write(self, offset: int, chunk: Buffer) -> None:
        """Put `chunk` at `offset`; threads may write different places at once."""
        view = memoryview(chunk)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def note(self, part: ByteRange) -> None:
        """Let the next download know, if this one is killed, that `part` is there."""
        if self._notes:
            self._notes.add(part)

    def read(self, size_bytes: int, offset: int) -> bytes:
        """What was written, to be checked."""
        return os.pread(self._descriptor, size_bytes, offset)

    def commit(self) -> None:
        """Put the file in its destination's place, in one step."""
        os.fchmod(self._descriptor, final_mode(self.destination))
        if self._notes:
            self._notes.erase()
        os.replace(self._path, self.destination)  # noqa: PTH105 - see _partial_paths
        locks.close(self._given_up())

    def discard(self) -> None:
        """Remove the file, unless it has taken its destination's place already."""
        if self._descriptor >= 0:
            _remove(self._path, self._given_up())

    def _given_up(self) -> int:
        # Before it is closed: a signal may strike right after, and by the time that it would be
        # closed again, the number may be another file's.
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor


@contextlib.contextmanager
def partial_file(destination: Path, content: Content | None = None) -> Iterator[PartialFile]:
    """A `PartialFile` that takes its destination's place if the block ends well, else vanishes.

    Missing parent folders are made, and removed again if the block fails.
    """
    made = _make_folders(destination.parent)
    try:
        left = sweep_abandoned(destination, content)
        partial = PartialFile(destination, content, left)
        try:
            yield partial
            partial.commit()
        except BaseException:
            partial.discard()
            raise
    except BaseException as error:
        _remove_folders(made)
        if isinstance(error, OSError) and _is_partial(error.filename):
            raise OSError(error.errno, error.strerror, str(destination)) from error
        raise


def _is_partial(told: object) -> bool:
    return isinstance(told, str) and told.endswith(PARTIAL_SUFFIX)


def _create(destination: Path) -> tuple[str, int]:
    """Make and lock the first temporary file that no living download holds."""
    for path in _partial_paths(destination):
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, _CREATE_FLAGS, 0o600)
            try:
                if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
                    return path, descriptor
            except NoLocksError:
                _remove(path, descriptor)
                return _create_unlocked(destination)
            except BaseException:
                _remove(path, descriptor)
                raise
            locks.close(descriptor)  # swept away between being made and being locked
    message = "too many downloads to this file are under way"
    raise FileExistsError(errno.EEXIST, message, str(destination))


def _create_unlocked(destination: Path) -> tuple[str, int]:
    """Make a temporary file whose name nobody looks for: it cannot show that it is in use."""
    logger.info("no locks for %r: a kill would leave its temporary file", str(destination))
    start = f"{destination.parent}{os.sep}{_start(destination)}"
    path = f"{start}{os.urandom(8).hex()}{PARTIAL_SUFFIX}"
    return path, os.open(path, _CREATE_FLAGS, 0o600)


def _remove(path: str, descriptor: int) -> None:
    """Remove and close a temporary file."""
    try:
        if is_still_at(path, descriptor):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108 - see _partial_paths
    finally:
        locks.close(descriptor)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A temporary file of a killed download, locked now."""

    opened: tuple[str, int]
    """Its path and descriptor."""
    noted: list[ByteRange]


def may_have_leftover(destination: Path) -> bool:
    """Whether it is worth while to look, before anything is fetched, for what is there."""
    return os.access(next(_partial_paths(destination)), os.F_OK)


def sweep_abandoned(destination: Path, content: Content | None = None) -> Leftover | None:
    """Remove temporary files that killed downloads to `destination` left; those in use stay.

    Returns:
        One that holds some of `content`, where there is one; it is the caller's.
    """
    kept: Leftover | None = None
    missing_in_a_row = 0
    if content is None and _busy_folders.holds_none(str(destination.parent), _start(destination)):
        return None
    for path in _partial_paths(destination):
        if os.access(path, os.F_OK):
            missing_in_a_row = 0
            kept = _sweep(path, None if kept else content) or kept
            continue
        # Of several at once, the first may have ended well and a later one been killed.
        missing_in_a_row += 1
        if missing_in_a_row == _LONGEST_GAP:
            break
    return kept


def _sweep(path: str, content: Content | None) -> Leftover | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # not ours to open, or gone meanwhile: not ours to remove
        return None
    kept: Leftover | None = None
    try:
        if try_lock(descriptor) and is_still_at(path, descriptor):
            noted = noted_in(descriptor, content) if content and _is_ours(descriptor) else None
            if noted is None:
                os.unlink(path)  # noqa: PTH108 - see _partial_paths
            else:
                kept = Leftover((path, descriptor), noted)
    except NoLocksError:  # it may be a living process', on a machine that has locks
        pass
    finally:
        if kept is None:
            locks.close(descriptor)
    return kept


def _is_ours(descriptor: int) -> bool:
    """Whether nobody else can have written the file: in /tmp, anybody could have made it."""
    found = os.fstat(descriptor)
    is_private = found.st_nlink == 1 and not found.st_mode & 0o022
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and is_private


def _make_folders(folder: Path) -> list[Path]:
    """Make `folder` and its parents; return those that were not there, outermost first."""
    if folder.exists():
        return []
    missing = [path for path in (folder, *folder.parents) if not path.exists()][::-1]
    try:
        for path in missing:
            path.mkdir(exist_ok=True)
    except BaseException:
        _remove_folders(missing)
        raise
    return missing


def _remove_folders(folders: list[Path]) -> None:
    """Remove those of `folders`, outermost first, that hold nothing but each other."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):  # somebody else uses it meanwhile, or it is none
            folder.rmdir()


def _partial_paths(destination: Path) -> Iterator[str]:
    """The names that temporary files for `destination` may have, in the order of their use."""
    # Not a Path each: sixteen of them take longer than the download of a small file.
    start = f"{destination.parent}{os.sep}{_start(destination)}"
    for number in range(_MOST_PARTIAL_FILES):
        yield f"{start}{number}{PARTIAL_SUFFIX}"


def _start(destination: Path) -> str:
    """What stands before the number in the names of `destination`'s temporary files."""
    # File systems allow 255 bytes a name; a long one is cut between characters.
    name = destination.name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")
    return f".{name}."
