"""Deleting many objects: a thousand by one request, each with an answer of its own."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import told_of_key, translated
from s3_integration.aws.retries import TRANSIENT_BASE_SECONDS, full_jitter
from s3_integration.cancellation import wait_while_wanted
from s3_integration.exceptions import S3FileNotFoundError, S3IntegrationError
from s3_integration.utils import backoff_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3_integration.aws.session import Connection

logger = logging.getLogger(__name__)

MOST_KEYS = 1000
"""Of one request (API Reference, "DeleteObjects")."""

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""XML cannot carry some of these, and changes others (XML 1.0, sections 2.2 and 2.11)."""

_NO_BATCHES = frozenset({"NotImplemented", "MissingContentMD5", "501"})
"""How servers say that they do not know the request, or not without an MD5."""


def delete_keys(
    connection: Connection, bucket: str, keys: Sequence[str]
) -> dict[str, S3IntegrationError]:
    """Delete what is stored under each of `keys`; what was not there counts as deleted.

    Args:
        connection: the way to S3.
        bucket: where.
        keys: at most 1,000.

    Returns:
        The failures, by key.

    Raises:
        S3IntegrationError: the request for all of them failed.
    """
    by_itself = [key for key in keys if _UNSAFE.search(key)]
    together = [key for key in keys if not _UNSAFE.search(key)]
    failed: dict[str, S3IntegrationError] = {}
    if len(together) == 1:
        by_itself, together = [*keys], []
    if together:
        try:
            failed = _persistently(connection, bucket, together)
        except S3IntegrationError as error:
            if error.code not in _NO_BATCHES:
                raise
            logger.info("no batches of deletes here (%s): one by one", error.code)
            by_itself = list(keys)
    return failed | _one_by_one(connection, bucket, by_itself)


def _persistently(
    connection: Connection, bucket: str, keys: Sequence[str]
) -> dict[str, S3IntegrationError]:
    """Delete a batch; what S3 was too busy for is tried again, as a request of its own would be."""
    failed = _together(connection, bucket, keys)
    for attempt in range(1, connection.total_attempts):
        again = [key for key, error in failed.items() if error.retryable]
        if not again:
            break
        logger.info("deleting %d keys again, attempt %d", len(again), attempt + 1)
        wait_while_wanted(
            backoff_seconds(attempt, base_seconds=TRANSIENT_BASE_SECONDS, jitter=full_jitter())
        )
        final = {key: error for key, error in failed.items() if not error.retryable}
        failed = final | _together(connection, bucket, again)
    return failed


def _together(
    connection: Connection, bucket: str, keys: Sequence[str]
) -> dict[str, S3IntegrationError]:
    asked: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
    with translated("DeleteObjects", bucket):
        answer = connection.client.delete_objects(Bucket=bucket, Delete=asked)
    failed: dict[str, S3IntegrationError] = {}
    for told in answer.get("Errors", ()):
        key = told.get("Key", "")
        error = told_of_key(told, answer, operation="DeleteObjects", bucket=bucket, key=key)
        if not isinstance(error, S3FileNotFoundError):
            failed[key] = error
    # Whichever keys an error is about that names none of ours: none of them is sure to be gone.
    if strayed := failed.keys() - set(keys):
        first = failed[min(strayed)]
        return dict.fromkeys(keys, first)
    return failed


def _one_by_one(
    connection: Connection, bucket: str, keys: Sequence[str]
) -> dict[str, S3IntegrationError]:
    failed: dict[str, S3IntegrationError] = {}
    for key in keys:
        try:
            with translated("DeleteObject", bucket, key):
                connection.client.delete_object(Bucket=bucket, Key=key)
        except S3FileNotFoundError:
            continue
        except S3IntegrationError as error:
            failed[key] = error
    return failed
