"""Buckets: making them with their protections, and leaving all others as they are."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3_integration.bucket.statements import with_plain_http_denied
from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3IntegrationError,
    S3UploadError,
)
from tests.fixtures.ceph import CephServer
from tests.fixtures.children import environment_of, started_child
from tests.fixtures.servers import ServerUnderTest

BLOCKED: Final = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

PROTECTIONS: Final[dict[str, dict[str, Any]]] = {
    "moto": {
        "public access": BLOCKED,
        "ownership": "BucketOwnerEnforced",
        "encryption": "AES256",
        "versioning": "Enabled",
        "policy": None,
        "abort after days": 7,
    },
    # Ceph 16.2 knows neither ownership nor default encryption, and refuses every write once
    # public ACLs are blocked.
    "ceph": {
        "public access": {**BLOCKED, "BlockPublicAcls": False},
        "ownership": None,
        "encryption": None,
        "versioning": "Enabled",
        "policy": None,
        "abort after days": 7,
    },
}
"""What a bucket made over plain http has, as a plain boto3 client reads it."""

MISSING: Final = {
    "moto": ["plain http denied"],
    "ceph": [
        *("public access blocked (in part", "owner enforced (", "default encryption ("),
        "plain http denied (",
    ],
}
"""What the warning about such a bucket names."""


@pytest.fixture(autouse=True)
def _not_on_the_bucket_of_a_person(request: pytest.FixtureRequest) -> None:
    if "server" not in request.fixturenames:
        return
    server: ServerUnderTest = request.getfixturevalue("server")
    server.must_have("bucket controls")
    if server.only_bucket_name:
        pytest.skip("makes buckets")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


def protections_of(plain: Any, bucket_name: str) -> dict[str, Any]:
    """Every protection of a bucket, None where it has none."""

    def read(method: str, *path: str | int) -> Any:
        try:
            found = getattr(plain, method)(Bucket=bucket_name)
            for step in path:
                found = found[step]
        except (ClientError, KeyError):
            return None
        return found

    rule: Any = ("ServerSideEncryptionConfiguration", "Rules", 0)
    abort = ("Rules", 0, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")
    return {
        "public access": read("get_public_access_block", "PublicAccessBlockConfiguration"),
        "ownership": read(
            "get_bucket_ownership_controls", "OwnershipControls", "Rules", 0, "ObjectOwnership"
        ),
        "encryption": read(
            "get_bucket_encryption", *rule, "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"
        ),
        "versioning": read("get_bucket_versioning", "Status"),
        "policy": read("get_bucket_policy", "Policy"),
        "abort after days": read("get_bucket_lifecycle_configuration", *abort),
    }


# Making a bucket


def test_a_missing_bucket_is_made_with_every_protection_the_server_knows(
    server: ServerUnderTest, config: S3Config, plain: Any, source: Path
) -> None:
    S3Client(config=config).upload_file(source, "k")

    assert protections_of(plain, config.bucket_name) == PROTECTIONS[server.name]
    assert plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read() == b"content"


def test_one_warning_names_what_the_server_could_not_give(
    server: ServerUnderTest, config: S3Config, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    S3Client(config=config).upload_file(source, "k")

    (warning,) = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and "created without" in record.getMessage()
    ]
    assert config.bucket_name in warning
    assert all(name in warning for name in MISSING[server.name])
    assert warning.count(";") == len(MISSING[server.name]) - 1


def test_the_probe_for_writing_leaves_no_object(config: S3Config, plain: Any, source: Path) -> None:
    S3Client(config=config).upload_file(source, "k")

    listed = plain.list_objects_v2(Bucket=config.bucket_name)["Contents"]
    assert [found["Key"] for found in listed] == ["k"]


def test_an_existing_bucket_is_used_and_never_changed(
    config: S3Config, plain: Any, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain.create_bucket(Bucket=config.bucket_name)
    before = protections_of(plain, config.bucket_name)

    S3Client(config=config).upload_file(source, "k")

    assert protections_of(plain, config.bucket_name) == before
    assert before["versioning"] is before["policy"] is before["abort after days"] is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_reading_makes_no_bucket(config: S3Config, plain: Any) -> None:
    client = S3Client(config=config)

    for read in (
        client.list_files,
        lambda: client.file_exists("k"),
        lambda: client.delete_file("k"),
    ):
        with pytest.raises(S3BucketError):
            read()

    with pytest.raises(ClientError):
        plain.head_bucket(Bucket=config.bucket_name)


def test_a_client_that_may_not_make_the_bucket_makes_none(
    config: S3Config, plain: Any, source: Path
) -> None:
    with pytest.raises(S3BucketError) as caught:
        S3Client(config=config, create_bucket=False).upload_file(source, "k")

    assert isinstance(caught.value, S3UploadError)
    assert caught.value.code == "NoSuchBucket"
    with pytest.raises(ClientError):
        plain.head_bucket(Bucket=config.bucket_name)


def test_a_client_that_may_not_make_the_bucket_uses_one_that_is_there(
    config: S3Config, plain: Any, source: Path
) -> None:
    plain.create_bucket(Bucket=config.bucket_name)

    S3Client(config=config, create_bucket=False).upload_file(source, "k")

    assert plain.head_object(Bucket=config.bucket_name, Key="k")["ContentLength"] == 7


# It tells when it has seen that there is no bucket, and goes on when it is told to.
_UPLOAD_AT_THE_SAME_TIME: Final = """
import sys
from s3_integration import S3Client

