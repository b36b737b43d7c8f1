"""The variables around a program: those of its process, and those of a `.env` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from s3_integration.checks import check_choice, refuse
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
    return {name: value for name, value in values.items() if value is not None}


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
