"""On a real store, a policy with a prefix lets a second user in there, and nowhere else.

Ceph's gateway knows policies of buckets, not of users: the statements are those of
`Bucket.policy`, each with the principal that a bucket's policy names.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3AccessDeniedError
from tests.fixtures.ceph import CephServer
from tests.fixtures.servers import ceph_under_test

PREFIX = "agents/7/"
GUEST = ("guest", "ceph-guest-user", "ceph-guest-secret")


@pytest.fixture(scope="module")
def owner(ceph_server: CephServer) -> Iterator[S3Client]:
    """The first user, whose bucket is open to the guest under the prefix."""
    ceph_server.add_user(*GUEST)
    server = ceph_under_test(ceph_server)
    bucket_name = f"s3-integration-{uuid.uuid4().hex}"
    with closing(server.boto3_client()) as plain:
        plain.create_bucket(Bucket=bucket_name)
        policy = S3Client(bucket_name).bucket.policy(prefix=PREFIX)
        for statement in policy["Statement"]:
            statement["Principal"] = {"AWS": [f"arn:aws:iam:::user/{GUEST[0]}"]}
        plain.put_bucket_policy(Bucket=bucket_name, Policy=json.dumps(policy))
        yield S3Client(config=server.config(bucket_name))
        for listed in plain.list_objects_v2(Bucket=bucket_name).get("Contents", ()):
            plain.delete_object(Bucket=bucket_name, Key=listed["Key"])
        plain.delete_bucket(Bucket=bucket_name)


@pytest.fixture
def guest_config(owner: S3Client, ceph_server: CephServer) -> S3Config:
    _, access_key_id, secret_access_key = GUEST
    return S3Config(
        owner.bucket_name,
        "us-east-1",
        access_key_id,
        secret_access_key,
        endpoint_url=ceph_server.endpoint_url,
    )


@pytest.fixture
def guest(guest_config: S3Config) -> S3Client:
    return S3Client(config=guest_config, create_bucket=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"a guest's")
    return path


def test_under_the_prefix_a_second_user_can_do_everything(
    guest: S3Client, owner: S3Client, source: Path, tmp_path: Path
) -> None:
    owner.upload_file(source, PREFIX + "of-the-owner")

    guest.upload_file(source, PREFIX + "of-the-guest")
    guest.download_file(PREFIX + "of-the-guest", tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == source.read_bytes()
    assert guest.file_exists(PREFIX + "of-the-guest")
    assert [file["key"] for file in guest.list_files(PREFIX)] == [
        PREFIX + "of-the-guest",
        PREFIX + "of-the-owner",
    ]
    assert guest.delete_file(PREFIX + "of-the-guest")
    assert guest.delete_file(PREFIX + "of-the-owner")


@pytest.mark.parametrize("outside", ["agents/8/x", "agents/70", "agents/7", "x"])
def test_beside_the_prefix_a_second_user_can_do_nothing(
    outside: str, guest: S3Client, owner: S3Client, source: Path, tmp_path: Path
) -> None:
    owner.upload_file(source, outside)
    another = tmp_path / "another"
    another.write_bytes(b"of nobody's")

    for attempt in (
        lambda: guest.upload_file(another, outside),
        lambda: guest.download_file(outside, tmp_path / "fetched"),
        lambda: guest.file_exists(outside),
        lambda: guest.file_info(outside),
        lambda: guest.delete_file(outside),
        lambda: guest.list_files(outside),
        guest.list_files,
    ):
        with pytest.raises(S3AccessDeniedError):
            attempt()

    assert not (tmp_path / "fetched").exists()
    assert owner.file_info(outside).size == len(source.read_bytes())


def test_other_buckets_stay_closed_to_a_second_user(
    guest_config: S3Config, ceph_server: CephServer, source: Path
) -> None:
    bucket_name = f"s3-integration-{uuid.uuid4().hex}"
    client = S3Client(config=replace(guest_config, bucket_name=bucket_name), create_bucket=False)
    with closing(ceph_under_test(ceph_server).boto3_client()) as plain:
        plain.create_bucket(Bucket=bucket_name)

        for attempt in (
            lambda: client.upload_file(source, PREFIX + "x"),
            lambda: client.file_exists(PREFIX + "x"),
            lambda: client.list_files(PREFIX),
            client.bucket.ensure,
        ):
            with pytest.raises(S3AccessDeniedError):
                attempt()

        plain.delete_bucket(Bucket=bucket_name)
