"""The sections "Audit" and "Secure" of docs/security.md, made from what the commands printed.

    python -m pytest tests/integration/test_bucket_pages.py --write-bucket-sections

runs the commands on each server and writes what they print; without the option, a test fails
where it differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from s3_integration.bucket.controls import CONTROLS, Control

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"

_MADE_BY: Final = (
    "made by `python -m pytest tests/integration/test_bucket_pages.py --write-bucket-sections`"
)
SCREENS: Final = {
    "moto fresh": ("audit",),
    "moto secure": ("secure", "--logging-bucket", "my-logs"),
    "moto again": ("secure", "--logging-bucket", "my-logs"),
    "moto secured": ("audit",),
    "ceph fresh": ("audit",),
    "ceph secure": ("secure",),
    "ceph secured": ("audit",),
}
"""What is run, in this order, and under which name it stands on the page."""

TEXTS: Final = {
    "Audit": """\
## Audit

`s3_client.bucket.audit()` and `s3i bucket audit` read every setting of the bucket and say of each
control how it stands. They change nothing, and need only what `s3i policy --feature audit` allows;
what they may not read, or what the server does not have, is a finding and not an error. The command
ends with 1 where a control is missing, wrong, refused or unsupported, and with 0 where all that
matters hold; `--json` tells all findings as one object.

{controls}

A bucket that plain boto3 made with `create_bucket`, on moto's server. That server's endpoint is
plain http, and it has no block of SSE-C, so that two controls cannot be had there:

{moto fresh}

The same on Ceph 16 by TLS. What Ceph answers to questions that it does not know is told as
unsupported, and not as missing:

{ceph fresh}
""",
    "Secure": """\
## Secure

`s3_client.bucket.secure()` and `s3i bucket secure` set what the audit finds missing, read it back,
and tell what was changed, what was kept and what is still open. They do it in this way:

- The bucket has to belong to the expected account, which each request says
  (`x-amz-expected-bucket-owner`). On AWS it is the account of the credentials, as STS tells it;
  for a bucket of another account, `expected_owner` names that account.
- S3 replaces a setting as a whole. What is there is read first and kept: policy statements,
  lifecycle rules, a KMS key. What may not be read is not written. What is no longer there when the
  setting is read back is told. CORS, notifications, ACLs and all else are never touched.
- A second run sends no write.
- No version is deleted unless `expire_old_versions_after_days` says after how many days.
- Logs that already go to a bucket are not led elsewhere.
- A bucket for access logs is made with its own protections, or checked: in the same region, not
  encrypted by KMS, without a default retention, its own logs not going in a circle. One statement
  lets S3's logging service in, for the logs of this bucket of this account.

On moto's server:

{moto secure}

Once more; no write is sent:

{moto again}

{moto secured}

On Ceph 16 by TLS, which refuses every write once public ACLs are blocked; that one block is taken
back:

{ceph secure}

{ceph secured}

moto and Ceph overlook the expected owner, moto the conditions of policies, and neither writes
access logs. That part was tested against a server of the tests' own
(`tests/fixtures/settings_server.py`), which does what AWS documents; nothing ran against AWS.
""",
}


def begin_of(title: str) -> str:
    """The comment before a section."""
    return f"<!-- {title}: {_MADE_BY}. -->\n"


def end_of(title: str) -> str:
    """The comment behind it."""
    return f"<!-- {title}: end. -->\n"


def render(title: str, screens: dict[str, str]) -> str:
    """A section, with the comments that it stands between."""
    text = TEXTS[title].replace("{controls}", _controls())
    for name, screen in screens.items():
        text = text.replace(f"{{{name}}}", f"```\n{screen}```")
    return begin_of(title) + text + end_of(title)


def written(title: str) -> str:
    """The section as it stands on the page; "" where it does not."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.find(begin_of(title)), page.find(end_of(title))
    return page[begin : end + len(end_of(title))] if begin >= 0 <= end else ""


def write(screens: dict[str, str]) -> None:
    """Put all sections in their places, or at the end of the page."""
    for title in TEXTS:
        page, old = PAGE.read_text(encoding="utf-8"), written(title)
        new = render(title, screens)
        PAGE.write_text(page.replace(old, new) if old else f"{page}\n{new}", "utf-8")


def screens_on_page() -> list[str]:
    """Everything in the sections that a command printed."""
    found = [part for title in TEXTS for part in written(title).split("```\n")[1::2]]
    return [screen for screen in found if screen.startswith("$ s3i ")]


def _controls() -> str:
    rows = [
        "| control | weight | why | set by `secure` | AWS |",
        "|---|---|---|---|---|",
        *(
            f"| {each.name} | {each.severity} | {each.why} | {_how(each)} | {each.source} |"
            for each in CONTROLS
        ),
    ]
    return "\n".join(rows)


def _how(control: Control) -> str:
    if control.mend is None:
        return "no, told only"
    chosen = {"access logging": "with `logging_bucket`", "old versions expired": "when asked for"}
    return chosen.get(control.name, "yes")
