"""Questions to S3 that change nothing, and what may be concluded from their replies.

S3 looks at permissions before it looks for what a request names: a request for an object or
an upload that does not exist is answered `NoSuchKey` or `NoSuchUpload` to those who may make
it, and `AccessDenied` to others (Service Authorization Reference).
"""

from __future__ import annotations

import contextlib
import secrets
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from s3_integration.aws.errors import translated
from s3_integration.aws.identity import caller_told_by_sts
from s3_integration.aws.permissions import MISSING_PERMISSION, operation_of
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3CredentialsError,
    S3IntegrationError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection

RESERVED_PREFIX = ".s3_integration-check-"
"""How the keys begin that health checks use; no object of anybody else should."""

_NO_UPLOAD = {"UploadId": "s3_integration-no-such-upload"}
_ONE_PART = {"Parts": [{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}]}

_ROUND_TRIPS = 5
"""How often the time is taken; the median leaves out the first, which opens a connection."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that changes nothing, and tells whether it would be allowed."""

    name: str
    """What it is needed for."""
    method: str
    """boto3's name of the request."""
    needed: Literal["always", "sometimes"]
    """Whether everything or only a part of the package needs the permission."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    is_about_key: bool = False
    granted_by: frozenset[str] = frozenset()
    """Codes that S3 tells only those who may ask."""
    asks_for_version: bool = False
    """Whether an action of its own is needed, since a version is named."""

    @property
    def is_shown_by_writing(self) -> bool:
        """Whether a real write, where one is wanted, shows it as well."""
        return self.method == "complete_multipart_upload"

    @property
    def operation(self) -> str:
        """S3's name of the request."""
        return operation_of(self.method)

    @property
    def action(self) -> str:
        """The IAM action that it needs."""
        action = MISSING_PERMISSION.get(self.operation, f"s3:{self.operation}")
        return f"{action}Version" if self.asks_for_version else action


LIST_FILES = Question("list files", "list_objects_v2", "always", {"MaxKeys": 1})

READ_FILES = Question(
    "read files", "get_object", "always", is_about_key=True, granted_by=frozenset({"NoSuchKey"})
)

READ_VERSIONS = Question(
    "read versions",
    "get_object",
    "sometimes",
    {"VersionId": "null"},  # what is stored before versions are kept has this one
    is_about_key=True,
    granted_by=frozenset({"NoSuchKey", "NoSuchVersion"}),
    asks_for_version=True,
)

QUESTIONS = (
    LIST_FILES,
    READ_FILES,
    # A POST, which no server takes for an object to store.
    Question(
        "write files",
        "complete_multipart_upload",
        "always",
        _NO_UPLOAD | {"MultipartUpload": _ONE_PART},
        is_about_key=True,
        granted_by=frozenset({"NoSuchUpload", "InvalidPart", "MalformedXML"}),
    ),
    Question(
        "give up uploads in parts",
        "abort_multipart_upload",
        "sometimes",
        _NO_UPLOAD,
        is_about_key=True,
        granted_by=frozenset({"NoSuchUpload"}),
    ),
    Question(
        "resume uploads in parts",
        "list_parts",
        "sometimes",
        _NO_UPLOAD,
        is_about_key=True,
        granted_by=frozenset({"NoSuchUpload", "NoSuchKey"}),  # the second is Ceph's word
    ),
    Question(
        "find unfinished uploads",
        "list_multipart_uploads",
        "sometimes",
        {"MaxUploads": 1},
        # rclone's word for none so far.
        granted_by=frozenset({"NoSuchUpload"}),
    ),
    Question("list versions", "list_object_versions", "sometimes", {"MaxKeys": 1}),
    READ_VERSIONS,
    Question(
        "read tags",
        "get_object_tagging",
        "sometimes",
        is_about_key=True,
        granted_by=frozenset({"NoSuchKey"}),
    ),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """S3's reply to a question."""

    question: Question
    error: S3IntegrationError | None
    """None where it was answered as it was asked."""


def ask(connection: Connection, bucket: str, question: Question) -> Reply:
    """Put a question; a refusal is a reply too, and so is no answer at all."""
    key = reserved_key() if question.is_about_key else ""
    named = {"Bucket": bucket, **({"Key": key} if key else {})}
    try:
        with translated(question.operation, bucket, key):
            answer = getattr(connection.client, question.method)(**named, **question.arguments)
    except S3IntegrationError as error:
        return Reply(question, error)
    if "Body" in answer:  # somebody has stored something there after all
        answer["Body"].close()
    return Reply(question, None)


def reserved_key() -> str:
    """A key under which nothing is stored."""
    return RESERVED_PREFIX + secrets.token_hex(8)


def is_refused_for_its_signature(error: S3IntegrationError | None) -> bool:
    """Whether S3 did not listen, because of who asked, when, or for which region."""
    # A bare 400 is what HEAD and some gateways say to an expired token.
    return isinstance(error, S3CredentialsError) or getattr(error, "code", "") == "400"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the credentials belong to."""

    name: str
    """An ARN on AWS, a user's name elsewhere; "" where the server does not tell."""
    account: str
    """AWS' account id; "" elsewhere."""


def who_asks(connection: Connection, bucket: str) -> Identity:
    """Ask AWS' token service who signs, or another server who owns what it lists.

    Raises:
        S3IntegrationError: it did not say.
    """
    if connection.endpoint.name == "aws":
        told = caller_told_by_sts(connection, bucket)
        return Identity(str(told.get("Arn", "")), str(told.get("Account", "")))
    try:
        with translated("ListBuckets", bucket):
            owner = connection.client.list_buckets().get("Owner", {})
    except S3AccessDeniedError:  # not everybody may list them
        owner = {}
    return Identity(str(owner.get("DisplayName") or owner.get("ID") or ""), "")


Ownership = Literal["yours", "someone else's", "unknown"]


def whose_bucket(connection: Connection, bucket: str, identity: Identity) -> Ownership:
    """Whose an existing bucket is, for those who may look at it.

    Raises:
        S3IntegrationError: S3 could not be asked.
    """
    if identity.account:
        return _is_of_account(connection, bucket, identity.account)
    if connection.endpoint.name == "aws":
        return "unknown"
    try:
        with translated("ListBuckets", bucket):
            mine = connection.client.list_buckets().get("Buckets", [])
    except S3AccessDeniedError:
        return "unknown"
    return "yours" if any(it.get("Name") == bucket for it in mine) else "someone else's"


def _is_of_account(connection: Connection, bucket: str, account: str) -> Ownership:
    try:
        with translated("HeadBucket", bucket):
            connection.client.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except S3AccessDeniedError:
        return "someone else's"
    return "yours"


def region_of_bucket(connection: Connection, bucket: str) -> str:
    """Where S3 says that the bucket is; "" where it does not say.

    Raises:
        S3IntegrationError: S3 could not be asked.
    """
    with translated("HeadBucket", bucket):
        return str(connection.client.head_bucket(Bucket=bucket).get("BucketRegion", ""))


def round_trip_seconds(connection: Connection, bucket: str) -> float:
    """The median time of a small signed request, whatever it is answered.

    Raises:
        S3IntegrationError: there was no answer.
    """
    times = []
    for _ in range(_ROUND_TRIPS):
        began = time.perf_counter()
        with (
            contextlib.suppress(S3AccessDeniedError, S3BucketError),
            translated("HeadBucket", bucket),
        ):
            connection.client.head_bucket(Bucket=bucket)
        times.append(time.perf_counter() - began)
    return statistics.median(times)
