"""The command for whole folders: sync."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3_integration.cli import edge
from s3_integration.cli.bars import folder_meter
from s3_integration.cli.options import NO_CREATE_BUCKET, with_clients
from s3_integration.cli.places import S3Place, place_of_argument
from s3_integration.cli.screen import Screen, count_text, printable, size_text, table_text

if TYPE_CHECKING:
    from s3_integration.cli.options import ClientFor
    from s3_integration.client import S3Client
    from s3_integration.models import FileResult, TransferReport

_PATTERN_OPTIONS: Any = {"multiple": True, "metavar": "PATTERN"}


@click.command(short_help="Make one folder like another.")
@click.argument("source")
@click.argument("target")
@click.option("--include", **_PATTERN_OPTIONS, help="Only these files, by gitignore's patterns.")
@click.option("--exclude", **_PATTERN_OPTIONS, help="Neither these files nor these folders.")
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
    with folder_meter(screen) as progress:
        report = _run(client_for, *places, {**choices, "progress": progress})
    return tell(report, screen, dry_run=dry_run)


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
    codes = []
    for prefix in dict.fromkeys(prefixes):
        with folder_meter(screen) as progress:
            report = client.delete_directory(prefix, dry_run=dry_run, progress=progress)
        codes.append(tell(report, screen, dry_run=dry_run))
    return max(codes)


def tell(report: TransferReport, screen: Screen, *, dry_run: bool) -> int:
    """Print what became of each file, and all of it together; return the exit code."""
    for result in report.done:
        screen.result(_facts(result, "done", dry_run=dry_run), _line(result, dry_run=dry_run))
    for result in report.skipped:
        if screen.as_json or result.reason != _UNCHANGED:
            screen.result(_facts(result, "skipped", dry_run=dry_run), _skipped_line(result))
    for result in report.failed:
        if screen.as_json:
            screen.result(_facts(result, "failed", dry_run=dry_run), "")
        elif result.error is not None:
            screen.failure(result.error)
    _sum_up(report, screen, dry_run=dry_run)
    return edge.FAILED if report.failed else edge.DONE


_UNCHANGED = "unchanged"
_PAST = {"upload": "uploaded", "download": "downloaded", "copy": "copied", "delete": "deleted"}


def _facts(result: FileResult, outcome: str, *, dry_run: bool) -> dict[str, Any]:
    return {"outcome": outcome, **result.to_dict(), "dry_run": dry_run}


def _line(result: FileResult, *, dry_run: bool) -> str:
    verb = f"would {result.action}" if dry_run else _PAST[result.action]
    return f"{verb} {_where(result)} ({result.reason})"


def _skipped_line(result: FileResult) -> str:
    return f"skipped {_where(result)} ({result.reason})"


def _where(result: FileResult) -> str:
    if result.action == "delete":
        return printable(result.path or result.key)
    ends = [result.path, result.key]
    if result.action == "download":
        ends.reverse()
    return printable(" to ".join(ends))


def _sum_up(report: TransferReport, screen: Screen, *, dry_run: bool) -> None:
    unchanged = sum(1 for result in report.skipped if result.reason == _UNCHANGED)
    deleted = sum(1 for result in report.done if result.action == "delete")
    moved = len(report.done) - deleted
    if screen.as_json:
        facts = {
            "moved": moved,
            "deleted": deleted,
            "unchanged": unchanged,
            "skipped": len(report.skipped) - unchanged,
            "failed": len(report.failed),
            "size": report.size_bytes,
            "seconds": round(report.seconds, 3),
            "dry_run": dry_run,
        }
        screen.result(facts, "")
        return
    rows = [
        (
            "would move" if dry_run else "moved",
            f"{count_text(moved, 'file')}, {size_text(report.size_bytes)}",
        ),
        ("would delete" if dry_run else "deleted", count_text(deleted, "file")),
        ("unchanged", count_text(unchanged, "file")),
        ("skipped", count_text(len(report.skipped) - unchanged, "file")),
        ("failed", count_text(len(report.failed), "file")),
        ("time", f"{report.seconds:.1f} s"),
    ]
    screen.remark(table_text(rows))
