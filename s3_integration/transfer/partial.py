"""Temporary files: a destination is the old file or the whole new one, never a part.

Everything is done in a folder that is held open, so that a path that is exchanged meanwhile
changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_integration.transfer import locks
from s3_integration.transfer.busy import BusyFolders
from s3_integration.transfer.folders import (
    FileIn,
    OpenFolder,
    file_in,
    make_folders,
    remove_folders,
)
from s3_integration.transfer.locks import NoLocksError, is_still_at, try_lock
from s3_integration.transfer.notes import Notes, noted_in
from s3_integration.transfer.permissions import final_mode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.notes import Content
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)

PARTIAL_SUFFIX = ".s3-partial"
"""The end of every temporary file's name."""

_MOST_PARTIAL_FILES = 1000
"""Downloads to one and the same destination at one time; the last to finish wins."""

_busy_folders = BusyFolders(PARTIAL_SUFFIX)

_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW

_NOBODY_ELSES, _ANYBODYS = 0o600, 0o666
"""Permissions, before the umask."""

_LONGEST_NAME_BYTES = 200
"""Of a destination's, in the names of its temporary files."""

_LONGEST_GAP = 16
"""Unused names in a row after which no abandoned file is looked for any more."""


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
        self, destination: Destination, content: Content | None = None, left: Leftover | None = None
    ) -> None:
        self._place = file_in(destination)
        self._folder = self._place.folder
        self._name, self._descriptor = (
            left.opened if left else _create(self._place, _start(self._place), _NOBODY_ELSES)
        )
        self.noted = left.noted if left else []
        """Ranges that a killed download has written."""
        self._notes: Notes | None = None
        if content and locks.is_locked(self._descriptor):
            self._notes = Notes(self._descriptor, content, len(self.noted))

    @property
    def path(self) -> Path:
        """Where it is, as long as its folder's path leads there."""
        return self._folder.path / self._name

    def write(self, offset: int, chunk: Buffer) -> None:
        """Put `chunk` at `offset`; threads may write different places at once."""
        _write_all(self._descriptor, chunk, offset)

    def note(self, part: ByteRange) -> None:
        """Let the next download know, if this one is killed, that `part` is there."""
        if self._notes:
            self._notes.add(part)

    def read(self, size_bytes: int, offset: int) -> bytes:
        """What was written, to be checked."""
        return os.pread(self._descriptor, size_bytes, offset)

    def commit(self) -> None:
        """Put the file in its destination's place, in one step."""
        os.fchmod(self._descriptor, final_mode(self._place))
        if self._notes:
            self._notes.erase()
        where = self._folder.descriptor
        os.replace(self._name, self._place.name, src_dir_fd=where, dst_dir_fd=where)
        locks.close(self._given_up())

    def discard(self) -> None:
        """Remove the file, unless it has taken its destination's place already."""
        if self._descriptor >= 0:
            _remove(self._folder, self._name, self._given_up())

    def _given_up(self) -> int:
        # Before it is closed: a signal may strike right after, and by the time that it would be
        # closed again, the number may be another file's.
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor


@contextlib.contextmanager
def partial_file(destination: Destination, content: Content | None = None) -> Iterator[PartialFile]:
    """A `PartialFile` that takes its destination's place if the block ends well, else vanishes.

    A path's missing parent folders are made, and removed again if the block fails.
    """
    if isinstance(destination, FileIn):
        with _partial_file(destination, content) as partial:
            yield partial
        return
    made = make_folders(destination.parent)
    try:
        place = file_in(destination)
        try:
            with _partial_file(place, content) as partial:
                yield partial
        finally:
            place.folder.close()
    except BaseException:
        remove_folders(made)
        raise


@contextlib.contextmanager
def _partial_file(place: FileIn, content: Content | None) -> Iterator[PartialFile]:
    try:
        partial = PartialFile(place, content, sweep_abandoned(place, content))
        try:
            yield partial
            partial.commit()
        except BaseException:
            partial.discard()
            raise
    except OSError as error:
        if _is_ours_to_tell(error.filename, place):
            raise OSError(error.errno, error.strerror, str(place)) from error
        raise


def _is_ours_to_tell(told: object, place: FileIn) -> bool:
    """Whether an error names what callers have not named so."""
    return isinstance(told, str) and (told == place.name or told.endswith(PARTIAL_SUFFIX))


