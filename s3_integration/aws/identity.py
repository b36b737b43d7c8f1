"""Whose credentials these are, as AWS STS tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from s3_integration.aws.errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection

_MOST_SECONDS = 10.0
"""STS answers in milliseconds, wherever there is a way to it."""


def account_of(connection: Connection, bucket: str) -> str:
    """The number of the account that the credentials belong to; see `caller_told_by_sts`."""
    return str(caller_told_by_sts(connection, bucket)["Account"])


def caller_told_by_sts(connection: Connection, bucket: str) -> Mapping[str, Any]:
    """STS' answer to GetCallerIdentity.

    It needs no permission (API Reference of AWS STS, "GetCallerIdentity"), but a way to STS.

    Raises:
        S3CredentialsError: they are wrong or expired.
        S3IntegrationError: STS could not be asked.
    """
    with translated("GetCallerIdentity", bucket):
        client = _sts_client(connection)
        try:
            answer: Mapping[str, Any] = client.get_caller_identity()
        finally:
            client.close()
    return answer


def _sts_client(connection: Connection) -> Any:
    session = botocore.session.Session()
    # An AWS_PROFILE, which may not exist, has had its say already.
    session.session_var_map["profile"] = (None, None, None, None)
    frozen = connection.credentials.get_frozen_credentials()
    limits = connection.limits
    return session.create_client(
        "sts",
        region_name=connection.region,
        verify=connection.ca_bundle,
        aws_access_key_id=frozen.access_key,
        aws_secret_access_key=frozen.secret_key,
        aws_session_token=frozen.token,
        config=Config(
            connect_timeout=min(limits.connect_seconds, _MOST_SECONDS),
            read_timeout=min(limits.answer_seconds, _MOST_SECONDS),
            retries={"mode": "standard", "total_max_attempts": connection.total_attempts},
        ),
    )
