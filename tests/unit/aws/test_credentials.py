"""Who is asking: what is found, what is told where nothing is, and what is renewed once."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.credentials import CredentialResolver, Credentials
from botocore.exceptions import ClientError, CredentialRetrievalError

from s3_integration import logs
from s3_integration.aws.credentials import (
    CredentialFinder,
    RenewableCredentials,
    no_credentials,
    where_looked,
)
from s3_integration.aws.errors import translated
from s3_integration.aws.session import Connection, connect
from s3_integration.config import resolve_settings
from s3_integration.exceptions import S3ConfigError, S3CredentialsError
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, Sent, error_answer

AwsFile = Callable[[str], Path]


@pytest.fixture
def credentials_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsFile:
    """Write the file of AWS credentials that botocore will read."""
    path = tmp_path / "aws-credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


def keys(number: int, *, profile: str = "default") -> str:
    return (
        f"[{profile}]\n"
        f"aws_access_key_id = AKID{number}\n"
        f"aws_secret_access_key = canary-secret-{number}\n"
        f"aws_session_token = canary-token-{number}\n"
    )


def connected(s3: CannedS3 | None = None, **environment: str) -> Connection:
    connection = connect(resolve_settings(environment=environment, dotenv={}))
    if s3 is not None:
        s3.attach(connection.client)
    return connection


def head(connection: Connection) -> None:
    with translated("exists", "unit-tests", "a"):
        connection.client.head_object(Bucket="unit-tests", Key="a")


def get(connection: Connection) -> None:
    with translated("download", "unit-tests", "a"):
        connection.client.get_object(Bucket="unit-tests", Key="a")


def signed_by(sent: Sent) -> str:
    return sent.headers["authorization"].partition("Credential=")[2].partition("/")[0]


def expired(code: str = "ExpiredToken") -> Answer:
    return error_answer(400, code)


# Finding them.


def test_credentials_of_the_settings_come_before_the_files(credentials_file: AwsFile) -> None:
    credentials_file(keys(1))
    connection = connect(resolve_settings(config=CONFIG, environment={}, dotenv={}))

    found = connection.credentials.get_frozen_credentials()

    assert (found.access_key, found.secret_key, found.token) == (
        *("AKIDEXAMPLE", "canary-secret-key"),
        None,
    )
    assert connection.credentials.method == "the settings"


def test_credentials_of_a_named_profile_are_that_profiles(credentials_file: AwsFile) -> None:
    credentials_file(keys(1) + keys(2, profile="second"))

    found = connected(AWS_PROFILE="second").credentials.get_frozen_credentials()

    assert (found.access_key, found.secret_key, found.token) == (
        *("AKID2", "canary-secret-2"),
        "canary-token-2",
    )


def test_an_unknown_profile_is_an_error_that_names_it() -> None:
    with pytest.raises(S3ConfigError, match="no-such-profile"):
        connected(AWS_PROFILE="no-such-profile")


def test_no_credentials_anywhere_is_an_error_that_lists_where_was_looked() -> None:
    with pytest.raises(S3CredentialsError) as caught:
        connected()

    for place in ("the settings", "the environment", "the .env file", "profile 'default'",
                  "container role", "instance role"):  # fmt: skip
        assert place in caught.value.message
    assert "AWS_ACCESS_KEY_ID" in caught.value.suggestion
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("profile_name", "environment", "told"),
    [
        (None, {}, "profile 'default' in ~/.aws/credentials and ~/.aws/config"),
        ("mine", {}, "profile 'mine' in"),
        (None, {"AWS_SHARED_CREDENTIALS_FILE": "/c", "AWS_CONFIG_FILE": "/d"}, "in /c and /d"),
        (None, {}, "the container role (not in a container with one)"),
        (None, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, "container role (no answer)"),
        (None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, "container role (no answer)"),
        (None, {}, "the instance role (no answer)"),
        (None, {"AWS_EC2_METADATA_DISABLED": "TRUE"}, "switched off by AWS_EC2_METADATA_DISABLED"),
        (None, {"AWS_EC2_METADATA_DISABLED": "false"}, "the instance role (no answer)"),
    ],
)
def test_each_place_is_told_with_what_was_found_wanting(
    profile_name: str | None, environment: dict[str, str], told: str
) -> None:
    assert told in "; ".join(where_looked(profile_name, environment))
    assert told in no_credentials(profile_name, environment).message


# Sources that break.


def profile_with_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    path = tmp_path / "aws-config"
    path.write_text(f"[default]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))


@pytest.mark.parametrize(
    "program",
    [
        "/no/such/program",
        f"{sys.executable} -c 'print(4711)'",
        f"{sys.executable} -c 'print(\"no JSON\")'",
        f"{sys.executable} -c 'print(\"{{}}\")'",
        f"{sys.executable} -c 'raise SystemExit(3)'",
    ],
)
def test_a_program_that_gives_no_credentials_is_an_error_about_credentials(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile_with_program(tmp_path, monkeypatch, program)

    with pytest.raises(S3CredentialsError) as caught:
        connected()

    assert caught.value.suggestion


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "AssumeRole"),
         "AccessDenied", "AssumeRole operation: not you."),
        (FileNotFoundError(2, "No such file", "/token"), "", "No such file: '/token'."),
        (ValueError(), "", "could not be fetched: ValueError."),
        (KeyError("Expiration"), "", "'Expiration'."),
        (RuntimeError("Credentials were refreshed, but are still expired."), "",
         "but are still expired."),
        (ValueError("near canary-secret-1"), "", "near ***."),
    ],
)  # fmt: skip
def test_a_source_that_breaks_is_an_error_about_credentials(
    failure: Exception, code: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.remember_secret("canary-secret-1")

    def fail(_: CredentialResolver) -> Credentials:
        raise failure

    monkeypatch.setattr(CredentialResolver, "load_credentials", fail)

    with pytest.raises(S3CredentialsError) as caught:
        connected()

    assert caught.value.message.endswith(told)
    assert caught.value.code == code
    assert caught.value.__cause__ is failure


class Breaking(Credentials):
    """Credentials that cannot be refreshed any more."""

    failure: Exception = ValueError("no date")
    broken = False

    def get_frozen_credentials(self) -> Any:
        if self.broken:
            raise self.failure
        return super().get_frozen_credentials()


def test_a_refresh_that_breaks_is_an_error_about_credentials() -> None:
    found = Breaking("AKID1", "canary-secret-1")
    credentials = RenewableCredentials(lambda: found)
    found.broken = True

    with pytest.raises(S3CredentialsError, match="no date"):
        credentials.get_frozen_credentials()


def test_a_failure_that_botocore_names_is_left_to_the_translation() -> None:
    found = Breaking("AKID1", "canary-secret-1")
    credentials = RenewableCredentials(lambda: found)
    found.broken, found.failure = True, CredentialRetrievalError(provider="sso", error_msg="gone")

    with pytest.raises(CredentialRetrievalError):
        credentials.get_frozen_credentials()
    with pytest.raises(S3CredentialsError), translated("connect", "unit-tests"):
        credentials.get_frozen_credentials()


# Renewing them.


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"])
def test_expired_credentials_are_looked_for_again_and_the_request_sent_with_the_new(
    code: str, credentials_file: AwsFile, slept: list[float]
) -> None:
    credentials_file(keys(1))

    def refuse_and_rotate(_: Sent) -> Answer:
        credentials_file(keys(2))
        return expired(code)

    s3 = CannedS3(refuse_and_rotate, Answer(), Answer())
    connection = connected(s3)

    get(connection)
    get(connection)

    assert [signed_by(sent) for sent in s3.sent] == ["AKID1", "AKID2", "AKID2"]
    assert s3.sent[1].headers["x-amz-security-token"] == "canary-token-2"
    assert slept == [0.0]


def test_a_head_that_is_refused_without_a_reason_is_sent_with_renewed_credentials(
    credentials_file: AwsFile, slept: list[float]
) -> None:
    credentials_file(keys(1))

    def refuse_and_rotate(_: Sent) -> Answer:
        credentials_file(keys(2))
        return Answer(400)

    # botocore, too, has a guess at such an answer: it asks for the bucket's region.
    s3 = CannedS3(refuse_and_rotate, otherwise=lambda _: Answer())

    head(connected(s3))

    assert [signed_by(sent) for sent in s3.sent if sent.key] == ["AKID1", "AKID2"]


def test_credentials_that_stay_the_same_are_not_tried_again(credentials_file: AwsFile) -> None:
    credentials_file(keys(1))
    s3 = CannedS3(expired())

    with pytest.raises(S3CredentialsError) as caught:
        get(connected(s3))

    assert caught.value.code == "ExpiredToken"
    assert len(s3.sent) == 1


def test_credentials_are_renewed_once_for_one_request(
    credentials_file: AwsFile, slept: list[float]
) -> None:
    credentials_file(keys(0))
    numbers: Iterator[int] = iter(range(1, 9))

    def refuse_and_rotate(_: Sent) -> Answer:
        credentials_file(keys(next(numbers)))
        return expired()

    s3 = CannedS3(otherwise=refuse_and_rotate)

    with pytest.raises(S3CredentialsError):
        get(connected(s3))

    assert [signed_by(sent) for sent in s3.sent] == ["AKID0", "AKID1"]


def test_a_request_that_was_refused_while_another_renewed_is_sent_again_too(
    credentials_file: AwsFile, slept: list[float]
) -> None:
    credentials_file(keys(1))

    def refuse_after_another_thread_renewed(_: Sent) -> Answer:
        credentials_file(keys(2))
        assert connection.credentials.renew("AKID1")
        return expired()

    s3 = CannedS3(refuse_after_another_thread_renewed, Answer())
    connection = connected(s3)

    get(connection)

    assert [signed_by(sent) for sent in s3.sent] == ["AKID1", "AKID2"]


def test_of_many_refused_at_once_the_first_looks_for_all() -> None:
    loaded: list[int] = []
    everybody_renews = threading.Barrier(8)

    def load() -> Credentials:
        loaded.append(1)
        return Credentials(f"AKID{len(loaded)}", "canary-secret", "canary-token")

    credentials = RenewableCredentials(load)

    def renew(_: int) -> bool:
        everybody_renews.wait()
        return credentials.renew("AKID1")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(renew, range(8))) == [True] * 8
    assert len(loaded) == 2


def test_a_new_token_under_the_same_key_id_counts_as_new() -> None:
    tokens = iter(["first-token", "second-token", "second-token"])
    credentials = RenewableCredentials(lambda: Credentials("AKID", "canary-secret", next(tokens)))

    assert credentials.renew("AKID")
    assert not credentials.renew("AKID")


def test_credentials_that_are_gone_when_renewed_are_an_error(
    credentials_file: AwsFile,
) -> None:
    path = credentials_file(keys(1))

    def refuse_and_remove(_: Sent) -> Answer:
        path.unlink()
        return expired()

    s3 = CannedS3(refuse_and_remove)

    with pytest.raises(S3CredentialsError, match="No AWS credentials were found"):
        get(connected(s3))


# Secrets and limits.


def test_secrets_are_remembered_and_blotted_out_from_then_on(credentials_file: AwsFile) -> None:
    credentials_file(keys(7))
    connection = connected()
    credentials_file(keys(8))
    connection.credentials.renew("AKID7")

    text = logs.redact("canary-secret-7 canary-token-7 canary-secret-8 canary-token-8 AKID8")

    assert text == "*** *** *** *** AKID8"


def test_the_metadata_service_is_asked_briefly_but_twice() -> None:
    session = botocore.session.Session()

    CredentialFinder(resolve_settings(environment={}, dotenv={}), session)

    assert session.get_config_variable("metadata_service_timeout") == 1
    assert session.get_config_variable("metadata_service_num_attempts") == 2


def test_a_persons_own_limits_for_the_metadata_service_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "4")
    session = botocore.session.Session()

    CredentialFinder(resolve_settings(environment={}, dotenv={}), session)

    assert session.get_config_variable("metadata_service_timeout") == 4
    assert session.get_config_variable("metadata_service_num_attempts") == 2


def test_a_program_that_gives_credentials_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"Version": 1, "AccessKeyId": "AKIDP", "SecretAccessKey": "canary-secret-p"}
    (tmp_path / "given.json").write_text(json.dumps(given))
    profile_with_program(tmp_path, monkeypatch, f"cat {tmp_path / 'given.json'}")
    s3 = CannedS3(Answer())

    head(connected(s3))

    assert signed_by(s3.sent[0]) == "AKIDP"