client = S3Client()
def wait(http_response, **_):
    print("looked", http_response.status_code, flush=True)
    sys.stdin.readline()
events = client._service.get()._get_s3_client().meta.events
events.register("after-call.s3.HeadBucket", wait)
client.upload_file(sys.argv[1], sys.argv[2])
print("done", flush=True)
"""


# In us-east-1, the second CreateBucket answers 200; elsewhere it is a BucketAlreadyOwnedByYou.
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_two_processes_that_make_the_bucket_at_once_both_succeed(
    server: ServerUnderTest, config: S3Config, plain: Any, source: Path, region: str
) -> None:
    if server.name == "ceph" and region != "us-east-1":
        pytest.skip("Ceph has one region")
    environment = environment_of(server.config(config.bucket_name, region=region))
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                started_child(_UPLOAD_AT_THE_SAME_TIME, source, key, environment=environment)
            )
            for key in ("first", "second")
        ]
        assert [child.read_line() for child in children] == ["looked 404", "looked 404"]

        for child in children:
            child.say("go")

        assert [child.read_line() for child in children] == ["done", "done"]
    stored = plain.list_objects_v2(Bucket=config.bucket_name)["Contents"]
    assert [found["Key"] for found in stored] == ["first", "second"]
    assert protections_of(plain, config.bucket_name) == PROTECTIONS[server.name]


def test_a_bucket_elsewhere_is_made_in_the_region_of_the_settings(
    server: ServerUnderTest, config: S3Config, plain: Any, source: Path
) -> None:
    if server.name != "moto":
        pytest.skip("Ceph has one region")
    settings = server.config(config.bucket_name, region="eu-central-1")

    S3Client(config=settings).upload_file(source, "k")

    location = plain.get_bucket_location(Bucket=config.bucket_name)
    assert location["LocationConstraint"] == "eu-central-1"


def test_a_region_that_the_server_has_not_is_a_bucket_error(
    server: ServerUnderTest, config: S3Config, source: Path
) -> None:
    if server.name != "ceph":
        pytest.skip("moto has every region")
    settings = server.config(config.bucket_name, region="eu-central-1")

    with pytest.raises(S3BucketError) as caught:
        S3Client(config=settings).upload_file(source, "k")

    assert caught.value.code == "InvalidLocationConstraint"


# Buckets of others


@pytest.fixture(scope="module")
def second_user(ceph_server: CephServer) -> Iterator[Any]:
    """A plain client of somebody else on the same Ceph."""
    ceph_server.add_user("second", "ceph-second-user", "ceph-second-secret")
    client: Any = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=ceph_server.endpoint_url,
        aws_access_key_id="ceph-second-user",
        aws_secret_access_key="ceph-second-secret",
        config=Config(request_checksum_calculation="when_required"),
    )
    with closing(client):
        yield client


@pytest.fixture
def ceph_config(ceph_server: CephServer) -> S3Config:
    return S3Config(
        f"s3-integration-{uuid.uuid4().hex}",
        "us-east-1",
        ceph_server.access_key_id,
        ceph_server.secret_access_key,
        endpoint_url=ceph_server.endpoint_url,
    )


def test_a_bucket_of_someone_else_is_a_bucket_error_of_an_upload(
    ceph_config: S3Config, second_user: Any, source: Path
) -> None:
    second_user.create_bucket(Bucket=ceph_config.bucket_name)

    with pytest.raises(S3BucketError) as caught:
        S3Client(config=ceph_config).upload_file(source, "k")

    assert (caught.value.http_status, caught.value.operation) == (403, "HeadBucket")
    assert isinstance(caught.value, S3AccessDeniedError)
    assert isinstance(caught.value, S3UploadError)
    assert "belongs to someone else" in caught.value.message
    assert "Contents" not in second_user.list_objects_v2(Bucket=ceph_config.bucket_name)


def test_a_bucket_that_someone_else_makes_first_is_a_bucket_error(
    ceph_config: S3Config, second_user: Any, source: Path
) -> None:
    """CreateBucket answers 409: the other came between the look and the making."""
    client = S3Client(config=ceph_config)
    looks: list[int] = []

    def overtake(http_response: Any, **_: object) -> None:
        looks.append(http_response.status_code)
        second_user.create_bucket(Bucket=ceph_config.bucket_name)

    service_client: Any = client._service.get()._get_s3_client()
    service_client.meta.events.register("after-call.s3.HeadBucket", overtake)

    with pytest.raises(S3BucketError) as caught:
        client.upload_file(source, "k")

    assert looks == [404]
    assert (caught.value.http_status, caught.value.code) == (409, "BucketAlreadyExists")
    assert isinstance(caught.value, S3UploadError)
    assert "belongs to someone else" in caught.value.message


def test_reading_from_a_bucket_of_someone_else_is_an_access_error(
    ceph_config: S3Config, second_user: Any, tmp_path: Path
) -> None:
    second_user.create_bucket(Bucket=ceph_config.bucket_name)
    second_user.put_object(Bucket=ceph_config.bucket_name, Key="k", Body=b"private")
    client = S3Client(config=ceph_config)

    for read in (
        client.list_files,
        lambda: client.file_exists("k"),
        lambda: client.delete_file("k"),
        lambda: client.download_file("k", tmp_path / "d"),
    ):
        with pytest.raises(S3AccessDeniedError) as caught:
            read()
        assert "s3:" in caught.value.suggestion
    assert second_user.get_object(Bucket=ceph_config.bucket_name, Key="k")["Body"].read()


# TLS


@pytest.fixture
def tls_config(ceph_config: S3Config, ceph_server: CephServer) -> S3Config:
    """Ceph's gateway by TLS, with a certificate of an authority that nobody else knows."""
    return replace(
        ceph_config, endpoint_url=ceph_server.tls_endpoint_url, ca_bundle=ceph_server.ca_bundle
    )