def write_whole(place: FileIn, content: Buffer) -> None:
    """Put what is there as a whole in its place, in one step; no other download waits for it.

    A new file's permissions are decided by the system when its temporary file is made: nobody
    can read less of it by then than in a moment.

    Raises:
        FileExistsError: something else than a file is there.
        OSError: the destination is as it was before.
    """
    start = _start(place)
    if not _busy_folders.holds_none(place.folder, start):
        _sweep_all(place, start, None)
    where = place.folder.descriptor
    is_new = not os.access(place.name, os.F_OK, dir_fd=where, follow_symlinks=False)
    if not (is_new or stat.S_ISREG(place.status().st_mode)):
        raise FileExistsError(errno.EEXIST, "something else than a file is there", str(place))
    name, descriptor = _create(place, start, _ANYBODYS if is_new else _NOBODY_ELSES)
    try:
        _write_all(descriptor, content, 0)
        if not is_new:
            os.fchmod(descriptor, final_mode(place))
        os.replace(name, place.name, src_dir_fd=where, dst_dir_fd=where)
    except BaseException:
        _remove(place.folder, name, descriptor)
        raise
    locks.close(descriptor)


def _write_all(descriptor: int, chunk: Buffer, offset: int) -> None:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _create(place: FileIn, start: str, mode: int) -> tuple[str, int]:
    """Make and lock the first temporary file that no living download holds."""
    folder = place.folder
    for name in _partial_names(start):
        try:
            descriptor = os.open(name, _CREATE_FLAGS, mode, dir_fd=folder.descriptor)
        except FileExistsError:
            continue
        try:
            if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
                return name, descriptor
        except NoLocksError:
            _remove(folder, name, descriptor)
            return _create_unlocked(place, start, mode)
        except BaseException:
            _remove(folder, name, descriptor)
            raise
        locks.close(descriptor)  # swept away between being made and being locked
    message = "too many downloads to this file are under way"
    raise FileExistsError(errno.EEXIST, message, str(place))


def _create_unlocked(place: FileIn, start: str, mode: int) -> tuple[str, int]:
    """Make a temporary file whose name nobody looks for: it cannot show that it is in use."""
    logger.info("no locks for %r: a kill would leave its temporary file", str(place))
    name = f"{start}{os.urandom(8).hex()}{PARTIAL_SUFFIX}"
    return name, os.open(name, _CREATE_FLAGS, mode, dir_fd=place.folder.descriptor)


def _remove(folder: OpenFolder, name: str, descriptor: int) -> None:
    """Remove and close a temporary file."""
    try:
        if is_still_at(name, descriptor, dir_fd=folder.descriptor):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder.descriptor)
    finally:
        locks.close(descriptor)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A temporary file of a killed download, locked now."""

    opened: tuple[str, int]
    """Its name and descriptor."""
    noted: list[ByteRange]


def may_have_leftover(destination: Destination) -> bool:
    """Whether it is worth while to look, before anything is fetched, for what is there."""
    first = next(_partial_names(_start(destination)))
    if isinstance(destination, FileIn):
        return os.access(first, os.F_OK, dir_fd=destination.folder.descriptor)
    return os.access(destination.parent / first, os.F_OK)


def sweep_abandoned(destination: Destination, content: Content | None = None) -> Leftover | None:
    """Remove temporary files that killed downloads to `destination` left; those in use stay.

    Returns:
        One that holds some of `content`, where there is one; it is the caller's.
    """
    place = file_in(destination)
    start = _start(place)
    if content is None and _busy_folders.holds_none(place.folder, start):
        return None
    return _sweep_all(place, start, content)


def _sweep_all(place: FileIn, start: str, content: Content | None) -> Leftover | None:
    kept: Leftover | None = None
    missing_in_a_row = 0
    for name in _partial_names(start):
        if os.access(name, os.F_OK, dir_fd=place.folder.descriptor):
            missing_in_a_row = 0
            kept = _sweep(place.folder, name, None if kept else content) or kept
            continue
        # Of several at once, the first may have ended well and a later one been killed.
        missing_in_a_row += 1
        if missing_in_a_row == _LONGEST_GAP:
            break
    return kept


def _sweep(folder: OpenFolder, name: str, content: Content | None) -> Leftover | None:
    where = folder.descriptor
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=where)
    except OSError:  # not ours to open, or gone meanwhile: not ours to remove
        return None
    kept: Leftover | None = None
    try:
        if try_lock(descriptor) and is_still_at(name, descriptor, dir_fd=where):
            noted = noted_in(descriptor, content) if content and _is_ours(descriptor) else None
            if noted is None:
                os.unlink(name, dir_fd=where)
            else:
                kept = Leftover((name, descriptor), noted)
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


def _partial_names(start: str) -> Iterator[str]:
    """The names of temporary files that begin so, in the order of their use."""
    for number in range(_MOST_PARTIAL_FILES):
        yield f"{start}{number}{PARTIAL_SUFFIX}"


def _start(destination: Destination) -> str:
    """What stands before the number in the names of `destination`'s temporary files."""
    if destination.name.isascii() and len(destination.name) <= _LONGEST_NAME_BYTES:
        return f".{destination.name}."
    # File systems allow 255 bytes a name; a long one is cut between characters.
    name = destination.name.encode("utf-8", "surrogateescape")[:_LONGEST_NAME_BYTES]
    return f".{name.decode('utf-8', 'ignore')}."
