"""Settings: what a caller may say, and how the rest is found.

Each setting is taken from the first place that has it: the caller's argument, the
caller's `S3Config`, the environment, the `.env` file of the working folder. What is
found in none of them (credentials, profile, region) is left to boto3's own chain:
`~/.aws` files, single sign-on, container and instance roles.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from s3_integration import utils
from s3_integration.checks import (
    CREDENTIAL_FIELDS,
    check_choice,
    check_for_header,
    check_number,
    check_type,
    refuse,
)
from s3_integration.encryption import Encryption, EncryptionMethod, key_from_base64
from s3_integration.endpoints import endpoint_problem
from s3_integration.exceptions import S3ConfigError
from s3_integration.surroundings import Surroundings, is_file, read_dotenv
from s3_integration.utils import DEFAULT_BUCKET_NAME, KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_REGION = "us-east-1"

EngineName = Literal["auto", "direct", "crt", "boto3"]
"""Who moves the bytes: connections of the package's own, awscrt's, or boto3's.

`auto` is `direct`, and `boto3` where somebody has hooked the boto3 client (moto's `mock_aws`
and botocore's `Stubber` do) or the way to S3 needs what only botocore can do. `crt` lets
awscrt make first attempts."""

PlainHttp = Literal["loopback", "anywhere"]
"""Where an endpoint may be spoken to without TLS."""

RequestPayer = Literal["requester"]
"""Who pays for a request, where that is not the bucket's owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferConfig:
    """How files are cut up and how much of them is under way at once."""

    part_size_bytes: int = 8 * MIB
    """Bytes per part, 5 MiB to 5 GiB (User Guide, "Amazon S3 multipart upload limits").
    Files of more than 10,000 such parts get larger ones."""

    multipart_threshold_bytes: int = 16 * MIB
    """Files from this size on are uploaded and downloaded in parts; 1 byte to 5 GiB."""

    parts_in_flight: int = 16
    """Parts that one client moves at once, over all its transfers; 1 to 256. Uploads hold
    each of them in memory. The engine `crt` holds each several times, and takes 5 at most."""

    files_in_flight: int = 256
    """Files that one call for many of them moves at once; 1 to 1,024. There are as many only
    where that makes it faster, and the system allows four open files for each."""

    resume_threshold_bytes: int = 256 * MIB
    """Transfers from this size on are gone on with by the next run if they are killed; 1 byte
    to 50 TB. They have to be moved in parts for that."""

    slowest_bytes_per_second: int = 1024
    """A request that moves fewer bytes than that is broken off and tried again; 1 or more."""

    stall_timeout_seconds: float = 30.0
    """Over what time it has to be too slow; 0.1 to 3,600."""

    max_bytes_per_second: int | None = None
    """What all transfers of one client may move together, up and down, in each process;
    32 KiB to 1 TB, or None for as fast as they can."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check_type(setting.name, getattr(self, setting.name))
        smallest, largest = utils.MIN_PART_SIZE_BYTES, utils.MAX_PART_SIZE_BYTES
        check_number("part_size_bytes", self.part_size_bytes, smallest, largest)
        check_number("multipart_threshold_bytes", self.multipart_threshold_bytes, 1, largest)
        check_number("parts_in_flight", self.parts_in_flight, 1, 256)
        check_number("files_in_flight", self.files_in_flight, 1, 1024)
        most = utils.MAX_OBJECT_SIZE_BYTES
        check_number("resume_threshold_bytes", self.resume_threshold_bytes, 1, most)
        check_number("slowest_bytes_per_second", self.slowest_bytes_per_second, 1, 10**9)
        check_number("stall_timeout_seconds", self.stall_timeout_seconds, 0.1, 3600)
        # Any slower, and S3 would take a waiting connection for a dead one.
        check_number("max_bytes_per_second", self.max_bytes_per_second, 32 * KIB, 10**12)


@dataclass(frozen=True)
class S3Config:
    """Settings of a client; whatever is left out is looked for where the module says.

    It may hold secrets: its `repr` leaves them out, a pickle of it does not.
    """

    bucket_name: str = ""
    """"" means `S3_INTEGRATION_BUCKET`, else `peerpilot-kiro-data`."""

    region: str = ""
    """"" means `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, else `us-east-1`."""

    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False, kw_only=True)

    profile_name: str | None = field(default=None, kw_only=True)
    """A profile of `~/.aws/config` or `~/.aws/credentials`."""

    endpoint_url: str | None = field(default=None, kw_only=True)
    """Another S3 than AWS' own; https, unless it is on this machine or `plain_http` says."""

    ca_bundle: str | None = field(default=None, kw_only=True)
    """Path of a PEM file with the certificate authorities to trust instead of the usual."""

    total_attempts: int | None = field(default=None, kw_only=True)
    """How often one request is sent at most, the first time included; 1 to 100, else 5."""

    connect_timeout_seconds: float | None = field(default=None, kw_only=True)
    """How long a connection may take to open; up to 3,600, else 10."""

    read_timeout_seconds: float | None = field(default=None, kw_only=True)
    """How long S3 may stay silent in the middle of an answer; up to 3,600, else 60."""

    plain_http: PlainHttp | None = field(default=None, kw_only=True)
    engine: EngineName | None = field(default=None, kw_only=True)

    encryption: Encryption | None = field(default=None, kw_only=True)
    """How S3 is to encrypt what this client stores; None leaves it to the bucket."""

    request_payer: RequestPayer | None = field(default=None, kw_only=True)
    """`requester` agrees to pay for one's own requests, as some buckets demand."""

    transfer: TransferConfig | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check_type(setting.name, getattr(self, setting.name))
        for name in CREDENTIAL_FIELDS:
            check_for_header(name, getattr(self, name))
        _check_values(self)


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """A key pair that was given outright, and where it was found."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client works with: every setting decided, but for what boto3's chain decides."""

    bucket_name: str
    region: str
    """"" leaves it to the profile, else the default."""
    credentials: StaticCredentials | None
    profile_name: str | None
    endpoint_url: str | None
    ca_bundle: str | None
    total_attempts: int
    connect_timeout_seconds: float
    read_timeout_seconds: float
    plain_http: PlainHttp
    engine: EngineName
    encryption: Encryption | None
    request_payer: RequestPayer | None
    transfer: TransferConfig


def resolve_settings(
    bucket_name: str = DEFAULT_BUCKET_NAME,
    config: S3Config | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    dotenv: Mapping[str, str] | None = None,
) -> Settings:
    """Decide every setting.

    Args:
        bucket_name: the caller's argument; left at the default, the others decide.
        config: the caller's settings.
        environment: variables of the process; `os.environ` when None.
        dotenv: variables of the `.env` file; the working folder's when None.

    Raises:
        S3ConfigError: a setting is nonsense; the message names it and where it stands.
    """
    said = config or S3Config()
    surroundings = Surroundings(
        os.environ if environment is None else environment,
        read_dotenv(Path()) if dotenv is None else dotenv,
    )
    found = _found_around(surroundings)
    credentials, profile_name = choose_identity(said, surroundings)
    explicit_bucket = "" if bucket_name == DEFAULT_BUCKET_NAME else bucket_name
    check_bucket_name(bucket_name)
    settings = Settings(
        bucket_name=explicit_bucket or said.bucket_name or found.bucket_name or bucket_name,
        region=said.region or found.region,
        credentials=credentials,
        profile_name=profile_name,
        endpoint_url=said.endpoint_url or found.endpoint_url,
        ca_bundle=said.ca_bundle or found.ca_bundle,
        total_attempts=said.total_attempts or found.total_attempts or 5,
        connect_timeout_seconds=said.connect_timeout_seconds
        or found.connect_timeout_seconds
        or 10.0,
        read_timeout_seconds=said.read_timeout_seconds or found.read_timeout_seconds or 60.0,
        plain_http=said.plain_http or found.plain_http or "loopback",
        engine=said.engine or found.engine or "auto",
        encryption=said.encryption or found.encryption,
        request_payer=said.request_payer or found.request_payer,
        transfer=said.transfer or TransferConfig(),
    )
    check_endpoint(settings.endpoint_url, settings.plain_http)
    check_may_carry_key(settings.encryption, settings.endpoint_url)
    return settings


def check_bucket_name(name: str) -> None:
    """Raise an `S3ConfigError` unless `name` is one that S3 allows for a bucket."""
    _check_type("bucket_name", name)
    if problem := utils.bucket_name_problem(name):
        refuse("bucket_name", name, problem)


def check_endpoint(url: str | None, plain_http: PlainHttp) -> None:
    """Raise an `S3ConfigError` unless `url` may be spoken to."""
    if not url:
        return
    if problem := endpoint_problem(url, plain_http_allowed=plain_http == "anywhere"):
        hint = " Use https, or set plain_http='anywhere' if the network between is yours."
        refuse("endpoint_url", url, problem, hint if "plain http" in problem else "")


def check_may_carry_key(encryption: Encryption | None, url: str | None) -> None:
    """Raise an `S3ConfigError` where a customer key would cross a network in the clear.

    S3 refuses that as well, but only once it has crossed.
    """
    if not url or encryption is None or encryption.method != "SSE-C":
        return
    if endpoint_problem(url, plain_http_allowed=False):
        refuse("endpoint_url", url, "SSE-C sends the key along, and this is plain http")


def _found_around(around: Surroundings) -> S3Config:
    """What the variables say, but for credentials and profile."""
    try:
        return _said_around(around)
    except S3ConfigError as error:
        message = f"{error.message} It comes from the environment or the .env file."
        raise S3ConfigError(message, suggestion=error.suggestion) from error


def _said_around(around: Surroundings) -> S3Config:
    return S3Config(
        bucket_name=around.text("S3_INTEGRATION_BUCKET") or "",
        region=around.text("AWS_REGION", "AWS_DEFAULT_REGION") or "",
        endpoint_url=around.text("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        ca_bundle=around.text("AWS_CA_BUNDLE"),
        total_attempts=around.number("S3_INTEGRATION_TOTAL_ATTEMPTS", int),
        connect_timeout_seconds=around.number("S3_INTEGRATION_CONNECT_TIMEOUT_SECONDS", float),
        read_timeout_seconds=around.number("S3_INTEGRATION_READ_TIMEOUT_SECONDS", float),
        plain_http=around.choice("S3_INTEGRATION_PLAIN_HTTP", get_args(PlainHttp)),
        engine=around.choice("S3_INTEGRATION_ENGINE", get_args(EngineName)),
        encryption=encryption_around(around),
        request_payer=around.choice("S3_INTEGRATION_REQUEST_PAYER", get_args(RequestPayer)),
    )


def encryption_around(around: Surroundings) -> Encryption | None:
    """What the variables say of encryption."""
    method = around.choice("S3_INTEGRATION_ENCRYPTION", get_args(EncryptionMethod))
    if not method:
        return None
    name = "S3_INTEGRATION_CUSTOMER_KEY"
    text = around.text(name)
    return Encryption(
        method=method,
        kms_key_id=around.text("S3_INTEGRATION_KMS_KEY_ID"),
        customer_key=key_from_base64(name, text) if text else None,
    )


def choose_identity(
    said: S3Config, surroundings: Surroundings
) -> tuple[StaticCredentials | None, str | None]:
    """The first place that names keys or a profile decides; halves of two are never joined."""
    keys = (said.access_key_id, said.secret_access_key, said.session_token)
    if any(keys) or said.profile_name:
        return _key_pair(*keys, origin="the settings"), said.profile_name
    for variables, origin in surroundings.places:
        texts = [variables.get(name, "").strip() for name in _CREDENTIAL_VARIABLES]
        key_id, secret, token, profile_name = (text or None for text in texts)
        if key_id or secret or profile_name:  # a lone token is left over, as boto3 sees it
            return _key_pair(key_id, secret, token, origin=origin), profile_name
    return None, None


_CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
)


def _key_pair(
    key_id: str | None, secret: str | None, token: str | None, *, origin: str
) -> StaticCredentials | None:
    for name, value in zip(CREDENTIAL_FIELDS, (key_id, secret, token), strict=True):
        check_for_header(name, value, f"in {origin} ")
    if key_id and secret:
        return StaticCredentials(key_id, secret, token, origin)
    if key_id or secret or token:
        given, missing = ("an access key id", "a secret access key")[:: 1 if key_id else -1]
        given = given if key_id or secret else "a session token"
        message = f"There is {given} without {missing} in {origin}."
        raise S3ConfigError(
            message, suggestion="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."
        )
    return None


_TYPES: Mapping[str, tuple[type, ...]] = {
    "total_attempts": (int,),
    "connect_timeout_seconds": (int, float),
    "read_timeout_seconds": (int, float),
    "transfer": (TransferConfig,),
    "encryption": (Encryption,),
    "part_size_bytes": (int,),
    "multipart_threshold_bytes": (int,),
    "parts_in_flight": (int,),
    "files_in_flight": (int,),
    "resume_threshold_bytes": (int,),
    "slowest_bytes_per_second": (int,),
    "stall_timeout_seconds": (int, float),
    "max_bytes_per_second": (int,),
}
_CHOICES = {
    "plain_http": get_args(PlainHttp),
    "engine": get_args(EngineName),
    "request_payer": get_args(RequestPayer),
}
_NEVER_NONE = frozenset(
    {"bucket_name", "region", *(each.name for each in fields(TransferConfig))}
    - {"max_bytes_per_second"}
)


def _check_type(name: str, value: object) -> None:
    if value is not None or name in _NEVER_NONE:
        check_type(name, value, _TYPES.get(name, (str,)))


def _check_values(config: S3Config) -> None:
    if config.bucket_name:
        check_bucket_name(config.bucket_name)
    if config.region and (problem := utils.region_problem(config.region)):
        refuse("region", config.region, problem)
    if config.ca_bundle and not is_file(Path(config.ca_bundle)):
        refuse("ca_bundle", config.ca_bundle, "there is no such file")
    check_number("total_attempts", config.total_attempts, 1, 100)
    for name in ("connect_timeout_seconds", "read_timeout_seconds"):
        check_number(name, getattr(config, name), 0.001, 3600)
    for name, choices in _CHOICES.items():
        if getattr(config, name) is not None:
            check_choice(name, getattr(config, name), choices)
    check_endpoint(config.endpoint_url, config.plain_http or "anywhere")
