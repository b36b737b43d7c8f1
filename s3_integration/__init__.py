"""Durable files on Amazon S3, in one line of code: right, fast and safe.

from s3_integration import S3Client

s3 = S3Client()
s3.upload_file("report.pdf", s3_key="reports/2024/january.pdf")
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from s3_integration.client import S3Client
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3ConflictError,
    S3CredentialsError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.logs import log_to_stderr
from s3_integration.version import __version__

if TYPE_CHECKING:
    from s3_integration.bucket.findings import AuditReport, ControlResult, Finding, SecureReport
    from s3_integration.config import S3Config, TransferConfig
    from s3_integration.doctor.report import HealthLine, HealthReport
    from s3_integration.encryption import Encryption
    from s3_integration.models import (
        FileResult,
        FolderListing,
        FolderProgress,
        S3Checksum,
        S3FileInfo,
        S3Version,
        TransferReport,
    )

__all__ = [
    "AuditReport",
    "ControlResult",
    "Encryption",
    "FileResult",
    "Finding",
    "FolderListing",
    "FolderProgress",
    "HealthLine",
    "HealthReport",
    "S3AccessDeniedError",
    "S3BucketError",
    "S3Checksum",
    "S3Client",
    "S3Config",
    "S3ConfigError",
    "S3ConflictError",
    "S3CredentialsError",
    "S3DownloadError",
    "S3FileInfo",
    "S3FileNotFoundError",
    "S3IntegrationError",
    "S3UploadError",
    "S3Version",
    "SecureReport",
    "TransferConfig",
    "TransferReport",
    "__version__",
    "log_to_stderr",
]

logging.getLogger("s3_integration").addHandler(logging.NullHandler())

_VALUES = {
    "AuditReport": "bucket.findings",
    "ControlResult": "bucket.findings",
    "Encryption": "encryption",
    "FileResult": "models",
    "Finding": "bucket.findings",
    "FolderListing": "models",
    "FolderProgress": "models",
    "HealthLine": "doctor.report",
    "HealthReport": "doctor.report",
    "S3Checksum": "models",
    "S3Config": "config",
    "S3FileInfo": "models",
    "S3Version": "models",
    "SecureReport": "bucket.findings",
    "TransferConfig": "config",
    "TransferReport": "models",
}
"""Settings and what comes back, and where they are defined: imported by whoever names them."""


def __getattr__(name: str) -> Any:
    if name not in _VALUES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_VALUES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
