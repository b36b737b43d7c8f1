"""From settings to a boto3 client that behaves as this package promises."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, DataNotFoundError
from botocore.loaders import Loader, create_loader

from s3_integration.aws import deletions, listings, paced, timestamps
from s3_integration.aws.awscrt_version import check_awscrt
from s3_integration.aws.clock import ServerClock
from s3_integration.aws.credentials import CredentialFinder, RenewableCredentials
from s3_integration.aws.endpoints import EndpointProfile, Learned, profile_of
from s3_integration.aws.errors import translated
from s3_integration.aws.hooks import Hooks
from s3_integration.aws.locator import Locator
from s3_integration.aws.pace import Limits, limits_of
from s3_integration.aws.permissions import tell_partition
from s3_integration.aws.retries import Retries
from s3_integration.aws.terms import Terms
from s3_integration.config import (
    DEFAULT_REGION,
    Settings,
    check_endpoint,
    check_may_carry_key,
)
from s3_integration.endpoints import is_loopback_url
from s3_integration.exceptions import S3ConfigError, S3IntegrationError
from s3_integration.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client as Boto3Client

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """One boto3 client with all that is known of it; threads may share it, forks may not."""

    client: Boto3Client
    credentials: RenewableCredentials
    endpoint: EndpointProfile
    region: str
    total_attempts: int
    clock: ServerClock
    retries: Retries
    locator: Locator
    hooks: Hooks
    terms: Terms
    limits: Limits
    ca_bundle: str | None = None
    """A file with the certificate authorities to trust instead of the usual."""
    learned: Learned = field(default_factory=Learned)


def connect(settings: Settings) -> Connection:
    """Find credentials and region, and make the client; S3 itself is not asked yet.

    Raises:
        S3CredentialsError: no credentials, or ones that could not be fetched.
        S3ConfigError: an unknown profile, an endpoint of `~/.aws/config` that is refused, or
            no awscrt for the engine of that name.
    """
    if settings.engine == "crt":
        check_awscrt()
    with translated("connect", settings.bucket_name):
        session = _session_of(settings)
        session.register_component("credential_provider", CredentialFinder(settings, session))
        credentials = cast("RenewableCredentials", session.get_credentials())
        region = _region_in(session, settings)
        client = _make_client(session, region, settings, _client_config(settings))
    check_endpoint(client.meta.endpoint_url, settings.plain_http)
    check_may_carry_key(settings.encryption, client.meta.endpoint_url)
    logger.debug(
        "connected to %s, region %s, credentials from %s, access key id %s",
        client.meta.endpoint_url,
        region,
        credentials.method,
        credentials.access_key,
    )
    ca_bundle = _ca_bundle_of(session, settings)
    return _equipped(client, settings, credentials, region, ca_bundle)


def _equipped(
    client: Boto3Client,
    settings: Settings,
    credentials: RenewableCredentials,
    region: str,
    ca_bundle: str | None,
) -> Connection:
    """A new client with all that watches over its requests."""
    terms = Terms(settings, client)
    listings.read_quickly(client)
    deletions.write_quickly(client)
    tell_partition(client)
    limits = limits_of(settings)
    paced.install(client, limits)
    clock = ServerClock()
    clock.install(client)
    retries = Retries(settings.total_attempts, credentials, clock)
    retries.install(client)
    locator = Locator(client)
    return Connection(
        client=client,
        credentials=credentials,
        endpoint=profile_of(client.meta.endpoint_url),
        region=region,
        total_attempts=settings.total_attempts,
        clock=clock,
        retries=retries,
        locator=locator,
        hooks=Hooks(client),
        terms=terms,
        limits=limits,
        ca_bundle=ca_bundle,
    )


@dataclass(frozen=True, slots=True)
class Way:
    """Where requests would go, as far as that is known without credentials."""

    endpoint_url: str
    region: str
    proxies: Mapping[str, str] | None = field(repr=False)
    """By scheme, and maybe with passwords; None leaves them to the environment."""
    ca_bundle: str | None
    is_mocked: bool = False
    """Whether moto answers in S3's place, and nothing goes anywhere."""


