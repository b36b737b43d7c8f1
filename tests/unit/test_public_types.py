"""The public surface has the types that its users rely on; mypy judges `assert_type`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

from s3_integration import (
    AuditReport,
    Finding,
    S3Checksum,
    S3Client,
    S3Config,
    S3FileInfo,
    S3IntegrationError,
    SecureReport,
    TransferConfig,
)


def a_program_that_uses_everything(s3: S3Client, error: S3IntegrationError) -> None:
    """Never run: it is checked."""
    assert_type(s3.upload_file("a"), str)
    assert_type(s3.upload_file(Path("a"), "key", if_exists="fail", tags={"a": "b"}), str)
    assert_type(s3.upload_file("a", s3_key=None, progress=lambda done, total: None), str)
    assert_type(s3.download_file("key", Path("a"), version_id=None), str)
    assert_type(s3.list_files(), list[dict[str, Any]])
    assert_type(s3.file_exists("key"), bool)
    assert_type(s3.delete_file("key"), bool)
    assert_type(s3.file_info("key", version_id=None), S3FileInfo)
    assert_type(s3.file_info("key").metadata, Mapping[str, str])
    assert_type(s3.file_info("key").checksum, S3Checksum | None)
    assert_type(s3.read_bytes("key", start=1, stop=2, version_id=None), bytes)
    assert_type(s3.read_text("key", encoding="latin-1", errors="replace"), str)
    assert_type(s3.write_bytes("key", bytearray(1), if_match="etag", tags={"a": "b"}), S3FileInfo)
    assert_type(s3.write_text("key", "text", if_exists="fail"), S3FileInfo)
    assert_type(s3.open("key", "rb").read(), bytes)
    assert_type(s3.open("key").read(), str)
    assert_type(s3.open("key", "w", content_type="a/b", newline="").write(""), int)
    assert_type(s3.open("key", "xb", metadata={}).write(b""), int)
    assert_type(s3.bucket_name, str)
    assert_type(error.suggestion, str)
    assert_type(error.retryable, bool)
    assert_type(error.to_dict(), dict[str, Any])
    assert_type(S3Config("bucket", "eu-central-1", "id", "secret").region, str)
    assert_type(TransferConfig(part_size_bytes=5 * 1024**2).parts_in_flight, int)


def a_program_that_secures_its_bucket(s3: S3Client) -> None:
    """Never run: it is checked."""
    assert_type(s3.bucket.audit(), AuditReport)
    assert_type(s3.bucket.audit().findings, tuple[Finding, ...])
    assert_type(s3.bucket.secure(logging_bucket="logs", dry_run=True), SecureReport)


def test_the_five_operations_take_what_the_design_says() -> None:
    operations = {
        "upload_file": ["local_path", "s3_key"],
        "download_file": ["s3_key", "local_path"],
        "list_files": ["prefix"],
        "file_exists": ["s3_key"],
        "delete_file": ["s3_key"],
    }

    found = {
        name: [
            parameter.name
            for parameter in inspect.signature(getattr(S3Client, name)).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
        ]
        for name in operations
    }

    assert found == operations


def test_the_values_have_the_fields_of_the_design_first() -> None:
    info = list(inspect.signature(S3FileInfo).parameters)
    config = list(inspect.signature(S3Config).parameters)

    assert info[:5] == ["key", "size", "last_modified", "etag", "storage_class"]
    assert config[:4] == ["bucket_name", "region", "access_key_id", "secret_access_key"]
