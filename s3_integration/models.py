"""The values that come back, and the choices that go in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

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
