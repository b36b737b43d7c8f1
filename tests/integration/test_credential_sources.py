"""Where credentials come from: each source really gone through, up to the server.

A relay before the server keeps the access key id of every request; Ceph also checks the
signatures. Wherever a source is used, all that come after it hold other, wrong keys.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3ConfigError, S3CredentialsError
from tests.fixtures.children import PACKAGE_PARENT, run_child
from tests.fixtures.metadata_services import (
    MetadataService,
    RoleCredentials,
    metadata_service,
    silent_service,
)
from tests.fixtures.recording_proxy import RecordingProxy, recording_proxy
from tests.fixtures.servers import ServerUnderTest

WRONG: Final = RoleCredentials("wrong-key-id", "wrong-secret")


@pytest.fixture(autouse=True)
def _not_with_the_keys_of_a_person(server: ServerUnderTest) -> None:
    if server.endpoint_url is None:
        pytest.skip("needs a server with made-up keys")


@pytest.fixture
def relay(server: ServerUnderTest, config: S3Config) -> Iterator[RecordingProxy]:
    """A relay to the server, on which the bucket of `config` is there."""
    with closing(server.boto3_client()) as plain:
        plain.create_bucket(Bucket=config.bucket_name)
    with recording_proxy(server.endpoint_url or "") as proxy:
        yield proxy


@pytest.fixture
def right(server: ServerUnderTest) -> RoleCredentials:
    return RoleCredentials(server.access_key_id, server.secret_access_key)


@dataclass
class Surroundings:
    """What stands around a program, and the settings that it gives itself."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    arguments: dict[str, str] = field(default_factory=dict)
    services: list[MetadataService] = field(default_factory=list)
    services_stack: ExitStack = field(default_factory=ExitStack)

    def set_arguments(self, keys: RoleCredentials) -> None:
        self.arguments["access_key_id"] = keys.access_key_id
        self.arguments["secret_access_key"] = keys.secret_access_key

    def set_environment(self, keys: RoleCredentials) -> None:
        self.monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
        self.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)

    def set_dotenv(self, keys: RoleCredentials) -> None:
        Path(".env").write_text(
            f"AWS_ACCESS_KEY_ID={keys.access_key_id}\n"
            f"export AWS_SECRET_ACCESS_KEY='{keys.secret_access_key}'\n"
        )

    def set_credentials_file(self, keys: RoleCredentials, profile: str = "default") -> None:
        self.write(
            "credentials",
            f"[{profile}]\n"
            f"aws_access_key_id = {keys.access_key_id}\n"
            f"aws_secret_access_key = {keys.secret_access_key}\n",
        )

    def set_container_role(self, keys: RoleCredentials) -> None:
        for name, value in self.service(keys).container_variables().items():
            self.monkeypatch.setenv(name, value)

    def set_instance_role(self, keys: RoleCredentials) -> None:
        for name, value in self.service(keys).instance_variables().items():
            self.monkeypatch.setenv(name, value)

    def service(self, keys: RoleCredentials) -> MetadataService:
        self.services.append(self.services_stack.enter_context(metadata_service(keys)))
        return self.services[-1]

    def write(self, name: str, text: str) -> None:
        path = self.home / ".aws" / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(text)


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Surroundings]:
    found = Surroundings(Path.home(), monkeypatch)
    yield found
    found.services_stack.close()
    monkeypatch.delenv("AWS_PROFILE", raising=False)  # what tidies up reads it too


SOURCES: Final[dict[str, Callable[[Surroundings, RoleCredentials], None]]] = {
    "arguments": Surroundings.set_arguments,
    "environment": Surroundings.set_environment,
    "the .env file": Surroundings.set_dotenv,
    "the credentials file": Surroundings.set_credentials_file,
    "the container role": Surroundings.set_container_role,
    "the instance role": Surroundings.set_instance_role,
}
"""Each source in the order of the search."""


def client_through(relay: RecordingProxy, config: S3Config, **arguments: Any) -> S3Client:
    settings = S3Config(config.bucket_name, endpoint_url=relay.endpoint_url, **arguments)
    return S3Client(config=settings)


