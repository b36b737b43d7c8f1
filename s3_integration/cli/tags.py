"""The command about tags: tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3_integration.cli import edge
from s3_integration.cli.options import no_url, pairs, with_client
from s3_integration.cli.screen import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.cli.screen import Screen
    from s3_integration.client import S3Client


@click.command(short_help="Show or replace the tags of a file.")
@click.argument("s3_key", callback=no_url)
@click.option(
    "--set",
    "new",
    multiple=True,
    callback=pairs,
    metavar="NAME=VALUE",
    help="Replace all tags by this one. Repeatable.",
)
@click.option("--clear", is_flag=True, help="Remove all tags.")
@with_client
def tags(
    client: S3Client, screen: Screen, *, s3_key: str, new: Mapping[str, str], clear: bool
) -> int:
    """Show the tags of S3_KEY, or replace them all."""
    if new and clear:
        message = "--set and --clear do not go together."
        raise click.UsageError(message, click.get_current_context())
    if new or clear:
        client.set_tags(s3_key, new)
    found = dict(new) if new or clear else client.get_tags(s3_key)
    lines = [f"{printable(name)}={printable(value)}" for name, value in found.items()]
    facts = {"key": s3_key, "bucket": client.bucket_name, "tags": found}
    screen.result(facts, "\n".join(lines or ["no tags"]))
    return edge.DONE
