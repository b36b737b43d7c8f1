"""A server for each integration test, and a bucket of its own.

What prepares and tidies up is plain boto3: the package under test does neither.
"""

from __future__ import annotations

import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from s3_integration.client import S3Client
from tests.fixtures.ceph import ceph
from tests.fixtures.faults_clients import ENGINES
from tests.fixtures.moto_server import moto_server
from tests.fixtures.rclone_server import rclone_server
from tests.fixtures.servers import (
    aws,
    ceph_under_test,
    chosen_servers,
    moto_under_test,
    rclone_under_test,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client as Boto3S3Client
    from mypy_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

    from s3_integration.config import S3Config
    from tests.fixtures.ceph import CephServer
    from tests.fixtures.contract import Get, Put
    from tests.fixtures.servers import ServerUnderTest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        names = chosen_servers(metafunc.config)
        metafunc.parametrize("server", names, indirect=True, scope="session")
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[ServerUnderTest]:
    """Each of the chosen servers in turn."""
    match request.param:
        case "aws":
            yield aws(request.config)
        case "ceph":
            yield ceph_under_test(request.getfixturevalue("ceph_server"))
        case "rclone":
            with rclone_server() as started:
                yield rclone_under_test(started)
        case _:
            with moto_server() as endpoint_url:
                yield moto_under_test(endpoint_url)


@pytest.fixture(scope="session")
def ceph_server(request: pytest.FixtureRequest) -> Iterator[CephServer]:
    """Ceph itself, for tests that need a second user; they are skipped where it is not used."""
    if "ceph" not in chosen_servers(request.config):
        pytest.skip("needs Ceph")
    with ceph() as started:
        yield started


@pytest.fixture
def config(
    request: pytest.FixtureRequest, server: ServerUnderTest, plain: Any
) -> Iterator[S3Config]:
    """Settings with a bucket that does not exist yet (on AWS: the empty one that was given).

    A test that asks for `engine` gets them for each engine.
    """
    names = request.fixturenames
    engine = request.getfixturevalue("engine") if "engine" in names else None
    with _bucket_for_a_while(server, plain) as bucket_name:
        yield server.config(bucket_name, engine=engine)


@pytest.fixture
def client(config: S3Config) -> S3Client:
    """A client with those settings."""
    return S3Client(config=config)


@pytest.fixture(scope="session")
def plain(server: ServerUnderTest) -> Iterator[Any]:
    """boto3's own client, for a second look at what was stored; one for all, as it costs much."""
    with closing(server.boto3_client()) as plain_client:
        yield plain_client


@pytest.fixture
def put(client: S3Client, tmp_path: Path) -> Put:
    """Store bytes under a key."""

    def upload(key: str, content: bytes) -> str:
        source = tmp_path / "source"
        source.write_bytes(content)
        return client.upload_file(source, key)

    return upload


@pytest.fixture
def get(client: S3Client, tmp_path: Path) -> Get:
    """Fetch the bytes under a key."""

    def download(key: str) -> bytes:
        return Path(client.download_file(key, tmp_path / "fetched")).read_bytes()

    return download


@pytest.fixture
def another_config(server: ServerUnderTest, plain: Any) -> Iterator[S3Config]:
    """Settings with one more bucket that does not exist yet; skipped on AWS, which has one."""
    if server.only_bucket_name:
        pytest.skip("needs one more bucket")
    with _bucket_for_a_while(server, plain) as bucket_name:
        yield server.config(bucket_name)


@contextmanager
def _bucket_for_a_while(server: ServerUnderTest, plain: Boto3S3Client) -> Iterator[str]:
    bucket_name = server.only_bucket_name or f"s3-integration-{uuid.uuid4().hex}"
    yield bucket_name
    if server.name == "moto":
        _reset_moto(server)
        return
    with suppress(plain.exceptions.NoSuchBucket):  # the test stored nothing
        _tidy_up(server, plain, bucket_name)


def _tidy_up(server: ServerUnderTest, client: Boto3S3Client, bucket_name: str) -> None:
    if server.folder:
        shutil.rmtree(server.folder / bucket_name, ignore_errors=True)  # a test may store nothing
        return
    if not server.only_bucket_name:
        client.delete_bucket_policy(Bucket=bucket_name)  # it may forbid what follows
    _empty(client, bucket_name)
    if not server.only_bucket_name:
        client.delete_bucket(Bucket=bucket_name)


def _reset_moto(server: ServerUnderTest) -> None:
    """Let moto forget everything: it cannot list versions whose keys hold control characters."""
    connection = HTTPConnection((server.endpoint_url or "").removeprefix("http://"), timeout=30)
    with closing(connection):
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200


def _empty(client: Boto3S3Client, bucket_name: str) -> None:
    """Delete every version, every delete marker and every unfinished upload."""

    def delete(version: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef) -> None:
        client.delete_object(Bucket=bucket_name, Key=version["Key"], VersionId=version["VersionId"])

    with ThreadPoolExecutor(4) as threads:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket_name):
            stored = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            list(threads.map(delete, stored))
    for uploads in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket_name):
        for upload in uploads.get("Uploads", ()):
            client.abort_multipart_upload(
                Bucket=bucket_name, Key=upload["Key"], UploadId=upload["UploadId"]
            )
