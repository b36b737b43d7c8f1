"""The commands for the bucket as a whole: bucket audit, secure, create, abort-uploads."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

import click

from s3_integration.cli import edge
from s3_integration.cli.options import no_url, not_empty, with_client
from s3_integration.cli.screen import Screen, count_text, time_text, url_text
from s3_integration.cli.verdicts import SECURE_IT, findings_text, results_text
from s3_integration.overrides import override

if TYPE_CHECKING:
    from s3_integration.bucket.findings import AuditReport, SecureReport
    from s3_integration.client import S3Client
    from s3_integration.models import UnfinishedUpload

    ParamType = click.ParamType[dt.timedelta]
else:
    ParamType = click.ParamType  # takes no type argument before click 8.4

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Age(ParamType):
    """A span of time as people write it: `30m`, `12h`, `7d`, `2w`."""

    name = "age"

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.timedelta:
        """Read a number with its unit."""
        if isinstance(value, dt.timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,9})([smhdw])", str(value))
        if not found:
            self.fail(f"{value!r} is not a number with a unit, such as 12h or 7d.", param, ctx)
        try:
            return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            self.fail(f"{value!r} is too long.", param, ctx)


_expected_owner = click.option(
    "--expected-owner",
    callback=not_empty,
    metavar="NUMBER",
    help="AWS account that has to own the bucket.",
)


@click.group(short_help="Audit, secure or create the bucket.")
def bucket() -> None:
    """Look after the bucket as a whole."""


@bucket.command(short_help="Say how the bucket is protected.")
@_expected_owner
@with_client
def audit(client: S3Client, screen: Screen, *, expected_owner: str | None) -> int:
    """Say how each control of the bucket stands: exit code 1 if one is missing.

    It changes nothing.
    """
    report = client.bucket.audit(expected_owner=expected_owner)
    screen.result(report.to_dict(), findings_text(report.findings))
    screen.remark(_audit_summary(report))
    return edge.DONE if report.ok else edge.FAILED


@bucket.command(short_help="Set the protections that are missing.")
@click.option(
    "--logging-bucket",
    callback=no_url,
    metavar="NAME",
    help="Where access logs go; made where it is missing.",
)
@click.option(
    "--kms-key", callback=not_empty, metavar="KEY", help="Encrypt new objects with it, not AES-256."
)
@click.option(
    "--expire-old-versions",
    "expire_old_versions_after_days",
    type=click.IntRange(min=1),
    metavar="DAYS",
    help="Delete versions so long after they were replaced.  [default: never]",
)
@_expected_owner
@click.option("--dry-run", is_flag=True, help="Only say what would be set.")
@with_client
def secure(client: S3Client, screen: Screen, **choices: Any) -> int:
    """Set what 's3i bucket audit' finds missing: exit code 1 if something still is.

    Policy statements, lifecycle rules and all else that others have set stay.
    """
    report = client.bucket.secure(**choices)
    results = (*report.changed, *report.kept, *report.failed)
    screen.result(report.to_dict(), results_text(results, report.changed))
    screen.remark(_secure_summary(report))
    return edge.DONE if report.ok else edge.FAILED


@bucket.command(short_help="Create the bucket with its protections.")
@with_client
def create(client: S3Client, screen: Screen) -> int:
    """Create the bucket with its protections; one that is there stays as it is."""
    was_created = client.bucket.ensure()
    facts = {"bucket": client.bucket_name, "created": was_created}
    where = url_text(client.bucket_name)
    told = f"created {where}" if was_created else f"{where} is there already"
    screen.result(facts, told)
    return edge.DONE


@bucket.command("abort-uploads", short_help="Abort uploads that were never finished.")
@click.option(
    "--older-than",
    type=Age(),
    default="7d",
    show_default=True,
    metavar="AGE",
    help="Begun that long ago: 30m, 12h, 7d, 2w.",
)
@click.option("--prefix", default="", callback=no_url, help="What the keys begin with.")
@click.option("--dry-run", is_flag=True, help="Only say what would be aborted.")
@with_client
def abort_uploads(
    client: S3Client, screen: Screen, *, older_than: dt.timedelta, prefix: str, dry_run: bool
) -> int:
    """Abort uploads in parts that were begun long ago and never finished.

    Those that this machine is at work on are left alone; of those on other machines nothing
    is known, so give an age that no upload reaches.
    """
    swept = client.bucket.abort_stale_uploads(older_than, prefix=prefix, dry_run=dry_run)
    done = ("would abort", "would_abort") if dry_run else ("aborted", "aborted")
    for upload in swept.aborted:
        _tell_upload(screen, upload, client.bucket_name, *done)
    for upload in swept.in_use:
        _tell_upload(screen, upload, client.bucket_name, "left alone, in use:", "in_use")
    for failure in swept.failed:
        screen.failure(failure.error)
    screen.remark(f"{done[0]} {count_text(len(swept.aborted), 'unfinished upload')}")
    return max((edge.code_of(failure.error) for failure in swept.failed), default=edge.DONE)


def _tell_upload(
    screen: Screen, upload: UnfinishedUpload, bucket_name: str, verb: str, outcome: str
) -> None:
    facts = {
        "key": upload.key,
        "bucket": bucket_name,
        "upload_id": upload.upload_id,
        "initiated": upload.initiated,
        "outcome": outcome,
    }
    begun = time_text(upload.initiated)
    screen.result(facts, f"{verb} {url_text(bucket_name, upload.key)} (begun {begun})")


def _audit_summary(report: AuditReport) -> str:
    where, all_of_them = url_text(report.bucket), len(report.findings)
    if report.ok:
        return f"{where}: everything is as it should be."
    told = f"{where}: {len(report.problems)} of {all_of_them} controls are not as they should be"
    to_set = sum(finding.next_step == SECURE_IT for finding in report.problems)
    return f"{told}.\n's3i bucket secure' sets {to_set} of them." if to_set else f"{told}."


def _secure_summary(report: SecureReport) -> str:
    where = url_text(report.bucket)
    verb = "would set" if report.dry_run else "set"
    done = f"{where}: {verb} {count_text(len(report.changed), 'control')}"
    left = len(report.failed)
    return f"{done}, {left} still open." if left else f"{done}, nothing is open."
