"""Copies within S3: its bytes never come here. One version of the source, whole or not at all.

Up to 5 GiB S3 copies by one request, whose answer it begins before it has copied: a 200 may
still hold an error (API Reference, "CopyObject"), which botocore makes a 500 of. What is
larger is copied in parts, as it would be uploaded.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_integration.aws.errors import translate
from s3_integration.exceptions import S3ConflictError, S3FileNotFoundError, S3IntegrationError
from s3_integration.transfer import checksums, described, integrity
from s3_integration.transfer.copied import headers_of_copy, parameters_of_copy, verdict_on
from s3_integration.transfer.encrypted import check_stored, make_sure_of_encryption
from s3_integration.transfer.engine import UploadOptions
from s3_integration.transfer.integrity import DamagedError, check_is_from_s3, stored_otherwise
from s3_integration.transfer.joining import Part, checksum_of, join_parts
from s3_integration.transfer.looking import look_at, named
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.proof import checksums_to_send
from s3_integration.transfer.starting import start_upload
from s3_integration.transfer.stored import (
    TAKEN,
    Expected,
    code_of,
    head_of,
    is_taken,
    write_condition,
)
from s3_integration.transfer.tags import tags_of
from s3_integration.transfer.turns import end_turn
from s3_integration.transfer.unfinished import abort_upload
from s3_integration.utils import MAX_PART_SIZE_BYTES, MIB, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.models import S3FileInfo
    from s3_integration.transfer.engine import CopyJob
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.proof import ChecksumsSent
    from s3_integration.utils import ByteRange

_GONE_CODES = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_TOO_SHORT_CODES = frozenset({"InvalidRange", "InvalidArgument", "416"})
"""What copying a part is refused with where the source ends before it."""


@dataclass(frozen=True, slots=True)
class CopySizes:
    """How large objects are cut up."""

    one_request_bytes: int = MAX_PART_SIZE_BYTES
    """The most that CopyObject takes (API Reference)."""
    part_size_bytes: int = 128 * MIB
    """No byte of a part passes through here; there are enough of them to copy many at once."""


class Copy:
    """One copy."""

    def __init__(
        self, connection: Connection, job: CopyJob, threads: PartThreads, sizes: CopySizes
    ) -> None:
        self._connection = connection
        self._job = job
        self._threads = threads
        self._sizes = sizes

    def run(self, source: Mapping[str, Any]) -> S3FileInfo:
        """Copy what `looking.look_at` has told of.

        Raises:
            S3ConflictError: the source changed meanwhile, the target may not be overwritten,
                or somebody else has overwritten the copy.
        """
        self._check_is_wanted_version(source)
        try:
            if self._job.if_exists == "fail" and is_taken(self._connection, self._job.target):
                raise self._conflict("the object exists already", TAKEN)
            make_sure_of_encryption(self._connection, self._job.target)
            is_small = source["ContentLength"] <= self._sizes.one_request_bytes
            copy = self._by_one_request(source) if is_small else self._by_parts(source)
            return self._verified(source, copy)
        except DamagedError as error:
            raise self._failure(str(error)) from error

    # By one request

    def _by_one_request(self, source: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return persistently(
                partial(self._copy_whole, source),
                operation="CopyObject",
                total_attempts=self._connection.total_attempts,
            )
        except ClientError as error:
            if code_of(error) == "PreconditionFailed":
                return self._after_refusal(source, error)
            self._raise_if_gone(error)
            raise

    def _copy_whole(self, source: Mapping[str, Any]) -> Mapping[str, Any]:
        end_turn()
        answer = self._connection.client.copy_object(
            **named(self._job.target),
            **self._of_source(source),
            **self._parameters(source),
            **write_condition(self._connection, self._options({}, {})),
        )
        told = {**answer, **answer.get("CopyObjectResult", {})}
        check_is_from_s3(told)
        check_stored(self._connection, self._job.target, told)
        return told

    def _after_refusal(self, source: Mapping[str, Any], error: ClientError) -> Mapping[str, Any]:
        """What is stored, if an attempt before the one that was refused has stored it."""
        if self._job.source.version_id is None:
            self._check_unchanged(source)
        if error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0:
            copy = head_of(self._connection, self._job.target, with_checksum=True) or {}
            if verdict_on(source, copy, self._connection.endpoint) == "same":
                return copy
        raise self._conflict("the object exists already", TAKEN) from error

    # In parts

    def _by_parts(self, source: Mapping[str, Any]) -> Mapping[str, Any]:
        connection, target = self._connection, self._job.target
        self._refuse_ambiguous_key()
        options = self._options(tags_of(connection, self._job.source), source)
        wanted: ChecksumsSent = "crc64nvme" if self._gets_checksums() else "md5"
        upload_id = start_upload(connection, target, options, wanted).upload_id
        try:
            parts = self._copy_parts(source, upload_id)
            if connection.endpoint.conditional_writes == "unproven":
                self._check_unchanged(source)  # it may have overlooked our conditions
            expected = self._expected(source, parts)
            return join_parts(connection, target, options, upload_id, parts, expected)
        except BaseException:
            abort_upload(connection, target.bucket, target.key, upload_id)
            raise

    def _refuse_ambiguous_key(self) -> None:
        """Keep servers from copying the parts of some other object.

        Ceph 16 decodes the source's name twice for parts: of `a%20b` it copies `a b`, and
        its answer does not tell (measured).
        """
        key, is_aws = self._job.source.key, self._connection.endpoint.name == "aws"
        if not is_aws and ("%" in key or "?versionId=" in key):
            raise self._failure(
                f"this server may take another object for {key!r} when it copies in parts",
                suggestion="Download the file, then upload it under the other key.",
            )

    def _gets_checksums(self) -> bool:
        connection = self._connection
        return checksums_to_send(connection.endpoint, connection.learned) == "crc64nvme"

    def _copy_parts(self, source: Mapping[str, Any], upload_id: str) -> list[Part]:
        size_bytes = source["ContentLength"]
        step = part_size_for(size_bytes, self._sizes.part_size_bytes)
        ranges = split_into_ranges(0, size_bytes, step)
        calls = [
            partial(self._copy_part, source, upload_id, number, where)
            for number, where in enumerate(ranges, start=1)
        ]
        try:
            with in_threads(self._threads, calls) as jobs:
                return results_of(jobs)
        except ClientError as error:
            if code_of(error) == "PreconditionFailed":
                raise self._changed() from error
            self._raise_if_gone(error)
            if code_of(error) in _TOO_SHORT_CODES:
                self._check_unchanged(source)  # servers may overlook our condition
            raise

    def _copy_part(
        self, source: Mapping[str, Any], upload_id: str, number: int, where: ByteRange
    ) -> Part:
        def send() -> Mapping[str, Any]:
            answer = self._connection.client.upload_part_copy(
                **named(self._job.target),
                **self._of_source(source),
                UploadId=upload_id,
                PartNumber=number,
                CopySourceRange=f"bytes={where.start}-{where.stop - 1}",
            )
            told: Mapping[str, Any] = answer.get("CopyPartResult", {})
            check_is_from_s3(told)
            return told

        told = persistently(
            send, operation="UploadPartCopy", total_attempts=self._connection.total_attempts
        )
        return Part(number, where, told["ETag"], _fingerprint_told(told))

    def _expected(self, source: Mapping[str, Any], parts: list[Part]) -> Expected:
        """What the joined parts should be.

        Raises:
            DamagedError: they are not those of the source.
        """
        has_checksums = all(part.fingerprint != _UNTOLD for part in parts)
        pieces = [(part.where, part.fingerprint) for part in parts]
        checksum = checksum_of(pieces) if has_checksums else ""
        theirs = checksums.stored_checksum(source)
        if checksum and theirs not in {"", checksum}:
            raise stored_otherwise("CRC64NVME", theirs, checksum)
        return Expected(
            size_bytes=source["ContentLength"],
            checksum=checksum,
            etag=lambda: integrity.etag_of_parts(part.etag for part in parts),
            md5_of_whole=lambda: "",
        )

    # Both

    def _of_source(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Exactly the version that was looked at, in the words of CopyObject."""
        return {"CopySource": named(self._job.source), "CopySourceIfMatch": source["ETag"]}

    def _parameters(self, source: Mapping[str, Any]) -> dict[str, Any]:
        # Another bucket may be in another region or account, where the key cannot be used.
        is_at_home = self._job.source.bucket == self._job.target.bucket
        is_settled = self._connection.terms.encryption is not None
        return parameters_of_copy(
            source,
            encrypt_as="source" if is_at_home and not is_settled else "settings or bucket",
        )

    def _options(self, tags: Mapping[str, str], source: Mapping[str, Any]) -> UploadOptions:
        kept = headers_of_copy(source)
        return UploadOptions(
            content_type=kept.pop("ContentType", ""),
            metadata=kept.pop("Metadata", {}),
            tags=tags,
            if_exists=self._job.if_exists,
            further=kept | self._parameters(source),
        )

    def _verified(self, source: Mapping[str, Any], copy: Mapping[str, Any]) -> S3FileInfo:
        """What S3 tells of the copy, once it is sure that it is one."""
        target = self._job.target
        try:
            found = look_at(self._connection, target)
        except S3FileNotFoundError as error:
            why = "it was copied, but deleted at once"
            raise self._conflict(why, "Look who deletes there.") from error
        told = integrity.unquoted(copy.get("ETag"))
        if told and told != integrity.unquoted(found["ETag"]):
            raise self._conflict("it was copied, but overwritten at once", "Look who writes there.")
        if verdict_on(source, found, self._connection.endpoint) == "different":
            self._check_unchanged(source)  # some servers overlook our condition
            raise self._failure("S3 stored something else than a copy")
        return described.from_head(target.key, found)

    def _check_is_wanted_version(self, source: Mapping[str, Any]) -> None:
        """Refuse what a server tells that overlooks the ids of versions (rclone's does)."""
        wanted, told = self._job.source.version_id, source.get("VersionId", "null")
        if wanted not in {None, told}:
            raise S3FileNotFoundError(
                f"Cannot copy version {wanted!r} of {self._job.source.key!r}: the server answers "
                f"with version {told!r}.",
                operation="CopyObject",
                bucket=self._job.source.bucket,
                key=self._job.source.key,
                suggestion="Look for its versions with list_versions(s3_key).",
            )

    def _check_unchanged(self, source: Mapping[str, Any]) -> None:
        now = look_at(self._connection, self._job.source)
        if now["ETag"] != source["ETag"]:
            raise self._changed()

    def _raise_if_gone(self, error: ClientError) -> None:
        """Tell of a source that vanished by its own name, not by that of the target."""
        if code_of(error) in _GONE_CODES:
            source = self._job.source
            told = translate(error, operation="CopyObject", bucket=source.bucket, key=source.key)
            raise told from error

    def _changed(self) -> S3ConflictError:
        source = self._job.source
        why = f"{source.key!r} in bucket {source.bucket!r} changed meanwhile"
        return self._conflict(why, "Copy it again when nothing writes to it.", retryable=True)

    def _conflict(self, why: str, next_step: str, *, retryable: bool = False) -> S3ConflictError:
        target = self._job.target
        return S3ConflictError(
            f"Cannot copy to {target.key!r} in bucket {target.bucket!r}: {why}.",
            code="PreconditionFailed",
            operation="CopyObject",
            bucket=target.bucket,
            key=target.key,
            suggestion=next_step,
            retryable=retryable,
        )

    def _failure(self, why: str, *, suggestion: str = "") -> S3IntegrationError:
        target = self._job.target
        return S3IntegrationError(
            f"Cannot copy to {target.key!r} in bucket {target.bucket!r}: {why}.",
            operation="CopyObject",
            bucket=target.bucket,
            key=target.key,
            suggestion=suggestion or _TRY_AGAIN,
            retryable=not suggestion,
        )


_TRY_AGAIN = "Try again; if it goes on, something on the way changes the bytes."

_UNTOLD = -1


def _fingerprint_told(told: Mapping[str, Any]) -> int:
    """The CRC64NVME of a part, as S3 tells it."""
    text = checksums.stored_checksum(told)
    return int.from_bytes(base64.b64decode(text), "big") if text else _UNTOLD
