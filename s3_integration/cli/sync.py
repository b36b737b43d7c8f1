"""The command for whole folders: sync."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3_integration.bulk.judging import UNCHANGED
from s3_integration.cli import edge
from s3_integration.cli.bars import folder_meter
from s3_integration.cli.options import NO_CREATE_BUCKET, with_clients
from s3_integration.cli.places import S3Place, place_of_argument
from s3_integration.cli.screen import (
    Screen,
    count_text,
    printable,
    size_text,
    table_text,
    url_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3_integration.cli.options import ClientFor
    from s3_integration.client import S3Client
    from s3_integration.models import FileResult, TransferReport

_PATTERN_OPTIONS: Any = {"multiple": True, "metavar": "PATTERN"}


@click.command(short_help="Make one folder like another.")
@click.argument("source")
@click.argument("target")
@click.option(
    "--include", **_PATTERN_OPTIONS, help="Only files that match, by gitignore's patterns."
)
@click.option("--exclude", **_PATTERN_OPTIONS, help="No files and folders that match.")
@click.option("--delete", is_flag=True, help="Delete what only TARGET has, when all else is done.")
@click.option(
    "--allow-empty-source", is_flag=True, help="Let --delete empty TARGET if SOURCE is empty."
)
@click.option("--checksum", is_flag=True, help="Compare contents where sizes are the same.")
@click.option("--follow-symlinks", is_flag=True, help="Store what links in SOURCE lead to.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@NO_CREATE_BUCKET
@with_clients
def sync(  # noqa: PLR0913 - click hands each option over by its name
    client_for: ClientFor,
    screen: Screen,
    *,
    source: str,
    target: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    delete: bool,
    allow_empty_source: bool,
    checksum: bool,
    follow_symlinks: bool,
    dry_run: bool,
) -> int:
    """Move what is new or changed in the folder SOURCE to the folder TARGET.

    Each is s3://BUCKET/PREFIX or a local path; one of them at least is in S3. Files that
    have the same size and have not been written to since are left alone. Patterns are
    repeatable; of those of one kind the last that matches decides, and ! takes back.
    """
    choices: dict[str, Any] = {
        "include": include,
        "exclude": exclude,
        "only_changed": True,
        "compare": "checksum" if checksum else "size_and_time",
        "delete_extra": delete,
        "empty_source": "allow" if allow_empty_source else "refuse",
        "dry_run": dry_run,
    }
    places = place_of_argument("source", source), place_of_argument("target", target)
    if follow_symlinks and isinstance(places[0], S3Place):
        message = "--follow-symlinks is for a local SOURCE."
        raise click.UsageError(message, click.get_current_context())
    if follow_symlinks:
        choices["symlinks"] = "follow"
    with _going_on_later(dry_run=dry_run), folder_meter(screen) as progress:
        report = _run(client_for, *places, {**choices, "progress": progress})
    if _is_empty(report):
        screen.remark(f"no files in {printable(source)}")
    return tell(report, screen, _bucket_of(*places), dry_run=dry_run)


@contextmanager
def _going_on_later(*, dry_run: bool) -> Iterator[None]:
    """Let who interrupts it know that nothing is lost by that."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        if not dry_run:
            interruption.add_note("What has been moved stays. The same command moves the rest.")
        raise


def _bucket_of(source: S3Place | Path, target: S3Place | Path) -> str:
    """The bucket whose keys a report names: the target's, or that of a download."""
    place = target if isinstance(target, S3Place) else source
    return place.bucket_name if isinstance(place, S3Place) else ""


def _run(
    client_for: ClientFor, source: S3Place | Path, target: S3Place | Path, choices: dict[str, Any]
) -> TransferReport:
    match source, target:
        case S3Place(), S3Place():
            return client_for(target.bucket_name).copy_directory(
                source.key, target.key, source_bucket=source.bucket_name, **choices
            )
        case S3Place(), Path():
            return client_for(source.bucket_name).download_directory(source.key, target, **choices)
        case Path(), S3Place():
            return client_for(target.bucket_name).upload_directory(source, target.key, **choices)
    message = "Both are local. One of them has to be s3://BUCKET/PREFIX."
    raise click.UsageError(message, click.get_current_context())


