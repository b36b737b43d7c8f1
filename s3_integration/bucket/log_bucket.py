"""The bucket that takes another one's access logs: made, or checked, and opened for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.bucket.create import bucket_exists, ensure_bucket
from s3_integration.bucket.exchange import BucketSettings
from s3_integration.bucket.statements import statements_of, with_logs_let_in
from s3_integration.exceptions import S3BucketError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.bucket.settings import Reading, SettingName
    from s3_integration.bucket.wanted import Wanted

_LOOKED_AT: tuple[SettingName, ...] = ("logging", "encryption", "object lock")


def prepare_log_bucket(source: BucketSettings, bucket: str, wanted: Wanted) -> None:
    """Let S3 write the access logs of `source` into `bucket`, which is made where it is missing.

    A new one gets the controls of every new bucket. Of one that is there, nothing but the
    policy is changed, by one more statement.

    Raises:
        S3BucketError: logs cannot go there; nothing was changed.
        S3IntegrationError: S3 refused, or could not be asked.
    """
    connection, owner = source.connection, source.owner
    region = _region_of(source)
    logs = BucketSettings(connection, bucket, owner)
    if not bucket_exists(connection, bucket, owner):
        if region not in {"", connection.region}:
            raise _unusable(bucket, f"it would be made in {connection.region}, not in {region}")
        ensure_bucket(connection, bucket)
    elif _region_of(logs) != region:
        raise _unusable(bucket, f"it lies in {_region_of(logs)}, not in {region}")
    elif problem := log_bucket_problem(
        source.bucket, bucket, {name: logs.read(name) for name in _LOOKED_AT}
    ):
        raise _unusable(bucket, problem)
    _let_logs_in(logs, source, wanted)


def log_bucket_problem(source: str, bucket: str, readings: Mapping[SettingName, Reading]) -> str:
    """Why the logs of `source` cannot go into a bucket with these settings; "" where they can.

    (User Guide, "Enabling Amazon S3 server access logging": what a destination may not have.)
    """
    target = readings["logging"].document.get("LoggingEnabled", {}).get("TargetBucket")
    if target in {source, bucket}:
        return f"its own logs go into {target!r}: each log would make another one"
    rules = readings["encryption"].document.get("Rules", [])
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    if any(str(default.get("SSEAlgorithm")).startswith("aws:kms") for default in defaults):
        return "it is encrypted by KMS, which the logging service cannot use"
    if readings["object lock"].document.get("Rule"):
        return "Object Lock keeps everything in it by default, which the logging service cannot"
    return ""


def _let_logs_in(logs: BucketSettings, source: BucketSettings, wanted: Wanted) -> None:
    policy = logs.read("policy")
    if policy.state in {"refused", "unsupported"}:
        raise _unusable(logs.bucket, f"its policy cannot be added to: {policy.told}")
    document = with_logs_let_in(
        policy.document, logs.bucket, source.bucket, source.owner, wanted.partition
    )
    if document == policy.document:
        return
    added = statements_of(document)[-1]
    if not logs.replace(
        "policy", document, lambda reading: added in statements_of(reading.document)
    ):
        raise _unusable(logs.bucket, "the server took its policy and forgot it")


def _region_of(settings: BucketSettings) -> str:
    """Where a bucket lies; "" where the server does not say."""
    with translated("HeadBucket", settings.bucket):
        answer = settings.connection.client.head_bucket(**settings.named)
    return answer.get("BucketRegion", "")


def _unusable(bucket: str, why: str) -> S3BucketError:
    return S3BucketError(
        f"Cannot keep access logs in bucket {bucket!r}: {why}.",
        operation="secure",
        bucket=bucket,
        suggestion="Give another logging_bucket.",
    )
