"""The baseline's protections that a bucket lacks, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.bucket.controls import BASELINE
from s3_integration.exceptions import S3AccessDeniedError, S3IntegrationError

if TYPE_CHECKING:
    from s3_integration.aws.session import Connection
    from s3_integration.bucket.controls import Control


def missing_protections(connection: Connection, bucket: str) -> tuple[str, ...]:
    """The names of the baseline's controls that do not hold, with what keeps one from knowing."""
    told = [(control.name, _lack_of(connection, bucket, control)) for control in BASELINE]
    return tuple(f"{name}{lack}" for name, lack in told if lack is not None)


def _lack_of(connection: Connection, bucket: str, control: Control) -> str | None:
    """None where the control holds; else "", or why that could not be seen."""
    operation = "".join(word.capitalize() for word in control.read_by.split("_"))
    try:
        with translated(operation, bucket):
            answer = getattr(connection.client, control.read_by)(Bucket=bucket)
    except S3AccessDeniedError:
        return " (may not be looked at)"
    except S3IntegrationError:
        return ""  # it is not set, or the server does not know it
    return None if control.holds(answer, bucket) else ""
