"""Folders that are held open: what is done in them is done there, whatever their paths become.

Between a check and a deed, somebody may put a link in a folder's place. Whoever has opened the
folder, and names only what is directly in it, is led nowhere else.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

MissingFolder = Literal["refuse", "make"]
"""What to do about a folder that is not there."""

# Linux opens with O_PATH also those folders that may be written to, but not be listed.
_OPEN_FLAGS = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)

_MOST_FOLDERS = 64
"""Held open at once for the paths of one call."""


class OpenFolder:
    """A folder, held open until `close`, or until nothing refers to it any more.

    Threads may share it. Whoever closes it sees to it that nobody uses it any more.
    """

    __slots__ = ("__weakref__", "_is_writable", "absolute_path", "descriptor", "path")

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a descriptor; see `open`."""
        self.path = path
        """Where it was when it was opened, for messages."""
        self.absolute_path = str(path) if path.is_absolute() else ""
        """The same; "" where it was relative, and may have another meaning now."""
        self.descriptor = descriptor
        """For the system's calls that take a `dir_fd`; -1 once it is closed."""
        self._is_writable = False

    @classmethod
    def open(cls, path: Path) -> OpenFolder:
        """Open the folder that `path` leads to; its links are followed this once.

        Raises:
            OSError: there is none, or it may not be entered.
        """
        return cls(path, os.open(path, _OPEN_FLAGS))

    def child(self, name: str, *, missing: MissingFolder) -> OpenFolder:
        """Open a folder directly in this one; a link is refused, wherever it leads.

        Raises:
            NotADirectoryError: it is a link, or something else that is no folder.
            OSError: there is none or none can be made, or `name` is no single name.
        """
        path = self.path / check_name(name)
        flags = _OPEN_FLAGS | os.O_NOFOLLOW
        with _told_of(path):
            if missing == "refuse":
                return OpenFolder(path, os.open(name, flags, dir_fd=self.descriptor))
            with contextlib.suppress(FileNotFoundError):
                return OpenFolder(path, os.open(name, flags, dir_fd=self.descriptor))
            with contextlib.suppress(FileExistsError):  # another has just made it
                os.mkdir(name, dir_fd=self.descriptor)
            return OpenFolder(path, os.open(name, flags, dir_fd=self.descriptor))

    def names(self) -> list[str]:
        """The names of all that is in it.

        Raises:
            OSError: it may not be listed.
        """
        with _told_of(self.path):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            descriptor = os.open(".", flags, dir_fd=self.descriptor)
            try:
                return os.listdir(descriptor)  # noqa: PTH208 - a Path knows no descriptors
            finally:
                os.close(descriptor)

    def check_writable(self) -> None:
        """Find out, once, whether files can be made in it.

        Raises:
            PermissionError: not by this process.
        """
        if self._is_writable:
            return
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor):
            raise may_not_write_to(self.path)
        self._is_writable = True

    def close(self) -> None:
        """Hold it no longer."""
        # Before it is closed: its number may be another file's at once.
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"


@dataclass(frozen=True, slots=True)
class FileIn:
    """A place for a file, directly in a folder that is held open."""

    folder: OpenFolder
    name: str
    """A single one: no path.

    Raises:
        OSError: it is a path, or no name at all.
    """

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def path(self) -> Path:
        """Where it was when the folder was opened, for messages."""
        return self.folder.path / self.name

    def status(self) -> os.stat_result:
        """What is there, a link as itself.

        Raises:
            OSError: nothing is.
        """
        return os.stat(self.name, dir_fd=self.folder.descriptor, follow_symlinks=False)

    def __str__(self) -> str:
        return str(self.path)


Destination: TypeAlias = Path | FileIn
"""Where a download goes: a path, opened once when it begins, or a place in an open folder."""


class OpenFolders:
    """The folders that the paths of one call lead to, opened once; threads may share them."""

    def __init__(self) -> None:
        self._folders: dict[str, OpenFolder] = {}

    def place_of(self, destination: Destination) -> FileIn | None:
        """The place that `destination` means; None where its folder is not there.

        Relative paths have none either: what they mean may change.
        """
        if isinstance(destination, FileIn):
            return destination
        path, _, name = str(destination).rpartition("/")
        folder = self._folders.get(path)
        if folder is None:
            if not path.startswith("/"):
                return None
            try:
                folder = OpenFolder.open(Path(path))
            except OSError:
                return None
            if len(self._folders) >= _MOST_FOLDERS:
                self._folders.clear()  # each is closed when no file is on its way to it
            self._folders[path] = folder
        return FileIn(folder, name)


def check_name(name: str) -> str:
    """Return `name`, which can only mean something directly in its folder.

    Raises:
        OSError: it is empty, `.`, `..` or a path, or has a NUL in it.
    """
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "it is no name of a single file or folder", name)
    return name


def may_not_write_to(folder: Path) -> PermissionError:
    """The error for a folder in which no files can be made."""
    return PermissionError(errno.EACCES, "the folder may not be written to", str(folder))


def file_in(destination: Destination) -> FileIn:
    """The place that `destination` means now: a path's folder is opened.

    Raises:
        OSError: it cannot be; told by the name of the file.
    """
    if isinstance(destination, FileIn):
        return destination
    with _told_of(destination):
        return FileIn(OpenFolder.open(destination.parent), destination.name)


def make_folders(folder: Path) -> list[Path]:
    """Make `folder` and its parents; return those that were not there, outermost first."""
    if folder.exists():
        return []
    missing = [path for path in (folder, *folder.parents) if not path.exists()][::-1]
    try:
        for path in missing:
            path.mkdir(exist_ok=True)
    except BaseException:
        remove_folders(missing)
        raise
    return missing


def remove_folders(folders: list[Path]) -> None:
    """Remove those of `folders`, outermost first, that hold nothing but each other."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):  # somebody else uses it meanwhile, or it is none
            folder.rmdir()


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Let errors name what the caller knows, not what is in the folder by itself."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
