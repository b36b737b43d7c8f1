"""The one check that changes something: a small object is stored, read and deleted."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from s3_integration.aws.errors import translated
from s3_integration.aws.probes import reserved_key
from s3_integration.exceptions import S3ConflictError, S3IntegrationError
from s3_integration.transfer.engine import ObjectId, UploadOptions
from s3_integration.transfer.files import FileEngine
from s3_integration.transfer.local import open_source

if TYPE_CHECKING:
    from s3_integration.aws.session import Connection
    from s3_integration.config import Settings

_SIZE_BYTES = 1024
_OPTIONS = UploadOptions("application/octet-stream", metadata={}, tags={})


@dataclass(frozen=True, slots=True)
class Written:
    """What became of it."""

    key: str
    conditional_writes: Literal["obeyed", "overlooked", "unknown"]
    left_behind: bool
    """Whether versions of it could not be removed."""


def try_writing(connection: Connection, settings: Settings) -> Written:
    """Store an object under a reserved key, read it, try to store over it, and delete it.

    Raises:
        S3IntegrationError: one of it failed; it says which.
    """
    target = ObjectId(settings.bucket_name, reserved_key())
    engine = FileEngine(lambda: connection, settings)
    with tempfile.TemporaryDirectory(prefix="s3_integration-check-") as folder:
        source, copy = Path(folder, "stored"), Path(folder, "read")
        source.write_bytes(secrets.token_bytes(_SIZE_BYTES))
        with open_source(source) as opened:
            engine.upload(opened, target, _OPTIONS)
        try:
            engine.download(target, copy)
            _compare(source, copy, target)
            conditional = _store_over(connection, target)
        finally:
            is_clean = _remove(connection, target)
    return Written(target.key, conditional, left_behind=not is_clean)


def _compare(source: Path, copy: Path, target: ObjectId) -> None:
    if source.read_bytes() != copy.read_bytes():
        raise S3IntegrationError(
            f"What was read of {target.key!r} is not what was stored.",
            bucket=target.bucket,
            key=target.key,
            suggestion="Do not use this server, or look for a proxy that changes answers.",
        )


def _store_over(
    connection: Connection, target: ObjectId
) -> Literal["obeyed", "overlooked", "unknown"]:
    try:
        with translated("PutObject", target.bucket, target.key):
            connection.client.put_object(
                Bucket=target.bucket, Key=target.key, Body=b"", IfNoneMatch="*"
            )
    except S3ConflictError:
        return "obeyed"
    except S3IntegrationError:
        return "unknown"
    return "overlooked"


def _remove(connection: Connection, target: ObjectId) -> bool:
    """Delete the object and, in a versioned bucket, its versions; False where some stay."""
    where: dict[str, Any] = {"Bucket": target.bucket, "Key": target.key}
    with translated("DeleteObject", target.bucket, target.key):
        answer = connection.client.delete_object(**where)
    if not answer.get("VersionId"):
        return True
    with contextlib.suppress(S3IntegrationError), translated("DeleteObject", target.bucket):
        listed = connection.client.list_object_versions(Bucket=target.bucket, Prefix=target.key)
        for version in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
            connection.client.delete_object(**where, VersionId=version["VersionId"])
        return True
    return False
