"""Which version of a file is to come back. Pure: what S3 holds is told by `listing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.exceptions import S3FileNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3_integration.models import S3Version
    from s3_integration.transfer.engine import ObjectId


def version_to_restore(wanted: ObjectId, versions: Sequence[S3Version]) -> S3Version:
    """The version that `wanted` names; without a name the newest that is not the current one.

    Args:
        wanted: the key, and perhaps a version of it.
        versions: all of that key, the newest first.

    Raises:
        S3FileNotFoundError: there is no such version.
    """
    if not versions:
        raise _nothing(wanted, "nothing is or was stored under that key", "Check the key.")
    if wanted.version_id is not None:
        return _named(wanted, versions)
    older = [each for each in versions if not (each.is_latest or each.is_delete_marker)]
    if not older:
        raise _nothing(
            wanted,
            "there is no version of it but the current one",
            "Only buckets with versioning keep older ones, from when it was switched on.",
        )
    return older[0]


def _named(wanted: ObjectId, versions: Sequence[S3Version]) -> S3Version:
    found = next((each for each in versions if each.version_id == wanted.version_id), None)
    if found is None:
        why = f"it has no version {wanted.version_id!r}"
        raise _nothing(wanted, why, "Look for its versions with list_versions(s3_key).")
    if found.is_delete_marker:
        why = f"version {wanted.version_id!r} is the mark of a deletion, not a file"
        raise _nothing(wanted, why, "Choose another version, or none for the last content.")
    return found


def _nothing(wanted: ObjectId, why: str, next_step: str) -> S3FileNotFoundError:
    return S3FileNotFoundError(
        f"Cannot restore {wanted.key!r} in bucket {wanted.bucket!r}: {why}.",
        operation="restore",
        bucket=wanted.bucket,
        key=wanted.key,
        suggestion=next_step,
    )
