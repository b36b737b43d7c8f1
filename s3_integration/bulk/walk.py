"""The files of a folder of this machine, in the order of the keys that they would have.

Folders are held open while they are looked through, each opened in the one that it lies in: a
link that takes the place of one meanwhile leads nowhere.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from s3_integration.aws.errors import translate, translated
from s3_integration.bulk.entries import Entry
from s3_integration.bulk.names import TEMPORARY_SUFFIX
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.found import identity_of
from s3_integration.utils import key_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from s3_integration.bulk.entries import EntryKind
    from s3_integration.choices import Symlinks

_LONGEST_SURE = 255
"""Characters of a key that surely fit into 1,024 bytes: UTF-8 takes at most four for each."""


_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being looked through."""

    key: str
    descriptor: int
    names: Iterator[str]
    """Those of folders end in a slash."""
    identity: tuple[int, int]
    """Device and inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a folder is looked through."""

    folder: str
    operation: Literal["upload", "download"]
    """This and the bucket are for what is told of failures."""
    bucket_name: str
    prefix: str = ""
    """What the keys begin with: it counts for how long they are."""
    leave_out: Callable[[str], bool] = lambda _: False
    """Whether a file, or a folder whose key ends in a slash, is not wanted."""
    symlinks: Symlinks = "skip"

    def entries(self) -> Generator[Entry, None, None]:
        """Every file, folder and oddity below the folder, but not the folder itself.

        Folders are held open until it ends or is closed.

        Raises:
            S3IntegrationError: the folder itself cannot be listed.
        """
        levels: list[_Level] = []
        refused: list[Entry] = []
        with translated(f"{self.operation} folder", self.bucket_name):
            levels.append(self._opened("", self.folder, levels, refused))
        try:
            while levels:
                yield from refused
                refused.clear()
                level = levels[-1]
                name = next(level.names, None)
                if name is None:
                    os.close(levels.pop().descriptor)
                elif self.leave_out(level.key + name):
                    yield Entry(level.key + name, kind="excluded")
                elif name[-1] == "/":
                    yield self._enter(name, levels, refused)
                else:
                    yield self._file(level, name)
        finally:
            for level in levels:
                os.close(level.descriptor)

    def _enter(self, name: str, levels: list[_Level], refused: list[Entry]) -> Entry:
        """Go on with what is in a folder."""
        key = levels[-1].key + name
        try:
            level = self._opened(key, name[:-1], levels, refused)
        except _LoopError:
            return Entry(key, kind="skipped", reason="symlink loop")
        except FileNotFoundError as error:
            return self._failed(key, "vanished meanwhile", error)
        except OSError as error:
            return self._failed(key, "cannot be listed", error, "unlisted")
        levels.append(level)
        return Entry(key, kind="folder")

    def _opened(self, key: str, name: str, levels: list[_Level], refused: list[Entry]) -> _Level:
        """Open a folder in the one that was opened last, or the first one by its path."""
        flags = _FOLDER_FLAGS
        if levels and self.symlinks == "skip":
            flags |= os.O_NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=levels[-1].descriptor if levels else None)
        try:
            found = os.fstat(descriptor)
            identity = (found.st_dev, found.st_ino)
            if self.symlinks == "follow":
                _check_leads_on(identity, levels)
            names = iter(self._names(key, descriptor, refused))
            return _Level(key, descriptor, names, identity)
        except BaseException:
            os.close(descriptor)
            raise

    def _names(self, key: str, descriptor: int, refused: list[Entry]) -> list[str]:
        """Those in an open folder, in order; of those that can be no keys, entries."""
        names: list[str] = []
        with os.scandir(descriptor) as listed:
            for each in listed:
                name = f"{each.name}/" if self._is_folder(each) else each.name
                if problem := self._name_problem(key, name):
                    refused.append(self._refused(key + name, problem))
                else:
                    names.append(name)
        names.sort()
        return names

    def _is_folder(self, each: os.DirEntry[str]) -> bool:
        try:
            return each.is_dir(follow_symlinks=self.symlinks == "follow")
        except OSError:  # told when it is its turn
            return False

    def _name_problem(self, key: str, name: str) -> str:
        """Why nothing can be stored under the key; "" when it can."""
        if name.isascii() and len(self.prefix) + len(key) + len(name) <= _LONGEST_SURE:
            return ""
        whole = self.prefix + key + name
        problem = key_problem(whole)
        return "its name is not UTF-8" if "surrogate" in problem else problem

    def _refused(self, key: str, problem: str) -> Entry:
        shown = key.encode("utf-8", "backslashreplace").decode("utf-8")
        error = S3IntegrationError(
            f"Cannot store {shown!r}: {problem}.",
            bucket=self.bucket_name,
            suggestion="Rename it.",
        )
        return Entry(shown, kind="refused", reason=problem, error=error)

    def _file(self, level: _Level, name: str) -> Entry:
        key, reason = level.key + name, "vanished meanwhile"
        try:
            found = os.stat(name, dir_fd=level.descriptor, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                if self.symlinks == "skip":
                    return Entry(key, kind="skipped", reason="symlink")
                reason = "broken symlink"
                found = os.stat(name, dir_fd=level.descriptor)
        except FileNotFoundError as error:
            return self._failed(key, reason, error)
        except OSError as error:
            return self._failed(key, "cannot be looked at", error)
        if not stat.S_ISREG(found.st_mode):
            is_folder = stat.S_ISDIR(found.st_mode)
            reason = "became a folder meanwhile" if is_folder else "special file"
            return Entry(key, kind="skipped", reason=reason)
        if name[0] == "." and name.endswith(TEMPORARY_SUFFIX):
            return Entry(key, kind="skipped", reason="unfinished download")
        is_to_be_opened = self.operation == "upload" and self.symlinks == "skip"
        identity = identity_of(found) if is_to_be_opened else None
        return Entry(key, found.st_size, found.st_mtime_ns, identity=identity)

    def _failed(self, key: str, reason: str, error: OSError, kind: EntryKind = "failed") -> Entry:
        error.filename = f"{self.folder}/{key}".rstrip("/")  # the system was told its name alone
        told = translate(
            error, operation=self.operation, bucket=self.bucket_name, key=self.prefix + key
        )
        return Entry(key, kind=kind, reason=reason, error=told)


class _LoopError(Exception):
    """A link leads back to a folder that it lies in."""


def _check_leads_on(identity: tuple[int, int], levels: list[_Level]) -> None:
    if any(level.identity == identity for level in levels):
        raise _LoopError
