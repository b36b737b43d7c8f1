"""Aborting uploads in parts that nobody will finish: S3 keeps, and bills, their parts."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3IntegrationError
from s3_integration.models import FailedAbort, StaleUploads, UnfinishedUpload
from s3_integration.transfer.journal import ObjectRecords, uploads_folder
from s3_integration.transfer.unfinished import pages_of_uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3_integration.aws.session import Connection

logger = logging.getLogger(__name__)


def abort_stale_uploads(
    connection: Connection,
    bucket: str,
    older_than: dt.timedelta,
    prefix: str,
    *,
    dry_run: bool = False,
) -> StaleUploads:
    """Abort the unfinished uploads that began before that time; see `Bucket`."""
    with translated("ListMultipartUploads", bucket):
        # All of them first: aborting would move what the next page begins after.
        stale = list(_stale_uploads(connection, bucket, older_than, prefix))
    folder = uploads_folder()
    aborted: list[UnfinishedUpload] = []
    in_use: list[UnfinishedUpload] = []
    failed: list[FailedAbort] = []
    for upload in stale:
        records = _records(folder, connection, bucket, upload) if folder else None
        if records and _is_in_use(records, upload):
            in_use.append(upload)
            continue
        if dry_run:
            aborted.append(upload)
            continue
        try:
            _abort(connection, bucket, upload)
        except S3IntegrationError as error:
            failed.append(FailedAbort(upload, error))
            continue
        aborted.append(upload)
        if records:
            records.forget(upload.upload_id)
    did = "would abort" if dry_run else "aborted"
    logger.info("%s %d stale uploads in bucket %r", did, len(aborted), bucket)
    return StaleUploads(tuple(aborted), tuple(in_use), tuple(failed))


def _stale_uploads(
    connection: Connection, bucket: str, older_than: dt.timedelta, prefix: str
) -> Iterator[UnfinishedUpload]:
    latest = dt.datetime.now(dt.UTC) + connection.clock.offset - older_than
    for page in pages_of_uploads(connection, bucket, prefix):
        for listed in page:
            initiated = listed.initiated.astimezone(dt.UTC)
            if initiated <= latest:
                yield UnfinishedUpload(listed.key, listed.upload_id, initiated)


def _records(
    folder: Path, connection: Connection, bucket: str, upload: UnfinishedUpload
) -> ObjectRecords:
    endpoint_url = connection.client.meta.endpoint_url
    return ObjectRecords(folder, endpoint_url, bucket, upload.key)


def _is_in_use(records: ObjectRecords, upload: UnfinishedUpload) -> bool:
    # One without a name has just been started, or is about to be: it may be this one.
    return any(
        each is None or each.upload_id in {"", upload.upload_id} for each in records.in_use()
    )


def _abort(connection: Connection, bucket: str, upload: UnfinishedUpload) -> None:
    try:
        with translated("AbortMultipartUpload", bucket, upload.key):
            connection.client.abort_multipart_upload(
                Bucket=bucket, Key=upload.key, UploadId=upload.upload_id
            )
    except S3IntegrationError as error:
        if error.code != "NoSuchUpload":  # completed or aborted meanwhile
            raise
