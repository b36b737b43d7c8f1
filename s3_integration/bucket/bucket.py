"""Bucket: what can be done to a bucket as a whole."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from s3_integration import utils
from s3_integration.bucket.create import ensure_bucket
from s3_integration.bucket.stale import abort_stale_uploads
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Connection
    from s3_integration.models import StaleUploads


class Bucket:
    """One bucket; `S3Client.bucket` gives it. Making one sends nothing."""

    def __init__(self, name: str, connect: Callable[[], Connection]) -> None:
        self.name = name
        self._connect = connect

    def __repr__(self) -> str:
        return f"Bucket({self.name!r})"

    def ensure(self) -> None:
        """Create the bucket, with its protections, unless it is there.

        Raises:
            S3BucketError: it belongs to someone else, or could not be created.
            S3IntegrationError: S3 could not be asked.
        """
        ensure_bucket(self._connect(), self.name)

    def abort_stale_uploads(self, older_than: dt.timedelta, *, prefix: str = "") -> StaleUploads:
        """Abort uploads in parts that were begun longer ago than that and never finished.

        Uploads that a process of this machine is at work on are left alone. Of those on
        other machines nothing is known here: `older_than` has to be longer than any takes.

        Args:
            older_than: the least age, by S3's clock.
            prefix: what the keys begin with.

        Returns:
            What was aborted, what was left alone, and what could not be aborted; the last
            is not raised.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucketMultipartUploads is missing.
        """
        _check_age(older_than)
        _check_prefix(prefix)
        return abort_stale_uploads(self._connect(), self.name, older_than, prefix)


def _check_age(older_than: object) -> None:
    if not isinstance(older_than, dt.timedelta) or older_than < dt.timedelta(0):
        raise S3ConfigError(
            f"The argument older_than={older_than!r} cannot be used: it has to be a "
            "datetime.timedelta of no less than nothing.",
            suggestion="Give the least age, such as timedelta(days=1).",
        )


def _check_prefix(prefix: object) -> None:
    problem = utils.prefix_problem(prefix) if isinstance(prefix, str) else "it is not text"
    if problem:
        raise S3ConfigError(
            f"The argument prefix={prefix!r} cannot be used: {problem}.",
            suggestion="Give what the keys begin with, or leave it out.",
        )
