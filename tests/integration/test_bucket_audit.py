"""Auditing and securing buckets on real servers, each of which has some of the settings.

All of them overlook the expected owner, none delivers access logs, moto takes conditions of
policies for fulfilled: what AWS does about these is tested in `tests/unit/bucket/test_secure.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config

from s3_integration import AuditReport, S3BucketError, S3Client, S3Config
from s3_integration.bucket.statements import denies_plain_http
from tests.fixtures.ceph import CephServer
from tests.fixtures.children import environment_of, run_child
from tests.fixtures.servers import ServerUnderTest

UNSUPPORTED: Final = {
    "moto": {"SSE-C blocked", "plain http denied"},
    "ceph": {"owner enforced", "default encryption", "SSE-C blocked", "plain http denied"},
}
"""What cannot be had there over plain http."""

ALWAYS_FINE: Final = {
    "no public policy",
    "no public ACL",
    "old versions expired",
    "Object Lock",
    "MFA delete",
}


@pytest.fixture(autouse=True)
def _not_on_the_bucket_of_a_person(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames and request.getfixturevalue("server").only_bucket_name:
        pytest.skip("makes buckets")


@pytest.fixture
def client(config: S3Config, plain: Any) -> S3Client:
    """A client of a bucket that plain boto3 made."""
    plain.create_bucket(Bucket=config.bucket_name)
    return S3Client(config=config)


def names(report: AuditReport, *statuses: str) -> set[str]:
    return {finding.control for finding in report.findings if finding.status in statuses}


def writes_of(client: S3Client) -> list[str]:
    """The requests that change something, from now on."""
    sent: list[str] = []

    def note(request: Any, **_: object) -> None:
        if request.method not in {"GET", "HEAD"}:
            sent.append(f"{request.method} {request.url}")

    events: Any = client._service.get()._get_s3_client().meta.events
    events.register("before-send.s3", note)
    return sent


def test_a_bucket_that_plain_boto3_made_misses_what_its_server_has(
    server: ServerUnderTest, client: S3Client
) -> None:
    server.must_have("bucket controls")

    report = client.bucket.audit()

    assert not report.ok
    assert names(report, "unsupported") == UNSUPPORTED[server.name]
    assert names(report, "ok", "off") == ALWAYS_FINE
    assert names(report, "wrong", "refused") == set()


def test_where_a_server_has_no_settings_every_control_is_unsupported(
    server: ServerUnderTest, client: S3Client
) -> None:
    if server.name != "rclone":
        pytest.skip("has settings")

    report = client.bucket.audit()

    assert {finding.status for finding in report.findings} == {"unsupported"}
    writes = writes_of(client)
    assert client.bucket.secure(logging_bucket="my-logs").changed == ()
    assert writes == []


def test_a_secured_bucket_has_everything_that_its_server_has_and_works(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    server.must_have("bucket controls")

    report = client.bucket.secure()

    open_ones = {finding.control for finding in client.bucket.audit().problems}
    stopped = {"public access blocked"} if server.name == "ceph" else set()
    assert open_ones == UNSUPPORTED[server.name] | stopped | {"access logging"}
    assert {result.before.control for result in report.failed} == open_ones
    plain.put_object(Bucket=client.bucket_name, Key="k", Body=b"content")


def test_a_second_run_sends_no_write(server: ServerUnderTest, client: S3Client) -> None:
    server.must_have("bucket controls")
    writes = writes_of(client)
    client.bucket.secure()
    assert writes
    writes.clear()

    assert client.bucket.secure().changed == ()

    assert writes == []


def test_a_dry_run_sends_no_write(server: ServerUnderTest, client: S3Client) -> None:
    server.must_have("bucket controls")
    writes = writes_of(client)

    report = client.bucket.secure(logging_bucket="my-logs", dry_run=True)

    assert report.changed
    assert writes == []


RULES: Final = [
    {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "tmp/"},
        "Expiration": {"Days": 3},
    },
    {
        "ID": "tagged",
        "Status": "Disabled",
        "Filter": {"Tag": {"Key": "k", "Value": "v"}},
        "Expiration": {"Days": 9},
    },
]
CORS: Final = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]}


def test_rules_of_others_stay(server: ServerUnderTest, client: S3Client, plain: Any) -> None:
    server.must_have("bucket controls")
    where = {"Bucket": client.bucket_name}
    plain.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration={"Rules": RULES})
    plain.put_bucket_cors(**where, CORSConfiguration=CORS)

    client.bucket.secure(expire_old_versions_after_days=90)

    rules = plain.get_bucket_lifecycle_configuration(**where)["Rules"]
    assert [rule for rule in rules if rule["ID"] in {"theirs", "tagged"}] == sorted(
        RULES, key=lambda rule: [each["ID"] for each in rules].index(rule["ID"])
    )
    assert {rule["ID"] for rule in rules} == {
        "theirs",
        "tagged",
        "abort-unfinished-uploads",
        "expire-old-versions",
    }
    [kept] = plain.get_bucket_cors(**where)["CORSRules"]
    assert kept.items() >= CORS["CORSRules"][0].items()


def test_rules_of_the_older_form_are_joined_by_such(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    server.must_have("bucket controls")
    where = {"Bucket": client.bucket_name}
    rule = {"ID": "old", "Status": "Enabled", "Prefix": "tmp/", "Expiration": {"Days": 3}}
    plain.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration={"Rules": [rule]})

    client.bucket.secure()

    rules = plain.get_bucket_lifecycle_configuration(**where)["Rules"]
    assert rule in rules
    assert ["Filter" in each for each in rules] == [False, False]


def test_logs_go_into_a_bucket_that_is_made_for_them(
    server: ServerUnderTest, client: S3Client, plain: Any, another_config: S3Config
) -> None:
    if server.name != "moto":
        pytest.skip("has no logging")
    logs = another_config.bucket_name

    report = client.bucket.secure(logging_bucket=logs)

    assert "access logging" in {result.before.control for result in report.changed}
    told = plain.get_bucket_logging(Bucket=client.bucket_name)["LoggingEnabled"]
    assert (told["TargetBucket"], told["TargetPrefix"]) == (logs, f"{client.bucket_name}/")
    found = S3Client(config=another_config).bucket.audit()
    assert names(found, "unsupported") == UNSUPPORTED["moto"]
    assert names(found, "missing", "wrong", "refused") == set()


def test_on_a_server_without_logging_no_bucket_is_made_for_it(
    server: ServerUnderTest, client: S3Client, plain: Any, another_config: S3Config
) -> None:
    if server.name != "ceph":
        pytest.skip("has logging, or nothing at all")

    report = client.bucket.secure(logging_bucket=another_config.bucket_name)

    [result] = [each for each in report.failed if each.before.control == "access logging"]
    assert result.after.status == "unsupported"
    assert another_config.bucket_name not in [
        bucket["Name"] for bucket in plain.list_buckets()["Buckets"]
    ]
    plain.create_bucket(Bucket=another_config.bucket_name)  # it is tidied up


def test_a_bucket_that_is_not_there_is_an_error(server: ServerUnderTest, config: S3Config) -> None:
    bucket = S3Client(config=config).bucket

    for look in (bucket.audit, bucket.secure):
        with pytest.raises(S3BucketError, match="does not exist"):
            look()


# Ceph by TLS, and for somebody else


@pytest.fixture
def ceph_bucket(ceph_server: CephServer) -> Iterator[tuple[Any, S3Config]]:
    """A plain client by TLS with a bucket, and settings that lead to it."""
    bucket_name = "audited-by-tls"
    config = S3Config(
        bucket_name,
        "us-east-1",
        ceph_server.access_key_id,
        ceph_server.secret_access_key,
        endpoint_url=ceph_server.tls_endpoint_url,
        ca_bundle=ceph_server.ca_bundle,
    )
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=config.endpoint_url,
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=config.secret_access_key,
        verify=config.ca_bundle,
        config=Config(request_checksum_calculation="when_required"),
    )
    with closing(client):
        client.create_bucket(Bucket=bucket_name)
        yield client, config
        client.delete_bucket(Bucket=bucket_name)


def test_by_tls_a_policy_of_others_gets_one_more_statement(
    ceph_bucket: tuple[Any, S3Config],
) -> None:
    # Theirs denies: Ceph 16 takes no policy that allows anybody anything, once public ones
    # are blocked (measured with 16.2.15).
    plain, config = ceph_bucket
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "theirs",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:PutBucketWebsite"],
                "Resource": [f"arn:aws:s3:::{config.bucket_name}"],
            }
        ],
    }
    plain.put_bucket_policy(Bucket=config.bucket_name, Policy=json.dumps(policy))

    S3Client(config=config).bucket.secure()

    found = json.loads(plain.get_bucket_policy(Bucket=config.bucket_name)["Policy"])
    assert found["Statement"][:-1] == policy["Statement"]
    assert denies_plain_http(found, config.bucket_name)


def test_what_somebody_else_may_not_read_is_a_finding_that_names_the_action(
    ceph_server: CephServer, ceph_bucket: tuple[Any, S3Config]
) -> None:
    _, config = ceph_bucket
    key_id, secret = "audit-second-key", "audit-second-secret"
    ceph_server.add_user("audit-second", key_id, secret)
    theirs = replace(config, access_key_id=key_id, secret_access_key=secret)

    report = S3Client(config=theirs).bucket.audit()

    refused = [finding for finding in report.findings if finding.status == "refused"]
    assert {"versioning", "plain http denied", "unfinished uploads aborted"} <= {
        finding.control for finding in refused
    }
    assert all("Allow s3:Get" in finding.next_step for finding in refused)
    assert not report.ok


# Those who mock AWS


_MOCKED: Final = """
import boto3
from moto import mock_aws
from s3_integration import S3Client

with mock_aws():
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="mocked")
    client = S3Client("mocked")
    report = client.bucket.secure(logging_bucket="mocked-logs")
    print(*sorted(result.before.control for result in report.failed), sep="\\n")
    open("file", "w").close()
    client.upload_file("file")
"""


def test_users_tests_under_motos_mock_can_secure_a_bucket() -> None:
    """The account is asked of moto's STS, and the bucket can be written to afterwards."""
    environment = environment_of(S3Config("mocked", "us-east-1", "id", "secret"))
    # Whatever moto did not catch would have nowhere to go.
    environment |= {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}

    child = run_child(_MOCKED, environment=environment, timeout_seconds=100)

    assert child.stdout.splitlines() == ["SSE-C blocked", "plain http denied"], child.stderr
    assert child.returncode == 0, child.stderr
