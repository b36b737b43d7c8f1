"""One log line for each operation, however it ended."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from s3_integration.aws.tally import counting_retries

if TYPE_CHECKING:
    from collections.abc import Iterator

# The lines of single files and of many have one name, by which programs choose them.
logger = logging.getLogger("s3_integration.service")


class Account:
    """What the log line of one operation tells."""

    def __init__(self, name: str, key: str, bucket: str) -> None:
        self._name, self._key, self._bucket = name, key, bucket
        self._began = time.monotonic()
        self.size_bytes = 0

    def log(self, attempts: int, end: str) -> None:
        """Write the one line."""
        logger.info(
            "%s %s: key %r, bucket %r, %d bytes, %.3f s, attempts %d",
            self._name,
            end,
            self._key,
            self._bucket,
            self.size_bytes,
            time.monotonic() - self._began,
            attempts,
        )


def are_lines_wanted() -> bool:
    """Whether anybody reads them."""
    return logger.isEnabledFor(logging.INFO)


@contextlib.contextmanager
def accounted(name: str, key: str, bucket: str) -> Iterator[Account]:
    """Log one line of what the block did, and of how it ended."""
    account = Account(name, key, bucket)
    with counting_retries() as tally:
        try:
            yield account
        except BaseException as error:
            account.log(tally.attempts, f"failed: {type(error).__name__}")
            raise
        account.log(tally.attempts, "done")
