"""What a health check reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

HealthStatus = Literal["ok", "warning", "failed"]
"""`failed` keeps the package from working; a `warning` may be as it should be."""


class Verdict(NamedTuple):
    """What one step found."""

    status: HealthStatus
    fact: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class HealthLine:
    """One thing that was looked at."""

    name: str
    status: HealthStatus
    fact: str
    """What was found, as one sentence without its full stop."""
    next_step: str = ""
    """One sentence on what to do about it; "" where there is nothing to do."""

    @property
    def was_skipped(self) -> bool:
        """Whether it could not be looked at, since something else failed before."""
        return self.fact.startswith(NOT_CHECKED)

    def to_dict(self) -> dict[str, str]:
        """All fields as a plain dict."""
        return asdict(self)


NOT_CHECKED = "not checked: "
"""How the facts begin that nobody could find out."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All that was looked at, in order."""

    lines: tuple[HealthLine, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; there may be warnings."""
        return all(line.status != "failed" for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """The whole report as plain values, for logs, JSON answers and language models."""
        return {"ok": self.ok, "lines": [line.to_dict() for line in self.lines]}

    def __str__(self) -> str:
        count = Counter(line.status for line in self.lines)
        told = [f"{line.name}: {line.fact}" for line in self.lines if line.status == "failed"]
        return "; ".join([f"{count['ok']} ok, {count['warning']} warnings", *told])
