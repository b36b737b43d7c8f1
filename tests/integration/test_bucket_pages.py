"""What docs/security.md shows of `s3i bucket` is what it prints, on moto and on Ceph."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from tests.docs.bucket_sections import PAGE, SCREENS, screens_on_page, write
from tests.fixtures.ceph import CephServer
from tests.fixtures.moto_server import moto_server
from tests.fixtures.servers import chosen_servers
from tests.fixtures.shell import PATIENCE_SECONDS, S3I

ROOT = PAGE.parents[1]
BUCKET, LOGS = "my-bucket", "my-logs"


def screen_of(arguments: tuple[str, ...], surroundings: dict[str, str]) -> str:
    """What a terminal of 80 columns shows, without lines of the log."""
    run = subprocess.run(
        [*S3I, "bucket", *arguments],
        env=os.environ | surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stdout
    shown = [line for line in run.stdout.splitlines() if " WARNING " not in line]
    return "\n".join([f"$ s3i {' '.join(('bucket', *arguments))}", *shown, ""])


def screens_of(server: str, endpoint_url: str, **surroundings: str) -> dict[str, str]:
    """Everything that is shown of one server, whose bucket plain boto3 makes."""
    told = {
        "AWS_ENDPOINT_URL_S3": endpoint_url,
        "S3_INTEGRATION_BUCKET": BUCKET,
        "COLUMNS": "80",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        **surroundings,
    }
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        verify=told.get("AWS_CA_BUNDLE"),
        config=Config(request_checksum_calculation="when_required"),
    )
    with closing(client):
        client.create_bucket(Bucket=BUCKET)
        return {
            name: screen_of(arguments, told)
            for name, arguments in SCREENS.items()
            if name.startswith(server)
        }


def moto_screens() -> dict[str, str]:
    with moto_server() as endpoint_url:
        return screens_of(
            "moto", endpoint_url, AWS_ACCESS_KEY_ID="me", AWS_SECRET_ACCESS_KEY="secret"
        )


def ceph_screens(ceph_server: CephServer) -> dict[str, str]:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=ceph_server.endpoint_url,
        aws_access_key_id=ceph_server.access_key_id,
        aws_secret_access_key=ceph_server.secret_access_key,
    )
    with closing(client):
        try:
            return screens_of(
                "ceph",
                ceph_server.tls_endpoint_url,
                AWS_ACCESS_KEY_ID=ceph_server.access_key_id,
                AWS_SECRET_ACCESS_KEY=ceph_server.secret_access_key,
                AWS_CA_BUNDLE=str(ceph_server.ca_bundle),
            )
        finally:
            client.delete_bucket(Bucket=BUCKET)


def test_the_page_shows_what_is_printed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    servers = chosen_servers(request.config)
    screens: dict[str, str] = {}
    if "moto" in servers:
        screens |= moto_screens()
    if "ceph" in servers:
        screens |= ceph_screens(request.getfixturevalue("ceph_server"))
    if request.config.getoption("--write-bucket-sections"):
        write(screens)

    assert set(screens.values()) <= set(
        screens_on_page()
    ), "run `python -m pytest tests/integration/test_bucket_pages.py --write-bucket-sections`"
