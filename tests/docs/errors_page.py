"""docs/errors.md, made from the error tree and the table of codes.

`python -m tests.docs.errors_page` writes it; a test fails where the file differs.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from s3_integration import exceptions
from s3_integration.aws.codes import DENIED_EXPLICITLY, MEANINGS, Meaning
from s3_integration.aws.permissions import MISSING_PERMISSION, OR_ELSE, place_of
from s3_integration.exceptions import S3IntegrationError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"

_HEAD = """\
# Errors

<!-- Made by `python -m tests.docs.errors_page`; change s3_integration/aws instead. -->

Every failure is one of these classes. A failed upload is an `S3UploadError`, a failed download an
`S3DownloadError`, and both are also the class of what caused them: an upload that was denied can
be caught as `S3UploadError` or as `S3AccessDeniedError`. Where a local file is the cause, the
error is also Python's own for it: `FileNotFoundError`, `IsADirectoryError`, `PermissionError`, …

"""

_CODES_HEAD = """
## What S3's codes mean here

In the texts, `{bucket}`, `{key}`, `{action}` and `{resource}` stand for what was asked for. A code
that is not listed becomes an `S3IntegrationError` with its code kept. Bare numbers are answers
without a body, such as those to HEAD. *Again* marks errors whose `retryable` is true.
"""

_ACTIONS_HEAD = """
## Which permission a refused call needs

S3's own words count first: to callers of the bucket owner's account or organisation it names the
action and the resource, and says whether a policy denies it in so many words. Where it says
nothing, as to every HEAD, the error goes by this table, and its suggestion ends with what else it
may be.

| call | IAM action | on | else |
|---|---|---|---|
"""


_EXPLICITLY = "AccessDenied with an explicit deny"


def render() -> str:
    """The whole page."""
    return _HEAD + _tree() + _CODES_HEAD + "".join(map(_section, _by_class())) + _actions()


def _classes() -> list[type[S3IntegrationError]]:
    found = vars(exceptions).values()
    return [
        item for item in found if isinstance(item, type) and issubclass(item, S3IntegrationError)
    ]


def _tree() -> str:
    lines = ["| class | also a | means |", "|---|---|---|"]
    for error in _classes():
        also = [
            base.__name__ for base in error.__bases__ if not issubclass(base, S3IntegrationError)
        ]
        also = [f"`{name}`" for name in also if name != "Exception"]
        sentence = (error.__doc__ or "").partition("\n")[0]
        lines.append(f"| `{error.__name__}` | {', '.join(also)} | {sentence} |")
    return "\n".join(lines) + "\n"


def _by_class() -> list[tuple[str, dict[Meaning, list[str]]]]:
    grouped: dict[str, dict[Meaning, list[str]]] = defaultdict(lambda: defaultdict(list))
    for code, meaning in (*MEANINGS.items(), (_EXPLICITLY, DENIED_EXPLICITLY)):
        grouped[meaning.error.__name__][meaning].append(code)
    return sorted(grouped.items())


def _section(group: tuple[str, dict[Meaning, list[str]]]) -> str:
    name, meanings = group
    lines = [f"\n### {name}\n", "| codes | because | next step |", "|---|---|---|"]
    for meaning, codes in meanings.items():
        listed = ", ".join(f"`{code}`" for code in codes)
        again = " *Again.*" if meaning.retryable else ""
        lines.append(f"| {listed} | {meaning.why} | {meaning.next_step}{again} |")
    return "\n".join(lines) + "\n"


def _actions() -> str:
    rows = [
        f"| {call} | `{action}` | {place_of(action)} | {OR_ELSE.get(call, '')} |\n"
        for call, action in MISSING_PERMISSION.items()
    ]
    return _ACTIONS_HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
