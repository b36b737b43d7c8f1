"""What goes to other processes, and what they make of it."""

from __future__ import annotations

import pickle

import pytest

from s3_integration.config import S3Config, Settings, resolve_settings
from s3_integration.encryption import Encryption, base64_of
from s3_integration.exceptions import S3ConfigError
from s3_integration.portable import PortableSettings

SECRET = "hunter2-hunter2-hunter2"
TOKEN = "token-token-token-token"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
AROUND = {
    "AWS_ACCESS_KEY_ID": KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": TOKEN,
}
CUSTOMER_KEY = bytes(range(32))
WITH_KEY = {
    "S3_INTEGRATION_ENCRYPTION": "SSE-C",
    "S3_INTEGRATION_CUSTOMER_KEY": base64_of(CUSTOMER_KEY),
}


def portable(config: S3Config | None, **environment: str) -> PortableSettings:
    return PortableSettings.of(resolved(config, **environment), config)


def resolved(config: S3Config | None, **environment: str) -> Settings:
    return resolve_settings(config=config, environment=environment, dotenv={})


def settled(carried: PortableSettings, **environment: str) -> Settings:
    """What another process makes of them, with other variables around it."""
    arrived = pickle.loads(pickle.dumps(carried))  # noqa: S301 - pickled right here
    assert isinstance(arrived, PortableSettings)
    return arrived.settled(environment=environment, dotenv={})


@pytest.mark.parametrize("secret", [SECRET, TOKEN, KEY_ID, base64_of(CUSTOMER_KEY)])
def test_no_secret_from_around_a_program_is_pickled(secret: str) -> None:
    pickled = pickle.dumps(portable(None, **AROUND, **WITH_KEY))

    assert secret.encode() not in pickled
    assert CUSTOMER_KEY not in pickled


def test_secrets_that_the_caller_gave_go_along() -> None:
    config = S3Config(
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        session_token=TOKEN,
        encryption=Encryption(method="SSE-C", customer_key=CUSTOMER_KEY),
    )

    assert settled(portable(config)) == resolved(config)


def test_another_process_takes_credentials_from_around_itself() -> None:
    carried = portable(
        None, **AROUND, AWS_REGION="eu-west-3", S3_INTEGRATION_BUCKET="callers-bucket"
    )

    found = settled(
        carried,
        AWS_ACCESS_KEY_ID="its-own",
        AWS_SECRET_ACCESS_KEY="its-own-secret",
        AWS_REGION="us-west-1",
        S3_INTEGRATION_BUCKET="its-own-bucket",
        AWS_ENDPOINT_URL="https://elsewhere.example",
    )

    assert found.credentials
    assert found.credentials.access_key_id == "its-own"
    assert (found.bucket_name, found.region) == ("callers-bucket", "eu-west-3")
    assert found.endpoint_url is None


def test_without_any_around_it_other_sources_decide() -> None:
    found = settled(portable(None, **AROUND))

    assert found.credentials is None


def test_a_profile_from_the_settings_is_taken_and_one_from_around_is_not() -> None:
    assert settled(portable(S3Config(profile_name="work")), **AROUND).profile_name == "work"
    assert settled(portable(None, AWS_PROFILE="home")).profile_name is None
    assert settled(portable(None, AWS_PROFILE="home"), AWS_PROFILE="other").profile_name == "other"


def test_the_customer_key_has_to_be_the_callers() -> None:
    carried = portable(None, **WITH_KEY)
    another = WITH_KEY | {"S3_INTEGRATION_CUSTOMER_KEY": base64_of(bytes(32))}

    assert settled(carried, **WITH_KEY).encryption == resolved(None, **WITH_KEY).encryption
    for environment in ({}, another):
        with pytest.raises(S3ConfigError, match="has not the customer key"):
            settled(carried, **environment)


def test_other_encryption_goes_along_wherever_it_was_found() -> None:
    carried = portable(
        None, S3_INTEGRATION_ENCRYPTION="SSE-KMS", S3_INTEGRATION_KMS_KEY_ID="alias/x"
    )

    assert settled(carried).encryption == Encryption(method="SSE-KMS", kms_key_id="alias/x")


def test_equal_settings_are_one_key() -> None:
    assert (
        len({portable(None, **AROUND), portable(None, **AROUND), portable(S3Config(region="x"))})
        == 2
    )
