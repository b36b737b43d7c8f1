"""S3Client: what programs use. It checks arguments; `service` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from s3_integration import utils
from s3_integration.arguments import (
    check_callback,
    check_choice,
    check_text,
    check_version_id,
    checked_content_type,
    checked_file_name,
    checked_key,
    checked_metadata,
    checked_path,
    checked_tags_of_upload,
    names_folder,
)
from s3_integration.choices import IfExists
from s3_integration.surface.contents import ContentCalls
from s3_integration.surface.copies import CopyCalls
from s3_integration.surface.folders import FolderCalls
from s3_integration.surface.health import HealthCalls
from s3_integration.surface.history import HistoryCalls
from s3_integration.surface.links import LinkCalls
from s3_integration.surface.listings import ListingCalls
from s3_integration.surface.tags import TagCalls

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from s3_integration.models import ProgressCallback, S3FileInfo


class S3Client(
    ContentCalls,
    CopyCalls,
    FolderCalls,
    HealthCalls,
    HistoryCalls,
    LinkCalls,
    ListingCalls,
    TagCalls,
):
    """Files in one S3 bucket.

    Making a client sends nothing. The bucket is looked for by the first upload, and
    created, with its protections, where it is missing. One client may be used from many
    threads, and in forked children.

    Args:
        bucket_name: the bucket; left at its default, `config` or the environment may
            name another.
        config: settings that are not to be taken from the surroundings.
        create_bucket: whether an upload may create the bucket; if not, a missing one is
            an `S3BucketError`.

    Raises:
        S3ConfigError: a setting is nonsense, wherever it stands.
    """

    def upload_file(
        self,
        local_path: str | os.PathLike[str],
        s3_key: str | None = None,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_exists: IfExists = "overwrite",
        progress: ProgressCallback | None = None,
    ) -> str:
        """Store a local file and return its key.

        Args:
            local_path: a regular file.
            s3_key: where to store it; the file's own name when None.
            content_type: its MIME type; guessed from the file's name when None.
            metadata: names and values to store with it, at most 2 KB of ASCII.
            tags: at most 10 tags.
            if_exists: "fail" raises an `S3ConflictError` rather than overwrite.
            progress: called with the bytes done so far and in all.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3UploadError: nothing was stored. It is also what caused it, such as
                `FileNotFoundError`, `S3AccessDeniedError` or `S3ConflictError`.
        """
        path = checked_path(local_path)
        key = checked_key(path.name if s3_key is None else s3_key)
        check_choice("if_exists", if_exists, get_args(IfExists))
        from s3_integration.transfer.engine import UploadOptions  # noqa: PLC0415 - see base.py

        options = UploadOptions(
            content_type=checked_content_type(content_type, path.name),
            metadata=checked_metadata(metadata),
            tags=checked_tags_of_upload(tags),
            if_exists=if_exists,
        )
        check_callback(progress)
        self._service.get().upload_file(path, key, options, progress)
        return key

    def download_file(
        self,
        s3_key: str,
        local_path: str | os.PathLike[str],
        *,
        version_id: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Put what is stored under a key into a local file and return its path.

        The file appears whole or not at all; one that was there is replaced in one step.
        Missing parent folders are made.

        Args:
            s3_key: what to fetch.
            local_path: where to put it; a folder (or a path that ends in a slash) gets a
                file named like the key's last part.
            version_id: which version to fetch; the latest when None.
            progress: called with the bytes done so far and in all.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key.
            S3DownloadError: the download did not happen; the error is also what caused it.
        """
        key = checked_key(s3_key)
        path = checked_path(local_path)
        check_version_id(version_id)
        check_callback(progress)
        if names_folder(local_path, path):
            path /= checked_file_name(key)
        self._service.get().download_file(key, path, version_id=version_id, progress=progress)
        return str(path)

    def list_files(self, prefix: str = "") -> list[dict[str, Any]]:
        """All files whose keys begin with `prefix`, in the order of their keys' UTF-8 bytes.

        Returns:
            A dict for each with `key`, `size` (bytes), `last_modified` (a datetime in
            UTC), `etag` and `storage_class`.

        Raises:
            S3ConfigError: the prefix can be no key's beginning.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        check_text("prefix", prefix, utils.prefix_problem)
        return [found.to_listed_dict() for found in self._service.get().iter_files(prefix)]

    def file_exists(self, s3_key: str) -> bool:
        """Whether something is stored under the key.

        False only when S3 said that it is not. Whatever keeps S3 from saying so is raised.

        Raises:
            S3ConfigError: no key looks like that.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:GetObject or s3:ListBucket is missing.
        """
        return self._service.get().file_exists(checked_key(s3_key))

    def file_info(self, s3_key: str, *, version_id: str | None = None) -> S3FileInfo:
        """What S3 tells of the file under the key: size, type, metadata, checksum and more.

        Args:
            s3_key: the file to look at.
            version_id: which version of it; the latest when None.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key, or not that version.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:GetObject (for a version s3:GetObjectVersion) or
                s3:ListBucket is missing, or kms:Decrypt where a KMS key encrypts the file.
        """
        key = checked_key(s3_key)
        check_version_id(version_id)
        return self._service.get().file_info(key, version_id=version_id)

    def delete_file(self, s3_key: str) -> bool:
        """Delete what is stored under the key.

        In a versioned bucket, which those made by this package are, the file's versions
        stay and can be brought back.

        Returns:
            True: it was there and is gone. False: it was not there.

        Raises:
            S3ConfigError: no key looks like that.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:DeleteObject, s3:GetObject or s3:ListBucket is missing.
        """
        return self._service.get().delete_file(checked_key(s3_key))
