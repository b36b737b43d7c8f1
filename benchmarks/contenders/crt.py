"""awscrt.s3 as it is: requests of its own splitting, bytes straight from and to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks.contenders import IN_FLIGHT, Contender, in_threads

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site

# The settings of this package's engine.
_PART_BYTES = 8 * 1024 * 1024
_THRESHOLD_BYTES = 16 * 1024 * 1024
_TARGET_GBPS = 5.0


class Awscrt(Contender):
    """One client; of many files, a number are handed over at once."""

    def __init__(self, site: Site, *, checksums: bool = True) -> None:
        from awscrt.auth import AwsCredentialsProvider
        from awscrt.s3 import S3Client, S3RequestTlsMode, create_default_s3_signing_config

        self._checksums = checksums
        keys = (site.access_key_id, site.secret_access_key)
        self._site = site
        self._client: Any = S3Client(
            region=site.region,
            tls_mode=S3RequestTlsMode.DISABLED,
            signing_config=create_default_s3_signing_config(
                region=site.region, credential_provider=AwsCredentialsProvider.new_static(*keys)
            ),
            part_size=_PART_BYTES,
            multipart_upload_threshold=_THRESHOLD_BYTES,
            throughput_target_gbps=_TARGET_GBPS,
        )

    def upload(self, batch: Batch) -> None:
        """Store every file."""
        _pipelined([(self.put, path, key) for path, key in batch.pairs])

    def download(self, batch: Batch) -> None:
        """Fetch every object."""
        _pipelined([(self.get, path, key) for path, key in batch.pairs])

    def put(self, path: Any, key: str) -> Any:
        """Begin to store a file; the future tells when it is done."""
        from awscrt.s3 import (
            S3ChecksumAlgorithm,
            S3ChecksumConfig,
            S3ChecksumLocation,
            S3RequestType,
        )

        header = S3ChecksumConfig(S3ChecksumAlgorithm.CRC64NVME, S3ChecksumLocation.HEADER)
        length = ("Content-Length", str(path.stat().st_size))
        return self._client.make_request(
            type=S3RequestType.PUT_OBJECT,
            request=self._request("PUT", key, length),
            send_filepath=str(path),
            checksum_config=header if self._checksums else None,
        ).finished_future

    def get(self, path: Any, key: str) -> Any:
        """Begin to fetch an object; the future tells when it is done."""
        from awscrt.s3 import S3RequestType

        return self._client.make_request(
            type=S3RequestType.GET_OBJECT,
            request=self._request("GET", key),
            recv_filepath=str(path),
        ).finished_future

    def _request(self, method: str, key: str, *headers: tuple[str, str]) -> Any:
        from awscrt.http import HttpHeaders, HttpRequest

        path = f"/{self._site.bucket}/{quote(key)}"
        return HttpRequest(method, path, HttpHeaders([("Host", self._site.host), *headers]))


class OneCallPerFile(Awscrt):
    """The same client, used as a program of 16 threads would: each waits for its file."""

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(lambda path, key: self.put(path, key).result(), batch)

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(lambda path, key: self.get(path, key).result(), batch)


def _pipelined(calls: list[Any]) -> None:
    """Keep so many requests under way, and wait for all."""
    under_way: list[Any] = []
    for begin, path, key in calls:
        if len(under_way) == IN_FLIGHT:
            under_way.pop(0).result()
        under_way.append(begin(path, key))
    for future in under_way:
        future.result()


def make(name: str, site: Site) -> Contender:
    """With or without threads and checksums."""
    if "threads" in name:
        return OneCallPerFile(site)
    return Awscrt(site, checksums="no checksums" not in name)
