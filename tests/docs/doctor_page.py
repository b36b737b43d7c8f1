"""docs/doctor.md: what `s3i doctor` printed in a test run.

    python -m pytest tests/integration/test_doctor.py --write-doctor-page

writes it. The same tests fail where it differs from what is printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "doctor.md"

SCREENS: Final = {
    "On moto": "s3i doctor",
    "On Ceph, with a real write": "s3i doctor --write",
    "Without credentials": "s3i doctor",
    "With a wrong clock": "s3i doctor",
    "With a wrong region": "s3i doctor",
    "Where nobody answers": "s3i doctor",
}
"""What the page shows, and the command."""

_HEAD: Final = """\
# What is wrong?

<!-- Made by `python -m pytest tests/integration/test_doctor.py --write-doctor-page`. -->

`s3i doctor`, or `S3Client.check()` in a program, looks at everything that the package needs, and
says of each thing what it is, whether that is well, and what to do if it is not. It changes
nothing. `--write` (`check(write="yes")`) also stores, reads and deletes 1 KiB under a key of its
own, which begins with `.s3_integration-check-`.

- **ok**: as it should be.
- **warning**: it may be as it should be, or will become a failure: look at it.
- **failed**: the package cannot work like that. `s3i doctor` ends with exit code 1.

What fails keeps nothing else from being looked at, but for what it makes impossible; that is
listed at the end. All of it takes a second where all is well, and 45 s at most. `--json` prints the
report as one object, which is `HealthReport.to_dict()`.

Permissions are told by requests for what does not exist: S3 answers "no such key" or "no such
upload" to who may ask, and "access denied" to others. Deleting, storing and setting tags cannot be
asked for without a change; `--write` tells of the first two. Without s3:ListBucket, S3 does not
tell a missing key from a refusal, so reading stays unknown.

The screens below were printed in a test run; ports and times are replaced by letters.
"""


def render(screens: Mapping[str, str]) -> str:
    """The whole page."""
    blocks = [
        f"\n## {title}\n\n```console\n$ {command}\n{screens.get(title, '').rstrip()}\n```\n"
        for title, command in SCREENS.items()
    ]
    return _HEAD + "".join(blocks)


def screens() -> dict[str, str]:
    """What the page shows now, by title."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    blocks = re.findall(r"^## (.*)\n\n```console\n\$ .*\n((?:.*\n)*?)```$", text, re.MULTILINE)
    return dict(blocks)


def write(title: str, screen: str) -> None:
    """Put one screen into the page."""
    PAGE.write_text(render(screens() | {title: screen}), encoding="utf-8")


def normalised(screen: str, **names: str) -> str:
    """A screen without what differs from run to run.

    Args:
        screen: what was printed.
        names: what is to stand for which text.
    """
    for name, text in names.items():
        screen = screen.replace(text, name)
    screen = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", screen)
    return re.sub(r"\b\d+ ms\b", "N ms", screen)
