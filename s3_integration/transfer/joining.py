"""How an upload in parts ends: S3 joins them, and what it says of the whole is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.transfer import checksums
from s3_integration.transfer.integrity import DamagedError, check_is_from_s3
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.proof import WHOLE_OBJECT
from s3_integration.transfer.stored import stored_after_all, write_condition
from s3_integration.transfer.unfinished import abort_upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.stored import Expected
    from s3_integration.utils import ByteRange


@dataclass(frozen=True, slots=True)
class Part:
    """One part that S3 has taken."""

    number: int
    where: ByteRange
    etag: str
    fingerprint: int
    """See `proof.fingerprint`."""


def checksum_of(parts: Iterable[tuple[ByteRange, int]]) -> str:
    """The checksum of the whole, as S3 writes it, from range and CRC64NVME of its parts."""
    pieces = ((fingerprint, where.size) for where, fingerprint in parts)
    return checksums.as_text(checksums.joined(pieces))


def join_parts(
    connection: Connection,
    target: ObjectId,
    options: UploadOptions,
    upload_id: str,
    parts: Sequence[Part],
    expected: Expected,
) -> Mapping[str, Any]:
    """Let S3 join the parts, and return what it says of the object.

    Raises:
        DamagedError: it joined something else, or what answers is not S3.
    """
    asked = {
        "Bucket": target.bucket,
        "Key": target.key,
        "UploadId": upload_id,
        **_completion(parts, expected),
        **write_condition(connection, options),
    }
    times_sent = 0

    def send() -> Mapping[str, Any]:
        nonlocal times_sent
        times_sent += 1
        answer: Mapping[str, Any] = connection.client.complete_multipart_upload(**asked)
        if not (answer.get("Key") or answer.get("Bucket")):  # Ceph 16 may leave out the ETag
            check_is_from_s3(answer)
        return answer

    try:
        answer = persistently(
            send,
            operation="CompleteMultipartUpload",
            total_attempts=connection.total_attempts,
        )
    except (ClientError, BotoCoreError, DamagedError) as error:
        # The upload may be complete, and only the answer that said so be lost.
        stored = stored_after_all(connection, target, expected, error, is_retry=times_sent > 1)
        if stored is None:
            raise
        answer = stored
        if not isinstance(error, ClientError):
            # Perhaps it is stored from before, and the parts still wait.
            abort_upload(connection, target.bucket, target.key, upload_id)
    expected.check_joined(answer, connection.endpoint)
    return answer if answer.get("ETag") else {**answer, "ETag": expected.etag()}


def _completion(parts: Sequence[Part], expected: Expected) -> dict[str, Any]:
    """What CompleteMultipartUpload says of the parts, and of what they become."""
    numbered: list[dict[str, Any]] = [
        {"PartNumber": part.number, "ETag": part.etag} for part in parts
    ]
    if not expected.checksum:
        return {"MultipartUpload": {"Parts": numbered}}
    for told, part in zip(numbered, parts, strict=True):
        told[checksums.FIELD] = checksums.as_text(part.fingerprint)
    return {
        "MultipartUpload": {"Parts": numbered},
        checksums.FIELD: expected.checksum,
        **WHOLE_OBJECT,
        "MpuObjectSize": expected.size_bytes,
    }
