"""How findings look on a terminal: a mark, the control, the fact; below, what to do and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from s3_integration.cli.screen import columns_of_lines, wrapped
from s3_integration.cli.wording import in_words_of_the_shell

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from s3_integration.bucket.findings import ControlResult, Finding

_MARKS: Final = {
    "ok": "✓",
    "off": "·",
    "missing": "✗",
    "wrong": "✗",
    "refused": "?",
    "unsupported": "-",
}
_CHANGED: Final = "+"
_ASCII: Final = str.maketrans({"✓": "v", "·": ".", "✗": "x", "→": ">"})
"""For terminals whose encoding has no such marks."""

SECURE_IT: Final = "Call bucket.secure()."
"""The next step of most findings, which is told once for all of them."""


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings of an audit, one below the other."""
    return _table([_row_of_finding(finding) for finding in findings])


def results_text(results: Sequence[ControlResult], changed: Collection[ControlResult]) -> str:
    """What became of each control, one below the other."""
    rows = [
        _row_of_change(result) if result in changed else _row_of_result(result)
        for result in results
    ]
    return _table(rows)


_Row = tuple[str, str, list[str]]
"""A mark, a name, and paragraphs beside it."""


def _row_of_finding(finding: Finding) -> _Row:
    mark = _MARKS[finding.status]
    if not finding.is_problem:
        return mark, finding.control, [finding.fact]
    paragraphs = [f"{finding.status}: {finding.fact}", f"why: {finding.reason}"]
    if finding.next_step not in {"", SECURE_IT}:
        paragraphs.append(f"→ {in_words_of_the_shell(finding.next_step)}")
    return mark, finding.control, paragraphs


def _row_of_change(result: ControlResult) -> _Row:
    return _CHANGED, result.before.control, [f"{result.before.fact} → {result.after.fact}"]


def _row_of_result(result: ControlResult) -> _Row:
    mark, name, paragraphs = _row_of_finding(result.after)
    if result.error is None:
        return mark, name, paragraphs
    return mark, name, [paragraphs[0], result.error.message, *paragraphs[2:]]


def _table(rows: Sequence[_Row]) -> str:
    name_columns = max((len(name) for _, name, _ in rows), default=0)
    indent = len("✓ ") + name_columns + 2
    columns = columns_of_lines()
    lines: list[str] = []
    for mark, name, paragraphs in rows:
        text = [line for words in paragraphs for line in wrapped(words, columns - indent)]
        lines.append(f"{mark} {name:<{name_columns}}  {text[0]}")
        lines += [" " * indent + line for line in text[1:]]
    return _as_printed("\n".join(lines))


def _as_printed(text: str) -> str:
    """The text with marks that standard output can show."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return text.translate(_ASCII)
    return text
