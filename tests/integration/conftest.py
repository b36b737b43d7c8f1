"""A server for each integration test, and a bucket of its own.

What prepares and tidies up is plain boto3: the package under test does neither.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.ceph import ceph
from tests.fixtures.moto_server import moto_server
from tests.fixtures.servers import ServerUnderTest, aws, chosen_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client as Boto3S3Client
    from mypy_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

    from s3_integration.config import S3Config
    from tests.fixtures.ceph import CephServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        names = chosen_servers(metafunc.config)
        metafunc.parametrize("server", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[ServerUnderTest]:
    """Each of the chosen servers in turn."""
    if request.param == "aws":
        yield aws(request.config)
    elif request.param == "ceph":
        started: CephServer = request.getfixturevalue("ceph_server")
        yield ServerUnderTest(
            name="ceph",
            endpoint_url=started.endpoint_url,
            access_key_id=started.access_key_id,
            secret_access_key=started.secret_access_key,
        )
    else:
        with moto_server() as endpoint_url:
            yield ServerUnderTest(
                name="moto",
                endpoint_url=endpoint_url,
                access_key_id="moto-user",
                secret_access_key="moto-secret",
            )


@pytest.fixture(scope="session")
def ceph_server(request: pytest.FixtureRequest) -> Iterator[CephServer]:
    """Ceph itself, for tests that need a second user; they are skipped where it is not used."""
    if "ceph" not in chosen_servers(request.config):
        pytest.skip("needs Ceph")
    with ceph() as started:
        yield started


@pytest.fixture
def config(server: ServerUnderTest) -> Iterator[S3Config]:
    """Settings with a bucket that does not exist yet (on AWS: the empty one that was given)."""
    with _bucket_for_a_while(server) as bucket_name:
        yield server.config(bucket_name)


@pytest.fixture
def another_config(server: ServerUnderTest) -> Iterator[S3Config]:
    """Settings with one more bucket that does not exist yet; skipped on AWS, which has one."""
    if server.only_bucket_name:
        pytest.skip("needs one more bucket")
    with _bucket_for_a_while(server) as bucket_name:
        yield server.config(bucket_name)


@contextmanager
def _bucket_for_a_while(server: ServerUnderTest) -> Iterator[str]:
    bucket_name = server.only_bucket_name or f"s3-integration-{uuid.uuid4().hex}"
    yield bucket_name
    if server.name == "moto":
        _reset_moto(server)
        return
    client = server.boto3_client()
    try:
        if server.only_bucket_name:
            _empty(client, bucket_name)
        else:
            client.delete_bucket_policy(Bucket=bucket_name)  # it may forbid what follows
            _empty(client, bucket_name)
            client.delete_bucket(Bucket=bucket_name)
    except client.exceptions.NoSuchBucket:
        pass  # the test stored nothing
    finally:
        client.close()


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