# Every source


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_used_before_all_that_come_after_it(
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    surroundings: Surroundings,
    source: str,
) -> None:
    names = list(SOURCES)
    SOURCES[source](surroundings, right)
    for later in names[names.index(source) + 1 :]:
        SOURCES[later](surroundings, WRONG)

    assert not client_through(relay, config, **surroundings.arguments).file_exists("k")

    assert relay.access_key_ids == {right.access_key_id}
    roles = [service for service in surroundings.services if service.credentials == right]
    assert bool(roles) == (source in names[-2:])
    assert all(service.requests for service in roles)  # it really was asked


@pytest.mark.parametrize("source", SOURCES)
def test_wrong_keys_of_a_source_are_what_the_server_sees_and_refuses(
    server: ServerUnderTest,
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    surroundings: Surroundings,
    source: str,
) -> None:
    SOURCES[source](surroundings, WRONG)
    for later in list(SOURCES)[list(SOURCES).index(source) + 1 :]:
        SOURCES[later](surroundings, right)
    client = client_through(relay, config, **surroundings.arguments)

    if server.name == "moto":  # it takes every key
        client.list_files()
    else:
        with pytest.raises(S3CredentialsError) as caught:
            client.list_files()
        assert caught.value.code == "InvalidAccessKeyId"

    assert relay.access_key_ids == {WRONG.access_key_id}


def test_a_wrong_secret_is_told_as_such(
    server: ServerUnderTest, relay: RecordingProxy, config: S3Config
) -> None:
    if server.name == "moto":
        pytest.skip("moto checks no signature")
    client = client_through(
        relay, config, access_key_id=server.access_key_id, secret_access_key="wrong"
    )

    with pytest.raises(S3CredentialsError) as caught:
        client.list_files()

    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("place", ["argument", "environment", "the .env file"])
def test_a_profile_brings_its_keys_and_its_region(
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    surroundings: Surroundings,
    place: str,
) -> None:
    surroundings.set_credentials_file(WRONG)
    surroundings.set_credentials_file(right, "work")
    surroundings.write("config", "[profile work]\nregion = eu-west-3\n")
    if place == "argument":
        surroundings.arguments["profile_name"] = "work"
        surroundings.set_environment(WRONG)
    elif place == "environment":
        surroundings.monkeypatch.setenv("AWS_PROFILE", "work")
    else:
        Path(".env").write_text("AWS_PROFILE=work\n")

    client_through(relay, config, **surroundings.arguments).list_files()

    assert relay.access_key_ids == {right.access_key_id}
    assert {seen.region for seen in relay.requests} == {"eu-west-3"}


def test_a_region_of_ones_own_goes_before_that_of_the_profile(
    relay: RecordingProxy, config: S3Config, right: RoleCredentials, surroundings: Surroundings
) -> None:
    surroundings.set_credentials_file(right, "work")
    surroundings.write("config", "[profile work]\nregion = eu-west-3\n")

    client_through(relay, config, profile_name="work", region="eu-north-1").list_files()

    assert {seen.region for seen in relay.requests} == {"eu-north-1"}


def test_an_unknown_profile_is_a_config_error(relay: RecordingProxy, config: S3Config) -> None:
    with pytest.raises(S3ConfigError, match="nobody"):
        client_through(relay, config, profile_name="nobody").list_files()

    assert not relay.requests


def test_the_env_file_is_never_exported(
    relay: RecordingProxy, config: S3Config, right: RoleCredentials, surroundings: Surroundings
) -> None:
    surroundings.set_dotenv(right)
    before = dict(os.environ)

    client_through(relay, config).list_files()

    assert dict(os.environ) == before


@pytest.mark.parametrize("source", ["the container role", "the instance role"])
def test_the_session_token_of_a_role_is_sent_along(
    server: ServerUnderTest,
    relay: RecordingProxy,
    config: S3Config,
    surroundings: Surroundings,
    source: str,
) -> None:
    if server.name != "moto":
        pytest.skip("only moto takes session tokens that nobody gave out")
    keys = RoleCredentials("role-key-id", "role-secret", "role-session-token")
    SOURCES[source](surroundings, keys)

    client_through(relay, config).list_files()

    assert {(seen.access_key_id, seen.session_token) for seen in relay.requests} == {
        ("role-key-id", "role-session-token")
    }


