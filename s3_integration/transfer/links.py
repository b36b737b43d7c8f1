"""Presigned links: what they allow, and how long those credentials live that they rest on."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from s3_integration.aws.errors import translated
from s3_integration.aws.locator import UnusualRequestError
from s3_integration.aws.presigned import Permit, presigned_url
from s3_integration.exceptions import S3ConfigError, S3IntegrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.locator import Location
    from s3_integration.aws.session import Connection

logger = logging.getLogger(__name__)

_LONGEST_SESSION = dt.timedelta(hours=36)
"""Of temporary credentials that do not tell their end (STS API Reference, GetSessionToken)."""


def link_for(connection: Connection, bucket: str, permit: Permit) -> str:
    """The link; S3 is not asked for it.

    Raises:
        S3ConfigError: the client's settings want what no link can carry.
    """
    permit = _by_terms(connection, permit)
    location = _location_of(connection, bucket, permit.key)
    with translated("presign", bucket, permit.key):
        credentials = connection.credentials.get_frozen_credentials()
    now = dt.datetime.now(dt.UTC)
    longest = _LONGEST_SESSION if credentials.token else dt.timedelta.max
    if early := early_end(permit.seconds, now, connection.credentials.expires_at, longest):
        logger.warning("the link to %r ends %s", permit.key, early)
    return presigned_url(permit, location, credentials, now + connection.clock.offset)


def _by_terms(connection: Connection, permit: Permit) -> Permit:
    encryption = connection.terms.encryption
    if encryption is not None and encryption.method == "SSE-C":
        raise S3ConfigError(
            "Cannot make a link with the setting encryption='SSE-C': the key would have to go "
            "with it.",
            operation="presign",
            key=permit.key,
            suggestion="Make it with a client that has no customer key, for a file without one.",
        )
    operation = {"GET": "GetObject", "PUT": "PutObject"}[permit.method]
    headers: Mapping[str, str] = connection.terms.headers_of(operation)
    # S3 takes this one from the link as well (User Guide, "Using Requester Pays buckets").
    payer = {name: text for name, text in headers.items() if name == "x-amz-request-payer"}
    others = {name: text for name, text in headers.items() if name not in payer}
    return Permit(
        permit.method,
        permit.key,
        permit.seconds,
        {**permit.query, **payer},
        {**permit.headers, **others},
    )


def _location_of(connection: Connection, bucket: str, key: str) -> Location:
    with translated("presign", bucket, key):
        try:
            return connection.locator.locate(bucket)
        except (UnusualRequestError, ClientError) as error:
            raise S3IntegrationError(
                f"Cannot make a link to {key!r} in bucket {bucket!r}: {error}.",
                operation="presign",
                bucket=bucket,
                key=key,
                suggestion="Use credentials and an endpoint that take signatures of version 4.",
            ) from error


def early_end(
    seconds: int, now: dt.datetime, expires_at: dt.datetime | None, longest: dt.timedelta
) -> str:
    """When a link ends by its credentials' end, in words; "" where that comes no sooner.

    Args:
        seconds: how long the link is to hold.
        now: when it begins to.
        expires_at: when the credentials end; None where they do not tell.
        longest: how long they live at most, where they do not.
    """
    wanted = dt.timedelta(seconds=seconds)
    if expires_at is None:
        is_early = wanted > longest
        return "before its time: it was made with temporary credentials" if is_early else ""
    if now + wanted <= expires_at:
        return ""
    moment = f"{expires_at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ}"
    return f"before its time: its credentials expire at {moment}"
