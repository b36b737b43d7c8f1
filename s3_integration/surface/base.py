"""What every part of `S3Client` stands on: its settings, and the service that it makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.perprocess import PerProcess
from s3_integration.utils import DEFAULT_BUCKET_NAME

if TYPE_CHECKING:
    from s3_integration.bucket.bucket import Bucket
    from s3_integration.config import S3Config
    from s3_integration.service import S3Service


class ClientBase:
    """Settings of one bucket; `S3Client` tells of them."""

    def __init__(
        self,
        bucket_name: str = DEFAULT_BUCKET_NAME,
        *,
        config: S3Config | None = None,
        create_bucket: bool = True,
    ) -> None:
        # Programs that only import the package would pay some 20 ms for settings that nobody reads.
        from s3_integration.config import resolve_settings  # noqa: PLC0415 - slow: 20 ms

        self._config = config
        self._settings = resolve_settings(bucket_name, config)
        self._create_bucket = create_bucket
        self._service = PerProcess(self._make_service)

    def _make_service(self) -> S3Service:
        # Imported on first use: boto3 takes longer to import than most programs to start.
        from s3_integration.service import S3Service  # noqa: PLC0415 - see above

        return S3Service(settings=self._settings, create_bucket=self._create_bucket)

    @property
    def bucket_name(self) -> str:
        """The bucket that this client works on."""
        return self._settings.bucket_name

    @property
    def bucket(self) -> Bucket:
        """The bucket as a whole: `ensure()`, `audit()` or `secure()` it; its `policy()`."""
        return self._service.get().bucket

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket_name!r})"
