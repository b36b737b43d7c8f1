"""What `import s3_integration` costs a program that may not need S3 in the end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import Final

from tests.fixtures.children import PACKAGE_PARENT

LIMIT_SECONDS: Final = 0.060
ROUNDS: Final = 15
HEAVY: Final = frozenset(
    {"awscrt", "boto3", "botocore", "s3transfer", "urllib3", "dotenv", "click", "rich", "moto"}
)


def seconds_of(script: str) -> float:
    """The processor time of a whole Python process: other programs' load does not count."""
    before = os.times()
    subprocess.run(
        (sys.executable, "-c", script),
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)},
        timeout=60,
        check=True,
    )
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def test_importing_takes_at_most_sixty_milliseconds_over_bare_python() -> None:
    seconds_of("import s3_integration")  # compiles it, the first time
    bare, imported = [], []

    for _ in range(ROUNDS):
        bare.append(seconds_of("pass"))
        imported.append(seconds_of("import s3_integration"))

    extra = statistics.median(imported) - statistics.median(bare)
    assert extra <= LIMIT_SECONDS, f"{extra * 1000:.1f} ms over bare Python"


def test_importing_and_making_a_client_imports_nothing_heavy() -> None:
    script = (
        "import s3_integration, sys; s3_integration.S3Client('a-bucket');"
        f"print(sorted({set(HEAVY)!r} & sys.modules.keys()))"
    )

    done = subprocess.run(
        (sys.executable, "-c", script),
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "[]\n"
