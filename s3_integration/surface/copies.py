"""Copies and moves within S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from s3_integration.arguments import (
    check_choice,
    check_version_id,
    checked_bucket_name,
    checked_key,
    refusal,
)
from s3_integration.choices import IfExists
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    from s3_integration.models import S3FileInfo
    from s3_integration.transfer.engine import CopyJob


class CopyCalls(ClientBase):
    """Calls that copy within S3: no byte comes to this machine."""

    def copy_file(
        self,
        source_key: str,
        target_key: str,
        *,
        source_bucket: str | None = None,
        version_id: str | None = None,
        if_exists: IfExists = "overwrite",
    ) -> S3FileInfo:
        """Copy a file within S3, with its metadata, headers, tags and storage class.

        The copy is of one version of the source, whole or not there at all. It is encrypted
        as the client's settings say, else in the same bucket by the key of KMS that the
        source has, else as its bucket does by itself. Access control lists and retention
        are not copied.

        Args:
            source_key: what to copy.
            target_key: where to; in this client's bucket.
            source_bucket: the bucket to copy from; this client's own when None.
            version_id: which version to copy; the latest when None.
            if_exists: "fail" raises an `S3ConflictError` rather than overwrite.

        Returns:
            What S3 tells of the copy, after it was compared with the source.

        Raises:
            S3ConfigError: an argument is nonsense, or a file is to become its own copy.
            S3FileNotFoundError: nothing is stored under the source's key, or not that version.
            S3ConflictError: the source changed meanwhile, or the target is taken.
            S3BucketError: a bucket does not exist.
            S3AccessDeniedError: s3:GetObject (for a version s3:GetObjectVersion) or
                s3:PutObject is missing; for files with tags s3:GetObjectTagging or
                s3:PutObjectTagging.
        """
        check_version_id(version_id)
        job = self._copy_job(source_key, target_key, source_bucket, version_id, if_exists)
        return self._service.get().copy_file(job)

    def move_file(
        self,
        source_key: str,
        target_key: str,
        *,
        source_bucket: str | None = None,
        if_exists: IfExists = "overwrite",
    ) -> S3FileInfo:
        """Copy a file within S3, compare the copy, then delete the source.

        A source that changed meanwhile stays; both are stored then. Other servers than AWS
        may overlook a change within the last request. In a versioned bucket the source's
        versions stay below a delete marker, so that nothing is lost at all.

        Args:
            source_key: what to move.
            target_key: where to; in this client's bucket.
            source_bucket: the bucket to move from; this client's own when None.
            if_exists: "fail" raises an `S3ConflictError` rather than overwrite.

        Returns:
            What S3 tells of the file in its new place.

        Raises:
            S3ConfigError: an argument is nonsense, or the file is there already.
            S3FileNotFoundError: nothing is stored under the source's key.
            S3ConflictError: the source changed meanwhile, or the target is taken.
            S3BucketError: a bucket does not exist.
            S3AccessDeniedError: as for `copy_file`, or s3:DeleteObject is missing; the
                message tells whether the copy is stored.
        """
        job = self._copy_job(source_key, target_key, source_bucket, None, if_exists)
        return self._service.get().move_file(job)

    def _copy_job(
        self,
        source_key: str,
        target_key: str,
        source_bucket: str | None,
        version_id: str | None,
        if_exists: IfExists,
    ) -> CopyJob:
        from s3_integration.transfer.engine import CopyJob, ObjectId  # noqa: PLC0415 - see base.py

        target = ObjectId(self.bucket_name, checked_key(target_key, "target_key"))
        bucket = self.bucket_name if source_bucket is None else checked_bucket_name(source_bucket)
        source = ObjectId(bucket, checked_key(source_key, "source_key"), version_id)
        check_choice("if_exists", if_exists, get_args(IfExists))
        if source == target:
            raise refusal("target_key", target_key, "it is the source's own")
        return CopyJob(source, target, if_exists)
