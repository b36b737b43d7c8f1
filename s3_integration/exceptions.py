"""The error tree: every failure of the package is one of these.

    S3IntegrationError
    ├── S3ConfigError (ValueError)             a bad argument or setting, found before any request
    ├── S3CredentialsError                     none, wrong or expired; a clock that is off
    ├── S3BucketError                          missing, not yours, wrong region, may not be created
    ├── S3FileNotFoundError (FileNotFoundError)   nothing is stored under that key
    ├── S3AccessDeniedError (PermissionError)  good credentials, missing permission
    ├── S3ConflictError                        it exists already, or changed since it was read
    ├── S3UploadError                          the upload did not happen
    └── S3DownloadError                        the download did not happen

A failed upload or download is also what caused it: an upload that was denied is an
`S3UploadError` and an `S3AccessDeniedError`, one whose local file is missing is an
`S3UploadError` and a `FileNotFoundError`. Catch whichever you can act on.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, TypedDict, Unpack

from s3_integration.overrides import override


class ErrorFacts(TypedDict, total=False):
    """What is known about a failure beside its message."""

    code: str
    operation: str
    bucket: str
    key: str
    suggestion: str
    retryable: bool
    request_id: str
    http_status: int


class S3IntegrationError(Exception):
    """Something went wrong between the program and S3.

    Attributes:
        message: what happened and why, in one sentence.
        code: S3's own error code, such as `NoSuchKey`; "" where S3 did not answer.
        operation: S3's name of the call, such as `PutObject`.
        bucket: the bucket that was asked.
        key: the object's key, where there is one.
        suggestion: one sentence that says what to do next.
        retryable: whether the same call may succeed later without any change.
        request_id: S3's id of the request, for AWS support.
        http_status: the status of S3's answer; 0 where S3 did not answer.
    """

    made_of: ClassVar[tuple[type[BaseException], ...]] = ()
    """The classes that `both` joined; empty for every class written out below."""

    def __init__(self, message: str, **facts: Unpack[ErrorFacts]) -> None:
        super().__init__(message)
        self.message = message
        self.code = facts.get("code", "")
        self.operation = facts.get("operation", "")
        self.bucket = facts.get("bucket", "")
        self.key = facts.get("key", "")
        self.suggestion = facts.get("suggestion", "")
        self.retryable = facts.get("retryable", False)
        self.request_id = facts.get("request_id", "")
        self.http_status = facts.get("http_status", 0)

    @property
    def facts(self) -> ErrorFacts:
        """Everything but the message, ready to build the same error again."""
        return ErrorFacts(
            code=self.code,
            operation=self.operation,
            bucket=self.bucket,
            key=self.key,
            suggestion=self.suggestion,
            retryable=self.retryable,
            request_id=self.request_id,
            http_status=self.http_status,
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole error as plain values, for logs, JSON answers and language models."""
        return {"error": type(self).__name__, "message": self.message, **self.facts}

    @override
    def __str__(self) -> str:
        origin = [self.code] if self.code else []
        origin += [f"HTTP {self.http_status}"] if self.http_status else []
        origin += [f"request id {self.request_id}"] if self.request_id else []
        parts = [self.message, self.suggestion, f"({', '.join(origin)})" if origin else ""]
        return " ".join(part for part in parts if part)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way pickles `args` alone, which would drop every fact.
        arguments = (_parts(type(self)), self.message, self.facts)
        if isinstance(self, OSError):  # whose own attributes are none of the facts
            return _rebuild, arguments, {"errno": self.errno, "filename": self.filename}
        return _rebuild, arguments


class S3ConfigError(S3IntegrationError, ValueError):
    """An argument or a setting is wrong; nothing was sent."""


class S3CredentialsError(S3IntegrationError):
    """S3 cannot tell who asks: no credentials, wrong or expired ones, or a clock that is off."""


class S3BucketError(S3IntegrationError):
    """The bucket is missing, belongs to someone else, lies elsewhere or cannot be created."""


class S3FileNotFoundError(S3IntegrationError, FileNotFoundError):
    """Nothing is stored under that key (or under that version of it)."""


class S3AccessDeniedError(S3IntegrationError, PermissionError):
    """The credentials are good, but the permission is missing; the suggestion names it."""


class S3ConflictError(S3IntegrationError):
    """The object exists already, or it changed since it was read."""


class S3UploadError(S3IntegrationError):
    """The upload did not happen; what was stored before is still there."""


class S3DownloadError(S3IntegrationError):
    """The download did not happen; the destination is as it was before."""


def both(outcome: type[S3IntegrationError], cause: type[BaseException]) -> type[S3IntegrationError]:
    """The class of errors that are `outcome` and `cause` at once, such as a denied upload."""
    if issubclass(cause, outcome):
        return cause
    if issubclass(outcome, cause):
        return outcome
    known = _joined.get((outcome, cause))
    if known is not None:
        return known
    stem = cause.__name__.removeprefix("S3").removesuffix("Error")
    name = f"{outcome.__name__.removesuffix('Error')}{stem}Error"
    body = {"__doc__": f"{outcome.__doc__}", "made_of": (*_parts(outcome), *_parts(cause))}
    # setdefault: of two threads that come here at once, both get the class of one.
    return _joined.setdefault((outcome, cause), type(name, (outcome, cause), body))


_joined: dict[tuple[type[S3IntegrationError], type[BaseException]], type[S3IntegrationError]] = {}


def _parts(kind: type[BaseException]) -> tuple[type[BaseException], ...]:
    """The classes written out that `kind` consists of."""
    return getattr(kind, "made_of", ()) or (kind,)


def _rebuild(
    classes: tuple[type[S3IntegrationError], ...], message: str, facts: ErrorFacts
) -> S3IntegrationError:
    """Make a pickled error again."""
    return functools.reduce(both, classes)(message, **facts)
