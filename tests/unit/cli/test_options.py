"""From the options of a command to its client."""

from __future__ import annotations

from s3_integration.cli.options import open_client
from s3_integration.client import S3Client
from s3_integration.config import S3Config


def test_commands_use_the_client_that_programs_use() -> None:
    client = open_client(S3Config("my-notes"), create_bucket=False)

    assert isinstance(client, S3Client)
    assert client.bucket_name == "my-notes"
