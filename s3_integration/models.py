"""The values that come back, and the choices that go in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from s3_integration.exceptions import S3IntegrationError

IfExists = Literal["overwrite", "fail"]
"""What an upload does when the key is taken already."""

ProgressCallback = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in all, never by two threads at once."""


@dataclass(frozen=True, slots=True)
class S3FileInfo:
    """One stored object, as a listing tells of it."""

    key: str
    size: int
    """Bytes."""
    last_modified: datetime
    """When it was stored, by S3's clock, with its time zone (UTC)."""
    etag: str
    """S3's fingerprint without its quotes; the MD5 of the content only for some objects."""
    storage_class: str

    def to_dict(self) -> dict[str, Any]:
        """The five fields as a plain dict."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnfinishedUpload:
    """An upload in parts that was begun, and neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: datetime
    """By S3's clock, with its time zone (UTC)."""


@dataclass(frozen=True, slots=True)
class FailedAbort:
    """An unfinished upload that could not be aborted, and why."""

    upload: UnfinishedUpload
    error: S3IntegrationError


@dataclass(frozen=True, slots=True)
class StaleUploads:
    """What became of a bucket's unfinished uploads that were old enough."""

    aborted: tuple[UnfinishedUpload, ...]
    in_use: tuple[UnfinishedUpload, ...]
    """Left alone: a process of this machine is at work on them."""
    failed: tuple[FailedAbort, ...]

    def raise_if_failed(self) -> None:
        """Raise the first error, where there was one."""
        if self.failed:
            raise self.failed[0].error
