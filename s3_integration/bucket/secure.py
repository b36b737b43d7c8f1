"""Securing a bucket: what the audit finds missing is set, read back, and told."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.aws.identity import account_of
from s3_integration.bucket.audit import Step, audit, carried_out, lost, plan
from s3_integration.bucket.exchange import BucketSettings, is_unknown_to_server, wanted_of
from s3_integration.bucket.findings import AuditReport, ControlResult, Finding, SecureReport
from s3_integration.bucket.log_bucket import prepare_log_bucket
from s3_integration.bucket.statements import arn_of
from s3_integration.checks import refuse
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConflictError,
    S3CredentialsError,
    S3IntegrationError,
    both,
)

if TYPE_CHECKING:
    from s3_integration.aws.session import Connection
    from s3_integration.bucket.settings import Reading, Snapshot
    from s3_integration.bucket.wanted import Wanted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a caller of `Bucket.secure` chose."""

    logging_bucket: str | None = None
    kms_key: str | None = None
    expire_old_versions_after_days: int | None = None
    expected_owner: str | None = None
    dry_run: bool = False


def audit_bucket(connection: Connection, bucket: str, expected_owner: str | None) -> AuditReport:
    """Read a bucket's settings, and say how every control stands; see `Bucket`."""
    settings = BucketSettings(connection, bucket, expected_owner or "")
    if expected_owner:
        _check_owner(settings)
    return audit(settings.snapshot(), wanted_of(connection, bucket))


def secure_bucket(connection: Connection, bucket: str, choices: Choices) -> SecureReport:
    """Set what is missing; see `Bucket`."""
    settings = BucketSettings(
        connection, bucket, choices.expected_owner or _own_account(connection, bucket)
    )
    region = _check_owner(settings)
    _check_key_is_near(choices.kms_key, bucket, region)
    wanted = wanted_of(
        connection,
        bucket,
        logging_bucket=choices.logging_bucket,
        kms_key=choices.kms_key,
        expire_old_versions_after_days=choices.expire_old_versions_after_days,
    )
    before = settings.snapshot()
    steps = plan(before, wanted)
    work = _Work(settings, wanted, carried_out(before, steps) if choices.dry_run else before)
    if not choices.dry_run:
        for step in steps:
            work.carry_out(step)
    planned = {control.name for step in steps for control in step.controls}
    report = _report(audit(before, wanted), work, planned, dry_run=choices.dry_run)
    _log(report)
    return report


def _own_account(connection: Connection, bucket: str) -> str:
    """The account of the credentials; "" on servers other than AWS, which have no numbers."""
    if connection.endpoint.name != "aws":
        return ""
    try:
        return account_of(connection, bucket)
    except S3CredentialsError:
        raise
    except S3IntegrationError as error:
        raise S3IntegrationError(
            f"Cannot secure bucket {bucket!r}: whose credentials these are, and so who should "
            "own it, could not be asked of AWS STS.",
            **error.facts
            | {"suggestion": "Give expected_owner the number of the account that owns the bucket."},
        ) from error


def _check_owner(settings: BucketSettings) -> str:
    """Raise unless the bucket is there, and belongs to the account that it should.

    Returns:
        Its region; "" where the server does not tell.
    """
    bucket, owner = settings.bucket, settings.owner
    try:
        with translated("HeadBucket", bucket):
            answer = settings.connection.client.head_bucket(**settings.named)
    except S3AccessDeniedError as error:
        if not owner:
            raise
        arn = arn_of(bucket, settings.connection.client.meta.partition)
        raise both(S3BucketError, S3AccessDeniedError)(
            f"Cannot use bucket {bucket!r}: it belongs to another account than {owner}, or the "
            "permission s3:ListBucket on it is missing.",
            **error.facts
            | {
                "suggestion": "If you mean a bucket of another account, give expected_owner that "
                f"account's number; if it is yours, allow s3:ListBucket on {arn}."
            },
        ) from error
    return answer.get("BucketRegion", "")


def _check_key_is_near(kms_key: str | None, bucket: str, region: str) -> None:
    """Raise where the key's ARN tells another region than the bucket's.

    S3 takes such a key, and refuses every write from then on (User Guide, "Using server-side
    encryption with AWS KMS keys": key and bucket have to be in one region).
    """
    named = _KEY_ARN.match(kms_key or "")
    if named and region and named[1] != region:
        problem = f"it is a key in {named[1]}, and bucket {bucket!r} is in {region}"
        refuse("kms_key", kms_key, problem, f" Name a key in {region}.")


_KEY_ARN = re.compile(r"arn:[^:]*:kms:([^:]+):")


