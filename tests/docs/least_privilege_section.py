"""The section "Least privilege" of docs/security.md, made from the tables that are proved.

`python -m tests.docs.least_privilege_section` writes it; a test fails where the page differs.
`tests/integration/test_least_privilege.py` proves each of its rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

from s3_integration.bucket.policy import NEEDS, Feature, actions_of, policy_document
from tests.fixtures.iam_process import CORRECTIONS, FURTHER
from tests.fixtures.least_privilege import GOES_ON, ON_TOP_OF

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN: Final = "<!-- Least privilege: made by `python -m tests.docs.least_privilege_section`. -->\n"
END: Final = "<!-- Least privilege: end. -->\n"

_HEAD: Final = """\
## Least privilege

`s3_client.bucket.policy(features, prefix="")` and `s3i policy` write the smallest IAM policy with
which the calls of those features work. They send nothing. Without a wish they write the
recommended policy:

```
$ s3i policy
{recommended}
```

With a prefix, objects are bound to it by their ARN, and lists by the condition `s3:prefix`:

```
$ s3i policy --feature read --feature list --prefix agents/7/
{with_prefix}
```

What AWS cannot bind so has its price. Without `s3:ListBucket` for all keys, S3 says of a missing
key what it says of a refused one: `file_exists` then raises an `S3AccessDeniedError` where it
would be False. And HeadBucket is refused, so that uploads need `create_bucket=False`. Names of
unfinished uploads (`multipart`, `resume`) and what is a setting of the bucket (`create`) are
allowed for the whole bucket.

Every action name was compared with AWS' own service reference. The rows below were proved on
moto's server with IAM enforced, which the package was made to take for AWS: a user with the policy
of a feature makes all of its calls, and nothing is refused; with one action taken out, exactly the
calls in its row are refused, by an `S3AccessDeniedError` whose suggestion names that action and its
resource, or go on as the row says. Nothing of it ran against AWS.

| feature | IAM action | without it |
|---|---|---|
"""

_CORRECTIONS_HEAD: Final = """
moto names some actions otherwise than AWS. The test server has these put right:

| request | in moto | in AWS | why |
|---|---|---|---|
"""

_FURTHER_HEAD: Final = """
And it looks for what AWS does, and moto does not:

"""


def render() -> str:
    """The section, with the comments that it stands between."""
    head = _HEAD.replace("{recommended}", _json(policy_document("peerpilot-kiro-data")))
    bound = policy_document("peerpilot-kiro-data", ("read", "list"), prefix="agents/7/")
    head = head.replace("{with_prefix}", _json(bound))
    rows = "".join(row for feature in get_args(Feature) for row in _rows(feature))
    corrections = "".join(
        f"| {each.method} of {'a bucket' if each.level == 'BUCKET' else 'an object'}"
        f"{'' if each.query == 'DEFAULT' else f', `{each.query}`'} "
        f"| `{each.in_moto}` | `{each.in_aws}` | {each.why} |\n"
        for each in CORRECTIONS
    )
    further = "".join(f"- {what}: {why}\n" for what, why in FURTHER.items())
    return BEGIN + head + rows + _CORRECTIONS_HEAD + corrections + _FURTHER_HEAD + further + END


def _json(document: dict[str, object]) -> str:
    return json.dumps(document, indent=4)


def _rows(feature: Feature) -> Iterator[str]:
    name = f"`{feature}`"
    if feature in ON_TOP_OF:
        name += f" (on top of {', '.join(f'`{each}`' for each in ON_TOP_OF[feature])})"
    for action in actions_of([feature]):
        yield f"| {name} | `{action}` | {'; '.join(_without(feature, action))} |\n"
        name = ""


def _without(feature: Feature, action: str) -> Iterator[str]:
    calls = [call for call, actions in NEEDS[feature].items() if action in actions]
    if refused := [f"`{call}`" for call in calls if (call, action) not in GOES_ON]:
        yield "refused: " + ", ".join(refused)
    for call in calls:
        if (call, action) in GOES_ON:
            yield f"`{call}` {GOES_ON[call, action]}"


def written() -> str:
    """The section as it stands on the page; "" where it does not."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.find(BEGIN), page.find(END)
    return page[begin : end + len(END)] if begin >= 0 <= end else ""


def write() -> None:
    """Put it in its place, or at the end of the page."""
    page = PAGE.read_text(encoding="utf-8")
    old = written()
    PAGE.write_text(page.replace(old, render()) if old else f"{page}\n{render()}", "utf-8")


if __name__ == "__main__":
    write()