def test_an_instance_is_asked_by_version_two_of_its_service(
    relay: RecordingProxy, config: S3Config, right: RoleCredentials, surroundings: Surroundings
) -> None:
    surroundings.set_instance_role(right)

    client_through(relay, config).list_files()

    (service,) = surroundings.services
    assert service.requests[0] == "PUT /latest/api/token"
    assert len(service.requests) == 3


# Halves


@pytest.mark.parametrize(
    ("source", "half"),
    [
        ("arguments", "access_key_id"),
        ("arguments", "secret_access_key"),
        ("the environment", "access_key_id"),
        ("the environment", "secret_access_key"),
        ("the .env file", "access_key_id"),
        ("the .env file", "secret_access_key"),
        ("the credentials file", "access_key_id"),
    ],
)
def test_halves_of_two_sources_are_never_joined(
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    surroundings: Surroundings,
    source: str,
    half: str,
) -> None:
    value, name = str(getattr(right, half)), f"AWS_{half.upper()}"
    if source == "arguments":
        surroundings.arguments[half] = value
        surroundings.set_environment(right)
    elif source == "the environment":
        surroundings.monkeypatch.setenv(name, value)
        surroundings.set_dotenv(right)
    elif source == "the .env file":
        Path(".env").write_text(f"{name}={value}\n")
        surroundings.set_credentials_file(right)
    else:
        surroundings.write("credentials", f"[default]\n{name.lower()} = {value}\n")
        surroundings.set_instance_role(right)

    with pytest.raises((S3ConfigError, S3CredentialsError)):
        client_through(relay, config, **surroundings.arguments).list_files()

    assert not relay.requests


def test_a_secret_alone_in_the_credentials_file_is_looked_over(
    relay: RecordingProxy, config: S3Config, right: RoleCredentials, surroundings: Surroundings
) -> None:
    """It is how boto3 reads the file: without an access key id, there are no keys in it."""
    surroundings.write("credentials", "[default]\naws_secret_access_key = of-nobody\n")
    surroundings.set_instance_role(right)

    client_through(relay, config).list_files()

    assert relay.access_key_ids == {right.access_key_id}


@pytest.mark.parametrize("source", ["arguments", "the credentials file"])
def test_a_session_token_of_another_source_is_not_sent(
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    surroundings: Surroundings,
    source: str,
) -> None:
    SOURCES[source](surroundings, right)
    surroundings.monkeypatch.setenv("AWS_SESSION_TOKEN", "of-somebody-else")

    client_through(relay, config, **surroundings.arguments).list_files()

    assert {seen.session_token for seen in relay.requests} == {""}


# Credentials that end


@pytest.fixture(scope="session")
def second_keys(server: ServerUnderTest, request: pytest.FixtureRequest) -> RoleCredentials:
    """One more pair of keys of the same user."""
    keys = RoleCredentials("second-key-id", "second-secret")
    if server.name == "ceph":
        started = request.getfixturevalue("ceph_server")
        started.add_keys(keys.access_key_id, keys.secret_access_key)
    return keys


class _Random(random.Random):
    def randint(self, a: int, b: int) -> int:
        return 3 if (a, b) == (120, 600) else super().randint(a, b)


@pytest.mark.parametrize("source", ["the container role", "the instance role"])
def test_credentials_that_expire_during_a_run_are_renewed(
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    second_keys: RoleCredentials,
    surroundings: Surroundings,
    source: str,
) -> None:
    # botocore looks for new ones when the old ones have a quarter of an hour left. It takes
    # what an instance hands out to live that much more, and some at random: 3 seconds here.
    surroundings.monkeypatch.setattr("botocore.utils.random", _Random())
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=15, seconds=3)
    first = RoleCredentials(right.access_key_id, right.secret_access_key, "", soon)
    SOURCES[source](surroundings, first)
    client = client_through(relay, config)

    client.list_files()
    assert relay.access_key_ids == {first.access_key_id}
    surroundings.services[0].credentials = second_keys
    limit = time.monotonic() + 20
    while second_keys.access_key_id not in relay.access_key_ids and time.monotonic() < limit:
        client.list_files()
        time.sleep(0.2)

    assert relay.access_key_ids == {first.access_key_id, second_keys.access_key_id}
    assert {seen.status for seen in relay.requests} == {200}


