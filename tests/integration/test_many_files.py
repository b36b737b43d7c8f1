"""Many files by one call: each arrives whole or is told as failed."""

from __future__ import annotations

import itertools
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config, TransferConfig, resolve_settings
from s3_integration.exceptions import (
    S3DownloadError,
    S3FileNotFoundError,
    S3UploadError,
)
from s3_integration.service import S3Service
from s3_integration.transfer.engine import UploadOptions
from tests.fixtures.servers import ServerUnderTest

FILES: Final = 500
OPTIONS: Final = UploadOptions("application/octet-stream", {}, {})


@pytest.fixture
def service(server: ServerUnderTest, config: S3Config) -> S3Service:
    if server.only_bucket_name:
        pytest.skip("a load that a person would have to pay for")
    return S3Service(settings=resolve_settings(config=config, environment={}, dotenv={}))


def test_many_files_go_up_and_come_back_byte_for_byte_although_some_fail(
    service: S3Service, tmp_path: Path
) -> None:
    chance = random.Random(20261124)
    contents = {f"folder {n % 7}/ü{n}": chance.randbytes(chance.choice((0, 1, 9000, 40_000)))
                for n in range(FILES)}  # fmt: skip
    sources = {key: tmp_path / f"up-{n}" for n, key in enumerate(contents)}
    for key, path in sources.items():
        path.write_bytes(contents[key])
    missing = {f"missing {n}": tmp_path / "nowhere" / str(n) for n in range(20)}

    uploads = list(
        service.upload_files(
            (path, key, OPTIONS) for key, path in sorted({**sources, **missing}.items())
        )
    )
    targets = {key: tmp_path / "down" / f"{n}" for n, key in enumerate((*contents, *missing))}
    downloads = list(service.download_files(targets.items()))

    assert {o.job.target.key for o in uploads if o.result} == set(contents)
    failed_uploads = {o.job.target.key: o.error for o in uploads if o.error}
    assert failed_uploads.keys() == missing.keys()
    assert all(isinstance(e, S3UploadError | FileNotFoundError) for e in failed_uploads.values())
    failed_downloads = {o.job.source.key: o.error for o in downloads if o.error}
    assert failed_downloads.keys() == missing.keys()
    for error in failed_downloads.values():
        assert isinstance(error, S3DownloadError)
        assert isinstance(error, S3FileNotFoundError)
    fetched = {path: path.read_bytes() for path in (tmp_path / "down").iterdir()}
    assert fetched == {targets[key]: content for key, content in contents.items()}


def test_files_from_the_threshold_on_go_in_parts_though_they_are_small(
    server: ServerUnderTest, config: S3Config, tmp_path: Path
) -> None:
    server.must_have("etags of parts")
    transfer = TransferConfig(multipart_threshold_bytes=1000)
    client = S3Client(config=replace(config, transfer=transfer))
    for size_bytes in (999, 1000):
        (tmp_path / f"{size_bytes}").write_bytes(b"x" * size_bytes)

    client.upload_directory(tmp_path).raise_if_failed()

    assert [file.etag.endswith("-1") for file in client.iter_files()] == [True, False]
    assert [file.size for file in client.iter_files()] == [1000, 999]


def test_no_file_needs_no_bucket(service: S3Service) -> None:
    assert list(service.upload_files([])) == []
    assert service._bucket_is_ensured._value is None


def test_files_that_are_given_up_leave_no_open_upload_and_no_temporary_file(
    server: ServerUnderTest, service: S3Service, config: S3Config, tmp_path: Path
) -> None:
    big = tmp_path / "big"
    big.write_bytes(random.Random(1).randbytes(17 * 2**20))
    (tmp_path / "small").write_bytes(b"small")
    endless = ((big, f"big {n}", OPTIONS) for n in itertools.count())
    files = itertools.chain([(tmp_path / "small", "small", OPTIONS)], endless)
    uploads = service.upload_files(files)
    assert [next(uploads).error, next(uploads).error] == [None, None]

    uploads.close()

    with closing(server.boto3_client()) as client:
        open_uploads = client.list_multipart_uploads(Bucket=config.bucket_name)
        stored = client.list_objects_v2(Bucket=config.bucket_name)["Contents"]
    assert not open_uploads.get("Uploads")
    assert {file["Size"] for file in stored} == {5, 17 * 2**20}
    downloads = service.download_files(
        (file["Key"], tmp_path / "down" / str(n)) for n, file in enumerate(itertools.cycle(stored))
    )
    assert next(downloads).error is None
    downloads.close()
    assert not list((tmp_path / "down").glob(".*"))
