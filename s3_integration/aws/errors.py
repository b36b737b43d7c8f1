"""The one translation: whatever boto3, botocore, urllib3 or the system raise becomes ours.

Codes decide, not HTTP statuses: one status stands for many causes. What they mean is the
table in `codes.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError as Urllib3Error

from s3_integration.aws.codes import (
    DELETED,
    DENIED,
    DENIED_EXPLICITLY,
    MEANINGS,
    NO_BUCKET_OR_NO_S3,
    NO_KEY,
    NO_PLACE,
    SEE_DOCTOR,
    UNKNOWN_CODE,
    Meaning,
)
from s3_integration.aws.deeds import deed_told
from s3_integration.aws.permissions import partition_of, refusal_of
from s3_integration.aws.proxies import is_final, refusal_status, refusal_told
from s3_integration.exceptions import (
    ErrorFacts,
    S3ConfigError,
    S3CredentialsError,
    S3IntegrationError,
    both,
)
from s3_integration.logs import in_one_line, redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

_NETWORK = f"Check the network, the endpoint and any proxy settings, then try again.{SEE_DOCTOR}"


def translated(
    operation: str,
    bucket: str,
    key: str = "",
    *,
    outcome: type[S3IntegrationError] | None = None,
) -> AbstractContextManager[None]:
    """Raise whatever fails inside the block as an error of ours, with its cause kept.

    Args:
        operation: what was done, S3's name for it or ours.
        bucket: the bucket it was done to.
        key: the object it was done to, if there is one.
        outcome: a class that the error shall belong to as well, such as `S3UploadError`.
    """
    return _Translation(operation, bucket, key, outcome)


class _Translation:
    """What `translated` returns. A generator would take four times as long, for every file."""

    __slots__ = ("_bucket", "_key", "_operation", "_outcome")

    def __init__(
        self, operation: str, bucket: str, key: str, outcome: type[S3IntegrationError] | None
    ) -> None:
        self._operation = operation
        self._bucket = bucket
        self._key = key
        self._outcome = outcome

    def __enter__(self) -> None:
        """Nothing has failed yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        outcome = self._outcome
        if isinstance(error, S3IntegrationError):
            if outcome is not None and not isinstance(error, outcome):
                raise with_outcome(error, outcome) from error.__cause__
        elif isinstance(error, _TRANSLATED):
            ours = translate(error, operation=self._operation, bucket=self._bucket, key=self._key)
            raise (with_outcome(ours, outcome) if outcome else ours) from _showable(error)


_TRANSLATED = (
    botocore_errors.ClientError,
    botocore_errors.BotoCoreError,
    ResponseParserError,
    Urllib3Error,
    OSError,
)


def _showable(error: Exception) -> Exception | None:
    """`error`, unless a traceback would tell a secret by it or by what it came from."""
    told: BaseException | None = error
    while told is not None:
        if redact(str(told)) != str(told):
            return None
        told = told.__cause__ or told.__context__
    return error


def with_outcome(
    error: S3IntegrationError, outcome: type[S3IntegrationError]
) -> S3IntegrationError:
    """The same error, told also as what it did to the caller's wish."""
    causes = error.made_of or (type(error),)
    combined = outcome
    for cause in causes:
        combined = both(combined, cause)
    return _with_errno(combined(error.message, **error.facts), error)


def _with_errno(ours: S3IntegrationError, error: Exception) -> S3IntegrationError:
    """`ours` with what callers of the system's errors are used to ask for."""
    if isinstance(error, OSError) and isinstance(ours, OSError):
        ours.errno, ours.filename = error.errno, error.filename
    return ours


def translate(
    error: Exception, *, operation: str, bucket: str, key: str = ""
) -> S3IntegrationError:
    """The error of ours that says what `error` means, without raising it."""
    if isinstance(error, botocore_errors.ClientError):
        return _from_answer(error, bucket=bucket, key=key)
    facts = ErrorFacts(operation=operation, bucket=bucket, key=key)
    # Before OSError: some of botocore's errors are OSErrors too.
    if isinstance(error, botocore_errors.BotoCoreError | ResponseParserError | Urllib3Error):
        return _from_library(error, facts)
    if isinstance(error, OSError):
        return _from_system(error, facts)
    return S3IntegrationError(f"{deed_told(operation, bucket, key)}: {_told_by(error)}.", **facts)


