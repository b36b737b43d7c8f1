"""Tags, on servers that know them and on those that take them for the object itself."""

from __future__ import annotations

import dataclasses
from typing import Final

import pytest

from s3_integration import S3AccessDeniedError, S3FileNotFoundError, S3IntegrationError
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, error_answer, service_to
from tests.fixtures.transfers import xml_answer

ELSEWHERE: Final = dataclasses.replace(CONFIG, endpoint_url="https://s3.example.org")
TOLD: Final = xml_answer(
    "Tagging",
    "<TagSet><Tag><Key>a b</Key><Value>1</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet>",
)
OBJECT: Final = Answer(headers={"etag": '"e1"'})
"""What a server answers that overlooks the word `tagging`."""


def test_tags_are_told() -> None:
    s3 = CannedS3(TOLD)

    assert service_to(s3).get_tags("k", version_id="v1") == {"a b": "1", "c": ""}
    assert s3.sent[0].query == {"tagging": "", "versionId": "v1"}
    assert "range" not in s3.sent[0].headers


def test_tags_are_replaced_by_one_request() -> None:
    s3 = CannedS3(Answer(200))

    service_to(s3).set_tags("k", {"a&b": "ü"})

    (sent,) = s3.sent
    assert (sent.method, sent.query) == ("PUT", {"tagging": ""})
    assert "<Tag><Key>a&amp;b</Key><Value>ü</Value></Tag>" in sent.body.decode()


@pytest.mark.parametrize("tags", [{"a": "1"}, {}])
def test_an_object_is_never_overwritten_by_its_tags(tags: dict[str, str]) -> None:
    s3 = CannedS3(OBJECT)

    with pytest.raises(S3IntegrationError, match="does not know the request") as caught:
        service_to(s3, ELSEWHERE).set_tags("k", tags)

    assert not caught.value.retryable
    assert [sent.method for sent in s3.sent] == ["GET"]


def test_an_object_is_never_taken_for_its_tags() -> None:
    taken_for_tags = dataclasses.replace(TOLD, headers={"etag": '"e1"'})
    s3 = CannedS3(taken_for_tags)

    with pytest.raises(S3IntegrationError, match="does not know the request"):
        service_to(s3, ELSEWHERE).get_tags("k")

    assert s3.sent[0].headers["range"] == "bytes=0-65535"  # it may be large


def test_a_server_that_shows_that_it_knows_tags_is_told_them() -> None:
    s3 = CannedS3(TOLD, Answer(200))

    service_to(s3, ELSEWHERE).set_tags("k", {"a": "1"})

    assert [sent.method for sent in s3.sent] == ["GET", "PUT"]


def test_all_tags_are_removed_by_an_empty_set() -> None:
    s3 = CannedS3(Answer(200))

    service_to(s3).set_tags("k", {})

    assert [sent.method for sent in s3.sent] == ["PUT"]
    assert b"<Tag>" not in s3.sent[0].body


def test_a_server_that_fails_with_an_empty_set_is_asked_otherwise() -> None:
    s3 = CannedS3(TOLD, Answer(500), Answer(204))

    service_to(s3, ELSEWHERE).set_tags("k", {})

    assert [sent.method for sent in s3.sent] == ["GET", "PUT", "DELETE"]
    assert s3.sent[2].query == {"tagging": ""}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (error_answer(404, "NoSuchKey"), S3FileNotFoundError),
        (error_answer(403, "AccessDenied"), S3AccessDeniedError),
    ],
)
@pytest.mark.parametrize("tags", [{"a": "1"}, {}])
def test_refused_tags_are_an_error(
    answer: Answer, error: type[S3IntegrationError], tags: dict[str, str]
) -> None:
    with pytest.raises(error):
        service_to(CannedS3(answer)).set_tags("k", tags)
    with pytest.raises(error):
        service_to(CannedS3(answer)).get_tags("k")
