"""The commands about what a file was before: versions, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3_integration.cli import edge
from s3_integration.cli.options import VERSION_ID, no_url, with_client
from s3_integration.cli.screen import Screen, count_text, printable, size_text, time_text, url_text

if TYPE_CHECKING:
    from s3_integration.client import S3Client
    from s3_integration.models import S3Version


@click.command(short_help="List what a file was before.")
@click.argument("s3_key", callback=no_url)
@with_client
def versions(client: S3Client, screen: Screen, *, s3_key: str) -> int:
    """List the versions of S3_KEY, the newest first: time (UTC), size, id.

    Exit code 3 where there never was such a file. A bucket without versioning has but the
    file itself, whose id is `null`.
    """
    found = client.list_versions(s3_key)
    for version in found:
        screen.result(version.to_dict() | {"bucket": client.bucket_name}, _line_of(version))
    where = url_text(client.bucket_name, s3_key)
    screen.remark(f"{count_text(len(found), 'version')} of {where}")
    return edge.DONE if found else edge.NOT_FOUND


def _line_of(version: S3Version) -> str:
    size = "deleted" if version.is_delete_marker else size_text(version.size)
    current = "  (current)" if version.is_latest else ""
    moment = time_text(version.last_modified)
    return f"{moment}  {size:>10}  {printable(version.version_id)}{current}"


@click.command(short_help="Undo a deletion or an overwrite.")
@click.argument("s3_key", callback=no_url)
@VERSION_ID
@with_client
def restore(client: S3Client, screen: Screen, *, s3_key: str, version_id: str | None) -> int:
    """Make S3_KEY again what it was before it was deleted or overwritten.

    The newest version that is not the current one is copied onto the key, or the one that
    --version-id names. Nothing is lost by that: what was current is an older version then.
    """
    found = client.restore_file(s3_key, version_id)
    where = url_text(client.bucket_name, s3_key)
    facts = found.to_dict() | {"bucket": client.bucket_name}
    screen.result(facts, f"restored {where} ({size_text(found.size)})")
    return edge.DONE
