"""Versions: what a file was before, and how to have it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration import utils
from s3_integration.arguments import check_text, check_version_id, checked_key, refusal
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    from s3_integration.models import S3FileInfo, S3Version


class HistoryCalls(ClientBase):
    """Calls about the versions that a bucket keeps; buckets that this package makes keep them."""

    def list_versions(
        self, s3_key: str | None = None, *, prefix: str | None = None
    ) -> list[S3Version]:
        """All versions of one file, the newest first, with the marks that deletions left.

        Args:
            s3_key: the file; exactly this one.
            prefix: in its place: all files whose keys begin so, in the keys' order.

        Returns:
            The versions; an empty list where there never was such a file. Where the bucket
            keeps no versions, the file itself is its only one.

        Raises:
            S3ConfigError: not exactly one of the two is given, or no key looks like that.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucketVersions is missing.
        """
        if (s3_key is None) == (prefix is None):
            raise refusal("s3_key", s3_key, "give either a key or a prefix")
        key = None if s3_key is None else checked_key(s3_key)
        beginning = check_text("prefix", "" if prefix is None else prefix, utils.prefix_problem)
        return self._service.get().list_versions(key=key, prefix=beginning)

    def restore_file(self, s3_key: str, version_id: str | None = None) -> S3FileInfo:
        """Bring back what a file was before it was deleted or overwritten.

        The version is copied onto the key, so that it becomes the current one, and nothing
        that is stored is lost: the next `restore_file` would undo this one.

        Args:
            s3_key: the file.
            version_id: which version; when None the newest that is not the current one,
                which after a deletion is the last content.

        Returns:
            What S3 tells of the file now.

        Raises:
            S3ConfigError: an argument is nonsense.
            S3FileNotFoundError: there is no such version; `list_versions` tells which are.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucketVersions, s3:GetObjectVersion or s3:PutObject is
                missing; for files with tags s3:GetObjectVersionTagging or s3:PutObjectTagging.
        """
        key = checked_key(s3_key)
        check_version_id(version_id)
        return self._service.get().restore_file(key, version_id=version_id)
