"""Making sure that S3 encrypts as it was asked to: servers ignore headers that they don't know.

Why it is found out so: docs/decisions/0011-encryption-is-proved.md.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.exceptions import S3UploadError
from s3_integration.transfer.stored import code_of
from s3_integration.transfer.unfinished import abort_upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.encryption import Encryption
    from s3_integration.transfer.engine import ObjectId

logger = logging.getLogger(__name__)

_REPLACED_CODES = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})


def is_encrypted_as_asked(encryption: Encryption, digest: str, told: Mapping[str, Any]) -> bool:
    """Whether a server says of an object that it will be encrypted as it was asked for.

    Args:
        encryption: what was asked for.
        digest: the MD5 of the customer key, as headers carry it; "" where there is none.
        told: the answer to PutObject or CreateMultipartUpload.
    """
    method = told.get("ServerSideEncryption")
    match encryption.method:
        case "SSE-S3":
            return method == "AES256"
        case "SSE-KMS":
            return method == "aws:kms" and _is_key(encryption.kms_key_id, told.get("SSEKMSKeyId"))
        case "SSE-C":
            return told.get("SSECustomerKeyMD5") == digest


def _is_key(asked: str | None, told: str | None) -> bool:
    """Whether a key of KMS is the one that was asked for; S3 tells the ARN of any."""
    if asked is None or "alias/" in asked:  # what an alias leads to is not known here
        return True
    return told is not None and (told == asked or told.endswith(f"/{asked}"))


def make_sure_of_encryption(connection: Connection, target: ObjectId) -> None:
    """Find out, before bytes are sent, whether the server encrypts as it is asked to.

    An upload in parts is started for that and given up, once in each process: its answer tells
    as much as PutObject's, and nothing is stored by then.

    Raises:
        S3UploadError: it does not.
        ClientError: it refuses to, as S3 refuses a key that it cannot use.
    """
    if connection.terms.encryption is None:
        return
    refuse_what_was_refused(connection, target)
    if connection.endpoint.encryption == "enforced":
        return
    with connection.learned.finding_out:
        refuse_what_was_refused(connection, target)
        if connection.learned.encrypts:
            return
        told = connection.client.create_multipart_upload(Bucket=target.bucket, Key=target.key)
        if told.get("UploadId"):
            abort_upload(connection, target.bucket, target.key, told["UploadId"])
        _check(connection, target, told)


def refuse_what_was_refused(connection: Connection, target: ObjectId) -> None:
    """Send nothing to a server that has said already that it does not encrypt as asked.

    Raises:
        S3UploadError: it has.
    """
    if connection.learned.encrypts is False:
        raise _not_encrypted(connection, target, connection.learned.said_of_encryption)


def check_start(connection: Connection, target: ObjectId, told: Mapping[str, Any]) -> None:
    """Go on with no upload whose parts would not be encrypted as asked.

    Raises:
        S3UploadError: they would not; the upload is given up.
    """
    try:
        _check(connection, target, told)
    except S3UploadError:
        abort_upload(connection, target.bucket, target.key, told["UploadId"])
        raise
    _look_for_bucket_key(connection, told)


def check_stored(connection: Connection, target: ObjectId, told: Mapping[str, Any]) -> None:
    """Leave nothing stored that is not encrypted as asked.

    Raises:
        S3UploadError: it was not; it is deleted.
    """
    try:
        _check(connection, target, told)
    except S3UploadError:
        _delete(connection, target, told)
        raise
    _look_for_bucket_key(connection, told)


def _delete(connection: Connection, target: ObjectId, told: Mapping[str, Any]) -> None:
    """Delete what was stored, and nothing that somebody else has stored there since."""
    which: dict[str, Any] = (
        {"VersionId": told["VersionId"]} if told.get("VersionId") else {"IfMatch": told["ETag"]}
    )
    try:
        connection.client.delete_object(Bucket=target.bucket, Key=target.key, **which)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and code_of(error) in _REPLACED_CODES:
            return
        logger.warning("could not delete %r, which is not encrypted: %s", target.key, error)


def _look_for_bucket_key(connection: Connection, told: Mapping[str, Any]) -> None:
    """Say once where it cannot be seen that a bucket key is used, as was asked for."""
    encryption = connection.terms.encryption
    if encryption is None or not encryption.bucket_key or told.get("BucketKeyEnabled"):
        return
    if connection.learned.bucket_key_missed.acquire(blocking=False):
        logger.warning("the server does not say that it uses a bucket key: KMS may cost more")


def _check(connection: Connection, target: ObjectId, told: Mapping[str, Any]) -> None:
    terms, learned = connection.terms, connection.learned
    if terms.encryption is None:
        return
    digest = terms.of_storing.get("SSECustomerKeyMD5", "")
    if is_encrypted_as_asked(terms.encryption, digest, told):
        learned.encrypts = True
        return
    said = _as_words(told)
    if told.get("UploadId") or told.get("ETag"):  # else it is no answer of S3's
        learned.said_of_encryption = said
        learned.encrypts = False
    raise _not_encrypted(connection, target, said)


def _not_encrypted(connection: Connection, target: ObjectId, said: str) -> S3UploadError:
    encryption = connection.terms.encryption
    return S3UploadError(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: the server does not encrypt "
        f"it as asked ({encryption.method if encryption else ''}), but says {said}.",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion="Use a server that knows this encryption, or leave the setting encryption out.",
    )


def _as_words(told: Mapping[str, Any]) -> str:
    method = told.get("ServerSideEncryption") or told.get("SSECustomerAlgorithm")
    if not method:
        return "nothing of it"
    key = told.get("SSEKMSKeyId") or told.get("SSECustomerKeyMD5")
    return f"{method!r} with the key {key!r}" if key else f"{method!r}"
