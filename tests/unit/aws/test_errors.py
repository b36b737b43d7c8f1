"""The one translation: whatever is raised below becomes one of our errors."""

from __future__ import annotations

import errno
import inspect
import re
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from urllib3 import exceptions as urllib3_errors

from s3_integration import logs
from s3_integration.aws.errors import translate, translated, with_outcome
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3CredentialsError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
    both,
)
from tests.fixtures.mock_responses import Answer, CannedS3, connection_to, error_answer
from tests.fixtures.pickles import through_pickle

CANARY = "canary-secret-key"


def botocore_failures() -> list[Exception]:
    """One of each exception class of botocore that says something went wrong."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(botocore_errors, inspect.isclass)
        if issubclass(kind, botocore_errors.BotoCoreError)
    ]
    return [_build(kind) for kind in kinds]


def _build(kind: type[botocore_errors.BotoCoreError]) -> Exception:
    if kind is botocore_errors.WaiterError:
        return kind("bucket_exists", "Max attempts exceeded", {})
    names = re.findall(r"\{(\w+)", kind.fmt)
    return kind(**{name: f"some-{name}" for name in names})


def translate_upload(error: Exception) -> S3IntegrationError:
    return translate(error, operation="upload", bucket="unit-tests", key="a/b")


def client_error(code: str, message: str = "", *, operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize("error", botocore_failures(), ids=lambda error: type(error).__name__)
def test_every_failure_of_botocore_becomes_ours_and_travels(error: Exception) -> None:
    ours = translate_upload(error)

    assert ours.message.startswith("Cannot upload 'a/b' to bucket 'unit-tests': ")
    assert re.search(r"[^\s.]\.\Z", ours.message)
    assert ours.suggestion.endswith(".")
    assert (ours.operation, ours.bucket, ours.key) == ("upload", "unit-tests", "a/b")
    assert through_pickle(ours).to_dict() == ours.to_dict()


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (botocore_errors.NoCredentialsError(), S3CredentialsError, False),
        (botocore_errors.PartialCredentialsError(provider="p", cred_var="v"),
         S3CredentialsError, False),
        (botocore_errors.CredentialRetrievalError(provider="p", error_msg="m"),
         S3CredentialsError, False),
        (botocore_errors.UnauthorizedSSOTokenError(), S3CredentialsError, False),
        (botocore_errors.SSOTokenLoadError(error_msg="m"), S3CredentialsError, False),
        (botocore_errors.ProfileNotFound(profile="p"), S3ConfigError, False),
        (botocore_errors.ConfigParseError(path="p"), S3ConfigError, False),
        (botocore_errors.ParamValidationError(report="r"), S3ConfigError, False),
        (botocore_errors.InvalidRegionError(region_name="r"), S3ConfigError, False),
        (botocore_errors.SSLError(endpoint_url="u", error=OSError("e")), S3IntegrationError, False),
        (botocore_errors.EndpointConnectionError(endpoint_url="u"), S3IntegrationError, True),
        (botocore_errors.ConnectTimeoutError(endpoint_url="u"), S3IntegrationError, True),
        (botocore_errors.ReadTimeoutError(endpoint_url="u"), S3IntegrationError, True),
        (botocore_errors.ConnectionClosedError(endpoint_url="u"), S3IntegrationError, True),
        (botocore_errors.ProxyConnectionError(proxy_url="u", error="e"), S3IntegrationError, True),
        (botocore_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2),
         S3IntegrationError, True),
        (urllib3_errors.ProtocolError("cut off"), S3IntegrationError, True),
        (ResponseParserError("not XML"), S3IntegrationError, True),
        (botocore_errors.UnknownKeyError(value="v", param="p", choices="c"),
         S3ConfigError, False),
        (botocore_errors.DataNotFoundError(data_path="p"), S3IntegrationError, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_a_failure_without_an_answer_is_told_by_what_can_be_done(
    error: Exception, kind: type[S3IntegrationError], *, retryable: bool
) -> None:
    ours = translate_upload(error)

    assert type(ours) is kind
    assert ours.retryable is retryable


@pytest.mark.parametrize(
    "error", [urllib3_errors.ProtocolError(), ResponseParserError(""), RuntimeError()]
)
def test_a_failure_that_says_nothing_is_told_by_its_name(error: Exception) -> None:
    assert translate_upload(error).message.endswith(f": {type(error).__name__}.")


def test_a_failure_of_another_kind_is_told_in_its_own_words_without_secrets() -> None:
    logs.remember_secret(CANARY)

    ours = translate_upload(RuntimeError(f"broken near {CANARY}."))

    assert type(ours) is S3IntegrationError
    assert ours.message == "Cannot upload 'a/b' to bucket 'unit-tests': broken near ***."


@pytest.mark.parametrize(
    ("error", "kind", "suggestion"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
         FileNotFoundError, "Check the path."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"),
         IsADirectoryError,
         "Name a file, not a folder. Whole folders are stored by upload_directory."),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x"),
         NotADirectoryError,
         "Check the path: it, or something on the way to it, is a file or a link."),
        (PermissionError(errno.EACCES, "Permission denied", "x"),
         PermissionError, "Check the permissions of the file and its folder."),
        (OSError(errno.ENOSPC, "No space left on device", "x"),
         OSError, "Check the disk and the path, then try again."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else "",
)  # fmt: skip
def test_a_failure_of_the_system_keeps_class_errno_and_path(
    error: OSError, kind: type[OSError], suggestion: str
) -> None:
    ours = translate_upload(error)

    assert isinstance(ours, kind)
    assert (ours.errno, ours.filename) == (error.errno, "x")
    assert ours.message.endswith(f": {error.strerror} ('x').")
    assert ours.suggestion == suggestion
    assert through_pickle(ours).errno == error.errno


def test_a_refusal_of_the_system_is_no_refusal_of_s3() -> None:
    assert not isinstance(translate_upload(PermissionError(13, "no", "x")), S3AccessDeniedError)
    assert not isinstance(translate_upload(FileNotFoundError(2, "no", "x")), S3FileNotFoundError)


@pytest.mark.parametrize(("error", "told"), [(OSError("odd"), ": odd."), (OSError(), ": OSError.")])
def test_a_failure_of_the_system_without_number_and_path_is_told_too(
    error: OSError, told: str
) -> None:
    assert translate_upload(error).message.endswith(told)


@pytest.mark.parametrize(
    ("operation", "deed"),
    [
        ("GetObject", "read 'a' from"),
        ("PutObject", "upload 'a' to"),
        ("ListObjectsV2", "list"),
        ("CreateBucket", "create"),
        ("GetBucketPolicy", "read the settings (GetBucketPolicy) of"),
        ("PutPublicAccessBlock", "change the settings (PutPublicAccessBlock) of"),
        ("GetCallerIdentity", "ask AWS STS who wants to use"),
        ("RestoreObject", "run RestoreObject on"),
        ("GetUnheardOf", "run GetUnheardOf on"),
    ],
)
def test_an_answer_is_told_as_what_was_being_done(operation: str, deed: str) -> None:
    error = client_error("SlowDown", operation=operation)

    ours = translate(error, operation="upload", bucket="unit-tests", key="a")

    assert ours.message.startswith(f"Cannot {deed} bucket 'unit-tests': ")
    assert ours.operation == operation


@pytest.mark.parametrize("key", ["{action}", "{0}", "{key!r}", r"\1", "{", "%s"])
def test_a_key_that_looks_like_a_placeholder_stays_what_it_is(key: str) -> None:
    ours = translate(client_error("AccessDenied"), operation="x", bucket="b", key=key)

    assert f"arn:aws:s3:::b/{key} in" in ours.suggestion
    assert repr(key) in ours.message


def test_s3s_own_words_are_quoted_where_they_say_more_than_the_code() -> None:
    worth = client_error("AccessDenied", "with an explicit deny in a resource-based policy")

    assert "(S3: 'with an explicit deny in a resource-based policy')" in str(
        translate_upload(worth)
    )


@pytest.mark.parametrize("words", ["", "None", "Forbidden", "Not Found", "403", " 403 "])
def test_s3s_own_words_are_left_out_where_they_say_nothing(words: str) -> None:
    assert "(S3:" not in str(translate_upload(client_error("403", words)))


def test_a_secret_that_s3_repeats_is_not_quoted() -> None:
    logs.remember_secret(CANARY)

    ours = translate_upload(client_error("SignatureDoesNotMatch", f"not of {CANARY} at all"))

    assert CANARY not in str(ours)
    assert "not of *** at all" in str(ours)


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"Error": {}},
        {"Error": {"Code": None, "Message": None}},
        {"Error": {"Code": "X"}, "ResponseMetadata": {"RequestId": None, "HTTPStatusCode": None}},
    ],
)
def test_an_answer_with_holes_is_an_error_with_holes(response: Any) -> None:
    ours = translate_upload(ClientError(response, "GetObject"))

    assert (ours.request_id, ours.http_status) == ("", 0)
    assert type(ours) is S3IntegrationError


@pytest.mark.parametrize(
    "error",
    [
        client_error("NoSuchKey"),
        botocore_errors.NoCredentialsError(),
        urllib3_errors.ReadTimeoutError(None, "u", "m"),  # type: ignore[arg-type]
        ResponseParserError("not XML"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_inside_is_raised_as_ours_with_its_cause(error: Exception) -> None:
    with pytest.raises(S3IntegrationError) as caught, translated("GetObject", "unit-tests", "a"):
        raise error

    assert caught.value.__cause__ is error
    assert not isinstance(caught.value, S3DownloadError)


def test_what_fails_inside_is_also_the_outcome_that_was_asked_for() -> None:
    asked_for = translated("download", "unit-tests", "a", outcome=S3DownloadError)

    with pytest.raises(S3DownloadError) as caught, asked_for:
        raise client_error("NoSuchKey")

    assert isinstance(caught.value, S3FileNotFoundError)
    assert caught.value.code == "NoSuchKey"


def test_a_cause_that_repeats_a_secret_is_left_out_of_the_traceback() -> None:
    logs.remember_secret(CANARY)
    source = ValueError(f"Invalid header value {CANARY!r}")
    failure = botocore_errors.HTTPClientError(error="see above")
    failure.__context__ = source

    with pytest.raises(S3IntegrationError) as caught, translated("list", "unit-tests"):
        raise failure

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_error_of_ours_passes_as_it_is_where_no_outcome_is_asked_for() -> None:
    error = S3BucketError("gone.")

    with pytest.raises(S3BucketError) as caught, translated("list", "unit-tests"):
        raise error

    assert caught.value is error


def test_an_error_of_ours_gets_the_outcome_once_and_keeps_its_first_cause() -> None:
    first = client_error("NoSuchBucket")
    outer, middle = (translated("upload", "b", "k", outcome=S3UploadError) for _ in range(2))

    with pytest.raises(S3UploadError) as caught, outer, middle, translated("PutObject", "b", "k"):
        raise first

    assert isinstance(caught.value, S3BucketError)
    assert type(caught.value) is both(S3UploadError, S3BucketError)
    assert caught.value.__cause__ is first


@pytest.mark.parametrize("stranger", [KeyboardInterrupt(), RuntimeError("a bug"), ValueError("x")])
def test_what_is_no_failure_of_s3_passes_untouched(stranger: BaseException) -> None:
    with pytest.raises(type(stranger)) as caught, translated("list", "unit-tests"):
        raise stranger

    assert caught.value is stranger


def test_an_outcome_is_added_to_all_that_the_error_was_before() -> None:
    foreign_bucket = both(S3BucketError, S3AccessDeniedError)("not yours.", http_status=403)

    told = with_outcome(foreign_bucket, S3UploadError)

    assert isinstance(told, S3UploadError)
    assert isinstance(told, S3BucketError)
    assert isinstance(told, S3AccessDeniedError)
    assert told.to_dict() == {**foreign_bucket.to_dict(), "error": type(told).__name__}
    assert through_pickle(told).to_dict() == told.to_dict()


def test_an_outcome_keeps_errno_and_path() -> None:
    told = with_outcome(translate_upload(FileNotFoundError(2, "No such file", "x")), S3UploadError)

    assert isinstance(told, S3UploadError)
    assert isinstance(told, FileNotFoundError)
    assert (told.errno, told.filename) == (2, "x")


# On the wire: what S3 sends, through botocore's own parsing.


@pytest.mark.parametrize(
    ("answer", "kind", "code", "status"),
    [
        (error_answer(404, "NoSuchKey"), S3FileNotFoundError, "NoSuchKey", 404),
        (error_answer(404, "NoSuchBucket"), S3BucketError, "NoSuchBucket", 404),
        (error_answer(403, "AccessDenied"), S3AccessDeniedError, "AccessDenied", 403),
        (error_answer(418, "Teapot"), S3IntegrationError, "Teapot", 418),
        (Answer(403), S3AccessDeniedError, "403", 403),
        (Answer(403, b"<html>a proxy"), S3AccessDeniedError, "403", 403),
        (Answer(404, b"{}"), S3FileNotFoundError, "404", 404),
    ],
)
def test_an_answer_on_the_wire_becomes_its_error(
    answer: Answer, kind: type[S3IntegrationError], code: str, status: int
) -> None:
    connection = connection_to(CannedS3(answer))

    with pytest.raises(S3IntegrationError) as caught, translated("download", "unit-tests", "a"):
        connection.client.get_object(Bucket="unit-tests", Key="a")

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.http_status) == (code, status)


MARKED = {"x-amz-delete-marker": "true"}


def test_a_deleted_file_is_told_from_one_that_never_was() -> None:
    answer = error_answer(404, "NoSuchKey")
    deleted = Answer(404, answer.body, {**answer.headers, **MARKED})
    connection = connection_to(CannedS3(deleted, answer))
    told: list[S3IntegrationError] = []

    for _ in range(2):
        with pytest.raises(S3FileNotFoundError) as caught, translated("read", "unit-tests", "a"):
            connection.client.get_object(Bucket="unit-tests", Key="a")
        told.append(caught.value)

    assert told[0].message == "Cannot read 'a' from bucket 'unit-tests': it was deleted."
    assert "restore_file" in told[0].suggestion
    assert "nothing is stored under that key" in told[1].message
    assert "restore_file" not in told[1].suggestion


@pytest.mark.parametrize(
    ("operation", "key", "kind", "why"),
    [
        ("HeadObject", "a", S3FileNotFoundError, "nothing is stored under that key"),
        ("HeadBucket", "", S3BucketError, "the bucket does not exist."),
        ("ListObjectsV2", "", S3BucketError, "what answers there is not S3"),
        ("PutObject", "a", S3IntegrationError, "does not say what is missing"),
        ("CreateMultipartUpload", "a", S3IntegrationError, "does not say what is missing"),
    ],
)
def test_a_404_without_a_code_says_no_more_than_it_can(
    operation: str, key: str, kind: type[S3IntegrationError], why: str
) -> None:
    error = client_error("404", operation=operation)

    told = translate(error, operation="", bucket="unit-tests", key=key)

    assert type(told) is kind
    assert why in told.message


def test_a_login_page_instead_of_s3_is_an_error_of_ours(slept: list[float]) -> None:
    s3 = CannedS3(otherwise=lambda _: Answer(200, b"<html><p>Welcome to our hotel"))
    connection = connection_to(s3)

    with pytest.raises(S3IntegrationError) as caught, translated("list", "unit-tests"):
        connection.client.list_objects_v2(Bucket="unit-tests")

    assert caught.value.retryable
    assert len(s3.sent) == 5
