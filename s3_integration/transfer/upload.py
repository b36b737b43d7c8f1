"""Uploads of files small enough for one request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.transfer import integrity
from s3_integration.transfer.encrypted import check_stored, make_sure_of_encryption
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.proof import Piece, checksums_to_send
from s3_integration.transfer.starting import prove_checksums_of_small_files
from s3_integration.transfer.stored import (
    Expected,
    failures_told,
    is_condition_misread,
    refuse_if_taken,
    settle,
    storage_parameters,
    stored_after_all,
    write_condition,
)
from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.sources import Source
    from s3_integration.transfer.wires import Route


def upload_single(
    s3: Route,
    source: Source,
    target: ObjectId,
    options: UploadOptions,
    progress: ProgressCallback | None,
) -> Transferred:
    """Store a file by one request; it is read whole, and checked, before that is sent."""
    connection = s3.connection
    prove_checksums_of_small_files(s3, target, options)
    with failures_told(source, target, options):
        whole = ByteRange(0, source.size_bytes)
        content = source.read(whole)
        piece = Piece(
            connection, content, checksums_to_send(connection.endpoint, connection.learned)
        )
        settle(source, {whole: piece.fingerprint} if source.is_fresh else {})
        if connection.endpoint.conditional_writes == "unproven":
            refuse_if_taken(connection, target, options)
        make_sure_of_encryption(connection, target)
        answer = _Put(s3, piece, target, options).answer()
    Progress(len(content), progress).add(len(content))
    etag = integrity.unquoted(answer.get("ETag"))
    return Transferred(len(content), etag, answer.get("VersionId"), answer)


class _Put:
    """The one request, sent until it is proved that its bytes are stored."""

    def __init__(self, s3: Route, piece: Piece, target: ObjectId, options: UploadOptions) -> None:
        self._connection = s3.connection
        self._piece = piece
        self._target = target
        self._options = options
        self._condition = write_condition(s3.connection, options)
        self._send = partial(
            s3.wire.put_object,
            piece.content,
            Bucket=target.bucket,
            Key=target.key,
            **storage_parameters(options),
        )

    def answer(self) -> Mapping[str, Any]:
        """What S3 says of the object that it has stored."""
        connection = self._connection
        try:
            return persistently(
                self._proved, operation="PutObject", total_attempts=connection.total_attempts
            )
        except (ClientError, BotoCoreError) as error:
            # An earlier attempt may have stored the object, and its answer been lost.
            stored = stored_after_all(connection, self._target, _expected(self._piece), error)
            if stored is None:
                raise
            return stored

    def _proved(self) -> Mapping[str, Any]:
        answer = self._piece.stored_by(self._stored)
        check_stored(self._connection, self._target, answer)
        return answer

    def _stored(self, **checksums: Any) -> Mapping[str, Any]:
        answer = self._sent(checksums)
        if self._condition and answer.get("ETag"):
            # Now this upload's own object is stored: sent again, it may replace that alone.
            self._condition = {"IfMatch": answer["ETag"]}
        return answer

    def _sent(self, checksums: Mapping[str, Any]) -> Mapping[str, Any]:
        connection, learned = self._connection, self._connection.learned
        while True:
            try:
                return self._send(**checksums, **self._condition)
            except ClientError as error:
                condition = self._condition
                if not is_condition_misread(
                    connection, self._target, self._options, condition, error
                ):
                    raise
            if learned.if_match != "useless":  # which another upload may have learned meanwhile
                learned.if_match = "bare" if '"' in condition["IfMatch"] else "useless"
            self._condition = write_condition(connection, self._options)


def _expected(piece: Piece) -> Expected:
    return Expected(
        size_bytes=len(piece.content),
        checksum=piece.checksum,
        etag=piece.md5_hex,
        md5_of_whole=piece.md5_hex,
    )
