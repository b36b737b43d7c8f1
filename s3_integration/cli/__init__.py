"""The command line: `s3i`, `s3-integration` and `python -m s3_integration`.

app.py      the program: its commands, their common options
edge.py     where every failure becomes a message and an exit code
screen.py   what is printed, and how; wording.py in whose words; bars.py draws progress
files.py    upload, download, ls, exists, info, rm; contents.py cat; sync.py sync
copies.py   cp, mv; history.py versions, restore; links.py presign; tags.py tags
places.py   what `s3://BUCKET/KEY` and paths on the command line mean
policy.py   policy
bucket.py   bucket audit, secure, create, abort-uploads; verdicts.py draws their tables
doctor.py   doctor
local.py    sandbox; demo.py the demo, trial.py what it does

Importing this package imports nothing else, so that a missing click can be told plainly.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import NoReturn

_GARBAGE_THRESHOLD = 50_000
"""New objects after which Python looks for garbage. With its own number, 700, it would look
150 times while botocore is imported, and find next to nothing."""

_MISSING = 's3i: the command line is not installed; run: pip install "s3_integration[cli]"'


def main() -> NoReturn:
    """Run the command line on the arguments of this process, then end the process."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    # Python's last act would be to look through everything again: a fifth of a small command.
    atexit.register(gc.freeze)
    try:
        from s3_integration.cli.app import s3i  # noqa: PLC0415 - see the module's last sentence

        sys.exit(s3i.main())
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(_MISSING)
    except KeyboardInterrupt:  # before the program was up, or while it was ending
        sys.exit(130)
