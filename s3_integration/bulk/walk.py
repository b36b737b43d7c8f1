"""The files of a folder of this machine, in the order of the keys that they would have."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from s3_integration.aws.errors import translate, translated
from s3_integration.bulk.entries import Entry
from s3_integration.bulk.names import TEMPORARY_SUFFIX
from s3_integration.exceptions import S3IntegrationError
from s3_integration.utils import key_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3_integration.bulk.entries import EntryKind
    from s3_integration.choices import Symlinks

_LONGEST_SURE = 255
"""Characters of a key that surely fit into 1,024 bytes: UTF-8 takes at most four for each."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being looked through."""

    key: str
    names: Iterator[str]
    """Those of folders end in a slash."""
    identity: tuple[int, int] | None
    """Device and inode, where links are followed."""


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

    def entries(self) -> Iterator[Entry]:
        """Every file, folder and oddity below the folder, but not the folder itself.

        Raises:
            S3IntegrationError: the folder itself cannot be listed.
        """
        refused: list[Entry] = []
        with translated(f"{self.operation} folder", self.bucket_name):
            levels = [self._level("", levels=[], refused=refused)]
        while levels:
            yield from refused
            refused.clear()
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                levels.pop()
                continue
            key = level.key + name
            if self.leave_out(key):
                yield Entry(key, kind="excluded")
            elif name[-1] == "/":
                yield self._enter(key, levels, refused)
            else:
                yield self._file(key, name)

    def _enter(self, key: str, levels: list[_Level], refused: list[Entry]) -> Entry:
        """Go on with what is in a folder."""
        try:
            level = self._level(key, levels, refused)
        except _LoopError:
            return Entry(key, kind="skipped", reason="symlink loop")
        except FileNotFoundError as error:
            return self._failed(key, "vanished meanwhile", error)
        except OSError as error:
            return self._failed(key, "cannot be listed", error, "unlisted")
        levels.append(level)
        return Entry(key, kind="folder")

    def _level(self, key: str, levels: list[_Level], refused: list[Entry]) -> _Level:
        path = f"{self.folder}/{key}"
        identity = None
        if self.symlinks == "follow":
            found = os.stat(path)  # noqa: PTH116 - a Path for each would take as long as the rest
            identity = (found.st_dev, found.st_ino)
            if any(level.identity == identity for level in levels):
                raise _LoopError
        names: list[str] = []
        with os.scandir(path) as listed:
            for each in listed:
                name = f"{each.name}/" if self._is_folder(each) else each.name
                if problem := self._name_problem(key, name):
                    refused.append(self._refused(key + name, problem))
                else:
                    names.append(name)
        names.sort()
        return _Level(key, iter(names), identity)

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

    def _file(self, key: str, name: str) -> Entry:
        path = f"{self.folder}/{key}"
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                if self.symlinks == "skip":
                    return Entry(key, kind="skipped", reason="symlink")
                found = os.stat(path)  # noqa: PTH116 - as above
        except FileNotFoundError as error:
            is_link = os.path.islink(path)  # noqa: PTH114 - as above
            return self._failed(key, "broken symlink" if is_link else "vanished meanwhile", error)
        except OSError as error:
            return self._failed(key, "cannot be looked at", error)
        if not stat.S_ISREG(found.st_mode):
            is_folder = stat.S_ISDIR(found.st_mode)
            reason = "became a folder meanwhile" if is_folder else "special file"
            return Entry(key, kind="skipped", reason=reason)
        if name[0] == "." and name.endswith(TEMPORARY_SUFFIX):
            return Entry(key, kind="skipped", reason="unfinished download")
        return Entry(key, found.st_size, found.st_mtime_ns)

    def _failed(self, key: str, reason: str, error: OSError, kind: EntryKind = "failed") -> Entry:
        told = translate(
            error, operation=self.operation, bucket=self.bucket_name, key=self.prefix + key
        )
        return Entry(key, kind=kind, reason=reason, error=told)


class _LoopError(Exception):
    """A link leads back to a folder that it lies in."""