def test_a_bucket_made_over_tls_denies_plain_http_and_goes_on_working(
    ceph_server: CephServer, tls_config: S3Config, tmp_path: Path, source: Path
) -> None:
    """The policy is there, and lets TLS through.

    Ceph 16.2 accepts the policy without enforcing it on plain http: it sets
    `aws:SecureTransport` for requests by TLS only, and a missing key fulfils no `Bool`. That
    plain http is refused can only be seen on AWS; that the gateway judges the condition at
    all is seen by turning it round.
    """
    client = S3Client(config=tls_config)
    client.upload_file(source, "k")
    plain = _tls_client(ceph_server)
    where = {"Bucket": tls_config.bucket_name}

    policy = json.loads(plain.get_bucket_policy(**where)["Policy"])
    assert policy == with_plain_http_denied({}, tls_config.bucket_name)
    assert Path(client.download_file("k", tmp_path / "d")).read_bytes() == b"content"
    assert client.file_exists("k")

    policy["Statement"][0]["Action"] = "s3:GetObject"
    policy["Statement"][0]["Condition"]["Bool"]["aws:SecureTransport"] = "true"
    plain.put_bucket_policy(**where, Policy=json.dumps(policy))
    with pytest.raises(S3AccessDeniedError):
        client.download_file("k", tmp_path / "d")
    plain.close()


def _tls_client(ceph_server: CephServer) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=ceph_server.tls_endpoint_url,
        aws_access_key_id=ceph_server.access_key_id,
        aws_secret_access_key=ceph_server.secret_access_key,
        verify=ceph_server.ca_bundle,
        config=Config(request_checksum_calculation="when_required"),
    )


def test_a_server_whose_authority_is_unknown_gets_nothing(
    ceph_server: CephServer, tls_config: S3Config, source: Path
) -> None:
    settings = S3Config(
        tls_config.bucket_name,
        "us-east-1",
        ceph_server.access_key_id,
        ceph_server.secret_access_key,
        endpoint_url=ceph_server.tls_endpoint_url,
    )

    with pytest.raises(S3IntegrationError) as caught:
        S3Client(config=settings).upload_file(source, "k")

    assert "ca_bundle" in caught.value.suggestion
    assert not caught.value.retryable
    with closing(_tls_client(ceph_server)) as plain, pytest.raises(ClientError):
        plain.head_bucket(Bucket=tls_config.bucket_name)
