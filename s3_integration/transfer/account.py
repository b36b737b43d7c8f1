"""One log line for each operation, however it ended."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, TypeVar

from s3_integration.aws.tally import counting_retries

if TYPE_CHECKING:
    from collections.abc import Iterator

Page = TypeVar("Page")

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


def accounted_pages(name: str, key: str, bucket: str, pages: Iterator[Page]) -> Iterator[Page]:
    """The pages of one listing, and one log line when nobody wants more of them.

    Retries are counted while a page is fetched, and not in between: whoever takes the pages
    may do other things meanwhile, or go on in another thread.
    """
    account, retries, end = Account(name, key, bucket), 0, "left off"
    try:
        while True:
            with counting_retries() as tally:
                try:
                    page = next(pages, None)
                except BaseException as error:
                    end = f"failed: {type(error).__name__}"
                    raise
                finally:
                    retries += tally.attempts - 1
            if page is None:
                end = "done"
                return
            yield page
    finally:
        account.log(1 + retries, end)
