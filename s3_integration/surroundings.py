"""The variables around a program: those of its process, and those of a `.env` file."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from s3_integration.checks import check_choice, refuse
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

Number = TypeVar("Number", int, float)


def read_dotenv(folder: Path) -> dict[str, str]:
    """The variables of `folder`'s `.env` file; nothing is put into the environment.

    Raises:
        S3ConfigError: there is such a file, but it cannot be read.
    """
    path = folder / ".env"
    if not is_file(path):
        return {}
    # Imported here so that programs without a .env file do not pay for it.
    from dotenv import dotenv_values  # noqa: PLC0415 - see above

    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        message = f"The settings file {str(path.absolute())!r} cannot be read: {error}."
        raise S3ConfigError(
            message, suggestion="Make it readable UTF-8 text, or remove it."
        ) from error
    found = {name: value for name, value in values.items() if value is not None}
    if any(found.get(name) for name in _SECRET_VARIABLES):
        warn_of_exposed(path)
    return found


_SECRET_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "S3_INTEGRATION_CUSTOMER_KEY",
)

_warned_of: set[str] = set()


def warn_of_exposed(path: Path) -> None:
    """Log, once in a process, that other users may read a file with secrets in it."""
    name = str(path.absolute())
    if name not in _warned_of and is_exposed(path):
        _warned_of.add(name)
        logger.warning(
            "other users may read %r, which holds secrets; run: chmod 600 %r", name, name
        )


def is_exposed(path: Path) -> bool:
    """Whether the file may be read by its group, or by everybody."""
    try:
        found = path.stat()
    except OSError:
        return False
    # Windows' modes say nothing of who may read.
    others = stat.S_IRGRP | stat.S_IROTH
    return os.name == "posix" and stat.S_ISREG(found.st_mode) and bool(found.st_mode & others)


def exposed_files(folder: Path, environment: Mapping[str, str]) -> list[Path]:
    """Of the files that may hold secrets, those that do and that other users may read."""
    found = [path for path in (folder / ".env", keys_file(environment)) if is_exposed(path)]
    return [path for path in found if _names_secrets(path)]


def keys_file(environment: Mapping[str, str]) -> Path:
    """AWS' file of access keys."""
    path = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    try:
        return path.expanduser()
    except RuntimeError:  # a user without a home
        return path


def _names_secrets(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").upper()
    except OSError:
        return False
    return any(name in text for name in _SECRET_VARIABLES)


class Surroundings:
    """The variables around the program: its environment first, then the `.env` file."""

    def __init__(self, environment: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
        self.places = ((environment, "the environment"), (dotenv, "the .env file"))

    def text(self, *names: str) -> str | None:
        """The first of `names` that says something, in the first place that has any."""
        for variables, _ in self.places:
            for name in names:
                if value := variables.get(name, "").strip():
                    return value
        return None

    def number(self, name: str, kind: Callable[[str], Number]) -> Number | None:
        """What a variable says, as a number."""
        text = self.text(name)
        try:
            return kind(text) if text else None
        except ValueError:
            refuse(name, text, "it is not a number")

    def choice(self, name: str, choices: tuple[str, ...]) -> Any:
        """What a variable says, which has to be one of `choices`."""
        text = self.text(name)
        if text:
            check_choice(name, text, choices)
        return text


def is_file(path: Path) -> bool:
    """Whether there is such a file, as far as anyone may look."""
    try:
        return path.is_file()
    except OSError:  # too long a name, a folder that may not be searched
        return False
