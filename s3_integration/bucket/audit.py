"""From the settings of a bucket to what has to be said of them, and to what has to be done.

Pure: `exchange.py` reads the settings, `secure.py` does what a plan says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from s3_integration.bucket.controls import CONTROLS, Control
from s3_integration.bucket.findings import AuditReport, Finding
from s3_integration.bucket.judgements import Verdict
from s3_integration.bucket.settings import Reading
from s3_integration.bucket.statements import statements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from s3_integration.bucket.settings import Document, SettingName, Snapshot
    from s3_integration.bucket.wanted import Wanted


def audit(snapshot: Snapshot, wanted: Wanted) -> AuditReport:
    """How every control stands."""
    return AuditReport(
        snapshot.bucket, tuple(finding_of(control, snapshot, wanted) for control in CONTROLS)
    )


def finding_of(control: Control, snapshot: Snapshot, wanted: Wanted) -> Finding:
    """How one control stands."""
    verdict = _verdict_on(control, snapshot, wanted)
    is_open = verdict.status in {"missing", "wrong"}
    return Finding(
        control=control.name,
        status=verdict.status,
        severity=control.severity,
        fact=verdict.fact,
        reason=control.why,
        next_step=verdict.next_step or (control.next_step if is_open else ""),
        source=control.source,
    )


def _verdict_on(control: Control, snapshot: Snapshot, wanted: Wanted) -> Verdict:
    reading = snapshot.readings[control.setting]
    if reading.state == "unsupported" and control.instead:
        reading = snapshot.readings[control.instead]
    match reading.state:
        case "refused" | "unsupported":
            return Verdict(reading.state, reading.told, reading.next_step)
        case _:
            return control.judge(snapshot, wanted)


class Step(NamedTuple):
    """One setting that has to be replaced."""

    setting: SettingName
    document: Document
    """As it has to be."""
    controls: tuple[Control, ...]
    """Those that it is replaced for."""


def plan(snapshot: Snapshot, wanted: Wanted, controls: Sequence[Control] = CONTROLS) -> list[Step]:
    """What has to be replaced for these controls to hold; nothing where all of them do."""
    steps: dict[SettingName, Step] = {}
    for control in controls:
        status = finding_of(control, snapshot, wanted).status
        if control.mend is None or status not in {"missing", "wrong"}:
            continue
        step = steps.get(control.setting) or Step(
            control.setting, snapshot.document(control.setting), ()
        )
        document = control.mend(step.document, wanted)
        if document != step.document:
            steps[control.setting] = Step(step.setting, document, (*step.controls, control))
    return list(steps.values())


def carried_out(snapshot: Snapshot, steps: Sequence[Step]) -> Snapshot:
    """The settings as they would be after these steps."""
    for step in steps:
        snapshot = snapshot.with_reading(step.setting, Reading("set", step.document))
    return snapshot


def lost(setting: SettingName, before: Document, after: Document) -> list[str]:
    """Names of the statements or rules of `before` that are no longer in `after`."""
    inside = _PARTS.get(setting)
    if inside is None:
        return []
    parts, name = inside
    kept = parts(after)
    return [str(part.get(name, "?")) for part in parts(before) if part not in kept]


_PARTS: Mapping[SettingName, tuple[Callable[[Document], list[dict[str, Any]]], str]] = {
    "policy": (statements_of, "Sid"),
    "lifecycle": (lambda document: document.get("Rules", []), "ID"),
}
