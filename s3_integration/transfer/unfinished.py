"""Uploads that were begun and did not end: found, gone on with, or aborted."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError, PaginationError

from s3_integration.transfer import checksums, journal, resume
from s3_integration.transfer.integrity import unquoted
from s3_integration.transfer.journal import ObjectRecords
from s3_integration.transfer.resume import FoundPart, ListedUpload, Remembered
from s3_integration.transfer.stored import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.journal import UploadRecord
    from s3_integration.transfer.resume import UploadFacts

logger = logging.getLogger(__name__)

_GONE_CODES = frozenset({"NoSuchUpload", "NoSuchKey", "404"})  # NoSuchKey is Ceph's


class RefusedError(Exception):
    """S3 answered, and would not do it: a permission is missing, or it does not know how."""


def abort_upload(connection: Connection, bucket: str, key: str, upload_id: str) -> bool:
    """Give back what S3 keeps, and bills, of an unfinished upload; False where it may stay."""
    try:
        connection.client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and code_of(error) in _GONE_CODES:
            return True  # there is nothing to give back any more
        # Another failure is the one to tell; the bucket's lifecycle rule aborts the rest.
        logger.warning("could not abort the upload of %r: %s", key, error)
        return False
    return True


def parts_of(
    connection: Connection, bucket: str, key: str, upload_id: str
) -> dict[int, FoundPart] | None:
    """The parts that S3 holds of an upload, by number; None where it knows no such upload.

    Raises:
        RefusedError: S3 does not tell.
    """
    parts: dict[int, FoundPart] = {}
    try:
        with _refusals_told():
            for part in _listed_parts(connection, bucket, key, upload_id):
                parts[part["PartNumber"]] = FoundPart(
                    part["Size"], unquoted(part.get("ETag")), checksums.stored_checksum(part)
                )
    except ClientError as error:
        if code_of(error) in _GONE_CODES:
            return None
        raise
    return parts


def _listed_parts(
    connection: Connection, bucket: str, key: str, upload_id: str
) -> Iterator[Mapping[str, Any]]:
    asked: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
    last = 0
    while True:
        page: Mapping[str, Any] = connection.client.list_parts(**asked)
        yield from page.get("Parts", ())
        if not page.get("IsTruncated"):
            return
        marker = page.get("NextPartNumberMarker", 0)
        if marker <= last:
            raise _endless("parts", marker)
        asked["PartNumberMarker"] = last = marker


def uploads_of(connection: Connection, bucket: str, key: str) -> list[ListedUpload]:
    """The unfinished uploads of exactly one key.

    Raises:
        RefusedError: S3 does not tell.
    """
    found: list[ListedUpload] = []
    with _refusals_told():
        for page in pages_of_uploads(connection, bucket, key):
            found += [upload for upload in page if upload.key == key]
            # They come in the order of their keys, so that what follows has longer ones.
            if page and page[-1].key != key:
                break
    return found


def pages_of_uploads(
    connection: Connection, bucket: str, prefix: str
) -> Iterator[list[ListedUpload]]:
    """The unfinished uploads of all keys that begin with `prefix`, as S3 hands them out.

    Raises:
        PaginationError: the list has no end.
    """
    # Some characters that keys may have cannot be told in XML unless they are encoded.
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "EncodingType": "url"}
    seen = set[tuple[str, str]]()
    while True:
        try:
            page: Mapping[str, Any] = connection.client.list_multipart_uploads(**asked)
        except ClientError as error:
            if code_of(error) == "NoSuchUpload":  # rclone's word for none so far
                return
            raise
        decoded = unquote_plus if page.get("EncodingType") == "url" else str
        yield [
            ListedUpload(decoded(upload["Key"]), upload["UploadId"], upload["Initiated"])
            for upload in page.get("Uploads", ())
        ]
        if not page.get("IsTruncated") or not page.get("NextKeyMarker"):
            return
        marker = decoded(page["NextKeyMarker"]), page.get("NextUploadIdMarker", "")
        if marker in seen:
            raise _endless("unfinished uploads", marker)
        seen.add(marker)
        asked["KeyMarker"], asked["UploadIdMarker"] = marker


def _endless(what: str, marker: object) -> PaginationError:
    told = f"the server's list of {what} has no end: it goes on after {marker!r} once more"
    return PaginationError(message=told)


@contextlib.contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except PaginationError as error:
        raise RefusedError(str(error)) from error
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code_of(error) in _GONE_CODES or (status >= 500 and status != 501):
            raise
        raise RefusedError(str(error)) from error


class Continuation:
    """What one upload knows of those before it, and leaves for those after it."""

    def __init__(self, connection: Connection, facts: UploadFacts) -> None:
        self.upload_id = ""
        """The upload to go on with, where there is one."""
        self.checksum_algorithm = ""
        """See `Remembered`."""
        self.parts: Mapping[int, FoundPart] = {}
        """What S3 holds of it, by number."""
        self.stored_since: float | None = None
        """Set where an upload of the same may have ended well, but for its process: its start."""
        self._connection = connection
        self._facts = facts
        self._names = (facts.bucket, facts.key)
        self._records: ObjectRecords | None = None
        self._record: UploadRecord | None = None

    def look_back(self) -> None:
        """Find what killed processes left; take up what fits, abort the rest."""
        folder = journal.uploads_folder()
        if folder is None:
            return
        records = ObjectRecords(folder, self._facts.endpoint_url, *self._names)
        left = list(records.of_the_killed())
        try:
            for record in left:
                self._deal_with(record, records, left)
        finally:
            for record in left:
                if record is not self._record:
                    record.close()
        self._records = records

    def expect_start(self) -> None:
        """Write down that S3 is about to be asked for an upload."""
        if self._records is None:
            return
        try:
            known = frozenset(
                upload.upload_id for upload in uploads_of(self._connection, *self._names)
            )
        except RefusedError as error:
            logger.debug("cannot see which uploads of %r are under way: %s", self._names[1], error)
            known = None
        ahead = self._connection.clock.offset.total_seconds()
        remembered = Remembered(
            facts=self._facts, began=time.time() + ahead, known_upload_ids=known
        )
        try:
            self._record = self._records.new(remembered)
        except OSError as error:
            self._cannot_keep(error)

    def note_start(self, upload_id: str, checksum_algorithm: str) -> None:
        """Write down the upload's name."""
        self._note(resume.started_line(upload_id, checksum_algorithm))

    def note_completing(self) -> None:
        """Write down that the parts are about to be joined."""
        self._note(resume.completing_line())

    def forget(self) -> None:
        """There is nothing left to go on with."""
        if self._record:
            self._record.remove()
            self._record = None

    def close(self) -> None:
        """Leave what was written for the next run."""
        if self._record:
            self._record.close()

    def _deal_with(
        self, record: UploadRecord, records: ObjectRecords, left: list[UploadRecord]
    ) -> None:
        remembered = record.remembered
        if remembered is None:
            record.remove()
        elif not remembered.upload_id:
            if self._abort_lost(remembered, records, left):
                record.remove()
        elif self._record is None and self._is_same_upload(remembered):
            self._take_up(record, remembered)
        else:
            self._abort(record, remembered)

    def _is_same_upload(self, remembered: Remembered) -> bool:
        can_compute = not remembered.checksum_algorithm or checksums.is_available()
        return can_compute and remembered.facts == self._facts

    def _take_up(self, record: UploadRecord, remembered: Remembered) -> None:
        try:
            parts = parts_of(self._connection, *self._names, remembered.upload_id)
        except RefusedError as error:
            logger.info("cannot go on with the upload of %r: %s", self._facts.key, error)
            self._abort(record, remembered)
            return
        if parts is not None:
            self._tell_of_going_on(len(parts))
            self._record, self.upload_id, self.parts = record, remembered.upload_id, parts
            self.checksum_algorithm = remembered.checksum_algorithm
        elif remembered.is_completing:
            self._record, self.stored_since = record, remembered.began
            self.checksum_algorithm = remembered.checksum_algorithm
        else:
            record.remove()

    def _tell_of_going_on(self, there: int) -> None:
        number = -(-self._facts.size_bytes // self._facts.part_size_bytes)
        logger.info(
            "going on with the upload of %r: %d of %d parts are there",
            self._facts.key,
            there,
            number,
        )

    def _abort(self, record: UploadRecord, remembered: Remembered) -> None:
        logger.info("aborting an upload of %r that was killed", self._facts.key)
        if abort_upload(self._connection, *self._names, remembered.upload_id):
            record.remove()

    def _abort_lost(
        self, remembered: Remembered, records: ObjectRecords, left: list[UploadRecord]
    ) -> bool:
        """Abort what a process may have started that did not live to learn its name.

        Returns:
            False where that cannot be told yet.
        """
        try:
            listed = uploads_of(self._connection, *self._names)
            # Asked for after S3's list: whoever started one of that list has a record by then.
            in_use = _named_by(records, left)
            if in_use is None:
                return False  # another process is about to start one
            lost = resume.lost_uploads(remembered, listed, in_use)
            return all(self._abort_if_empty(upload_id) for upload_id in lost)
        except RefusedError as error:
            logger.info("cannot look for lost uploads of %r: %s", self._facts.key, error)
            return True

    def _abort_if_empty(self, upload_id: str) -> bool:
        # With a part, it is some living process', on another machine.
        if parts_of(self._connection, *self._names, upload_id):
            return True
        logger.info("aborting an upload of %r that was lost", self._facts.key)
        return abort_upload(self._connection, *self._names, upload_id)

    def _note(self, line: bytes) -> None:
        if self._record:
            try:
                self._record.append(line)
            except OSError as error:
                self._cannot_keep(error)

    def _cannot_keep(self, error: OSError) -> None:
        logger.info(
            "the upload of %r cannot be resumed if it is killed: %s", self._facts.key, error
        )
        self.forget()


def _named_by(records: ObjectRecords, left: list[UploadRecord]) -> frozenset[str] | None:
    """Uploads that records name; None where a living process' is about to get its name."""
    living = records.in_use(except_for={record.path for record in left})
    if not all(each and each.upload_id for each in living):
        return None
    named = [*living, *(record.remembered for record in left)]
    return frozenset(each.upload_id for each in named if each)
