"""The command line: `s3i`, `s3-integration` and `python -m s3_integration`.

app.py      the program: its commands, their common options
edge.py     where every failure becomes a message and an exit code
screen.py   what is printed, and how; bars.py draws progress
files.py    upload, download, ls, exists, rm
local.py    sandbox; demo.py the demo, trial.py what it does

Importing this package imports nothing else, so that a missing click can be told plainly.
"""

from __future__ import annotations

import sys
from typing import NoReturn

_MISSING = 's3i: the command line is not installed; run: pip install "s3_integration[cli]"'


def main() -> NoReturn:
    """Run the command line on the arguments of this process, then end the process."""
    try:
        from s3_integration.cli.app import s3i  # noqa: PLC0415 - see the module's last sentence

        sys.exit(s3i.main())
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(_MISSING)
    except KeyboardInterrupt:  # before the program was up, or while it was ending
        sys.exit(130)
