"""What every transfer engine does. Each passes the same contract suite, on every server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3_integration.models import IfExists, ProgressCallback
    from s3_integration.transfer.local import SourceFile


@dataclass(frozen=True, slots=True)
class ObjectId:
    """One object of S3, or one version of it."""

    bucket: str
    key: str
    version_id: str | None = None
    """None means the latest version."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How an object is to be stored."""

    content_type: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    if_exists: IfExists = "overwrite"


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was moved, told by S3."""

    size_bytes: int
    etag: str
    version_id: str | None


class TransferEngine(Protocol):
    """Moves whole files between disk and S3.

    Both ways raise errors of this package alone, leave nothing half done behind, and may
    run in many threads at once.
    """

    def upload(
        self,
        source: SourceFile,
        target: ObjectId,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Store the bytes that `source` had when it was opened.

        Raises:
            S3UploadError: nothing was stored: S3 refused, the network failed for good, or
                the file changed meanwhile; what was stored before is still there.
        """

    def download(
        self,
        source: ObjectId,
        destination: Path,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Put one version of the object at `destination`, at once or not at all.

        Raises:
            S3DownloadError: the destination is as it was before.
        """
