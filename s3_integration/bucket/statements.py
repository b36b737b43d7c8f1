"""Bucket policies: what they say, and adding to them without losing a statement.

Pure: policies go in as S3 tells them and come out whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3_integration.bucket.settings import Document

Statement = dict[str, Any]

LOG_SERVICE = "logging.s3.amazonaws.com"

_VERSION = "2012-10-17"
_ANY_KEY = "\0" * 16
"""A key that no pattern names but by a wildcard."""


def arn_of(bucket: str, partition: str = "aws") -> str:
    """The bucket's ARN; `partition` is `aws`, `aws-cn`, `aws-us-gov` or another of AWS'."""
    return f"arn:{partition}:s3:::{bucket}"


def with_plain_http_denied(policy: Document, bucket: str, partition: str = "aws") -> Document:
    """The policy with one more statement, which refuses what does not come by TLS."""
    arn = arn_of(bucket, partition)
    statement = {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return _with_statement(policy, statement)


def denies_plain_http(policy: Document, bucket: str, partition: str = "aws") -> bool:
    """Whether the policy refuses everybody everything that does not come by TLS.

    One statement may say it of the bucket and another of its objects.
    """
    arn = arn_of(bucket, partition)
    resources = [
        pattern
        for statement in statements_of(policy)
        if _refuses_plain_http(statement)
        for pattern in _several(statement.get("Resource"))
    ]
    return all(
        any(_matches(pattern, wanted) for pattern in resources)
        for wanted in (arn, f"{arn}/{_ANY_KEY}")
    )


def _refuses_plain_http(statement: Statement) -> bool:
    return (
        statement.get("Effect") == "Deny"
        and _names_everybody(statement)
        and any(
            str(action).lower() in {"*", "s3:*"} for action in _several(statement.get("Action"))
        )
        and _is_plain_http(statement.get("Condition"))
    )


def _is_plain_http(condition: Any) -> bool:
    """Whether a condition is met by all that comes without TLS: one more would narrow it."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return False
    [(operator, keys)] = condition.items()
    if operator not in {"Bool", "BoolIfExists"} or not isinstance(keys, dict) or len(keys) != 1:
        return False
    [(key, values)] = keys.items()
    said = [str(value).lower() for value in _several(values)]
    return key.lower() == "aws:securetransport" and said == ["false"]


def lets_everybody_in(policy: Document) -> bool:
    """Whether a statement allows everybody something, without a condition.

    S3's own judgement (GetBucketPolicyStatus) is better; this one is for servers without.
    """
    return any(
        statement.get("Effect") == "Allow"
        and (_names_everybody(statement) or "NotPrincipal" in statement)
        and not statement.get("Condition")
        for statement in statements_of(policy)
    )


def with_logs_let_in(
    policy: Document, bucket: str, source: str, account: str, partition: str = "aws"
) -> Document:
    """The policy of `bucket` with S3's logging service let in for the logs of `source`.

    Args:
        policy: the policy so far.
        bucket: where the logs go.
        source: the bucket whose requests are logged.
        account: the number of the account that owns `source`; "" on servers without numbers.
        partition: AWS' name for its separate worlds.

    (User Guide, "Enabling Amazon S3 server access logging".)
    """
    condition: dict[str, Any] = {"ArnLike": {"aws:SourceArn": arn_of(source, partition)}}
    if account:
        condition["StringEquals"] = {"aws:SourceAccount": account}
    statement = {
        "Sid": "AllowAccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": LOG_SERVICE},
        "Action": "s3:PutObject",
        "Resource": f"{arn_of(bucket, partition)}/{log_prefix(source)}*",
        "Condition": condition,
    }
    if any(_is_same(statement, other) for other in statements_of(policy)):
        return policy
    return _with_statement(policy, statement)


def log_prefix(source: str) -> str:
    """What the keys of a bucket's access logs begin with."""
    return f"{source}/"


def takes_logs(policy: Document) -> bool:
    """Whether the policy lets S3's logging service write into the bucket."""
    return any(
        statement.get("Effect") == "Allow" and LOG_SERVICE in _services(statement)
        for statement in statements_of(policy)
    )


def statements_of(policy: Document) -> list[Statement]:
    """The statements of a policy, which may be one that is not in a list."""
    found = policy.get("Statement", [])
    several = found if isinstance(found, list) else [found]
    return [statement for statement in several if isinstance(statement, dict)]


def _with_statement(policy: Document, statement: Statement) -> Document:
    found = policy.get("Statement", [])
    several = found if isinstance(found, list) else [found]
    taken = [str(other.get("Sid")) for other in statements_of(policy)]
    named = {**statement, "Sid": free_name(statement["Sid"], taken)}
    # A policy without a version is of 2008, and stays so: its variables would change meaning.
    version = {} if policy else {"Version": _VERSION}
    return {**version, **policy, "Statement": [*several, named]}


def free_name(name: str, taken: Iterable[str | None]) -> str:
    """`name`, or `name` with a number: no two statements or rules may share one."""
    names = set(taken)
    if name not in names:
        return name
    return next(
        numbered
        for number in range(2, len(names) + 3)
        if (numbered := f"{name}{number}") not in names
    )


def _is_same(statement: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return {**statement, "Sid": ""} == {**other, "Sid": ""}


def _names_everybody(statement: Statement) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    return "*" in _several(principal)


def _services(statement: Statement) -> list[str]:
    principal = statement.get("Principal")
    return _several(principal.get("Service")) if isinstance(principal, dict) else []


def _several(value: Any) -> list[Any]:
    """What may be one or a list of several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(pattern: Any, arn: str) -> bool:
    """Whether IAM's pattern, with its `*` and `?`, is of this ARN."""
    words = re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(words, arn, re.DOTALL) is not None
