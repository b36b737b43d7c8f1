"""Versions: listing them, and choosing the one that comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import pytest

from s3_integration import S3FileNotFoundError, S3IntegrationError, S3Version
from s3_integration.transfer.engine import ObjectId
from s3_integration.transfer.history import version_to_restore
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    Sent,
    error_answer,
    etag_of,
    service_to,
)
from tests.fixtures.transfers import xml_answer

NOON: Final = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
WANTED: Final = ObjectId("unit-tests", "k")


def version(name: str, *, latest: bool = False, marker: bool = False) -> S3Version:
    return S3Version("k", name, latest, marker, NOON)


# Which one comes back


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([version("m", latest=True, marker=True), version("2"), version("1")], "2"),
        ([version("3", latest=True), version("2"), version("1")], "2"),
        ([version("3", latest=True), version("m", marker=True), version("1")], "1"),
        ([version("m2", latest=True, marker=True), version("m", marker=True), version("1")], "1"),
    ],
    ids=["deleted", "overwritten", "stored again", "deleted twice"],
)
def test_the_last_content_that_is_not_the_current_one_comes_back(
    versions: list[S3Version], expected: str
) -> None:
    assert version_to_restore(WANTED, versions).version_id == expected


def test_a_version_that_is_named_comes_back() -> None:
    versions = [version("3", latest=True), version("2"), version("1")]

    assert version_to_restore(ObjectId("unit-tests", "k", "1"), versions).version_id == "1"


@pytest.mark.parametrize(
    ("name", "versions", "problem"),
    [
        (None, [], "nothing is or was stored"),
        (None, [version("null", latest=True)], "no version of it but the current one"),
        (None, [version("m", latest=True, marker=True)], "no version of it but the current one"),
        ("2", [version("1", latest=True)], "no version '2'"),
        ("m", [version("m", latest=True, marker=True), version("1")], "mark of a deletion"),
    ],
)
def test_what_cannot_come_back_is_not_found(
    name: str | None, versions: list[S3Version], problem: str
) -> None:
    with pytest.raises(S3FileNotFoundError, match=problem) as caught:
        version_to_restore(ObjectId("unit-tests", "k", name), versions)

    assert caught.value.suggestion
    assert (caught.value.bucket, caught.value.key) == ("unit-tests", "k")


# What S3 lists


def entry(key: str, name: str, *, at: str = "12:00:00", latest: bool = False) -> str:
    return (
        f"<Version><Key>{key}</Key><VersionId>{name}</VersionId>"
        f"<IsLatest>{str(latest).lower()}</IsLatest>"
        f"<LastModified>2024-02-29T{at}.000Z</LastModified>"
        f'<ETag>"e-{name}"</ETag><Size>5</Size></Version>'
    )


def mark(key: str, name: str, *, at: str = "12:00:00", latest: bool = False) -> str:
    whole = entry(key, name, at=at, latest=latest)
    return whole.partition("<ETag>")[0].replace("<Version>", "<DeleteMarker>") + "</DeleteMarker>"


def page(*entries: str, after: tuple[str, str] | None = None) -> Answer:
    more = ""
    if after:
        more = (
            "<IsTruncated>true</IsTruncated>"
            f"<NextKeyMarker>{after[0]}</NextKeyMarker>"
            f"<NextVersionIdMarker>{after[1]}</NextVersionIdMarker>"
        )
    return xml_answer("ListVersionsResult", f"{more}{''.join(entries)}")


def test_versions_of_all_pages_come_the_newest_first_with_deletions_among_them() -> None:
    s3 = CannedS3(
        page(entry("k", "3", at="12:03:00"), mark("k", "m", at="12:04:00"), after=("k", "3")),
        page(mark("k", "m0", at="12:02:00"), entry("k", "1", at="12:01:00", latest=True)),
    )

    found = service_to(s3).list_versions(key="k", prefix="")

    assert [each.version_id for each in found] == ["1", "m", "3", "m0"]
    assert [each.is_delete_marker for each in found] == [False, True, False, True]
    assert found[0] == S3Version(
        "k", "1", True, False, NOON.replace(minute=1), 5, "e-1", "STANDARD"
    )
    assert found[1] == S3Version("k", "m", False, True, NOON.replace(minute=4))
    assert [sent.query.get("version-id-marker") for sent in s3.sent] == [None, "3"]


def test_an_upload_in_parts_is_as_new_as_its_end_though_s3_dates_it_by_its_beginning() -> None:
    s3 = CannedS3(
        page(
            mark("k", "m", at="12:05:00", latest=True),
            entry("k", "in-parts", at="12:00:00"),
            entry("k", "small", at="12:03:00"),
            mark("k", "m0", at="11:59:00"),
            entry("k", "first", at="11:58:00"),
        )
    )

    found = service_to(s3).list_versions(key="k", prefix="")

    names = [each.version_id for each in found]
    assert names == ["m", "in-parts", "small", "m0", "first"]
    assert version_to_restore(WANTED, found).version_id == "in-parts"


def test_versions_of_one_key_are_of_exactly_that_one() -> None:
    s3 = CannedS3(page(entry("k", "1"), entry("k/1", "2"), entry("kk", "3"), after=("kk", "3")))

    found = service_to(s3).list_versions(key="k", prefix="")

    assert [each.key for each in found] == ["k"]
    assert len(s3.sent) == 1  # what follows has longer keys


def test_versions_by_prefix_are_of_all_keys_in_their_order() -> None:
    s3 = CannedS3(page(entry("ä", "2"), mark("b", "3"), entry("b", "1", latest=True)))

    found = service_to(s3).list_versions(key=None, prefix="")

    assert [(each.key, each.version_id) for each in found] == [("b", "1"), ("b", "3"), ("ä", "2")]


def test_keys_of_versions_come_back_as_they_were_stored() -> None:
    encoded = page("<EncodingType>url</EncodingType>", entry("a%20b%0A%C3%BC", "1"))
    s3 = CannedS3(encoded)

    (found,) = service_to(s3).list_versions(key="a b\nü", prefix="")

    assert found.key == "a b\nü"


def test_a_server_without_versions_is_told_of() -> None:
    s3 = CannedS3(error_answer(501, "NotImplemented"))

    with pytest.raises(S3IntegrationError, match="does not know the request"):
        service_to(s3).list_versions(key="k", prefix="")


# The whole way


CONTENT: Final = b"hello"


def head(name: str) -> Callable[[Sent], Answer]:
    def answer(sent: Sent) -> Answer:
        assert sent.method == "HEAD"
        moment = "Thu, 29 Feb 2024 12:00:00 GMT"
        size = {"content-length": "5", "last-modified": moment}
        return Answer(headers={"etag": etag_of(CONTENT), "x-amz-version-id": name, **size})

    return answer


COPIED: Final = xml_answer("CopyObjectResult", f"<ETag>{etag_of(CONTENT)}</ETag>")


def test_a_deleted_file_comes_back_by_a_copy_of_its_last_content() -> None:
    s3 = CannedS3(page(mark("k", "m", latest=True), entry("k", "1")), head("1"), COPIED, head("2"))

    found = service_to(s3).restore_file("k")

    copy = s3.sent[2]
    assert (copy.method, copy.key) == ("PUT", "k")
    assert copy.headers["x-amz-copy-source"] == "unit-tests/k?versionId=1"
    assert (found.key, found.version_id) == ("k", "2")


def test_what_is_current_already_is_not_copied() -> None:
    s3 = CannedS3(page(entry("k", "2", latest=True), entry("k", "1")), head("2"))

    assert service_to(s3).restore_file("k", version_id="2").version_id == "2"
    assert len(s3.sent) == 2


@pytest.mark.parametrize(("name", "asked"), [("2", {"versionId": "2"}), ("null", {})])
def test_of_what_is_current_already_that_very_version_is_told(
    name: str, asked: dict[str, str]
) -> None:
    """Not of what has come in its place since the listing."""
    s3 = CannedS3(page(entry("k", name, latest=True)), head(name))

    service_to(s3).restore_file("k", version_id=name)

    assert s3.sent[1].query == asked


@pytest.mark.parametrize("arguments", [{}, {"version_id": "nope"}])
def test_nothing_is_copied_where_nothing_can_come_back(arguments: dict[str, Any]) -> None:
    s3 = CannedS3(page(entry("k", "null", latest=True)))

    with pytest.raises(S3FileNotFoundError):
        service_to(s3).restore_file("k", **arguments)

    assert len(s3.sent) == 1
