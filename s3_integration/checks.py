"""Refusing settings that are nonsense, by their names and without showing secrets."""

from __future__ import annotations

import re
from typing import NoReturn

from s3_integration.exceptions import S3ConfigError
from s3_integration.logs import redact
from s3_integration.utils import is_visible_ascii

CREDENTIAL_FIELDS = ("access_key_id", "secret_access_key", "session_token")

_NEVER_SHOWN = frozenset({*CREDENTIAL_FIELDS, "customer_key", "S3_INTEGRATION_CUSTOMER_KEY"})
"""Settings that no message may show."""

_USER_INFO = re.compile(r"//.*@")
"""The part of a URL that may hold a password; one with a slash in it, too."""


def check_type(name: str, value: object, kinds: tuple[type, ...]) -> None:
    """Refuse a value that is of none of `kinds`; True and False are no numbers."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        refuse(name, value, f"it is a {type(value).__name__}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of `choices`."""
    if value not in choices:
        refuse(name, value, f"it has to be one of {', '.join(choices)}")


def check_number(name: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number that is out of bounds."""
    # Written so that NaN, which compares false with everything, is refused too.
    if value is not None and not least <= value <= most:
        refuse(name, value, f"it has to be between {least} and {most}")


def check_for_header(name: str, value: str | None, where: str = "") -> None:
    """Refuse text that no HTTP header can carry."""
    # http.client's own complaint about such text would quote it.
    if not is_visible_ascii(value or ""):
        refuse(name, value, f"{where}it holds a blank or an unprintable character")


def refuse(name: str, value: object, problem: str, hint: str = "") -> NoReturn:
    """Raise an `S3ConfigError` about a setting."""
    shown = "…" if name in _NEVER_SHOWN else redact(_USER_INFO.sub("//…@", repr(value)))
    message = f"The setting {name}={shown} cannot be used: {problem}."
    raise S3ConfigError(message, suggestion=f"Give {name} another value.{hint}")
