"""Listings that `list_files` is too plain for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration import utils
from s3_integration.arguments import check_text, checked_folder
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3_integration.models import FolderListing, S3FileInfo


class ListingCalls(ClientBase):
    """Calls that list."""

    def iter_files(self, prefix: str = "") -> Iterator[S3FileInfo]:
        """The files whose keys begin with `prefix`, one by one, in their keys' order.

        S3 is asked for a thousand at a time, as they are wanted. What is stored or deleted
        meanwhile may be among them or not.

        Raises:
            S3ConfigError: the prefix can be no key's beginning; at the call.
            S3BucketError: the bucket does not exist; at the first file, as what follows.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        check_text("prefix", prefix, utils.prefix_problem)
        return self._service.get().iter_files(prefix)

    def list_folder(self, prefix: str = "") -> FolderListing:
        """What lies directly in one folder: its folders and its files, each in S3's order.

        S3 has no folders, but keys with slashes. One is there as long as a key begins with
        it; what was never stored is an empty folder, not an error.

        Args:
            prefix: the folder, with or without the slash at its end; "" is the whole bucket.

        Returns:
            `folders`, their whole prefixes with a slash at the end, and `files`. The empty
            object that some programs store under the folder's own name, slash included, is
            none of its files.

        Raises:
            S3ConfigError: the prefix can be no key's beginning.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        return self._service.get().list_folder(checked_folder("prefix", prefix))