@pytest.mark.parametrize("operation", ["list", "exists", "upload", "download", "delete"])
def test_a_file_that_was_rewritten_helps_when_the_server_says_expired(
    server: ServerUnderTest,
    relay: RecordingProxy,
    config: S3Config,
    right: RoleCredentials,
    second_keys: RoleCredentials,
    surroundings: Surroundings,
    operation: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "source").write_bytes(b"content")
    with closing(server.boto3_client()) as plain:
        plain.put_object(Bucket=config.bucket_name, Key="k", Body=b"content")
    surroundings.set_credentials_file(right)
    client = client_through(relay, config)
    client.list_files()

    relay.expired_key_ids.add(right.access_key_id)
    (surroundings.home / ".aws" / "credentials").unlink()
    surroundings.set_credentials_file(second_keys)
    relay.requests.clear()
    run: dict[str, Callable[[], object]] = {
        "list": client.list_files,
        "exists": lambda: client.file_exists("k"),
        "upload": lambda: client.upload_file(tmp_path / "source", "k"),
        "download": lambda: client.download_file("k", tmp_path / "d"),
        "delete": lambda: client.delete_file("k"),
    }
    run[operation]()

    asked = [(seen.access_key_id, seen.status) for seen in relay.requests]
    expired = asked.count((right.access_key_id, 400))
    # boto3 itself answers a HEAD that was refused by a HEAD of the bucket, once.
    assert expired in {1, 2}
    assert {key_id for key_id, _ in asked[expired:]} == {second_keys.access_key_id}


def test_credentials_that_have_expired_for_good_are_a_credentials_error(
    relay: RecordingProxy, config: S3Config, right: RoleCredentials, surroundings: Surroundings
) -> None:
    surroundings.set_credentials_file(right)
    relay.expired_key_ids.add(right.access_key_id)

    with pytest.raises(S3CredentialsError) as caught:
        client_through(relay, config).list_files()

    assert caught.value.code == "ExpiredToken"
    assert len(relay.requests) == 1  # the same keys again would be refused again


# None at all

_LIST: Final = """
import sys, time
from s3_integration import S3Client, S3CredentialsError
import s3_integration.service
began = time.monotonic()
try:
    S3Client().list_files()
except S3CredentialsError as error:
    print(f"{time.monotonic() - began:.2f}")
    print(error.message)
    print(error.suggestion)
"""
PLACES: Final = (
    "the settings",
    "the environment",
    ".env",
    ".aws/credentials",
    ".aws/config",
    "the container role",
    "the instance role",
)


@pytest.mark.parametrize("service", ["switched off", "nobody there", "silent"])
def test_no_credentials_at_all_is_told_within_five_seconds(
    relay: RecordingProxy, config: S3Config, service: str
) -> None:
    with silent_service() as url:
        variables = {
            "switched off": {},
            "nobody there": {
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/",
            },
            "silent": {
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{url}/",
            },
        }[service]
        child = run_child(
            _LIST,
            environment={
                **os.environ,
                "PYTHONPATH": str(PACKAGE_PARENT),
                "AWS_ENDPOINT_URL_S3": relay.endpoint_url,
                "S3_INTEGRATION_BUCKET": config.bucket_name,
                **variables,
            },
        )

    seconds, message, suggestion = child.stdout.splitlines()
    assert float(seconds) < 5
    assert all(place in message for place in PLACES)
    assert "AWS_ACCESS_KEY_ID" in suggestion
    assert not relay.requests


def test_a_container_role_that_never_answers_is_told_within_five_seconds(
    relay: RecordingProxy, config: S3Config
) -> None:
    with silent_service() as url:
        child = run_child(
            _LIST,
            environment={
                **os.environ,
                "PYTHONPATH": str(PACKAGE_PARENT),
                "AWS_ENDPOINT_URL_S3": relay.endpoint_url,
                "S3_INTEGRATION_BUCKET": config.bucket_name,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/role",
            },
        )

    seconds, _message, _suggestion = child.stdout.splitlines()
    assert float(seconds) < 5
    assert not relay.requests