def told_of_key(
    told: Mapping[str, Any], answer: Mapping[str, Any], *, operation: str, bucket: str, key: str
) -> S3IntegrationError:
    """The error of ours for one of many keys, of which an answer of success tells otherwise.

    Args:
        told: what the answer says of it.
        answer: the whole answer, for its request id.
        operation: S3's name of the call.
        bucket: the bucket it was about.
        key: the object it was about.
    """
    said: Any = {"Error": told, "ResponseMetadata": answer.get("ResponseMetadata", {})}
    return _from_answer(botocore_errors.ClientError(said, operation), bucket=bucket, key=key)


def _from_answer(
    error: botocore_errors.ClientError, *, bucket: str, key: str
) -> S3IntegrationError:
    """S3 answered, and the answer is an error."""
    answer: dict[str, Any] = dict(error.response)
    said: dict[str, Any] = answer.get("Error", {})
    metadata: dict[str, Any] = answer.get("ResponseMetadata", {})
    code = in_one_line(said.get("Code"))
    operation = error.operation_name
    meaning = _meaning_of_missing(operation, key) if code == "404" else meaning_of(code)
    if meaning is NO_KEY and _is_deleted(metadata):
        meaning = DELETED
    told = str(said.get("Message", "") or "").strip()
    refusal = refusal_of(operation, told, bucket=bucket, key=key, partition=partition_of(metadata))
    if meaning is DENIED and refusal.is_explicit:
        meaning = DENIED_EXPLICITLY
    words = {"bucket": bucket, "key": key, "operation": operation}
    words |= {"action": refusal.action, "resource": refusal.resource}
    why = _fill(meaning.why, words)
    also = f" {refusal.also}" if meaning is DENIED and refusal.also else ""
    # S3's own words, where they say more than the code: which policy denied, which value is wrong.
    quoted = f" (S3: {redact(told)!r})" if _is_worth_quoting(told, code) else ""
    return meaning.error(
        f"{deed_told(operation, bucket, key)}: {why}{quoted}.",
        code=code,
        operation=operation,
        bucket=bucket,
        key=key,
        suggestion=_fill(meaning.next_step, words) + also,
        retryable=meaning.retryable,
        request_id=in_one_line(metadata.get("RequestId")),
        http_status=int(metadata.get("HTTPStatusCode", 0) or 0),
    )


def _meaning_of_missing(operation: str, key: str) -> Meaning:
    """What a 404 without a code means: HEAD's answers have none, all others of S3's have one."""
    if operation == "HeadBucket":
        return MEANINGS["NoSuchBucket"]
    if not key:
        return NO_BUCKET_OR_NO_S3
    return NO_PLACE if operation in _STORING else NO_KEY


_STORING = frozenset({"PutObject", "CreateMultipartUpload"})


def _is_deleted(metadata: Mapping[str, Any]) -> bool:
    """Whether the newest version is a delete marker (API Reference, GetObject, "Versioning")."""
    headers: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    return headers.get("x-amz-delete-marker", "").lower() == "true"


def meaning_of(code: str) -> Meaning:
    """The table's row for a code; codes nobody has heard of have one too."""
    return MEANINGS.get(code, UNKNOWN_CODE)


def _fill(template: str, words: dict[str, str]) -> str:
    # In one pass, and not by str.format: a key may hold braces and words of its own.
    return re.sub(r"\{(\w+)\}", lambda match: words[match.group(1)], template)


def _is_worth_quoting(told: str, code: str) -> bool:
    return told not in {"", "None", "null", code, "Not Found", "Forbidden", "Bad Request"}


def _from_library(error: Exception, facts: ErrorFacts) -> S3IntegrationError:
    """No answer came, or the library refused to ask."""
    deed = deed_told(facts["operation"], facts["bucket"], facts["key"])
    if isinstance(error, botocore_errors.ProxyConnectionError) and refusal_status(error):
        why, next_step = refusal_told(error)
        advice = ErrorFacts(suggestion=next_step, retryable=not is_final(error))
        return S3IntegrationError(f"{deed}: {why}.", **facts | advice)
    _, error_class, suggestion, retryable = next(
        row for row in _LIBRARY_ERRORS if isinstance(error, row[0])
    )
    advice = ErrorFacts(suggestion=suggestion, retryable=retryable)
    return error_class(f"{deed}: {_told_by(error)}.", **facts | advice)


