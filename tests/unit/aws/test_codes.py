"""The table of S3's error codes: whole, and every row good for an error."""

from __future__ import annotations

import re

import botocore.session
import pytest
from botocore.exceptions import ClientError

from s3_integration.aws.codes import DENIED_EXPLICITLY, MEANINGS, UNKNOWN_CODE, Meaning
from s3_integration.aws.errors import meaning_of, translate
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3ConflictError,
    S3CredentialsError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from tests.fixtures.pickles import through_pickle

MODEL = botocore.session.Session().get_service_model("s3")

# What stock boto3 and other servers were seen to fail with.
SEEN_CODES = (
    *("301", "302", "307", "400", "403", "404", "405", "409", "412", "416", "429"),
    *("500", "501", "502", "503", "504"),
    *("AccessDenied", "BadDigest", "ExpiredToken", "InternalError", "InvalidArgument"),
    *("InvalidObjectState", "MissingContentMD5", "NoSuchBucket", "NoSuchKey", "NoSuchUpload"),
    *("NotImplemented", "PreconditionFailed", "RequestTimeTooSkewed", "RequestTimeout"),
    *("SlowDown", "XAmzContentSHA256Mismatch"),
)


def answered(code: str, *, operation: str = "PutObject", key: str = "a/b") -> S3IntegrationError:
    """The error for S3's answer `code`."""
    response = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "REQ1"},
    }
    error = ClientError(response, operation)  # type: ignore[arg-type]  # as much as S3 sends
    return translate(error, operation="upload", bucket="unit-tests", key=key)


def is_one_or_more_whole_sentences(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z][^{}\n]*[^\s.]\.", text)) and "  " not in text


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_every_code_makes_an_error_in_whole_sentences_that_travels(code: str) -> None:
    operation = "HeadObject" if code.isdigit() else "PutObject"  # only HEAD's have bare codes

    error = answered(code, operation=operation)

    assert type(error) is MEANINGS[code].error
    assert is_one_or_more_whole_sentences(error.message), error.message
    assert is_one_or_more_whole_sentences(error.suggestion), error.suggestion
    assert error.to_dict() == {
        "error": MEANINGS[code].error.__name__,
        "message": error.message,
        "code": code,
        "operation": operation,
        "bucket": "unit-tests",
        "key": "a/b",
        "suggestion": error.suggestion,
        "retryable": MEANINGS[code].retryable,
        "request_id": "REQ1",
        "http_status": 400,
    }
    assert through_pickle(error).to_dict() == error.to_dict()


def test_a_code_that_nobody_has_heard_of_is_kept() -> None:
    error = answered("BrandNew")

    assert type(error) is S3IntegrationError
    assert error.code == "BrandNew"
    assert "(BrandNew, HTTP 400, request id REQ1)" in str(error)
    assert is_one_or_more_whole_sentences(error.message)
    assert is_one_or_more_whole_sentences(error.suggestion)
    assert meaning_of("BrandNew") is UNKNOWN_CODE


def test_every_error_of_botocores_s3_model_is_in_the_table() -> None:
    shapes = [*MODEL.error_shapes, *(shape for name in MODEL.operation_names
              for shape in MODEL.operation_model(name).error_shapes)]  # fmt: skip
    codes = {shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes}

    assert {"NoSuchKey", "BucketAlreadyOwnedByYou"} <= codes
    assert codes - set(MEANINGS) == set()


@pytest.mark.parametrize("code", SEEN_CODES)
def test_every_code_that_was_seen_from_a_server_is_in_the_table(code: str) -> None:
    assert code in MEANINGS


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (S3FileNotFoundError, ["404", "NoSuchKey", "NoSuchVersion", "405"]),
        (S3BucketError, ["301", "NoSuchBucket", "BucketAlreadyExists", "PermanentRedirect"]),
        (S3AccessDeniedError, ["403", "AccessDenied", "KMS.DisabledException"]),
        (S3CredentialsError, ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"]),
        (S3CredentialsError, ["RequestTimeTooSkewed", "InvalidToken"]),
        (S3ConflictError, ["409", "412", "PreconditionFailed", "OperationAborted"]),
        (S3ConfigError, ["InvalidArgument", "KeyTooLongError", "EntityTooLarge"]),
    ],
)
def test_codes_that_programs_act_on_have_their_classes(
    kind: type[S3IntegrationError], codes: list[str]
) -> None:
    assert {MEANINGS[code].error for code in codes} == {kind}


def test_errors_that_time_alone_mends_say_so_and_refusals_do_not() -> None:
    retryable = {code for code, meaning in MEANINGS.items() if meaning.retryable}

    assert {"429", "500", "503", "SlowDown", "RequestTimeout", "BadDigest", "409"} <= retryable
    assert retryable.isdisjoint({"403", "404", "412", "301", "AccessDenied", "NoSuchKey"})
    assert retryable.isdisjoint({"PreconditionFailed", "ExpiredToken", "RequestTimeTooSkewed"})


@pytest.mark.parametrize("meaning", [*MEANINGS.values(), UNKNOWN_CODE, DENIED_EXPLICITLY])
def test_every_row_uses_only_words_that_can_be_filled_in(meaning: Meaning) -> None:
    words = set(re.findall(r"\{(.*?)\}", meaning.why + meaning.next_step))

    assert words <= {"bucket", "key", "action", "operation", "resource"}
    assert not meaning.why.endswith(".")  # it stands in the middle of a sentence
