"""Tags: words beside a file that can be changed without storing it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.arguments import check_version_id, checked_key, checked_tags
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    from collections.abc import Mapping


class TagCalls(ClientBase):
    """Calls about tags."""

    def get_tags(self, s3_key: str, *, version_id: str | None = None) -> dict[str, str]:
        """The tags of a file.

        Args:
            s3_key: the file.
            version_id: which version of it; the latest when None.

        Raises:
            S3ConfigError: an argument is nonsense.
            S3FileNotFoundError: nothing is stored under the key, or not that version.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:GetObjectTagging (for a version
                s3:GetObjectVersionTagging) is missing.
        """
        key = checked_key(s3_key)
        check_version_id(version_id)
        return self._service.get().get_tags(key, version_id=version_id)

    def set_tags(self, s3_key: str, tags: Mapping[str, str]) -> None:
        """Let these be all the tags of a file; its content and its version stay as they are.

        Args:
            s3_key: the file.
            tags: names and values, in place of all that there were; at most 10, names of 1
                to 128 characters, values of up to 256: letters, digits, blanks and + - = .
                _ : / @ (User Guide, "Categorizing your objects using tags").

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:PutObjectTagging is missing.
        """
        self._service.get().set_tags(checked_key(s3_key), checked_tags(tags))
