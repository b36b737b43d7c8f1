"""`python -m s3_integration` is the same as `s3i`."""

from __future__ import annotations

from s3_integration.cli import main

if __name__ == "__main__":
    main()
