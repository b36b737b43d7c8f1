"""The commands bucket audit, secure, create and abort-uploads over a bucket that is not there."""

from __future__ import annotations

import datetime as dt
import io
import sys
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from s3_integration.bucket.findings import (
    AuditReport,
    ControlResult,
    Finding,
    FindingStatus,
    SecureReport,
)
from s3_integration.cli.verdicts import findings_text
from s3_integration.exceptions import S3AccessDeniedError, S3IntegrationError
from s3_integration.models import FailedAbort, StaleUploads, UnfinishedUpload
from tests.fixtures.shell import objects
from tests.unit.cli.conftest import STORED_AT, CommandLine

UPLOAD = UnfinishedUpload("a\nb", "u1", STORED_AT)
DENIED = S3AccessDeniedError(
    "Cannot run PutBucketVersioning on bucket 'notes': the permission is missing.",
    suggestion="Allow s3:PutBucketVersioning on arn:aws:s3:::notes.",
)


def finding(status: FindingStatus, name: str = "versioning", **more: Any) -> Finding:
    is_fine = status in {"ok", "off"}
    facts = {
        "severity": "medium",
        "fact": "enabled" if is_fine else "never switched on",
        "reason": "an overwritten or deleted file can be brought back",
        "next_step": "" if is_fine else "Call bucket.secure().",
        "source": "User Guide",
    }
    return Finding(name, status, **(facts | more))


@dataclass
class FakeBucket:
    """Answers with what a test prepared, and remembers how it was called."""

    findings: tuple[Finding, ...] = ()
    secured: SecureReport = field(
        default_factory=lambda: SecureReport("notes", dry_run=False, changed=(), kept=(), failed=())
    )
    swept: StaleUploads = field(default_factory=lambda: StaleUploads((), (), ()))
    is_new: bool = True
    called_with: tuple[Any, ...] = ()
    choices: dict[str, Any] = field(default_factory=dict)

    def audit(self, **choices: Any) -> AuditReport:
        """Tell the findings."""
        self.choices = choices
        return AuditReport("notes", self.findings)

    def secure(self, **choices: Any) -> SecureReport:
        """Tell the report."""
        self.choices = choices
        return self.secured

    def ensure(self) -> bool:
        """Say whether the bucket is new."""
        return self.is_new

    def abort_stale_uploads(self, *arguments: Any, **choices: Any) -> StaleUploads:
        """Tell what became of uploads."""
        self.called_with, self.choices = arguments, choices
        return self.swept


@pytest.fixture
def bucket(command_line: CommandLine) -> FakeBucket:
    """The bucket of the command line's client."""
    fake = FakeBucket()
    command_line.client.bucket = fake  # type: ignore[attr-defined]  # only these commands ask
    return fake


def results_of(*findings: Finding) -> tuple[ControlResult, ...]:
    return tuple(ControlResult(each, each) for each in findings)


# audit


