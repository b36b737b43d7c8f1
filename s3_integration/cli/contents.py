"""The command that prints what is stored: cat."""

from __future__ import annotations

import re
import shutil
import sys
from typing import IO, TYPE_CHECKING, BinaryIO

import click

from s3_integration.cli import edge
from s3_integration.cli.options import no_url, not_empty, with_client
from s3_integration.utils import MIB

if TYPE_CHECKING:
    from s3_integration.cli.screen import Screen
    from s3_integration.client import S3Client

# No more digits than a position in a file may have; S3's largest object takes fourteen.
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})", re.ASCII)


def _byte_range(
    _context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int | None]:
    """Read `START-STOP`; without STOP, it goes on to the end."""
    if value is None:
        return 0, None
    found = _RANGE.fullmatch(value)
    if found is None:
        message = f"{value!r} is not START-STOP or START-, in bytes."
        raise click.BadParameter(message, param=parameter)
    start, stop = int(found[1]), int(found[2]) if found[2] else None
    if stop is not None and stop < start:
        message = f"{value!r} ends before it begins."
        raise click.BadParameter(message, param=parameter)
    return start, stop


@click.command(short_help="Print a file.")
@click.argument("s3_key", callback=no_url)
@click.option(
    "--version-id", callback=not_empty, metavar="ID", help="Print this version, not the latest."
)
@click.option(
    "--range",
    "byte_range",
    callback=_byte_range,
    metavar="START-STOP",
    help="Print bytes START (the first is 0) up to, not including, STOP; to the end without STOP.",
)
@with_client
def cat(
    client: S3Client,
    screen: Screen,
    *,
    s3_key: str,
    version_id: str | None,
    byte_range: tuple[int, int | None],
) -> int:
    """Write the bytes of the file S3_KEY to standard output, as they are.

    They are printed while they come, all of one version. The whole of a file is verified before
    its last bytes are printed: if they are damaged, or the file is replaced meanwhile, the
    command fails, and what it has printed is not to be used.
    """
    if screen.as_json:
        message = "cat prints a file as it is: there is no JSON of it."
        raise click.UsageError(message, click.get_current_context())
    start, stop = byte_range
    with client.open(s3_key, "rb", version_id=version_id) as file:
        file.seek(start)
        _copy(file, sys.stdout.buffer, None if stop is None else stop - start)
    return edge.DONE


def _copy(file: IO[bytes], output: BinaryIO, size_bytes: int | None) -> None:
    if size_bytes is None:
        shutil.copyfileobj(file, output, MIB)
        return
    while size_bytes and (chunk := file.read(min(size_bytes, MIB))):
        output.write(chunk)
        size_bytes -= len(chunk)
