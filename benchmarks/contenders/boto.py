"""Stock boto3: `upload_file` and `download_file` as they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender, in_threads, run

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site

_HEAD = "import boto3, sys; boto3.client('s3').head_object(Bucket=sys.argv[1], Key=sys.argv[2])"


class Boto3(Contender):
    """One client with its defaults, shared by the threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client = boto3_client(site)

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(
            lambda path, key: self._client.upload_file(str(path), self._site.bucket, key), batch
        )

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(
            lambda path, key: self._client.download_file(self._site.bucket, key, str(path)), batch
        )

    def exists(self, batch: Batch) -> None:
        """Import, client and one HEAD."""
        for _, key in batch.pairs:
            run(self._site, sys.executable, "-c", _HEAD, self._site.bucket, key)


def boto3_client(site: Site) -> Any:
    """A client of boto3 for that site."""
    import boto3
    from botocore.config import Config

    config = Config()
    if site.checksums == "when required":
        config = Config(request_checksum_calculation="when_required")
    return boto3.client(
        "s3",
        endpoint_url=site.endpoint_url,
        aws_access_key_id=site.access_key_id,
        aws_secret_access_key=site.secret_access_key,
        region_name=site.region,
        config=config,
    )


def make(_: str, site: Site) -> Contender:
    """The only one of this module."""
    return Boto3(site)