class _Work:
    """What has become of the settings so far, and of the controls that could not be set."""

    def __init__(self, settings: BucketSettings, wanted: Wanted, snapshot: Snapshot) -> None:
        self._settings = settings
        self._wanted = wanted
        self._snapshot = snapshot
        self._errors: dict[str, S3IntegrationError] = {}

    def carry_out(self, step: Step) -> None:
        """Replace one setting; what fails is kept for the report."""
        try:
            reading = self._replaced(step)
        except S3IntegrationError as error:
            self._errors |= {control.name: error for control in step.controls}
            return
        self._snapshot = self._snapshot.with_reading(step.setting, reading)

    def report(self) -> AuditReport:
        """How the controls stand now."""
        return audit(self._snapshot, self._wanted)

    def result(self, before: Finding, after: Finding) -> ControlResult:
        """What became of one control, with what kept it from being set."""
        error = self._errors.get(before.control)
        if error is None:
            return ControlResult(before, after)
        next_step = error.suggestion or after.next_step
        if is_unknown_to_server(error, self._settings.connection):
            told = f"this server does not know it: {error.code}"
            after = replace(after, status="unsupported", fact=told, next_step="")
        else:
            after = replace(after, next_step=next_step)
        return ControlResult(before, after, error)

    def _replaced(self, step: Step) -> Reading:
        settings = self._settings
        self._check_is_understood(step)
        if step.setting == "logging":
            self._prepare_logging(step)
        may_stop_writes = self._may_stop_writes(step)
        reading = settings.carry_out(step, self._wanted, self._snapshot)
        if may_stop_writes and not settings.can_write():
            settings.soften_public_access(step.document)
            return settings.read(step.setting)
        return self._checked(step, reading)

    def _check_is_understood(self, step: Step) -> None:
        """Raise where the setting holds more than was read, which putting it would remove."""
        if unknown := self._snapshot.readings[step.setting].unknown:
            raise S3BucketError(
                f"Cannot change the {step.setting} of bucket {self._settings.bucket!r}: it holds "
                f"what the installed botocore does not know, and would remove: "
                f"{', '.join(unknown)}.",
                bucket=self._settings.bucket,
                suggestion="Install a newer boto3, then try again.",
            )

    def _prepare_logging(self, step: Step) -> None:
        if self._settings.connection.endpoint.name != "aws":
            # Ceph 16 tells that nothing is logged, and knows no logging (measured): so that no
            # bucket is made for nothing, the server is told first what it says already.
            self._settings.put(step.setting, self._snapshot.document(step.setting))
        target = step.document["LoggingEnabled"]["TargetBucket"]
        prepare_log_bucket(self._settings, target, self._wanted)

    def _may_stop_writes(self, step: Step) -> bool:
        """Whether this may be a server where a block of public ACLs stops every write."""
        is_aws = self._settings.connection.endpoint.name == "aws"
        return step.setting == "public access block" and not is_aws and self._settings.can_write()

    def _checked(self, step: Step, reading: Reading | None) -> Reading:
        if reading is None:
            raise S3BucketError(
                f"Cannot set the {step.setting} of bucket {self._settings.bucket!r}: the server "
                "took it and does not tell it.",
                bucket=self._settings.bucket,
                suggestion="Look whether somebody else is changing it, then try again.",
            )
        before = self._snapshot.document(step.setting)
        if gone := lost(step.setting, before, reading.document):
            raise S3ConflictError(
                f"The {step.setting} of bucket {self._settings.bucket!r} was changed by somebody "
                f"else in the same moment; no longer in it: {', '.join(gone)}.",
                bucket=self._settings.bucket,
                suggestion="Look at it, and put back what should be there.",
            )
        return reading


def _report(before: AuditReport, work: _Work, planned: set[str], *, dry_run: bool) -> SecureReport:
    results = [
        work.result(was, now)
        for was, now in zip(before.findings, work.report().findings, strict=True)
    ]
    failed = [each for each in results if each.error or each.after.is_problem]
    done = [each for each in results if each not in failed]
    return SecureReport(
        before.bucket,
        dry_run,
        changed=tuple(each for each in done if each.before.control in planned),
        kept=tuple(each for each in done if each.before.control not in planned),
        failed=tuple(failed),
    )


def _log(report: SecureReport) -> None:
    changed = [result.before.control for result in report.changed]
    failed = [result.before.control for result in report.failed]
    logger.info(
        "%s bucket %r: %s; still open: %s",
        "would secure" if report.dry_run else "secured",
        report.bucket,
        ", ".join(changed) or "nothing to change",
        ", ".join(failed) or "nothing",
    )
