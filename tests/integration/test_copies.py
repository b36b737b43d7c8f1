"""Copies and moves within S3, on every server."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from s3_integration import (
    Encryption,
    S3BucketError,
    S3Client,
    S3Config,
    S3ConfigError,
    S3ConflictError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.transfer.copying import CopySizes
from s3_integration.utils import MIB
from tests.fixtures.contract import Get, Put, content_of
from tests.fixtures.servers import ServerUnderTest, unfinished_uploads

PARTS = CopySizes(one_request_bytes=5 * MIB, part_size_bytes=5 * MIB)
"""What is larger than that is copied in parts, as with S3's own limit what is over 5 GiB."""
SMALL, LARGE = content_of(100), content_of(6 * MIB)
BOTH_WAYS = pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one request", "parts"])
KEPT = {
    "ContentType": "text/x-note",
    "CacheControl": "no-cache",
    "ContentDisposition": "attachment",
    "ContentEncoding": "identity",
    "ContentLanguage": "de",
}


@pytest.fixture
def copying(client: S3Client) -> S3Client:
    """A client that copies in parts what is larger than 5 MiB."""
    client._service.get()._copier._sizes = PARTS
    return client


def must_copy(server: ServerUnderTest, content: bytes) -> None:
    if content is LARGE:
        server.must_have("copies in parts")


def store_plainly(plain: Any, bucket: str, key: str, content: bytes, **headers: Any) -> None:
    plain.put_object(Bucket=bucket, Key=key, Body=content, Metadata={"colour": "blue"}, **headers)


@BOTH_WAYS
def test_a_copy_is_its_source_with_all_that_belongs_to_it(
    server: ServerUnderTest, copying: S3Client, plain: Any, put: Put, get: Get, content: bytes
) -> None:
    must_copy(server, content)
    put("the bucket is there", b"")
    key = "a b/ö+" if content is LARGE else "a b/ö+%20"
    store_plainly(plain, copying.bucket_name, key, content, **KEPT)

    copied = copying.copy_file(key, "copies/ü &=?#")

    head = plain.head_object(Bucket=copying.bucket_name, Key="copies/ü &=?#")
    metadata = {name.lower(): text for name, text in head["Metadata"].items()}
    kept = [name for name in KEPT if name == "ContentType" or "headers" not in server.lacks]
    assert get("copies/ü &=?#") == content
    assert {name: head.get(name) for name in kept} == {name: KEPT[name] for name in kept}
    assert metadata["colour"] == "blue"
    assert copied == copying.file_info("copies/ü &=?#")
    assert unfinished_uploads(plain, copying.bucket_name) == []


@BOTH_WAYS
def test_a_copy_has_the_tags_of_its_source(
    server: ServerUnderTest, copying: S3Client, plain: Any, put: Put, content: bytes
) -> None:
    server.must_have("tags of parts" if content is LARGE else "tags")
    put("the bucket is there", b"")
    store_plainly(plain, copying.bucket_name, "k", content, Tagging="a=b&c%20d=%2B")

    copying.copy_file("k", "copy")

    assert copying.get_tags("copy") == {"a": "b", "c d": "+"}


@BOTH_WAYS
def test_a_file_is_copied_from_another_bucket_into_one_that_is_made_for_it(
    server: ServerUnderTest,
    copying: S3Client,
    another_config: S3Config,
    put: Put,
    content: bytes,
) -> None:
    must_copy(server, content)
    put("k", content)
    target = S3Client(config=another_config)
    target._service.get()._copier._sizes = PARTS

    copied = target.copy_file("k", "copy", source_bucket=copying.bucket_name)

    assert (copied.key, copied.size) == ("copy", len(content))
    assert [file.key for file in target.iter_files()] == ["copy"]


@BOTH_WAYS
def test_nothing_is_overwritten_where_that_is_not_wanted(
    server: ServerUnderTest, copying: S3Client, put: Put, get: Get, content: bytes
) -> None:
    must_copy(server, content)
    put("k", content)
    put("taken", b"mine")

    with pytest.raises(S3ConflictError):
        copying.copy_file("k", "taken", if_exists="fail")
    copying.copy_file("k", "free", if_exists="fail")

    assert get("taken") == b"mine"
    assert get("free") == content


@BOTH_WAYS
def test_an_older_version_is_copied_where_one_is_named(
    server: ServerUnderTest, copying: S3Client, put: Put, get: Get, content: bytes
) -> None:
    server.must_have("versions")
    put("k", content)
    old = copying.file_info("k").version_id
    put("k", b"new")

    copying.copy_file("k", "copy", version_id=old)
    copying.copy_file("k", "k", version_id=old)

    assert get("copy") == content
    assert get("k") == content


