"""What starting costs: a program that may not need S3 in the end, and the smallest command."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from tests.fixtures.children import PACKAGE_PARENT, environment_of
from tests.fixtures.moto_server import moto_server
from tests.fixtures.servers import moto_under_test
from tests.fixtures.shell import S3I

LIMIT_SECONDS: Final = 0.060
ROUNDS: Final = 15
HEAVY: Final = frozenset(
    {"awscrt", "boto3", "botocore", "s3transfer", "urllib3", "dotenv", "click", "rich", "moto"}
)


_BOTO3: Final = """
import boto3
boto3.client("s3").head_object(Bucket="a-bucket", Key="key")
"""


@pytest.fixture
def server_for_boto3() -> Iterator[dict[str, str]]:
    """The environment in which boto3 and `s3i` find a bucket with one object."""
    with moto_server() as endpoint_url:
        server = moto_under_test(endpoint_url)
        with closing(server.boto3_client()) as plain:
            plain.create_bucket(Bucket="a-bucket")
            plain.put_object(Bucket="a-bucket", Key="key", Body=b"stored")
        yield environment_of(server.config("a-bucket"))


def seconds_of(*command: str, environment: dict[str, str] | None = None) -> float:
    """The processor time of a whole Python process: other programs' load does not count."""
    surroundings = dict(environment or {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)})
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process would compile anew
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=surroundings, stdout=subprocess.DEVNULL, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_of_python(script: str) -> float:
    return seconds_of(sys.executable, "-c", script)


def test_importing_takes_at_most_sixty_milliseconds_over_bare_python() -> None:
    seconds_of_python("import s3_integration")  # compiles it, the first time
    bare, imported = [], []

    for _ in range(ROUNDS):
        bare.append(seconds_of_python("pass"))
        imported.append(seconds_of_python("import s3_integration"))

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


def test_asking_for_one_file_takes_no_more_than_boto3_does(
    server_for_boto3: dict[str, str],
) -> None:
    ours = (*S3I, "exists", "key")
    boto3s = (sys.executable, "-c", _BOTO3)
    seconds_of(*ours, environment=server_for_boto3)  # compiles it, the first time

    # In pairs, since the processor's speed itself changes with what else runs.
    ratios = [
        seconds_of(*ours, environment=server_for_boto3)
        / seconds_of(*boto3s, environment=server_for_boto3)
        for _ in range(ROUNDS)
    ]

    assert statistics.median(ratios) <= 1, sorted(ratios)
