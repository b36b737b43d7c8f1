"""The commands that move, list and remove files: upload, download, ls, exists, info, rm."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from s3_integration.cli import edge
from s3_integration.cli.bars import meter, size_of_file
from s3_integration.cli.options import (
    IF_EXISTS,
    NO_CREATE_BUCKET,
    no_url,
    not_empty,
    pairs,
    with_client,
)
from s3_integration.cli.screen import (
    Screen,
    cost_text,
    count_text,
    printable,
    size_text,
    table_text,
    time_text,
    url_text,
)
from s3_integration.cli.sync import delete_folders
from s3_integration.exceptions import (
    S3BucketError,
    S3ConfigError,
    S3CredentialsError,
    S3IntegrationError,
)
from s3_integration.utils import key_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3_integration.choices import IfExists
    from s3_integration.cli.bars import Meter
    from s3_integration.client import S3Client
    from s3_integration.models import S3Checksum, S3FileInfo


@click.command(short_help="Store a local file.")
@click.argument("local_path", callback=no_url)
@click.argument("s3_key", required=False, callback=no_url)
@click.option(
    "--content-type",
    callback=not_empty,
    metavar="TYPE",
    help="MIME type.  [default: guessed by the name]",
)
@click.option(
    "--metadata",
    multiple=True,
    callback=pairs,
    metavar="NAME=VALUE",
    help="Text to keep with the file. Repeatable.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    callback=pairs,
    metavar="NAME=VALUE",
    help="Tag of the file. Repeatable.",
)
@IF_EXISTS
@NO_CREATE_BUCKET
@with_client
def upload(
    client: S3Client,
    screen: Screen,
    *,
    local_path: str,
    s3_key: str | None,
    content_type: str | None,
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
    if_exists: IfExists,
) -> int:
    """Store the file LOCAL_PATH under S3_KEY, or under its own name."""
    _refuse_folder_key(local_path, s3_key)
    started = time.perf_counter()
    label = printable(PurePath(local_path).name)
    with meter(label, screen, size_bytes=size_of_file(local_path)) as progress:
        key = client.upload_file(
            local_path,
            s3_key,
            content_type=content_type,
            metadata=metadata or None,
            tags=tags or None,
            if_exists=if_exists,
            progress=progress,
        )
    seconds = time.perf_counter() - started
    facts = _transfer_facts(client, key, local_path, progress, seconds)
    target = url_text(client.bucket_name, key)
    cost = cost_text(progress.size_bytes, seconds)
    screen.result(facts, f"uploaded {printable(local_path)} to {target} {cost}")
    return edge.DONE


@click.command(short_help="Fetch a file.")
@click.argument("s3_key", callback=no_url)
@click.argument("local_path", default=".", callback=no_url)
@click.option(
    "--version-id", callback=not_empty, metavar="ID", help="Fetch this version, not the latest."
)
@with_client
def download(
    client: S3Client, screen: Screen, *, s3_key: str, local_path: str, version_id: str | None
) -> int:
    """Fetch S3_KEY into the file LOCAL_PATH.

    Where LOCAL_PATH is a folder, and by default in the current one, the file gets the
    last part of its key as its name. A file that is there is replaced.
    """
    started = time.perf_counter()
    with meter(printable(s3_key), screen) as progress:
        path = client.download_file(s3_key, local_path, version_id=version_id, progress=progress)
    seconds = time.perf_counter() - started
    facts = _transfer_facts(client, s3_key, path, progress, seconds)
    source = url_text(client.bucket_name, s3_key)
    cost = cost_text(progress.size_bytes, seconds)
    screen.result(facts, f"downloaded {source} to {printable(path)} {cost}")
    return edge.DONE


@click.command(short_help="List files.")
@click.argument("prefix", default="", callback=no_url)
@click.option("--folders", is_flag=True, help="Only what lies directly in the folder PREFIX.")
@with_client
def ls(client: S3Client, screen: Screen, *, prefix: str, folders: bool) -> int:
    """List the files whose keys begin with PREFIX: size, time (UTC), key."""
    counts: list[str] = []
    files: Iterable[S3FileInfo]
    if folders:
        below, files = client.list_folder(prefix)
        for folder in below:
            screen.result({"folder": folder}, printable(folder))
        counts = [count_text(len(below), "folder")]
    else:
        files = client.iter_files(prefix)
    counts += _tell_files(screen, files)
    screen.remark(f"{', '.join(counts)} in {url_text(client.bucket_name, prefix)}")
    return edge.DONE


_ALIGNED_FILES = 1000
"""Whose sizes stand below each other: those of one answer of S3. Nobody waits for the rest."""


def _tell_files(screen: Screen, files: Iterable[S3FileInfo]) -> list[str]:
    """Print each; return how many there are, and how large they are together."""
    number = total_bytes = width = 0
    remaining = iter(files)
    while some := tuple(islice(remaining, _ALIGNED_FILES)):
        sizes = [size_text(file.size) for file in some]
        width = max(width, *map(len, sizes))
        for size, file in zip(sizes, some, strict=True):
            line = f"{size:>{width}}  {time_text(file.last_modified)}  {printable(file.key)}"
            screen.result(file.to_listed_dict(), line)
        number += len(some)
        total_bytes += sum(file.size for file in some)
    return [count_text(number, "file"), size_text(total_bytes)]


@click.command(short_help="Say whether a file is stored.")
@click.argument("s3_key", callback=no_url)
@with_client
def exists(client: S3Client, screen: Screen, *, s3_key: str) -> int:
    """Say whether something is stored under S3_KEY: exit code 0 if so, 3 if not."""
    is_there = client.file_exists(s3_key)
    facts = {"key": s3_key, "bucket": client.bucket_name, "exists": is_there}
    verdict = "exists" if is_there else "does not exist"
    screen.result(facts, f"{url_text(client.bucket_name, s3_key)} {verdict}")
    return edge.DONE if is_there else edge.NOT_FOUND


@click.command(short_help="Tell all about a file.")
@click.argument("s3_key", callback=no_url)
@click.option(
    "--version-id", callback=not_empty, metavar="ID", help="Look at this version, not the latest."
)
@with_client
def info(client: S3Client, screen: Screen, *, s3_key: str, version_id: str | None) -> int:
    """Tell what S3 knows of the file S3_KEY: size, type, metadata, checksum and more."""
    found = client.file_info(s3_key, version_id=version_id)
    facts = found.to_dict() | {"bucket": client.bucket_name}
    screen.result(facts, table_text(_rows_of(found, client.bucket_name)))
    return edge.DONE


def _rows_of(found: S3FileInfo, bucket_name: str) -> list[tuple[str, str]]:
    metadata = [f"{name}={value}" for name, value in found.metadata.items()] or [""]
    rows = [
        ("file", f"s3://{bucket_name}/{found.key}"),
        ("size", f"{size_text(found.size)} ({count_text(found.size, 'byte')})"),
        ("last modified", time_text(found.last_modified)),
        ("etag", found.etag),
        ("storage class", found.storage_class),
        ("content type", found.content_type),
        ("version id", found.version_id),
        ("checksum", _checksum_text(found.checksum)),
        ("metadata", metadata[0]),
        *(("", word) for word in metadata[1:]),
    ]
    return [(label, printable(words or "none")) for label, words in rows]


_COVERED = {"FULL_OBJECT": "of the whole file", "COMPOSITE": "of its parts' checksums"}


def _checksum_text(checksum: S3Checksum | None) -> str:
    if checksum is None:
        return ""
    return f"{checksum.algorithm} {checksum.value} ({_COVERED[checksum.checksum_type]})"


@click.command(short_help="Delete files.")
@click.argument("s3_keys", metavar="S3_KEY...", nargs=-1, required=True, callback=no_url)
@click.option("-r", "--recursive", is_flag=True, help="Each S3_KEY is a folder: delete all in it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@with_client
def rm(
    client: S3Client, screen: Screen, *, s3_keys: tuple[str, ...], recursive: bool, dry_run: bool
) -> int:
    """Delete what is stored under each S3_KEY: exit code 3 if one was not there.

    A bucket with versioning, which is how this package creates them, keeps what was
    deleted as an older version.
    """
    if recursive:
        return delete_folders(client, screen, s3_keys, dry_run=dry_run)
    remove = _would_delete if dry_run else _delete
    _refuse_bad_keys(s3_keys)
    codes: list[int] = []
    for key in dict.fromkeys(s3_keys):
        try:
            codes.append(edge.DONE if remove(client, screen, key) else edge.NOT_FOUND)
        except (S3ConfigError, S3CredentialsError, S3BucketError):
            raise  # the other keys would fail in the same way
        except S3IntegrationError as error:
            screen.failure(error)
            codes.append(edge.code_of(error))
    return next((code for code in codes if code not in {edge.DONE, edge.NOT_FOUND}), max(codes))


def _delete(client: S3Client, screen: Screen, key: str) -> bool:
    was_there: bool = client.delete_file(key)
    facts = {"key": key, "bucket": client.bucket_name, "deleted": was_there}
    _tell_removal(screen, facts, "deleted", was_there=was_there)
    return was_there


def _would_delete(client: S3Client, screen: Screen, key: str) -> bool:
    is_there: bool = client.file_exists(key)
    facts = {"key": key, "bucket": client.bucket_name, "would_delete": is_there}
    _tell_removal(screen, facts, "would delete", was_there=is_there)
    return is_there


def _tell_removal(screen: Screen, facts: dict[str, Any], verb: str, *, was_there: bool) -> None:
    where = url_text(facts["bucket"], facts["key"])
    screen.result(facts, f"{verb} {where}" if was_there else f"not there: {where}")


def _refuse_bad_keys(keys: tuple[str, ...]) -> None:
    """Find a key that S3 cannot have before anything is deleted."""
    for key in keys:
        if problem := key_problem(key):
            message = f"The key {key!r} cannot be used: {problem}."
            raise click.UsageError(message, click.get_current_context())


def _refuse_folder_key(local_path: str, s3_key: str | None) -> None:
    """Refuse keys like `reports/`: people mean a folder, S3 would store a file of that name."""
    if s3_key and s3_key.endswith("/"):
        whole_key = s3_key + PurePath(local_path).name
        message = f"The key {s3_key!r} ends with a slash. Write it out: {whole_key!r}."
        raise click.UsageError(message, click.get_current_context())


def _transfer_facts(
    client: S3Client, key: str, local_path: str, progress: Meter, seconds: float
) -> dict[str, Any]:
    return {
        "key": key,
        "bucket": client.bucket_name,
        "local_path": local_path,
        "size": progress.size_bytes,
        "seconds": round(seconds, 3),
    }