def delete_folders(
    client: S3Client, screen: Screen, prefixes: tuple[str, ...], *, dry_run: bool
) -> int:
    """Delete what lies in each of the folders; return the exit code."""
    if "" in prefixes:
        message = "'' would be the whole bucket. Name a folder."
        raise click.UsageError(message, click.get_current_context())
    codes = []
    for prefix in dict.fromkeys(prefixes):
        with folder_meter(screen) as progress:
            report = client.delete_directory(prefix, dry_run=dry_run, progress=progress)
        code = tell(report, screen, client.bucket_name, dry_run=dry_run)
        if _is_empty(report):
            screen.remark(f"nothing there: {url_text(client.bucket_name, prefix)}")
            code = edge.NOT_FOUND
        codes.append(code)
    return next((code for code in codes if code not in {edge.DONE, edge.NOT_FOUND}), max(codes))


def tell(report: TransferReport, screen: Screen, bucket_name: str, *, dry_run: bool) -> int:
    """Print what became of each file, and all of it together; return the exit code.

    Args:
        report: what became of them.
        screen: where to print it.
        bucket_name: where their keys are.
        dry_run: whether nothing was done.
    """
    for result in report.done:
        line = _line(result, bucket_name, dry_run=dry_run)
        screen.result(_facts(result, "done", bucket_name, dry_run=dry_run), line)
    for result in report.skipped:
        if screen.as_json or result.reason != UNCHANGED:
            facts = _facts(result, "skipped", bucket_name, dry_run=dry_run)
            screen.result(facts, f"skipped {_where(result, bucket_name)} ({result.reason})")
    for result in report.failed:
        if screen.as_json:
            screen.result(_facts(result, "failed", bucket_name, dry_run=dry_run), "")
        elif result.error is not None:
            screen.failure(result.error)
    _sum_up(report, screen, dry_run=dry_run)
    return edge.FAILED if report.failed else edge.DONE


_PAST = {"upload": "uploaded", "download": "downloaded", "copy": "copied", "delete": "deleted"}


def _is_empty(report: TransferReport) -> bool:
    return not (report.done or report.skipped or report.failed)


def _facts(result: FileResult, outcome: str, bucket_name: str, *, dry_run: bool) -> dict[str, Any]:
    facts = {"outcome": outcome, **result.to_dict(), "dry_run": dry_run}
    return facts | {"bucket": bucket_name}


def _line(result: FileResult, bucket_name: str, *, dry_run: bool) -> str:
    verb = f"would {result.action}" if dry_run else _PAST[result.action]
    return f"{verb} {_where(result, bucket_name)} ({result.reason})"


def _where(result: FileResult, bucket_name: str) -> str:
    url = url_text(bucket_name, result.key)
    path = printable(result.path)
    if result.action == "delete":
        return path or url
    return f"{url} to {path}" if result.action == "download" else f"{path} to {url}"


def _sum_up(report: TransferReport, screen: Screen, *, dry_run: bool) -> None:
    unchanged = sum(1 for result in report.skipped if result.reason == UNCHANGED)
    deleted = sum(1 for result in report.done if result.action == "delete")
    counts = {
        "moved": len(report.done) - deleted,
        "deleted": deleted,
        "unchanged": unchanged,
        "skipped": len(report.skipped) - unchanged,
        "failed": len(report.failed),
    }
    if screen.as_json:
        seconds = round(report.seconds, 3)
        facts = {**counts, "size": report.size_bytes, "seconds": seconds, "dry_run": dry_run}
        screen.result(facts, "")
    elif not _is_empty(report):
        screen.remark(table_text([*_rows(counts, report, dry_run=dry_run)]))


def _rows(
    counts: dict[str, int], report: TransferReport, *, dry_run: bool
) -> Iterator[tuple[str, str]]:
    names = {"moved": "would move", "deleted": "would delete"} if dry_run else {}
    for name, count in counts.items():
        if count:
            size = f", {size_text(report.size_bytes)}" if name == "moved" else ""
            yield names.get(name, name), count_text(count, "file") + size
    yield "time", f"{report.seconds:.1f} s"
