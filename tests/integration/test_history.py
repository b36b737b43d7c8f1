"""Versions, what comes back, tags and folders, on every server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from s3_integration import S3Client, S3FileNotFoundError, S3IntegrationError
from s3_integration.transfer.copying import CopySizes
from s3_integration.utils import MIB
from tests.fixtures.contract import Get, Put, content_of
from tests.fixtures.servers import ServerUnderTest

PARTS = CopySizes(one_request_bytes=5 * MIB, part_size_bytes=5 * MIB)


# Versions


def test_versions_tell_what_a_file_was_and_of_no_other(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("versions")
    for content in (b"1", b"22"):
        put("a b/ü", content)
    client.delete_file("a b/ü")
    for key in ("a b/ü2", "a b/ü/x", "a b/", "A b/ü"):
        put(key, b"other")

    versions = client.list_versions("a b/ü")

    assert {version.key for version in versions} == {"a b/ü"}
    assert [version.is_latest for version in versions] == [True, False, False]
    assert [version.is_delete_marker for version in versions] == [True, False, False]
    assert [version.size for version in versions] == [0, 2, 1]
    assert len({version.version_id for version in versions}) == 3
    assert client.list_versions("nothing") == []


def test_versions_come_in_pages(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put
) -> None:
    server.must_have("versions")
    put("k", b"")
    for number in range(1, 6):
        plain.put_object(Bucket=client.bucket_name, Key="k", Body=b"x" * number)

    def make_pages_small(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 2

    boto3_client: Any = client._service.get()._get_s3_client()
    event = "provide-client-params.s3.ListObjectVersions"
    boto3_client.meta.events.register(event, make_pages_small)

    assert [version.size for version in client.list_versions("k")] == [5, 4, 3, 2, 1, 0]
    assert len(client.list_versions(prefix="")) == 6


# What comes back


@pytest.mark.parametrize("undone", ["a deletion", "an overwrite", "two deletions"])
def test_a_file_comes_back_as_it_was(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get, undone: str
) -> None:
    server.must_have("versions")
    put("k", b"good")
    if undone == "an overwrite":
        put("k", b"bad")
    else:
        client.delete_file("k")
    if undone == "two deletions":
        client._service.get()._get_s3_client().delete_object(Bucket=client.bucket_name, Key="k")
    before = client.list_versions("k")

    restored = client.restore_file("k")

    assert get("k") == b"good"
    assert restored == client.file_info("k")
    # Nothing was lost by it: what was there is there below the new version.
    latest, *below = client.list_versions("k")
    assert latest.version_id == restored.version_id
    assert {each.version_id for each in below} == {each.version_id for each in before}


def test_a_version_that_is_named_comes_back(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get
) -> None:
    server.must_have("versions")
    put("k", b"first")
    first = client.file_info("k").version_id
    put("k", b"second")
    put("k", b"third")

    client.restore_file("k", first)
    client.restore_file("k", client.file_info("k").version_id)

    assert get("k") == b"first"
    assert len(client.list_versions("k")) == 4


def test_a_large_file_comes_back_in_parts(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get
) -> None:
    server.must_have("versions")
    client._service.get()._copier._sizes = PARTS
    put("k", content_of(6 * MIB))
    client.delete_file("k")

    client.restore_file("k")

    assert get("k") == content_of(6 * MIB)


def test_what_cannot_come_back_is_not_found_and_changes_nothing(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("versions")
    put("once", b"1")
    put("gone", b"1")
    client.delete_file("gone")
    marker = client.list_versions("gone")[0].version_id
    impossible: list[Callable[[], object]] = [
        lambda: client.restore_file("nothing"),
        lambda: client.restore_file("once"),
        lambda: client.restore_file("once", "no-such-version"),
        lambda: client.restore_file("gone", marker),
    ]

    for call in impossible:
        with pytest.raises(S3FileNotFoundError) as caught:
            call()
        assert caught.value.suggestion

    assert len(client.list_versions(prefix="")) == 3


def test_a_bucket_without_versions_has_nothing_to_bring_back(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    server.must_have("versions")
    plain.create_bucket(Bucket=client.bucket_name)
    plain.put_object(Bucket=client.bucket_name, Key="k", Body=b"1")

    (only,) = client.list_versions("k")
    assert (only.version_id, only.is_latest) == ("null", True)
    with pytest.raises(S3FileNotFoundError, match="versioning"):
        client.restore_file("k")
    plain.delete_object(Bucket=client.bucket_name, Key="k")
    with pytest.raises(S3FileNotFoundError, match="nothing is or was stored"):
        client.restore_file("k")


def test_a_server_without_versions_says_so(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    if "versions" not in server.lacks:
        pytest.skip("it has versions")
    put("k", b"1")

    for call in (client.list_versions, client.restore_file):
        with pytest.raises(S3IntegrationError, match="does not know the request"):
            call("k")


# Tags


def test_tags_are_replaced_and_removed_and_the_file_stays(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get
) -> None:
    server.must_have("tags")
    put("k", b"content")
    before = client.file_info("k")
    assert client.get_tags("k") == {}

    client.set_tags("k", {"ä b": "x=/@", "c": ""})
    assert client.get_tags("k") == {"ä b": "x=/@", "c": ""}
    client.set_tags("k", {"d": "1"})
    assert client.get_tags("k") == {"d": "1"}
    client.set_tags("k", {})
    assert client.get_tags("k") == {}

    assert get("k") == b"content"
    assert client.file_info("k").version_id == before.version_id


def test_tags_of_nothing_are_not_found(server: ServerUnderTest, client: S3Client, put: Put) -> None:
    put("k", b"")

    with pytest.raises(S3FileNotFoundError):
        client.get_tags("nothing")
    with pytest.raises(S3FileNotFoundError):
        client.set_tags("nothing", {"a": "1"})

    assert not client.file_exists("nothing")


@pytest.mark.parametrize("content", [b"", b"x" * 100_000, b"<Tagging><TagSet/></Tagging>"])
def test_tags_never_cost_a_file(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get, content: bytes
) -> None:
    if "tags" not in server.lacks:
        pytest.skip("it knows tags")
    put("k", content)

    for tags in ({"a": "1"}, {}):
        with pytest.raises(S3IntegrationError):
            client.set_tags("k", tags)

    assert get("k") == content


# Folders


def test_a_folder_shows_what_lies_directly_in_it(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put
) -> None:
    for key in ("top", "r/a", "r/b/c", "r/b/d", "r/b/e/f", "rx/g"):
        put(key, b"1")

    assert client.list_folder().folders == ["r/", "rx/"]
    assert [file.key for file in client.list_folder().files] == ["top"]
    for name in ("r", "r/"):
        folders, files = client.list_folder(name)
        assert (folders, [file.key for file in files]) == (["r/b/"], ["r/a"])
    assert client.list_folder("nothing") == ([], [])


def test_the_empty_object_that_stands_for_a_folder_is_none_of_its_files(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put
) -> None:
    server.must_have("any key")
    put("r/a", b"1")
    plain.put_object(Bucket=client.bucket_name, Key="r/", Body=b"")

    folders, files = client.list_folder("r")

    assert (folders, [file.key for file in files]) == ([], ["r/a"])
    assert client.list_folder().folders == ["r/"]


def test_files_are_listed_as_they_are_wanted(client: S3Client, put: Put) -> None:
    for key in ("a/1", "a/2", "b"):
        put(key, b"12")

    files = client.iter_files("a/")

    assert next(files).key == "a/1"
    assert [(file.key, file.size) for file in files] == [("a/2", 2)]