def test_what_cannot_be_copied_is_an_error_and_stores_nothing(
    server: ServerUnderTest, copying: S3Client, put: Put
) -> None:
    put("k", SMALL)

    with pytest.raises(S3FileNotFoundError):
        copying.copy_file("nothing", "copy")
    with pytest.raises(S3FileNotFoundError):
        copying.copy_file("folder/", "copy")
    with pytest.raises(S3BucketError):
        copying.copy_file("k", "copy", source_bucket=f"{copying.bucket_name[:50]}-none")
    with pytest.raises(S3ConfigError):
        copying.copy_file("k", "k")

    assert not copying.file_exists("copy")


def test_parts_are_never_those_of_another_object(
    server: ServerUnderTest, copying: S3Client, put: Put, get: Get
) -> None:
    put("a%20b", LARGE)
    put("a b", LARGE[::-1])
    put("taken", b"mine")

    with suppress(S3IntegrationError):
        copying.copy_file("a%20b", "taken")

    assert get("taken") in {b"mine", LARGE}


def test_a_server_that_cannot_copy_in_parts_overwrites_nothing(
    server: ServerUnderTest, copying: S3Client, plain: Any, put: Put, get: Get
) -> None:
    if "copies in parts" not in server.lacks:
        pytest.skip("it can")
    put("k", LARGE)
    put("taken", b"mine")

    with pytest.raises(S3IntegrationError):
        copying.copy_file("k", "taken")

    assert get("taken") == b"mine"
    assert unfinished_uploads(plain, copying.bucket_name) == []


@BOTH_WAYS
def test_what_was_encrypted_with_a_customer_key_is_copied_with_it(
    server: ServerUnderTest, config: S3Config, content: bytes
) -> None:
    server.must_have("SSE-C")
    if content is SMALL:
        server.must_have("SSE-C copies")
    encryption = Encryption(method="SSE-C", customer_key=bytes(range(32)))
    client = S3Client(config=replace(config, encryption=encryption))
    client._service.get()._copier._sizes = PARTS
    with closing(server.boto3_client()) as plain:
        plain.create_bucket(Bucket=client.bucket_name)
        key: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(range(32))}
        store_plainly(plain, client.bucket_name, "k", content, **key)

        client.copy_file("k", "copy")

        stored = plain.get_object(Bucket=client.bucket_name, Key="copy", **key)
        assert stored["Body"].read() == content


# Moves


@BOTH_WAYS
def test_a_move_leaves_the_file_in_its_new_place_alone(
    server: ServerUnderTest, copying: S3Client, put: Put, get: Get, content: bytes
) -> None:
    must_copy(server, content)
    put("old", content)

    moved = copying.move_file("old", "new/place")

    assert (moved.key, moved.size) == ("new/place", len(content))
    assert [file.key for file in copying.iter_files()] == ["new/place"]
    assert get("new/place") == content


def test_a_moved_file_is_still_among_the_versions(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get
) -> None:
    server.must_have("versions")
    put("old", SMALL)

    client.move_file("old", "new")

    marker, version = client.list_versions("old")
    assert marker.is_delete_marker
    assert version.size == len(SMALL)


def test_a_file_is_moved_from_another_bucket(
    client: S3Client, another_config: S3Config, put: Put
) -> None:
    put("k", SMALL)
    target = S3Client(config=another_config)

    target.move_file("k", "moved", source_bucket=client.bucket_name)

    assert not client.file_exists("k")
    assert target.file_info("moved").size == len(SMALL)


def test_a_source_that_changes_while_it_is_moved_stays(
    client: S3Client, plain: Any, put: Put, get: Get
) -> None:
    put("old", SMALL)
    rewritten: list[bool] = []

    def rewrite(**_: object) -> None:
        if not rewritten:
            rewritten.append(True)
            store_plainly(plain, client.bucket_name, "old", b"newer")

    boto3_client: Any = client._service.get()._get_s3_client()
    boto3_client.meta.events.register("after-call.s3.CopyObject", rewrite)

    with pytest.raises(S3ConflictError) as caught:
        client.move_file("old", "new")

    assert rewritten
    assert f"s3://{client.bucket_name}/new" in caught.value.message
    assert get("old") == b"newer"
    assert get("new") == SMALL


def test_a_source_that_changes_while_it_is_copied_in_parts_is_not_copied(
    server: ServerUnderTest, copying: S3Client, plain: Any, put: Put
) -> None:
    server.must_have("copies in parts")
    put("k", LARGE)
    rewritten: list[bool] = []

    def rewrite(**_: object) -> None:
        if not rewritten:
            rewritten.append(True)
            store_plainly(plain, copying.bucket_name, "k", LARGE[::-1])

    boto3_client: Any = copying._service.get()._get_s3_client()
    boto3_client.meta.events.register("after-call.s3.CreateMultipartUpload", rewrite)

    with pytest.raises(S3ConflictError, match="changed meanwhile"):
        copying.copy_file("k", "copy")

    assert rewritten
    assert not copying.file_exists("copy")
    assert unfinished_uploads(plain, copying.bucket_name) == []
