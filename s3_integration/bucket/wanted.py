"""What is wanted of a bucket's controls, where there is a choice, and what stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ABORT_UNFINISHED_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything that judging and mending a bucket's settings needs to know beside them."""

    bucket: str
    partition: str = "aws"
    """AWS' name for its separate worlds; it is part of every ARN."""

    server: Literal["aws", "other"] = "aws"
    """Whether all of S3's settings are sure to be known; under a mock they are not."""

    plain_http: Literal["deniable", "in use", "mocked"] = "deniable"
    """`in use`: this client's endpoint is plain http, so that denying it would lock it out.
    `mocked`: moto answers in AWS' place, and takes the policy for one against everything."""

    customer_keys: Literal["blockable", "in use", "unknown"] = "blockable"
    """`in use`: this client stores by SSE-C. `unknown`: this botocore is from before there
    was anything to block."""

    kms_key: str | None = None
    """Id, ARN or alias of the KMS key that new objects are to be encrypted with; None leaves
    the choice, and sets AES-256 where nothing is set."""

    logging_bucket: str | None = None
    abort_unfinished_after_days: int = ABORT_UNFINISHED_AFTER_DAYS
    expire_old_versions_after_days: int | None = None
    """None deletes no version that is not deleted already."""
