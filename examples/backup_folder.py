"""Back a folder up, again and again: only what has changed is sent."""

from __future__ import annotations

import sys
from pathlib import Path

from s3_integration import S3Client


def main() -> None:
    """Store the folder that the command line names, and say what was done."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    report = S3Client().upload_directory(
        folder,
        f"backups/{folder.name}",
        exclude=[".git/", "__pycache__/", ".env"],
        only_changed=True,
    )
    print(
        f"{len(report.done)} files stored, {len(report.skipped)} as they were, "
        f"{len(report.failed)} failed ({report.size_bytes} bytes, {report.seconds:.1f} s)"
    )
    for failure in report.failed:
        print(f"{failure.path}: {failure.error}", file=sys.stderr)
    report.raise_if_failed()


if __name__ == "__main__":
    main()
