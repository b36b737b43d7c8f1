"""Settings: where each is found, which place wins, and what is refused with which words."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.config import (
    S3Config,
    Settings,
    StaticCredentials,
    TransferConfig,
    check_bucket_name,
    check_endpoint,
    resolve_settings,
)
from s3_integration.exceptions import S3ConfigError
from s3_integration.surroundings import read_dotenv
from s3_integration.utils import DEFAULT_BUCKET_NAME, GIB, MIB

CANARY = "canary-secret-key"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": CANARY}


def resolve(
    config: S3Config | None = None,
    *,
    bucket_name: str = DEFAULT_BUCKET_NAME,
    environment: dict[str, str] | None = None,
    dotenv: dict[str, str] | None = None,
) -> Settings:
    return resolve_settings(bucket_name, config, environment=environment or {}, dotenv=dotenv or {})


def test_with_nothing_said_anywhere_the_defaults_hold() -> None:
    assert resolve() == Settings(
        bucket_name="peerpilot-kiro-data",
        region="",
        credentials=None,
        profile_name=None,
        endpoint_url=None,
        ca_bundle=None,
        total_attempts=5,
        connect_timeout_seconds=10.0,
        read_timeout_seconds=60.0,
        plain_http="loopback",
        engine="auto",
        encryption=None,
        request_payer=None,
        transfer=TransferConfig(),
    )


VARIABLES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "bucket_name": ("S3_INTEGRATION_BUCKET", st.from_regex("[a-z]{3,9}", fullmatch=True)),
    "region": ("AWS_REGION", st.from_regex("[a-z]{2}-[a-z]{4}-[1-9]", fullmatch=True)),
    "endpoint_url": ("AWS_ENDPOINT_URL_S3", st.from_regex("https://[a-z]{1,9}", fullmatch=True)),
    "total_attempts": ("S3_INTEGRATION_TOTAL_ATTEMPTS", st.integers(1, 100)),
    "connect_timeout_seconds": (
        "S3_INTEGRATION_CONNECT_TIMEOUT_SECONDS",
        st.floats(0.001, 3600),
    ),
    "read_timeout_seconds": ("S3_INTEGRATION_READ_TIMEOUT_SECONDS", st.floats(0.001, 3600)),
    "plain_http": ("S3_INTEGRATION_PLAIN_HTTP", st.sampled_from(["loopback", "anywhere"])),
    "engine": ("S3_INTEGRATION_ENGINE", st.sampled_from(["auto", "direct", "boto3"])),
    "request_payer": ("S3_INTEGRATION_REQUEST_PAYER", st.just("requester")),
}


@st.composite
def sayings(draw: st.DrawFn) -> tuple[str, str, list[Any]]:
    """A setting, its variable, and what config, environment and .env say: a value or None."""
    name = draw(st.sampled_from(sorted(VARIABLES)))
    variable, values = VARIABLES[name]
    return name, variable, [draw(st.none() | values) for _ in range(3)]


@given(sayings())
def test_a_config_beats_the_environment_which_beats_dotenv_which_beats_the_default(
    saying: tuple[str, str, list[Any]],
) -> None:
    name, variable, (in_config, *around) = saying
    config = S3Config(**{} if in_config is None else {name: in_config})
    environment, dotenv = ({} if value is None else {variable: str(value)} for value in around)

    found = getattr(resolve(config, environment=environment, dotenv=dotenv), name)

    said = [value for value in (in_config, *around) if value is not None]
    assert found == (said[0] if said else getattr(resolve(), name))


@pytest.mark.parametrize(
    ("setting", "stronger", "weaker", "value"),
    [
        ("region", "AWS_REGION", "AWS_DEFAULT_REGION", "{}"),
        ("endpoint_url", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "https://{}"),
    ],
)
def test_the_variable_that_is_more_exact_wins(
    setting: str, stronger: str, weaker: str, value: str
) -> None:
    only_weaker = {weaker: value.format("weak")}
    both = {stronger: value.format("strong"), **only_weaker}

    assert getattr(resolve(environment=both), setting) == both[stronger]
    assert getattr(resolve(environment=only_weaker), setting) == both[weaker]


def test_the_environments_weaker_variable_beats_the_dotenv_files_stronger() -> None:
    settings = resolve(
        environment={"AWS_DEFAULT_REGION": "eu-west-1"}, dotenv={"AWS_REGION": "eu-north-1"}
    )

    assert settings.region == "eu-west-1"


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_a_blank_variable_says_nothing(blank: str) -> None:
    blanks = dict.fromkeys([*(name for name, _ in VARIABLES.values()), *KEYS], blank)

    assert resolve(environment=blanks, dotenv=blanks) == resolve()


def test_blanks_around_a_variables_value_are_left_out() -> None:
    settings = resolve(environment={"AWS_REGION": " eu-west-1\n", "AWS_ACCESS_KEY_ID": " AKID ",
                                    "AWS_SECRET_ACCESS_KEY": f"{CANARY}\n"})  # fmt: skip

    assert settings.region == "eu-west-1"
    assert settings.credentials == StaticCredentials("AKID", CANARY, None, "the environment")


def test_the_argument_names_the_bucket_before_anything_else() -> None:
    config, environment = S3Config("of-config"), {"S3_INTEGRATION_BUCKET": "of-environment"}

    assert resolve(config, bucket_name="of-argument").bucket_name == "of-argument"
    assert resolve(config, environment=environment).bucket_name == "of-config"
    assert resolve(environment=environment).bucket_name == "of-environment"


def test_the_transfer_settings_are_the_configs() -> None:
    transfer = TransferConfig(part_size_bytes=5 * MIB)

    assert resolve(S3Config(transfer=transfer)).transfer is transfer


# Who is asking.


@pytest.mark.parametrize(
    ("config", "environment", "dotenv", "key_id", "profile_name"),
    [
        (S3Config(), {}, {}, None, None),
        (S3Config(), {}, KEYS, "AKIDEXAMPLE", None),
        (S3Config(), KEYS | {"AWS_ACCESS_KEY_ID": "AKENV"}, KEYS, "AKENV", None),
        (S3Config(), {"AWS_PROFILE": "p"}, KEYS, None, "p"),
        (S3Config(), KEYS | {"AWS_PROFILE": "p"}, {}, "AKIDEXAMPLE", "p"),
        (S3Config(profile_name="mine"), KEYS, KEYS, None, "mine"),
        (S3Config("", "", "AKARG", CANARY), KEYS, KEYS, "AKARG", None),
        (S3Config("", "", "AKARG", CANARY), {"AWS_PROFILE": "p"}, {}, "AKARG", None),
        (S3Config(), {"AWS_SESSION_TOKEN": "left-over"}, KEYS, "AKIDEXAMPLE", None),
    ],
)
def test_the_first_place_that_names_keys_or_a_profile_decides_alone(
    config: S3Config,
    environment: dict[str, str],
    dotenv: dict[str, str],
    key_id: str | None,
    profile_name: str | None,
) -> None:
    settings = resolve(config, environment=environment, dotenv=dotenv)

    found = settings.credentials
    assert (found.access_key_id if found else None) == key_id
    assert settings.profile_name == profile_name


def test_a_session_token_is_taken_from_where_its_keys_are() -> None:
    with_token = KEYS | {"AWS_SESSION_TOKEN": "canary-token"}

    of_environment = resolve(environment=with_token).credentials
    of_dotenv = resolve(environment={"AWS_SESSION_TOKEN": "other"}, dotenv=with_token).credentials

    assert of_environment == StaticCredentials(
        "AKIDEXAMPLE", CANARY, "canary-token", "the environment"
    )
    assert of_dotenv == StaticCredentials("AKIDEXAMPLE", CANARY, "canary-token", "the .env file")


@pytest.mark.parametrize(
    ("config", "environment", "dotenv", "told"),
    [
        (S3Config(access_key_id="AKID"), KEYS, {},
         "an access key id without a secret access key in the settings"),
        (S3Config(secret_access_key=CANARY), KEYS, {},
         "a secret access key without an access key id in the settings"),
        (S3Config(session_token=CANARY), KEYS, {},
         "a session token without an access key id in the settings"),
        (S3Config(), {"AWS_ACCESS_KEY_ID": "AKID"}, {"AWS_SECRET_ACCESS_KEY": CANARY},
         "an access key id without a secret access key in the environment"),
        (S3Config(), {}, {"AWS_SECRET_ACCESS_KEY": CANARY},
         "a secret access key without an access key id in the .env file"),
    ],
)  # fmt: skip
def test_half_a_key_pair_is_an_error_that_tells_where_it_is(
    config: S3Config, environment: dict[str, str], dotenv: dict[str, str], told: str
) -> None:
    with pytest.raises(S3ConfigError) as caught:
        resolve(config, environment=environment, dotenv=dotenv)

    assert f"There is {told}." in caught.value.message
    assert "together" in caught.value.suggestion
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
)
@pytest.mark.parametrize("bad", ["canary\nsecret", "canary secret", "canary\x00secret", "canäry"])
def test_a_found_secret_that_no_header_can_carry_is_refused_unshown(name: str, bad: str) -> None:
    with pytest.raises(S3ConfigError) as caught:
        resolve(dotenv={**KEYS, name: bad})

    assert "in the .env file it holds a blank or an unprintable character" in str(caught.value)
    assert "can" not in str(caught.value).replace("cannot", "")


# The .env file.


def test_without_a_dotenv_file_nothing_is_read(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path) == {}


def test_the_dotenv_file_of_the_working_folder_is_read_but_not_exported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ours\nexport AWS_REGION='eu-west-1'\nAWS_ACCESS_KEY_ID=AKID\nEMPTY\n"
        f"AWS_SECRET_ACCESS_KEY={CANARY}$HOME\n"
    )
    before = dict(os.environ)

    settings = resolve_settings()

    assert settings.region == "eu-west-1"
    assert settings.credentials == StaticCredentials(
        "AKID", f"{CANARY}$HOME", None, "the .env file"
    )
    assert dict(os.environ) == before


def test_the_processs_own_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")

    assert resolve_settings().region == "eu-north-1"


def test_a_dotenv_file_that_is_no_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"AWS_REGION=\xff\xfe")

    with pytest.raises(S3ConfigError) as caught:
        resolve_settings()

    assert repr(str(tmp_path / ".env")) in caught.value.message


def test_a_working_folder_that_is_gone_holds_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert resolve_settings(environment={}) == resolve()


def test_a_folder_of_that_name_is_no_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert read_dotenv(tmp_path) == {}


# What is refused.


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("bucket_name", "A", "1 characters"),
        ("bucket_name", None, "NoneType"),
        ("bucket_name", b"bytes", "bytes"),
        ("region", "us east", "a region is"),
        ("region", None, "NoneType"),
        ("profile_name", 1, "int"),
        ("endpoint_url", "ftp://host", "look like"),
        ("endpoint_url", ["https://host"], "list"),
        ("ca_bundle", "missing.pem", "no such file"),
        ("ca_bundle", "x" * 5000, "no such file"),
        ("ca_bundle", "a\0b", "no such file"),
        ("total_attempts", 0, "between 1 and 100"),
        ("total_attempts", 101, "between 1 and 100"),
        ("total_attempts", 5.0, "float"),
        ("total_attempts", True, "bool"),
        ("total_attempts", "5", "str"),
        ("connect_timeout_seconds", 0, "between 0.001 and 3600"),
        ("connect_timeout_seconds", 3601, "between 0.001 and 3600"),
        ("connect_timeout_seconds", float("nan"), "between 0.001 and 3600"),
        ("read_timeout_seconds", float("inf"), "between 0.001 and 3600"),
        ("read_timeout_seconds", -1, "between 0.001 and 3600"),
        ("read_timeout_seconds", False, "bool"),
        ("plain_http", "everywhere", "one of loopback, anywhere"),
        ("plain_http", True, "bool"),
        ("engine", "fastest", "one of auto, direct, crt, boto3"),
        ("transfer", {"part_size_bytes": 8}, "dict"),
    ],
)
def test_a_nonsensical_setting_is_refused_by_name_with_the_reason(
    field: str, value: Any, problem: str
) -> None:
    with pytest.raises(S3ConfigError) as caught:
        S3Config(**{field: value})

    assert f"The setting {field}={value!r} cannot be used: " in caught.value.message
    assert problem in caught.value.message
    assert field in caught.value.suggestion


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("S3_INTEGRATION_BUCKET", "A", "S3 wants 3 to 63"),
        ("AWS_REGION", "a/b", "a region is"),
        ("AWS_ENDPOINT_URL", "host:9000", "look like"),
        ("AWS_CA_BUNDLE", "missing.pem", "no such file"),
        ("S3_INTEGRATION_TOTAL_ATTEMPTS", "many", "not a number"),
        ("S3_INTEGRATION_TOTAL_ATTEMPTS", "0", "between 1 and 100"),
        ("S3_INTEGRATION_TOTAL_ATTEMPTS", "5.5", "not a number"),
        ("S3_INTEGRATION_CONNECT_TIMEOUT_SECONDS", "soon", "not a number"),
        ("S3_INTEGRATION_READ_TIMEOUT_SECONDS", "nan", "between 0.001"),
        ("S3_INTEGRATION_PLAIN_HTTP", "yes", "one of loopback, anywhere"),
        ("S3_INTEGRATION_ENGINE", "fastest", "one of auto, direct, crt, boto3"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_nonsensical_variable_is_refused_and_told_to_be_one(
    place: str, variable: str, text: str, problem: str
) -> None:
    with pytest.raises(S3ConfigError) as caught:
        resolve_settings(**{"environment": {}, "dotenv": {}, place: {variable: text}})  # type: ignore[arg-type]  # pairs of the two

    assert problem in caught.value.message
    assert "It comes from the environment or the .env file." in caught.value.message
    assert caught.value.suggestion


@pytest.mark.parametrize("field", ["access_key_id", "secret_access_key", "session_token"])
@pytest.mark.parametrize("bad", ["canary secret", "canary\n", "canäry", 4711, b"canary"])
def test_a_bad_secret_is_refused_without_being_shown(field: str, bad: Any) -> None:
    with pytest.raises(S3ConfigError) as caught:
        S3Config(**{field: bad})

    assert f"The setting {field}=… cannot be used" in caught.value.message
    assert not {"canary", "canäry", "4711"} & set(str(caught.value).replace("'", " ").split())


@pytest.mark.parametrize(
    "url",
    [
        "https://user:canary@host",
        "https://user:can/canary@host",
        "https://user:can?canary@host",
        "https://user:canary@canary@host",
        "https://host?X-Amz-Security-Token=canary",
        "https://host?X-Amz-Signature=canarycanarycanary",
    ],
)
def test_a_password_in_an_endpoint_is_not_shown(url: str) -> None:
    with pytest.raises(S3ConfigError) as caught:
        S3Config(endpoint_url=url)

    assert "can" not in str(caught.value).replace("cannot", "")


@given(
    st.sampled_from([each.name for each in dataclasses.fields(S3Config)]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
)
def test_any_value_is_taken_or_refused_with_our_error_and_nothing_else(
    field: str, value: Any
) -> None:
    try:
        config = S3Config(**{field: value})
    except S3ConfigError as refused:
        assert refused.suggestion  # noqa: PT017 - being taken is as good
    else:
        assert getattr(config, field) == value


@pytest.mark.parametrize("name", ["", "A", None, 7, "xn--abc"])
def test_a_bucket_name_that_s3_refuses_is_refused_before_any_request(name: Any) -> None:
    with pytest.raises(S3ConfigError, match="bucket_name="):
        resolve(bucket_name=name)
    with pytest.raises(S3ConfigError, match="bucket_name="):
        check_bucket_name(name)


@pytest.mark.parametrize("config_says", ["loopback", None])
def test_plain_http_to_another_machine_is_refused_with_the_way_out(config_says: Any) -> None:
    config = S3Config(plain_http=config_says)

    with pytest.raises(S3ConfigError) as caught:
        resolve(config, environment={"AWS_ENDPOINT_URL": "http://10.0.0.1"})

    assert "plain http would send" in caught.value.message
    assert "plain_http='anywhere'" in caught.value.suggestion


def test_plain_http_to_another_machine_may_be_allowed_in_any_place() -> None:
    config = S3Config(endpoint_url="http://10.0.0.1")

    allowed = resolve(config, environment={"S3_INTEGRATION_PLAIN_HTTP": "anywhere"})

    assert allowed.endpoint_url == "http://10.0.0.1"
    assert allowed.plain_http == "anywhere"
    with pytest.raises(S3ConfigError, match="plain http"):
        resolve(config)


def test_an_endpoint_with_another_fault_is_not_told_to_allow_plain_http() -> None:
    with pytest.raises(S3ConfigError) as caught:
        check_endpoint("ftp://host", "loopback")

    assert "plain_http" not in caught.value.suggestion


def test_no_endpoint_is_no_fault() -> None:
    check_endpoint(None, "loopback")
    check_endpoint("", "loopback")


def test_an_existing_certificate_file_is_taken(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()

    assert resolve(environment={"AWS_CA_BUNDLE": str(bundle)}).ca_bundle == str(bundle)


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("part_size_bytes", 5 * MIB, 5 * GIB),
        ("multipart_threshold_bytes", 1, 5 * GIB),
        ("parts_in_flight", 1, 256),
        ("files_in_flight", 1, 1024),
    ],
)
def test_transfer_settings_are_whole_numbers_within_s3s_limits(
    field: str, least: int, most: int
) -> None:
    for value in (least, most):
        assert getattr(TransferConfig(**{field: value}), field) == value
    for bad in (least - 1, most + 1, float(least), None, True, "8", float("nan")):
        with pytest.raises(S3ConfigError, match=f"{field}="):
            TransferConfig(**{field: bad})  # type: ignore[arg-type]  # what this test is about


def test_settings_show_no_secret() -> None:
    config = S3Config("", "", "AKID", CANARY, session_token="canary-token")

    shown = f"{config!r} {resolve(config)!r} {resolve(config).credentials!r}"

    assert "AKID" in shown
    assert "canary" not in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        S3Config().region = "eu-west-1"  # type: ignore[misc]  # what this test is about
