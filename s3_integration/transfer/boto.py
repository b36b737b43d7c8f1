"""The boto3 engine: whole files by single boto3 calls, checked and repeated here.

It does not use boto3's own transfers (s3transfer): those take answers without a
Content-Range for the right range, mix old and new parts of a file that is rewritten, and
report failure for an upload whose last reply was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3DownloadError, S3UploadError
from s3_integration.transfer.boto_download import Download
from s3_integration.transfer.boto_upload import MultipartUpload, upload_single
from s3_integration.transfer.parts import PartThreads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from s3_integration.aws.session import Connection
    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, Transferred, UploadOptions
    from s3_integration.transfer.local import SourceFile


class Boto3Engine:
    """Moves files through a boto3 client; parts of large ones through a pool of threads."""

    def __init__(self, connect: Callable[[], Connection], transfer: TransferConfig) -> None:
        self._connect = connect
        self._transfer = transfer
        self._threads = PartThreads(transfer.parts_in_flight)

    def upload(
        self,
        source: SourceFile,
        target: ObjectId,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Store a file; see `TransferEngine`."""
        connection = self._connect()
        with translated("upload", target.bucket, target.key, outcome=S3UploadError):
            if source.size_bytes < self._transfer.multipart_threshold_bytes:
                return upload_single(connection, source, target, options, progress)
            upload = MultipartUpload(
                connection, source, target, options, self._transfer, self._threads, progress
            )
            return upload.run()

    def download(
        self,
        source: ObjectId,
        destination: Path,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Fetch a file; see `TransferEngine`."""
        connection = self._connect()
        with translated("download", source.bucket, source.key, outcome=S3DownloadError):
            download = Download(
                connection, source, destination, self._transfer, self._threads, progress
            )
            return download.run()
