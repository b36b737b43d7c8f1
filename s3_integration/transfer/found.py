"""Files that were found by looking through a folder, and that no link may stand for by now."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from s3_integration.transfer.folders import OpenFolder

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Opening a FIFO would otherwise wait for its writer for ever."""

_OF_LINKS = frozenset({errno.ELOOP, errno.EMLINK, errno.ENOTDIR})
"""How systems refuse links that may not be followed (FreeBSD says EMLINK), and what is no folder
where one is needed."""

FileIdentity: TypeAlias = tuple[int, int, int]
"""Which file it is: device, inode, and the last change, as inodes are used again."""


def identity_of(found: os.stat_result) -> FileIdentity:
    """The identity of a file that was looked at."""
    return found.st_dev, found.st_ino, found.st_ctime_ns


class FoundFile:
    """A file that was found below a folder, on a way without links.

    Until it is opened, somebody may put a link in its place, or in that of a folder on the way.
    What that leads to was not found, and is none of the folder's.
    """

    __slots__ = ("_identity", "_name", "_root")

    def __init__(self, root: OpenFolder, name: str, identity: FileIdentity) -> None:
        """Take note of it.

        Args:
            root: the folder, held open by the caller.
            name: the way from there, with slashes.
            identity: what was found.
        """
        self._root = root
        self._name = name
        self._identity = identity

    def __fspath__(self) -> str:
        return f"{self._root.path}/{self._name}"

    def __str__(self) -> str:
        return self.__fspath__()

    def opened(self) -> int:
        """Open it, or another file that has taken its place, for reading.

        Raises:
            NotADirectoryError: a link has taken its place, or that of a folder on the way.
            OSError: it is not there, or unreadable.
        """
        try:
            descriptor = self._opened_at_once()
            return self._opened_step_by_step() if descriptor is None else descriptor
        except OSError as error:
            number, why = error.errno, error.strerror
            if number in _OF_LINKS:
                number = errno.ENOTDIR
                why = "a link, or something else, has taken its place or that of a folder above it"
            raise OSError(number, why, str(self)) from error

    def _opened_at_once(self) -> int | None:
        """Open what its whole path leads to; None where that is not what was found."""
        flags = _FLAGS | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._name, flags, dir_fd=self._root.descriptor)
        except OSError:  # where a link leads, other things may be wrong
            return None
        try:
            if identity_of(os.fstat(descriptor)) == self._identity:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _opened_step_by_step(self) -> int:
        """Open what is there now, however the way to it has changed, but over no link."""
        *names, last = self._name.split("/")
        folder = self._root
        try:
            for name in names:
                outer, folder = folder, folder.child(name, missing="refuse")
                self._close(outer)
            return os.open(last, _FLAGS | os.O_NOFOLLOW, dir_fd=folder.descriptor)
        finally:
            self._close(folder)

    def _close(self, folder: OpenFolder) -> None:
        """Close it at once: an error would keep it open as long as itself is kept."""
        if folder is not self._root:
            folder.close()


SourcePath: TypeAlias = Path | FoundFile
"""What a caller has named, links and all, or what was found below a folder that they named."""


def opened_descriptor(path: SourcePath) -> int:
    """Open a file for reading, without waiting for anything.

    Raises:
        OSError: it is missing, unreadable, or no longer what was found.
    """
    return path.opened() if isinstance(path, FoundFile) else os.open(path, _FLAGS)
