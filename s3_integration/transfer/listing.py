"""Listings, page by page: files, one folder, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import translated
from s3_integration.aws.listings import files_of
from s3_integration.models import FolderListing
from s3_integration.transfer import described
from s3_integration.transfer.account import accounted_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.models import S3FileInfo, S3Version

    Connect = Callable[[], Connection]


def files_under(
    connect: Connect, bucket: str, prefix: str, *, after: str = ""
) -> Iterator[S3FileInfo]:
    """Every object whose key begins with `prefix`, in S3's order; asked for as they are wanted.

    Args:
        connect: the way to S3.
        bucket: which.
        prefix: what the keys begin with.
        after: leaves out what comes before this key, which need not be there, and itself.
    """
    asked = {"StartAfter": after} if after else {}
    pages = _pages(connect, "ListObjectsV2", Bucket=bucket, Prefix=prefix, **asked)
    for page in accounted_pages("list", prefix, bucket, pages):
        yield from files_of(page)


def folder_at(connect: Connect, bucket: str, prefix: str) -> FolderListing:
    """What lies directly below `prefix`, which is empty or ends with a slash."""
    folders: dict[str, None] = {}
    files: list[S3FileInfo] = []
    pages = _pages(connect, "ListObjectsV2", Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in accounted_pages("list folder", prefix, bucket, pages):
        folders |= dict.fromkeys(common["Prefix"] for common in page.get("CommonPrefixes", ()))
        files += [file for file in files_of(page) if file.key != prefix]
    return FolderListing(list(folders), files)


def versions_under(connect: Connect, bucket: str, prefix: str) -> list[S3Version]:
    """Every version of every key that begins with `prefix`: by key, the newest first."""
    pages = _pages(connect, "ListObjectVersions", Bucket=bucket, Prefix=prefix)
    found: list[S3Version] = []
    for page in accounted_pages("list versions", prefix, bucket, pages):
        found += _versions_on(page)
    return described.newest_first(found)


def versions_of(connect: Connect, bucket: str, key: str) -> list[S3Version]:
    """Every version of exactly one key, the newest first."""
    pages = _pages(connect, "ListObjectVersions", Bucket=bucket, Prefix=key)
    found: list[S3Version] = []
    for page in accounted_pages("list versions", key, bucket, pages):
        on_page = _versions_on(page)
        found += [version for version in on_page if version.key == key]
        # They come in the order of their keys, so that what follows has longer ones.
        if any(version.key != key for version in on_page):
            break
    return described.newest_first(found)


def _versions_on(page: Mapping[str, Any]) -> list[S3Version]:
    entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    return [described.version_from(entry) for entry in entries]


_PAGINATORS = {"ListObjectsV2": "list_objects_v2", "ListObjectVersions": "list_object_versions"}


def _pages(connect: Connect, operation: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    # No key: listing is a permission on the bucket.
    with translated(operation, asked["Bucket"]):
        client: Any = connect().client
        yield from client.get_paginator(_PAGINATORS[operation]).paginate(**asked)
