"""Which files a caller wants, by gitignore's patterns (git's documentation, "gitignore")."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Patterns:
    """Files that are included and not excluded; without patterns, all.

    Args:
        include: where there are any, only files that they match are wanted.
        exclude: files and folders that are not wanted, whatever `include` says. As git has it,
            the last pattern that matches decides, `!` takes back, and nothing below an excluded
            folder can be had back.

    Raises:
        S3ConfigError: a pattern is nonsense.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _specification("include", include)
        self._exclude = _specification("exclude", exclude)
        self._last_folder = ""
        self._last_folder_is_out = False

    def another(self) -> Patterns:
        """The same, for another listing: each is fastest when asked in the order of keys."""
        return copy.copy(self)

    def leave_out(self, key: str) -> bool:
        """Whether a file, or a folder whose key ends in a slash, is not wanted.

        A folder that is left out holds no wanted file. Cheapest when asked in the keys' order.
        """
        if self._exclude is not None:
            folder = key[: key.removesuffix("/").rfind("/") + 1]
            if folder and self._folder_is_out(folder):
                return True
            if self._exclude.match_file(key):
                return True
        if self._include is None or key.endswith("/"):
            return False
        return not self._include.match_file(key)

    def includes(self, key: str) -> bool:
        """Whether `include` wants what is stored under a key, though that may be a folder's."""
        return self._include is None or self._include.match_file(key) is True

    def _folder_is_out(self, folder: str) -> bool:
        if folder != self._last_folder:
            self._last_folder_is_out = self._is_any_out(folder)
            self._last_folder = folder
        return self._last_folder_is_out

    def _is_any_out(self, folder: str) -> bool:
        """Whether a folder, or one that it lies in, is excluded."""
        end = folder.find("/")
        while end >= 0:
            if self._exclude.match_file(folder[: end + 1]):
                return True
            end = folder.find("/", end + 1)
        return False


def _specification(argument: str, patterns: Sequence[str]) -> Any:
    """What matches `patterns`; None where there are none."""
    is_list = isinstance(patterns, list | tuple | set | frozenset)
    if not is_list or not all(isinstance(each, str) for each in patterns):
        raise S3ConfigError(
            f"The argument {argument}={patterns!r} cannot be used: it has to be a list of texts.",
            suggestion=f"Call again with {argument}=[...].",
        )
    if not patterns:
        return None
    # Imported on first use: most programs have no patterns.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - see above

    for pattern in patterns:
        try:
            compiled = list(GitIgnoreSpec.from_lines([pattern]).patterns)
        except ValueError as error:
            raise _nonsense(argument, pattern) from error
        if "\n" in pattern or (not _is_remark(pattern) and not any(p.regex for p in compiled)):
            raise _nonsense(argument, pattern)
    return GitIgnoreSpec.from_lines(patterns)


def _is_remark(pattern: str) -> bool:
    """Whether git would read over it: lines of a .gitignore file may be given as they are."""
    return not pattern.strip() or pattern.startswith("#")


def _nonsense(argument: str, pattern: str) -> S3ConfigError:
    return S3ConfigError(
        f"The argument {argument}={pattern!r} cannot be used: it is no pattern of gitignore.",
        suggestion="Write patterns such as '*.csv', 'tmp/' or '/top/**/x'; see git's "
        "documentation of gitignore.",
    )