def way_to_s3(settings: Settings) -> Way:
    """Find out where requests would go; nothing is sent, and no credentials are looked for.

    Raises:
        S3ConfigError: an unknown profile, a config file that cannot be read, or an endpoint
            of it that is refused.
    """
    with translated("connect", settings.bucket_name):
        session = _session_of(settings)
        region = _region_in(session, settings)
        unsigned = _client_config(settings).merge(Config(signature_version=UNSIGNED))
        client = _make_client(session, region, settings, unsigned)
    try:
        url = client.meta.endpoint_url
        check_endpoint(url, settings.plain_http)
        config: Any = client.meta.config
        is_mocked = Hooks(client).is_mocked()
        return Way(url, region, config.proxies, _ca_bundle_of(session, settings), is_mocked)
    finally:
        client.close()


def region_of(settings: Settings) -> str:
    """The region that the settings or the profile name; credentials are not looked for.

    Raises:
        S3ConfigError: an unknown profile.
    """
    if settings.region:
        return settings.region
    with translated("connect", settings.bucket_name):
        return _region_in(_session_of(settings), settings)


def _session_of(settings: Settings) -> botocore.session.Session:
    session = botocore.session.Session(profile=settings.profile_name)
    if settings.credentials and not settings.profile_name:
        # Given keys decide; an AWS_PROFILE beside them, which may not exist, does not.
        session.session_var_map["profile"] = (None, None, None, None)
    session.register_component("data_loader", _loader_of(session))
    timestamps.read_quickly(session)
    return session


def _check_is_whole(loader: Loader) -> None:
    """Refuse a botocore without its rules for endpoints.

    It would go on without them, and send requests for a bucket to the server as a whole: a
    list of files would then come back empty. pip leaves it so while it replaces botocore.
    """
    try:
        loader.load_service_model("s3", "endpoint-rule-set-1")
    except DataNotFoundError as error:
        raise S3IntegrationError(
            "botocore is not installed as a whole: its rules for S3's endpoints are missing.",
            suggestion="If it is being installed, wait; else run: "
            "pip install --force-reinstall botocore",
        ) from error


def _region_in(session: botocore.session.Session, settings: Settings) -> str:
    return settings.region or session.get_config_variable("region") or DEFAULT_REGION


def _ca_bundle_of(session: botocore.session.Session, settings: Settings) -> str | None:
    """By botocore's own order."""
    configured = settings.ca_bundle or session.get_config_variable("ca_bundle")
    return configured or os.environ.get("REQUESTS_CA_BUNDLE")


def _loader_of(session: botocore.session.Session) -> Loader:
    """The reader of botocore's models, which all sessions share: they take 0.1 s to parse."""
    loader = _shared_loader(session.get_config_variable("data_path"))
    # Every boto3.Session adds its folder once more.
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    return loader


@functools.cache
def _shared_loader(data_path: str | None) -> Loader:
    return create_loader(data_path)


def _make_client(
    session: botocore.session.Session, region: str, settings: Settings, config: Config
) -> Boto3Client:
    _check_is_whole(session.get_component("data_loader"))
    try:
        return boto3.Session(botocore_session=session, region_name=region).client(
            "s3", endpoint_url=settings.endpoint_url, verify=settings.ca_bundle,
            config=config,
        )  # fmt: skip
    except BotoCoreError:  # some are ValueErrors
        raise
    except ValueError as error:  # botocore's for an endpoint; settings' own were checked before
        raise S3ConfigError(
            "The endpoint_url in the AWS config file is not a URL that S3 could have.",
            suggestion="Correct it, or set endpoint_url (AWS_ENDPOINT_URL_S3).",
        ) from error


def _client_config(settings: Settings) -> Config:
    # Servers other than AWS seldom have a host name per bucket.
    further: dict[str, Any] = {}
    if settings.endpoint_url:
        further["s3"] = {"addressing_style": "path"}
    if settings.endpoint_url and is_loopback_url(settings.endpoint_url):
        # HTTP_PROXY is for other machines; a proxy has another loopback than this one.
        further["proxies"] = {}
    return Config(
        # One attempt by botocore, however AWS_RETRY_MODE and AWS_MAX_ATTEMPTS stand:
        # retries are retries.py's. `total_max_attempts` counts the first, `max_attempts` not.
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        # A thread beyond the pool opens a connection of its own and throws it away.
        max_pool_connections=_POOL_CONNECTIONS,
        # Checksums are integrity.py's; botocore's default trailers are refused by many servers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra=f"s3_integration/{__version__}",
        **further,
    )


_POOL_CONNECTIONS = 128
