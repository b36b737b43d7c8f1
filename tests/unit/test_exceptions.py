"""The error tree: what an error carries, what it can be caught as, and that it travels."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from s3_integration.exceptions import (
    ErrorFacts,
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3ConflictError,
    S3CredentialsError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
    both,
)
from tests.fixtures.pickles import through_pickle

FACTS = ErrorFacts(
    code="NoSuchKey",
    operation="GetObject",
    bucket="unit-tests",
    key="a/b",
    suggestion="Check the key.",
    retryable=True,
    request_id="REQ1",
    http_status=404,
)
CLASSES = (
    S3IntegrationError,
    S3ConfigError,
    S3CredentialsError,
    S3BucketError,
    S3FileNotFoundError,
    S3AccessDeniedError,
    S3ConflictError,
    S3UploadError,
    S3DownloadError,
)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_carries_its_facts_as_plain_values(kind: type[S3IntegrationError]) -> None:
    error = kind("It failed.", **FACTS)

    assert error.to_dict() == {"error": kind.__name__, "message": "It failed.", **FACTS}
    assert json.loads(json.dumps(error.to_dict())) == error.to_dict()
    assert error.facts == FACTS


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_a_pickle_and_a_copy_whole(kind: type[S3IntegrationError]) -> None:
    error = kind("It failed.", **FACTS)

    for twin in (through_pickle(error), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert twin.to_dict() == error.to_dict()
        assert str(twin) == str(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_says_in_a_sentence_what_it_stands_for(kind: type[S3IntegrationError]) -> None:
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (S3ConfigError, ValueError),
        (S3FileNotFoundError, FileNotFoundError),
        (S3AccessDeniedError, PermissionError),
    ],
)
def test_errors_with_a_builtin_twin_can_be_caught_as_it(
    kind: type[S3IntegrationError], builtin: type[Exception]
) -> None:
    with pytest.raises(builtin):
        raise kind("It failed.")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "It failed."),
        ({"suggestion": "Try again."}, "It failed. Try again."),
        ({"code": "SlowDown"}, "It failed. (SlowDown)"),
        (
            {"suggestion": "Wait.", "code": "SlowDown", "http_status": 503, "request_id": "R1"},
            "It failed. Wait. (SlowDown, HTTP 503, request id R1)",
        ),
    ],
)
def test_the_text_is_message_suggestion_and_origin(facts: ErrorFacts, text: str) -> None:
    assert str(S3IntegrationError("It failed.", **facts)) == text


def test_an_error_without_facts_has_empty_ones() -> None:
    facts = S3IntegrationError("It failed.").facts

    assert not any(facts.values())
    assert set(facts) == ErrorFacts.__optional_keys__


def test_a_joined_class_is_all_that_it_was_made_of() -> None:
    denied_upload = both(S3UploadError, S3AccessDeniedError)

    assert issubclass(denied_upload, S3UploadError)
    assert issubclass(denied_upload, S3AccessDeniedError)
    assert issubclass(denied_upload, PermissionError)
    assert denied_upload.__name__ == "S3UploadAccessDeniedError"
    assert denied_upload is both(S3UploadError, S3AccessDeniedError)


@pytest.mark.parametrize(
    ("outcome", "cause", "joined"),
    [
        (S3UploadError, S3UploadError, S3UploadError),
        (S3IntegrationError, S3ConflictError, S3ConflictError),
        (S3ConflictError, S3IntegrationError, S3ConflictError),
    ],
)
def test_what_is_the_other_already_is_not_joined(
    outcome: type[S3IntegrationError],
    cause: type[BaseException],
    joined: type[S3IntegrationError],
) -> None:
    assert both(outcome, cause) is joined


def test_a_class_joined_twice_is_all_three_and_survives_a_pickle() -> None:
    foreign_bucket = both(S3BucketError, S3AccessDeniedError)
    error = both(S3UploadError, foreign_bucket)("It failed.", **FACTS)

    twin = through_pickle(error)

    assert twin.made_of == (S3UploadError, S3BucketError, S3AccessDeniedError)
    assert isinstance(twin, S3UploadError)
    assert isinstance(twin, S3BucketError)
    assert isinstance(twin, S3AccessDeniedError)
    assert twin.facts == FACTS


def test_a_joined_error_with_a_cause_of_the_system_keeps_errno_and_file_name_in_a_pickle() -> None:
    error = both(S3UploadError, IsADirectoryError)("It failed.", **FACTS)
    assert isinstance(error, OSError)
    error.errno, error.filename = 21, "folder"

    twin = through_pickle(error)

    assert type(twin) is type(error)
    assert (twin.errno, twin.filename) == (21, "folder")


def test_threads_that_join_the_same_classes_at_once_get_one_class() -> None:
    class CauseOfThisTestError(Exception):
        pass

    with ThreadPoolExecutor(8) as pool:
        kinds = set(pool.map(lambda _: both(S3DownloadError, CauseOfThisTestError), range(64)))

    assert len(kinds) == 1
