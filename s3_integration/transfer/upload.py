"""Uploads of files small enough for one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.transfer import integrity
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import EtagCheck
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.stored import (
    check_is_from_s3,
    failures_told,
    refuse_if_taken,
    settle,
    storage_parameters,
    stored_after_all,
    stored_otherwise,
    write_condition,
)
from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.local import SourceFile
    from s3_integration.transfer.wires import Route


def upload_single(
    s3: Route,
    source: SourceFile,
    target: ObjectId,
    options: UploadOptions,
    progress: ProgressCallback | None,
) -> Transferred:
    """Store a file by one request; it is read whole, and checked, before that is sent."""
    with failures_told(source, target):
        whole = ByteRange(0, source.size_bytes)
        content = source.read(whole)
        digest = integrity.md5_digest(content)
        settle(source, {whole: digest})
        if s3.connection.endpoint.conditional_writes == "unproven":
            refuse_if_taken(s3.connection, target, options)
        answer = _put(s3, content, digest, target, options)
    Progress(len(content), progress).add(len(content))
    etag = integrity.unquoted(answer.get("ETag"))
    return Transferred(len(content), etag, answer.get("VersionId"))


def _put(
    s3: Route,
    content: bytes,
    digest: bytes,
    target: ObjectId,
    options: UploadOptions,
) -> Mapping[str, Any]:
    connection = s3.connection
    etags = EtagCheck(connection.endpoint, connection.learned)
    condition = write_condition(options)

    def send() -> Mapping[str, Any]:
        answer = s3.wire.put_object(
            content,
            Bucket=target.bucket,
            Key=target.key,
            ContentMD5=integrity.content_md5_header(digest),
            **storage_parameters(options),
            **condition,
        )
        if condition and answer.get("ETag"):
            # Now this upload's own object is stored: sent again, it may replace that alone.
            condition.clear()
            condition["IfMatch"] = answer["ETag"]
        check_is_from_s3(answer)
        if not etags.accepts(digest.hex(), answer):
            raise stored_otherwise(digest.hex(), answer)
        return answer

    try:
        return persistently(send, operation="PutObject", total_attempts=connection.total_attempts)
    except (ClientError, BotoCoreError) as error:
        # An earlier attempt may have stored the object, and its answer been lost.
        stored = stored_after_all(connection, target, digest.hex(), error)
        if stored is None:
            raise
        return stored
