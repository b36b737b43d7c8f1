"""Beginning again, where an object was replaced or damaged while it was being fetched."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, TypeVar

from s3_integration.exceptions import S3ConflictError, S3DownloadError
from s3_integration.transfer.integrity import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.transfer.engine import ObjectId

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Deed = Literal["download", "read"]

_MOST_STARTS = 3
"""How often a download begins anew when the object is replaced under it."""


class StartAgainError(Exception):
    """What has been fetched is of no use: the object is another one now."""

    in_the_end: type[S3ConflictError | S3DownloadError] = S3ConflictError
    """What it is to the caller where starting again did not help."""


class WrongChecksumError(StartAgainError):
    """What has been fetched is of no use: it was damaged."""

    in_the_end = S3DownloadError


def of_one_version(deed: Deed, source: ObjectId, fetch: Callable[[], Result]) -> Result:
    """What `fetch` fetches, again from the start if the object is replaced meanwhile."""
    failure = StartAgainError()
    for _ in range(_MOST_STARTS):
        try:
            return fetch()
        except StartAgainError as error:
            failure = error
            logger.info("starting the %s of %r again: %s", deed, source.key, error)
        except DamagedError as error:
            raise failed(deed, source, S3DownloadError, str(error)) from error
    raise failed(deed, source, failure.in_the_end, f"{failure}, {_MOST_STARTS} times in a row")


def failed(
    deed: Deed,
    source: ObjectId,
    error_class: type[S3ConflictError | S3DownloadError],
    why: str,
) -> S3ConflictError | S3DownloadError:
    """The error that tells of it."""
    return error_class(
        f"Cannot {deed} {source.key!r} from bucket {source.bucket!r}: {why}.",
        operation=deed,
        bucket=source.bucket,
        key=source.key,
        suggestion="Try again; if it goes on, look for what changes object or answers.",
        retryable=True,
    )
