"""Whose credentials these are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from s3_integration.aws.errors import translated

if TYPE_CHECKING:
    from s3_integration.aws.session import Connection


def account_of(connection: Connection, bucket: str) -> str:
    """The number of the account that the credentials belong to, as AWS STS tells it.

    It needs no permission (API Reference of AWS STS, "GetCallerIdentity"), but a way to STS.

    Raises:
        S3CredentialsError: they are wrong or expired.
        S3IntegrationError: STS could not be asked.
    """
    with translated("GetCallerIdentity", bucket):
        frozen = connection.credentials.get_frozen_credentials()
        client: Any = botocore.session.Session().create_client(
            "sts",
            region_name=connection.region,
            verify=connection.ca_bundle,
            aws_access_key_id=frozen.access_key,
            aws_secret_access_key=frozen.secret_key,
            aws_session_token=frozen.token,
            config=Config(
                connect_timeout=10,
                read_timeout=10,
                retries={"mode": "standard", "total_max_attempts": connection.total_attempts},
            ),
        )
        try:
            answer = client.get_caller_identity()
        finally:
            client.close()
    return str(answer["Account"])