def test_an_audit_without_problems_is_a_success(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    bucket.findings = (finding("ok"), finding("off", "MFA delete", fact="off"))

    result = command_line.run("bucket", "audit")

    assert result.exit_code == 0
    assert result.stdout == "✓ versioning  enabled\n· MFA delete  off\n"
    assert result.stderr == "s3://notes/: everything is as it should be.\n"


@pytest.mark.parametrize("status", ["missing", "wrong", "refused", "unsupported"])
def test_an_audit_with_a_problem_ends_with_1(
    command_line: CommandLine, bucket: FakeBucket, status: FindingStatus
) -> None:
    bucket.findings = (finding(status),)

    result = command_line.run("bucket", "audit")

    assert result.exit_code == 1
    assert f"versioning  {status}: never switched on" in result.stdout
    assert "why: an overwritten or deleted file can be brought back" in result.stdout


@pytest.mark.parametrize("status", ["refused", "unsupported"])
def test_what_is_only_told_is_no_problem(
    command_line: CommandLine, bucket: FakeBucket, status: FindingStatus
) -> None:
    bucket.findings = (finding(status, severity="info"),)

    assert command_line.run("bucket", "audit").exit_code == 0


def test_the_next_step_of_most_is_told_once_and_others_in_words_of_the_shell(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    logs = "Call bucket.secure(logging_bucket=...) with a bucket for the logs."
    bucket.findings = (
        finding("missing"),
        finding("wrong", "public access blocked"),
        finding("missing", "access logging", next_step=logs),
    )

    result = command_line.run("bucket", "audit")

    assert "→ Run 's3i bucket secure --logging-bucket NAME'" in result.stdout
    assert "Call bucket.secure" not in result.stdout
    assert result.stderr.endswith(
        "3 of 3 controls are not as they should be.\n's3i bucket secure' sets 2 of them.\n"
    )


def test_programs_get_the_whole_audit(command_line: CommandLine, bucket: FakeBucket) -> None:
    bucket.findings = (finding("missing"),)

    result = command_line.run("bucket", "audit", "--json", "--expected-owner", "1" * 12)

    assert objects(result.stdout) == [AuditReport("notes", bucket.findings).to_dict()]
    assert bucket.choices == {"expected_owner": "1" * 12}
    assert (result.exit_code, result.stderr) == (1, "")


@pytest.mark.parametrize("columns", ["80", "60", "20", "300"])
def test_no_line_is_wider_than_the_terminal_or_than_reads_well(
    command_line: CommandLine,
    bucket: FakeBucket,
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    bucket.findings = (finding("wrong", "unfinished uploads aborted", reason="word " * 60),)

    lines = command_line.run("bucket", "audit").stdout.splitlines()

    assert max(map(len, lines)) < max(min(int(columns), 100), 62)


def test_facts_of_others_cannot_move_the_cursor(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    bucket.findings = (finding("wrong", fact="into \x1b[2J"),)

    assert "\x1b" not in command_line.run("bucket", "audit").stdout


def test_a_terminal_without_the_marks_gets_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    text = findings_text([finding("ok"), finding("wrong", next_step="Look.")])

    assert text.isascii()
    assert text.startswith("v versioning  enabled\nx versioning  wrong: ")
    assert text.endswith("> Look.")


# secure


def test_securing_tells_what_was_changed_kept_and_failed(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    was = finding("missing")
    bucket.secured = SecureReport(
        "notes",
        dry_run=False,
        changed=(ControlResult(was, finding("ok")),),
        kept=results_of(finding("ok", "owner enforced")),
        failed=(ControlResult(was, replace(was, next_step=DENIED.suggestion), DENIED),),
    )

    result = command_line.run("bucket", "secure")

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "+ versioning      never switched on → enabled",
        "✓ owner enforced  enabled",
        "✗ versioning      missing: never switched on",
    ]
    assert "Cannot run PutBucketVersioning" in lines[3]
    assert "→ Allow s3:PutBucketVersioning on arn:aws:s3:::notes." in result.stdout
    assert result.stderr == "s3://notes/: set 1 control, 1 still open.\n"


def test_a_dry_run_says_that_nothing_was_done(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    bucket.secured = replace(bucket.secured, dry_run=True, kept=results_of(finding("ok")))

    result = command_line.run("bucket", "secure", "--dry-run")

    assert result.exit_code == 0
    assert result.stderr == "s3://notes/: would set 0 controls, nothing is open.\n"


def test_securing_hands_on_every_option(command_line: CommandLine, bucket: FakeBucket) -> None:
    result = command_line.run(
        *("bucket", "secure", "--logging-bucket", "logs", "--kms-key", "k", "--dry-run"),
        *("--expire-old-versions", "90", "--expected-owner", "1" * 12, "--json"),
    )

    assert bucket.choices == {
        "logging_bucket": "logs",
        "kms_key": "k",
        "expire_old_versions_after_days": 90,
        "expected_owner": "1" * 12,
        "dry_run": True,
    }
    assert objects(result.stdout) == [bucket.secured.to_dict()]


# create


@pytest.mark.parametrize(
    ("is_new", "told"),
    [(True, "created s3://notes/\n"), (False, "s3://notes/ is there already\n")],
)
def test_creating_says_whether_the_bucket_is_new(
    *, command_line: CommandLine, bucket: FakeBucket, is_new: bool, told: str
) -> None:
    bucket.is_new = is_new

    result = command_line.run("bucket", "create")

    assert (result.exit_code, result.stdout) == (0, told)
    [facts] = objects(command_line.run("bucket", "create", "--json").stdout)
    assert facts == {"bucket": "notes", "created": is_new}


# abort-uploads


@pytest.mark.parametrize(
    ("age", "span"),
    [
        ("90s", dt.timedelta(seconds=90)),
        ("30m", dt.timedelta(minutes=30)),
        ("12h", dt.timedelta(hours=12)),
        ("0d", dt.timedelta()),
        ("2w", dt.timedelta(weeks=2)),
    ],
)
def test_an_age_is_a_number_with_a_unit(
    command_line: CommandLine, bucket: FakeBucket, age: str, span: dt.timedelta
) -> None:
    command_line.run("bucket", "abort-uploads", "--older-than", age, "--prefix", "a/")

    assert bucket.called_with == (span,)
    assert bucket.choices == {"prefix": "a/", "dry_run": False}


def test_the_age_is_seven_days_unless_it_is_said(
    command_line: CommandLine, bucket: FakeBucket
) -> None:
    command_line.run("bucket", "abort-uploads", "--dry-run")

    assert bucket.called_with == (dt.timedelta(days=7),)
    assert bucket.choices["dry_run"] is True


@pytest.mark.parametrize(
    ("flags", "verb", "outcome"),
    [([], "aborted", "aborted"), (["--dry-run"], "would abort", "would_abort")],
)
def test_each_upload_is_told(
    command_line: CommandLine, bucket: FakeBucket, flags: list[str], verb: str, outcome: str
) -> None:
    bucket.swept = StaleUploads((UPLOAD,), (UPLOAD,), ())

    result = command_line.run("bucket", "abort-uploads", *flags)

    begun = "(begun 2026-01-31 18:06:11Z)"
    assert result.stdout == (
        f"{verb} s3://notes/a\\nb {begun}\nleft alone, in use: s3://notes/a\\nb {begun}\n"
    )
    assert result.stderr == f"{verb} 1 unfinished upload\n"
    facts = objects(command_line.run("bucket", "abort-uploads", *flags, "--json").stdout)
    assert [fact["outcome"] for fact in facts] == [outcome, "in_use"]
    assert facts[0]["upload_id"] == "u1"


@pytest.mark.parametrize(
    ("error", "code"),
    [(DENIED, 1), (S3IntegrationError("Busy.", retryable=True), 75)],
)
def test_what_could_not_be_aborted_is_a_failure(
    command_line: CommandLine, bucket: FakeBucket, error: S3IntegrationError, code: int
) -> None:
    bucket.swept = StaleUploads((), (), (FailedAbort(UPLOAD, error),))

    result = command_line.run("bucket", "abort-uploads")

    assert result.exit_code == code
    assert error.message in result.stderr


# Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["bucket"],
        ["bucket", "nonsense"],
        ["bucket", "audit", "extra"],
        ["bucket", "audit", "--expected-owner", ""],
        ["bucket", "secure", "--kms-key", ""],
        ["bucket", "secure", "--logging-bucket", "s3://logs"],
        ["bucket", "secure", "--expire-old-versions", "0"],
        ["bucket", "abort-uploads", "--older-than", "7"],
        ["bucket", "abort-uploads", "--older-than", "-7d"],
        ["bucket", "abort-uploads", "--older-than", "1y"],
        ["bucket", "abort-uploads", "--older-than", "999999999w"],
        ["bucket", "abort-uploads", "--prefix", "s3://notes/a"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    command_line: CommandLine, bucket: FakeBucket, arguments: list[str]
) -> None:
    result = command_line.run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert (bucket.called_with, bucket.choices) == ((), {})
