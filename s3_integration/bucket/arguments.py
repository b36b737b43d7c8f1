"""What callers may say of a bucket as a whole; what is nonsense is refused before any request."""

from __future__ import annotations

import datetime as dt
import re

from s3_integration import utils
from s3_integration.checks import check_for_header, check_number, check_type, refuse
from s3_integration.exceptions import S3ConfigError

_MAX_DAYS = 2**31 - 1
"""S3 takes any whole number of days from 1 that its XML can hold."""


def check_account(number: str | None) -> None:
    """Raise an `S3ConfigError` unless it is the number of an AWS account, or None."""
    if number is None:
        return
    check_type("expected_owner", number, (str,))
    if not re.fullmatch(r"[0-9]{12}", number):
        refuse("expected_owner", number, "an account's number has twelve digits")


def check_logging_bucket(name: str | None, source: str) -> None:
    """Raise an `S3ConfigError` unless the logs of `source` can go there, as far as names tell."""
    if name is None:
        return
    check_type("logging_bucket", name, (str,))
    if problem := utils.bucket_name_problem(name):
        refuse("logging_bucket", name, problem)
    if name == source:
        refuse("logging_bucket", name, "each log would make another one: name another bucket")


def check_kms_key(key: str | None) -> None:
    """Raise an `S3ConfigError` unless it can be the name of a KMS key, or is None."""
    if key is None:
        return
    check_type("kms_key", key, (str,))
    if not key.strip():
        refuse("kms_key", key, "it is empty")
    check_for_header("kms_key", key)


def check_days(days: int | None) -> None:
    """Raise an `S3ConfigError` unless old versions can expire after so many days."""
    if days is not None:
        check_type("expire_old_versions_after_days", days, (int,))
        check_number("expire_old_versions_after_days", days, 1, _MAX_DAYS)


_LONGEST_AGE = dt.timedelta(days=36_500)
"""Longer ago than S3 exists, and not so long that the calendar ends."""


def check_age(older_than: object) -> None:
    """Raise an `S3ConfigError` unless it is a span of time."""
    if (
        not isinstance(older_than, dt.timedelta)
        or not dt.timedelta(0) <= older_than <= _LONGEST_AGE
    ):
        raise S3ConfigError(
            f"The argument older_than={older_than!r} cannot be used: it has to be a "
            "datetime.timedelta of no less than nothing, and of 100 years at most.",
            suggestion="Give the least age, such as timedelta(days=1).",
        )


def check_prefix(prefix: object) -> None:
    """Raise an `S3ConfigError` unless a key can begin like that."""
    problem = utils.prefix_problem(prefix) if isinstance(prefix, str) else "it is not text"
    if problem:
        raise S3ConfigError(
            f"The argument prefix={prefix!r} cannot be used: {problem}.",
            suggestion="Give what the keys begin with, or leave it out.",
        )