def _told_by(error: Exception) -> str:
    return redact(str(error)).rstrip(" .:") or type(error).__name__


_LIBRARY_ERRORS: tuple[
    tuple[tuple[type[Exception], ...], type[S3IntegrationError], str, bool], ...
] = (
    (
        (
            botocore_errors.NoCredentialsError,
            botocore_errors.PartialCredentialsError,
            botocore_errors.CredentialRetrievalError,
            botocore_errors.MetadataRetrievalError,
            botocore_errors.UnknownCredentialError,
            botocore_errors.NoAuthTokenError,
            botocore_errors.TokenRetrievalError,
            botocore_errors.SSOError,
            botocore_errors.LoginError,
            botocore_errors.RefreshWithMFAUnsupportedError,
        ),
        S3CredentialsError,
        (
            "Check where the credentials come from; for single sign-on run 'aws sso login'."
            f"{SEE_DOCTOR}"
        ),
        False,
    ),
    (
        (
            botocore_errors.ProfileNotFound,
            botocore_errors.ConfigParseError,
            botocore_errors.ConfigNotFound,
            botocore_errors.InfiniteLoopConfigError,
            botocore_errors.InvalidConfigError,
        ),
        S3ConfigError,
        "Correct AWS_PROFILE or profile_name, or the files ~/.aws/config and ~/.aws/credentials.",
        False,
    ),
    (
        (botocore_errors.SSLError,),
        S3IntegrationError,
        (
            "If a certificate authority of your own signs for this server, name its file in "
            "ca_bundle (AWS_CA_BUNDLE); never switch the check off."
        ),
        False,
    ),
    (
        (
            botocore_errors.ConnectionError,
            botocore_errors.HTTPClientError,
            botocore_errors.IncompleteReadError,
            botocore_errors.ResponseStreamingError,
            ResponseParserError,  # what answered is not S3: a proxy, a hotel's login page
            Urllib3Error,
        ),
        S3IntegrationError,
        _NETWORK,
        True,
    ),
    (
        (
            botocore_errors.ParamValidationError,
            botocore_errors.ValidationError,
            botocore_errors.InvalidRegionError,
            botocore_errors.InvalidS3AddressingStyleError,
            botocore_errors.UnsupportedS3ArnError,
        ),
        S3ConfigError,
        "Correct the argument that the message names.",
        False,
    ),
    (
        (Exception,),
        S3IntegrationError,
        "Look at the cause of this error; it comes from botocore.",
        False,
    ),
)

_NAME_A_FILE = "Name a file, not a folder."
_WHOLE_FOLDERS = {
    "upload": " Whole folders are stored by upload_directory.",
}
"""What else would do what was asked of a single file."""

_SYSTEM_SUGGESTIONS: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "Check the path."),
    (IsADirectoryError, _NAME_A_FILE),
    (NotADirectoryError, "Check the path: it, or something on the way to it, is a file or a link."),
    (PermissionError, "Check the permissions of the file and its folder."),
    (OSError, "Check the disk and the path, then try again."),
)


def _from_system(error: OSError, facts: ErrorFacts) -> S3IntegrationError:
    """The local file system refused."""
    kind, suggestion = next(row for row in _SYSTEM_SUGGESTIONS if isinstance(error, row[0]))
    why = redact(error.strerror or str(error)) or type(error).__name__
    at = f" ({str(error.filename)!r})" if error.filename else ""
    message = f"{deed_told(facts['operation'], facts['bucket'], facts['key'])}: {why}{at}."
    if suggestion is _NAME_A_FILE:
        suggestion += _WHOLE_FOLDERS.get(facts["operation"], "")
    advice = ErrorFacts(suggestion=suggestion)
    return _with_errno(both(S3IntegrationError, kind)(message, **facts | advice), error)
