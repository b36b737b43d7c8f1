"""Deleting a thousand objects by one request, whose answer is a success even where it is none."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

import pytest

from s3_integration.bulk.deletes import delete_keys
from s3_integration.exceptions import S3AccessDeniedError, S3BucketError, S3IntegrationError
from tests.fixtures.mock_responses import Answer, CannedS3, Sent, connection_to, error_answer

BUCKET = "unit-tests"


def told(*errors: tuple[str, str]) -> Answer:
    """An answer of success that tells of errors, each a key and a code."""
    rows = "".join(
        f"<Error><Key>{escape(key)}</Key><Code>{code}</Code><Message>told</Message></Error>"
        for key, code in errors
    )
    body = f'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}</DeleteResult>'
    return Answer(200, body.encode(), {"x-amz-request-id": "r1"})


def asked(sent: Sent) -> list[str]:
    """The keys that a request asks to delete."""
    return re.findall("<Key>(.*?)</Key>", sent.body.decode())


def delete(s3: CannedS3, *keys: str) -> dict[str, S3IntegrationError]:
    return delete_keys(connection_to(s3), BUCKET, keys)


def test_many_keys_go_in_one_request_with_a_checksum() -> None:
    s3 = CannedS3(told())

    assert delete(s3, "a", "b&c", " d ") == {}
    assert [sent.method for sent in s3.sent] == ["POST"]
    assert asked(s3.sent[0]) == ["a", "b&amp;c", " d "]
    assert {"content-md5", "x-amz-checksum-crc32"} & s3.sent[0].headers.keys()


def test_older_versions_are_spared_and_no_lock_is_bypassed() -> None:
    s3 = CannedS3(told())

    delete(s3, "a", "b")

    assert b"VersionId" not in s3.sent[0].body
    assert not [name for name in s3.sent[0].headers if "bypass" in name]


def test_an_error_in_an_answer_of_success_is_that_keys_alone() -> None:
    failed = delete(CannedS3(told(("b", "AccessDenied"))), "a", "b", "c")

    assert list(failed) == ["b"]
    assert isinstance(failed["b"], S3AccessDeniedError)
    assert (failed["b"].key, failed["b"].request_id) == ("b", "r1")
    assert "s3:DeleteObject" in str(failed["b"])


def test_a_key_that_was_not_there_is_deleted() -> None:
    assert delete(CannedS3(told(("b", "NoSuchKey"))), "a", "b") == {}


def test_what_s3_was_too_busy_for_is_asked_for_again(slept: list[float]) -> None:
    busy = told(("b", "InternalError"), ("c", "AccessDenied"))
    s3 = CannedS3(busy, told(("b", "SlowDown")), told())

    assert list(delete(s3, "a", "b", "c")) == ["c"]
    assert [asked(sent) for sent in s3.sent] == [["a", "b", "c"], ["b"], ["b"]]
    assert slept


def test_what_s3_stays_too_busy_for_is_a_failure(slept: list[float]) -> None:
    s3 = CannedS3(otherwise=lambda _: told(("b", "SlowDown")))

    failed = delete(s3, "a", "b")

    assert failed["b"].retryable
    assert 1 < len(s3.sent) < 10


@pytest.mark.parametrize("key", ["a\x01b", "a\rb", "a\nb", "a\tb", "a\x7fb", "a\uffff"])
def test_keys_that_xml_cannot_carry_are_deleted_one_by_one(key: str) -> None:
    s3 = CannedS3(told(), Answer(204))

    assert delete(s3, "a", key, "b") == {}
    assert asked(s3.sent[0]) == ["a", "b"]
    assert [(sent.method, sent.key) for sent in s3.sent[1:]] == [("DELETE", key)]


def test_one_key_needs_no_batch() -> None:
    s3 = CannedS3(Answer(204))

    assert delete(s3, "a") == {}
    assert s3.methods == ["DELETE a"]


@pytest.mark.parametrize(
    "refusal",
    [error_answer(501, "NotImplemented"), error_answer(400, "MissingContentMD5")],
    ids=["not implemented", "without an MD5"],
)
def test_where_a_server_knows_no_batches_keys_go_one_by_one(refusal: Answer) -> None:
    answers = {"a": Answer(204), "b": error_answer(403, "AccessDenied"), "c": Answer(404)}
    s3 = CannedS3(refusal, otherwise=lambda sent: answers[sent.key])

    assert list(delete(s3, "a", "b", "c")) == ["b"]


def test_a_refused_batch_is_an_error() -> None:
    with pytest.raises(S3BucketError):
        delete(CannedS3(error_answer(404, "NoSuchBucket")), "a", "b")


def test_an_error_that_names_no_key_of_ours_leaves_none_sure_to_be_gone() -> None:
    assert delete(CannedS3(told(("", "AccessDenied"))), "a", "b").keys() == {"a", "b"}
