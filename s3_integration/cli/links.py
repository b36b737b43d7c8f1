"""The command that makes links: presign."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import click

from s3_integration.cli import edge
from s3_integration.cli.options import VERSION_ID, no_url, not_empty, with_client

if TYPE_CHECKING:
    from s3_integration.cli.screen import Screen
    from s3_integration.client import S3Client

_DURATION = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def seconds_of(_context: click.Context, parameter: click.Parameter, word: str) -> int:
    """The seconds that a word such as `15m`, `12h`, `7d` or `900` means."""
    found = _DURATION.fullmatch(word)
    if found is None:
        message = f"{word!r} is no duration. Write 900, 15m, 12h or 7d."
        raise click.BadParameter(message, param=parameter)
    return int(found[1]) * _SECONDS[found[2]]


@click.command(short_help="Make a link for somebody without credentials.")
@click.argument("s3_key", callback=no_url)
@click.option("--upload", is_flag=True, help="A link to store the file by, not to fetch it.")
@click.option(
    "--expires",
    "expires_in_seconds",
    callback=seconds_of,
    default="15m",
    show_default=True,
    metavar="TIME",
    help="How long it holds: 900, 15m, 12h, at most 7d.",
)
@click.option(
    "--content-type",
    callback=not_empty,
    metavar="TYPE",
    help="The type that has to be sent, or that is told to who fetches.",
)
@click.option(
    "--file-name", callback=not_empty, metavar="NAME", help="What browsers shall save it as."
)
@VERSION_ID
@with_client
def presign(client: S3Client, screen: Screen, *, s3_key: str, upload: bool, **options: Any) -> int:
    """Make a link to S3_KEY. Whoever has it needs no credentials, so treat it as a secret.

    S3 is not asked for it: the link may be to a file that is not there.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if upload:
        _refuse_for_upload(given)
        url = client.presigned_upload_url(s3_key, **given)
    else:
        url = client.presigned_download_url(s3_key, **given)
    facts = {
        "url": url,
        "method": "PUT" if upload else "GET",
        "key": s3_key,
        "bucket": client.bucket_name,
        **given,
    }
    screen.result(facts, url)
    if upload:
        screen.remark(f"Use it by: curl --fail -T FILE {_header_option(given)}'URL'")
    return edge.DONE


def _refuse_for_upload(given: dict[str, Any]) -> None:
    for name in ("version_id", "file_name"):
        if name in given:
            option = f"--{name.replace('_', '-')}"
            message = f"{option} does not go with --upload."
            raise click.UsageError(message, click.get_current_context())


def _header_option(given: dict[str, Any]) -> str:
    content_type = given.get("content_type")
    return f"-H {shlex.quote(f'Content-Type: {content_type}')} " if content_type else ""
