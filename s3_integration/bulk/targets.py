"""The folders that downloads go to: opened one by one from their root, and never by a link.

Whoever may write to the root can put a link in the place of one of its folders, before a
download or in the middle of it. What goes there by a path goes wherever the link leads.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from s3_integration.transfer.folders import FileIn, OpenFolder, make_folders, remove_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3_integration.transfer.folders import MissingFolder

Parts: TypeAlias = tuple[str, ...]
"""Names of folders below the root, each in the one before, and of a file in the last."""

UnusedFolders = Literal["remove", "keep"]
"""What is done about folders that were made for files which did not come. Where several trees
have one root, those of one may be the others', who are just about to use them."""

_MOST_HELD = 256
"""Folders that are held open although no transfer is in them at the moment."""

_OPEN_FILES_EACH = 16
"""Of so many open files that the system allows, one may be such a folder."""


class TargetTree:
    """A folder, and those below it that files are put into or deleted from.

    The root's own path may lead over links: that is its owner's choice. It is followed once.
    Missing folders are made when the first file for them comes. Threads may share a tree.

    Args:
        root: made, with its parents, where it is missing.
        unused: what `close` does about folders that were made for nothing.
    """

    def __init__(self, root: Path, unused: UnusedFolders = "remove") -> None:
        self.path = root
        self._unused = unused
        self._made_above = make_folders(root)
        self._root = OpenFolder.open(root)
        self._held: OrderedDict[Parts, OpenFolder] = OrderedDict()
        self._most_held = most_held(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._made: set[Parts] = set()
        """Folders that were missing, and have got no file so far."""
        self._lock = threading.Lock()

    def place(self, parts: Parts, time_ns: int | None = None) -> PlaceBelow:
        """Where a file is to be; nothing is opened before its transfer begins.

        Args:
            parts: each a single name.
            time_ns: when the file is to say that it was changed, in nanoseconds since 1970;
                None for when it was put there.
        """
        return PlaceBelow(self, parts, time_ns)

    def delete_file(self, parts: Parts) -> None:
        """Delete a file, or a link itself, in the folder that its parts lead to.

        Raises:
            OSError: it is not there, it is a folder, or a link is in the way.
        """
        place = FileIn(self.folder(parts[:-1], missing="refuse"), parts[-1])
        os.unlink(place.name, dir_fd=place.folder.descriptor)

    def make_folder(self, parts: Parts) -> None:
        """Make an empty folder that stays.

        Raises:
            OSError: a link or a file is in the way.
        """
        self.folder(parts, missing="make")
        self.keep(parts)

    def keep(self, folder: Parts) -> None:
        """Take note that a folder, and so those that it is in, is there to stay."""
        if folder in self._made or self._made_above:
            with self._lock:
                self._made -= {folder[:depth] for depth in range(len(folder) + 1)}
                self._made_above = []

    def folder(self, parts: Parts, *, missing: MissingFolder) -> OpenFolder:
        """The open folder that parts lead to, over nothing but folders.

        Raises:
            OSError: a link, or something else that is no folder, is in the way.
        """
        if not parts:
            return self._root
        with self._lock:
            held = self._held.get(parts)
        if held is None or not self.is_at(parts, held):
            held = self._open(parts, missing)
        with self._lock:
            self._held[parts] = held
            self._held.move_to_end(parts)
            # Those that are still in use are closed when nobody uses them any more.
            while len(self._held) > self._most_held:
                self._held.popitem(last=False)
        return held

    def is_at(self, parts: Parts, folder: OpenFolder) -> bool:
        """Whether parts lead, over nothing but folders, to the one that was opened."""
        found = None
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            try:
                found = os.stat(path, dir_fd=self._root.descriptor, follow_symlinks=False)
            except OSError:
                return False
            if not stat.S_ISDIR(found.st_mode):
                return False
        return found is None or os.path.samestat(found, os.fstat(folder.descriptor))

    def close(self) -> None:
        """Hold nothing open any more, and see to folders that were made for nothing."""
        if self._unused == "remove":
            self._remove_unused()
        self._held.clear()
        self._root.close()
        if self._unused == "remove":
            remove_folders(self._made_above)

    def _remove_unused(self) -> None:
        for parts in sorted(self._made, key=len, reverse=True):
            with contextlib.suppress(OSError):  # somebody else has put something there
                parent = self._open(parts[:-1], "refuse")
                os.rmdir(parts[-1], dir_fd=parent.descriptor)

    def _open(self, parts: Parts, missing: MissingFolder) -> OpenFolder:
        folder = self._root
        for depth, name in enumerate(parts, start=1):
            try:
                folder = folder.child(name, missing="refuse")
            except FileNotFoundError:
                if missing == "refuse":
                    raise
                with self._lock:
                    self._made.add(parts[:depth])
                folder = folder.child(name, missing="make")
        return folder


def most_held(open_files_limit: int) -> int:
    """How many folders to hold open, if the system allows so many files; negative for any."""
    if open_files_limit < 0:
        return _MOST_HELD
    return max(1, min(_MOST_HELD, open_files_limit // _OPEN_FILES_EACH))


@dataclass(frozen=True, slots=True)
class PlaceBelow:
    """Where a file is to be, in a folder of a tree that is opened when its transfer begins."""

    tree: TargetTree
    parts: Parts
    time_ns: int | None = None

    @property
    def path(self) -> Path:
        """For messages."""
        return self.tree.path.joinpath(*self.parts)

    @contextlib.contextmanager
    def opened(self) -> Iterator[FileIn]:
        """The same in a folder that is open; what the block put there is part of the tree.

        Raises:
            NotADirectoryError: a link is in the way, or the folder was moved away in the
                meantime. What was put there is gone then.
        """
        *folders, name = self.parts
        parts = tuple(folders)
        place = FileIn(self.tree.folder(parts, missing="make"), name)
        yield place
        if self.time_ns is not None:
            times = (self.time_ns, self.time_ns)
            os.utime(name, ns=times, dir_fd=place.folder.descriptor, follow_symlinks=False)
        if not self.tree.is_at(parts, place.folder):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place.folder.descriptor)
            message = "its folder was moved away, or a link put in its place, meanwhile"
            raise NotADirectoryError(errno.ENOTDIR, message, str(self.path))
        self.tree.keep(parts)
