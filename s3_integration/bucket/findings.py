"""What an audit found, and what securing a bucket changed: the values that come back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from s3_integration.exceptions import S3IntegrationError

Severity = Literal["high", "medium", "low", "info"]
"""How much it matters that a control is not there; `info` is only told."""

FindingStatus = Literal["ok", "off", "missing", "wrong", "refused", "unsupported"]
"""How a control stands.

`off`: it is not on, and need not be. `missing`: it was never set. `wrong`: it is set to
something else. `refused`: these credentials may not look at it. `unsupported`: the server
has no such thing, or none that can be used.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one control of a bucket stands."""

    control: str
    status: FindingStatus
    severity: Severity
    fact: str
    """What the bucket's setting says."""
    reason: str
    """Why the control matters."""
    next_step: str
    """What to do about it; "" where nothing has to be done."""
    source: str
    """Where AWS describes it."""

    @property
    def is_problem(self) -> bool:
        """Whether the control should be there and is not, or could not be looked at."""
        return self.severity != "info" and self.status not in {"ok", "off"}

    def to_dict(self) -> dict[str, Any]:
        """All fields as a plain dict."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How every control of a bucket stands."""

    bucket: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem; what could not be looked at is one."""
        return not self.problems

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that something should be done about."""
        return tuple(finding for finding in self.findings if finding.is_problem)

    def to_dict(self) -> dict[str, Any]:
        """All fields and `ok` as a plain dict."""
        findings = [finding.to_dict() for finding in self.findings]
        return {"bucket": self.bucket, "ok": self.ok, "findings": findings}


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What became of one control."""

    before: Finding
    after: Finding
    """As it was read back; in a dry run, as it would be."""
    error: S3IntegrationError | None = None
    """Why it could not be set, where S3 said why."""

    def to_dict(self) -> dict[str, Any]:
        """All fields as a plain dict, the error as its own `to_dict()`."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "error": self.error.to_dict() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class SecureReport:
    """What became of every control of a bucket, each of which is in exactly one list."""

    bucket: str
    dry_run: bool
    changed: tuple[ControlResult, ...]
    """Set and read back; in a dry run, what would be set."""
    kept: tuple[ControlResult, ...]
    """Nothing had to be done."""
    failed: tuple[ControlResult, ...]
    """Still a problem: refused, not to be had on this server, or left for a person to change."""

    @property
    def ok(self) -> bool:
        """Whether every control that matters now holds, or would after a dry run."""
        return not self.failed

    def to_dict(self) -> dict[str, Any]:
        """All fields and `ok` as a plain dict."""
        return {
            "bucket": self.bucket,
            "ok": self.ok,
            "dry_run": self.dry_run,
            "changed": [result.to_dict() for result in self.changed],
            "kept": [result.to_dict() for result in self.kept],
            "failed": [result.to_dict() for result in self.failed],
        }
