"""The commands with two sides: cp, mv."""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from s3_integration.cli import edge
from s3_integration.cli.bars import meter, size_of_file
from s3_integration.cli.options import IF_EXISTS, NO_CREATE_BUCKET, VERSION_ID, with_clients
from s3_integration.cli.places import S3Place, place_of_argument
from s3_integration.cli.screen import Screen, cost_text, printable

if TYPE_CHECKING:
    from s3_integration.choices import IfExists
    from s3_integration.cli.options import ClientFor
    from s3_integration.client import S3Client


@click.command(short_help="Copy a file to, from or within S3.")
@click.argument("source")
@click.argument("target")
@IF_EXISTS
@VERSION_ID
@NO_CREATE_BUCKET
@with_clients
def cp(
    client_for: ClientFor,
    screen: Screen,
    *,
    source: str,
    target: str,
    if_exists: IfExists,
    version_id: str | None,
) -> int:
    """Copy the file SOURCE to TARGET, each of them s3://BUCKET/KEY or a local path.

    Where both are in S3, it copies by itself, and nothing comes to this machine. A TARGET
    that ends in a slash is a folder, and the file keeps its name there.
    """
    started = time.perf_counter()
    origin, place = place_of_argument("source", source), place_of_argument("target", target)
    if isinstance(origin, S3Place) and isinstance(place, S3Place):
        place = _inside(place, _name_of(origin))
        copy = client_for(place.bucket_name).copy_file(
            origin.key,
            place.key,
            source_bucket=origin.bucket_name,
            version_id=version_id,
            if_exists=if_exists,
        )
        return _tell("copied", (str(origin), str(place)), copy.size, started, screen)
    if isinstance(place, S3Place):
        _refuse_if(version_id is not None, "--version-id", "a local file has no versions.")
        return _upload(client_for(place.bucket_name), screen, (source, place), if_exists, started)
    if isinstance(origin, S3Place):
        _refuse_if(if_exists == "fail", "--if-exists", "a local target is always replaced.")
        client = client_for(origin.bucket_name)
        return _download(client, screen, (origin, target), version_id, started)
    message = "Both are local. One of them has to be s3://BUCKET/KEY."
    raise click.UsageError(message, click.get_current_context())


@click.command(short_help="Move a file within S3.")
@click.argument("source")
@click.argument("target")
@IF_EXISTS
@NO_CREATE_BUCKET
@with_clients
def mv(
    client_for: ClientFor, screen: Screen, *, source: str, target: str, if_exists: IfExists
) -> int:
    """Move the file SOURCE to TARGET, both of them s3://BUCKET/KEY.

    It is copied, the copy is compared, and then the source is deleted, unless it has
    changed meanwhile. A TARGET that ends in a slash is a folder, and the file keeps its
    name there.
    """
    started = time.perf_counter()
    origin, folder = place_of_argument("source", source), place_of_argument("target", target)
    if not (isinstance(origin, S3Place) and isinstance(folder, S3Place)):
        message = "Both have to be s3://BUCKET/KEY. Local files are copied: 's3i cp'."
        raise click.UsageError(message, click.get_current_context())
    place = _inside(folder, _name_of(origin))
    moved = client_for(place.bucket_name).move_file(
        origin.key, place.key, source_bucket=origin.bucket_name, if_exists=if_exists
    )
    return _tell("moved", (str(origin), str(place)), moved.size, started, screen)


def _upload(
    client: S3Client,
    screen: Screen,
    sides: tuple[str, S3Place],
    if_exists: IfExists,
    started: float,
) -> int:
    path, folder = sides
    name = PurePath(path).name
    if name in {"", ".."}:
        raise _is_folder(path)
    place = _inside(folder, name)
    with meter(printable(name), screen, size_bytes=size_of_file(path)) as progress:
        client.upload_file(path, place.key, if_exists=if_exists, progress=progress)
    return _tell("copied", (path, str(place)), progress.size_bytes, started, screen)


def _download(
    client: S3Client,
    screen: Screen,
    sides: tuple[S3Place, str],
    version_id: str | None,
    started: float,
) -> int:
    origin, target = sides
    with meter(printable(_name_of(origin)), screen) as progress:
        path = client.download_file(origin.key, target, version_id=version_id, progress=progress)
    return _tell("copied", (str(origin), path), progress.size_bytes, started, screen)


def _name_of(origin: S3Place) -> str:
    """The last part of a source's key, which has to be a file."""
    name = origin.key.rpartition("/")[2]
    if not name:
        raise _is_folder(str(origin))
    return name


def _is_folder(word: str) -> click.UsageError:
    message = f"{word!r} is a folder, not a file. Whole folders go by 's3i sync'."
    return click.UsageError(message, click.get_current_context())


def _inside(place: S3Place, name: str) -> S3Place:
    """Where a file of that name goes: into the folder that a slash at the end means."""
    if place.key and not place.key.endswith("/"):
        return place
    return S3Place(place.bucket_name, place.key + name)


def _refuse_if(is_so: bool, option: str, why: str) -> None:  # noqa: FBT001 - reads as its name
    if is_so:
        message = f"{option} cannot be used here: {why}"
        raise click.UsageError(message, click.get_current_context())


def _tell(
    deed: str, sides: tuple[str, str], size_bytes: int, started: float, screen: Screen
) -> int:
    source, target = sides
    seconds = time.perf_counter() - started
    facts: dict[str, Any] = {
        "source": source,
        "target": target,
        "size": size_bytes,
        "seconds": round(seconds, 3),
    }
    cost = cost_text(size_bytes, seconds)
    screen.result(facts, f"{deed} {printable(source)} to {printable(target)} {cost}")
    return edge.DONE
