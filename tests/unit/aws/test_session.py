"""From settings to a client: region, endpoint, limits, and what goes over the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from s3_integration import __version__
from s3_integration.aws.endpoints import AWS, UNKNOWN
from s3_integration.aws.errors import translated
from s3_integration.aws.session import Connection, connect
from s3_integration.config import S3Config, resolve_settings
from s3_integration.exceptions import S3AccessDeniedError, S3ConfigError, S3IntegrationError
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    connection_to,
    error_answer,
    object_answer,
)

ConfigFile = Callable[[str], None]


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigFile:
    """Write the AWS config file that botocore will read."""
    path = tmp_path / "aws-config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))

    def write(text: str) -> None:
        path.write_text(text)

    return write


def connected(*, dotenv: dict[str, str] | None = None, **settings: Any) -> Connection:
    config = S3Config(
        access_key_id="AKIDEXAMPLE", secret_access_key="canary-secret-key", **settings
    )
    return connect(resolve_settings(config=config, environment={}, dotenv=dotenv or {}))


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_a_refusal_names_its_resource_in_the_partition_of_the_region(
    region: str, partition: str
) -> None:
    config = dataclasses.replace(CONFIG, region=region)
    client = connection_to(CannedS3(error_answer(403, "AccessDenied")), config).client

    with pytest.raises(S3AccessDeniedError) as caught, translated("ListObjectsV2", "a-b"):
        client.list_objects_v2(Bucket="a-b")

    assert f"Allow s3:ListBucket on arn:{partition}:s3:::a-b in" in caught.value.suggestion


def test_a_botocore_without_rules_for_endpoints_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(loader: Loader, service: str, kind: str, *further: Any, **named: Any) -> Any:
        if kind == "endpoint-rule-set-1":
            raise UnknownServiceError(service_name=service, known_service_names="")
        return load_as_ever(loader, service, kind, *further, **named)

    load_as_ever = Loader.load_service_model
    monkeypatch.setattr(Loader, "load_service_model", load)

    with pytest.raises(S3IntegrationError, match="not installed as a whole"):
        connected()


REGIONS = "[default]\nregion = eu-north-1\n[profile mine]\nregion = ap-south-1\n"


@pytest.mark.parametrize(
    ("settings", "dotenv", "file", "region"),
    [
        ({}, {}, "", "us-east-1"),
        ({}, {}, REGIONS, "eu-north-1"),
        ({"profile_name": "mine"}, {}, REGIONS, "ap-south-1"),
        ({"profile_name": "mine"}, {"AWS_REGION": "sa-east-1"}, REGIONS, "sa-east-1"),
        ({"region": "eu-west-3"}, {"AWS_REGION": "sa-east-1"}, REGIONS, "eu-west-3"),
    ],
)
def test_the_region_is_the_settings_then_the_profiles_then_the_default(
    settings: dict[str, str],
    dotenv: dict[str, str],
    file: str,
    region: str,
    config_file: ConfigFile,
) -> None:
    config_file(file)

    connection = connected(dotenv=dotenv, **settings)

    assert connection.region == region
    assert connection.client.meta.region_name == region


def test_without_an_endpoint_the_client_speaks_to_aws_by_host_names() -> None:
    s3 = CannedS3(Answer())
    connection = connected(region="eu-west-1")
    s3.attach(connection.client)

    connection.client.put_object(Bucket="unit-tests", Key="a")

    assert connection.endpoint is AWS
    assert connection.client.meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"
    assert s3.sent[0].bucket == "unit-tests"


def test_another_endpoint_is_spoken_to_by_paths() -> None:
    urls: list[str] = []
    connection = connected(endpoint_url="https://minio.example:9000")
    events: Any = connection.client.meta.events
    CannedS3(Answer()).attach(connection.client)
    events.register_first("before-send.s3", lambda request, **_: urls.append(request.url))

    connection.client.put_object(Bucket="unit-tests", Key="a")

    assert urls == ["https://minio.example:9000/unit-tests/a"]
    assert connection.endpoint is UNKNOWN


@pytest.mark.parametrize(
    "file",
    [
        "[default]\nendpoint_url = http://s3.foreign.example\n",
        "[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://10.0.0.1\n",
        "[default]\nendpoint_url = http://169.254.169.254\n",
    ],
)
def test_an_endpoint_of_the_config_file_has_to_be_safe_too(
    file: str, config_file: ConfigFile
) -> None:
    config_file(file)

    with pytest.raises(S3ConfigError, match="endpoint_url="):
        connected()


def test_an_endpoint_of_the_config_file_is_used_where_it_is_safe(config_file: ConfigFile) -> None:
    config_file("[default]\nendpoint_url = http://127.0.0.1:9000\n")

    assert connected().client.meta.endpoint_url == "http://127.0.0.1:9000"


def test_plain_http_of_the_config_file_may_be_allowed(config_file: ConfigFile) -> None:
    config_file("[default]\nendpoint_url = http://10.0.0.1\n")

    assert connected(plain_http="anywhere").endpoint is UNKNOWN


@pytest.mark.parametrize("url", ["no-url", "https://a b", "https://user:canary-pass@a b"])
def test_an_endpoint_of_the_config_file_that_is_no_url_is_an_error_of_ours(
    url: str, config_file: ConfigFile
) -> None:
    config_file(f"[default]\nendpoint_url = {url}\n")

    with pytest.raises(S3ConfigError) as caught:
        connected()

    assert "config file" in caught.value.message
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("[default]\ns3 =\n  addressing_style = sideways\n", "addressing style sideways"),
        ("[default]\nregion = bad region\n", "bad region"),
        ("no section\n", "parse"),
    ],
)
def test_nonsense_in_the_config_file_is_an_error_of_ours(
    file: str, told: str, config_file: ConfigFile
) -> None:
    config_file(file)

    with pytest.raises(S3IntegrationError, match=told):
        connected()


def test_limits_are_the_settings_whatever_botocores_defaults_are() -> None:
    config: Any = connected(connect_timeout_seconds=3, read_timeout_seconds=4.5).client.meta.config

    assert (config.connect_timeout, config.read_timeout) == (3, 4.5)
    assert config.max_pool_connections >= 64
    assert connected(total_attempts=9).total_attempts == 9


def test_a_certificate_file_is_what_connections_are_checked_with(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()

    endpoint: Any = connected(ca_bundle=str(bundle)).client._endpoint  # type: ignore[attr-defined]

    assert endpoint.http_session._verify == str(bundle)


@pytest.mark.parametrize("said", ["when_supported", "when_required"])
def test_no_checksum_is_added_or_asked_for_but_our_own(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", said)
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", said)
    s3 = CannedS3(Answer(), object_answer(b"content"))
    connection = connection_to(s3)

    connection.client.put_object(Bucket="unit-tests", Key="a", Body=b"content")
    connection.client.get_object(Bucket="unit-tests", Key="a")

    put, got = s3.sent
    checksums = ("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer", "content-encoding")
    assert not [name for name in put.headers if name.startswith(checksums)]
    assert put.body == b"content"
    assert "x-amz-checksum-mode" not in got.headers


def test_requests_say_that_they_are_this_packages() -> None:
    s3 = CannedS3(Answer())

    connection_to(s3).client.put_object(Bucket="unit-tests", Key="a")

    assert f"s3_integration/{__version__}" in s3.sent[0].headers["user-agent"].split()


def test_connecting_tells_in_debug_where_to_and_as_whom_but_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "s3_integration")

    connection_to(CannedS3(), dataclasses.replace(CONFIG, session_token="canary-token"))

    assert caplog.messages == [
        (
            "connected to https://s3.amazonaws.com, region us-east-1, "
            "credentials from the settings, access key id AKIDEXAMPLE"
        )
    ]
