"""Doing a step of a transfer again when its bytes came or went damaged.

Refused requests and lost connections are repeated below, in `aws/retries.py`; this is for
what only shows after S3's answer began: a body that breaks off, a range that is not the one
that was asked for, an ETag that is not that of the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from s3_integration.aws.retries import TRANSIENT_BASE_SECONDS, Answer, full_jitter, tell_of_retry
from s3_integration.cancellation import wait_while_wanted
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.turns import end_turn
from s3_integration.utils import backoff_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def persistently(step: Callable[[], Result], *, operation: str, total_attempts: int) -> Result:
    """The result of `step`, which is done again each time that it raises a `DamagedError`.

    Raises:
        DamagedError: the last of `total_attempts` failed as well.
    """
    for attempt in range(1, total_attempts):
        try:
            return step()
        except DamagedError as error:
            delay = backoff_seconds(
                attempt, base_seconds=TRANSIENT_BASE_SECONDS, jitter=full_jitter()
            )
            tell_of_retry(operation, Answer(exception=error), attempt, total_attempts, delay)
            end_turn()
            wait_while_wanted(delay)
    return step()
