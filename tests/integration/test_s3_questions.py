"""The contract of the operations that carry no bytes, on every server.

Each engine asks them through boto3's client; they are asked here with the one that
clients have by themselves. Nothing needs a second bucket.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3BucketError, S3UploadError
from tests.fixtures.contract import Get, Put
from tests.fixtures.servers import ServerUnderTest


def test_the_key_defaults_to_the_name_of_the_file(client: S3Client, tmp_path: Path) -> None:
    source = tmp_path / "report Jänner.pdf"
    source.write_bytes(b"%PDF")

    assert client.upload_file(source) == "report Jänner.pdf"
    assert client.file_exists("report Jänner.pdf")


def test_a_listing_has_all_pages_in_the_order_of_the_keys_bytes(
    client: S3Client, plain: Any, put: Put
) -> None:
    put("pages/0000", b"the bucket is there")
    keys = [f"pages/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: _put_plainly(plain, client.bucket_name, key), keys))

    listed = client.list_files("pages/")

    assert [file["key"] for file in listed] == keys
    assert len(plain.list_objects_v2(Bucket=client.bucket_name)["Contents"]) == 1000  # a page


def _put_plainly(plain: Any, bucket_name: str, key: str) -> None:
    plain.put_object(Bucket=bucket_name, Key=key, Body=b"")


def test_a_listing_tells_size_time_etag_and_storage_class(
    client: S3Client, plain: Any, put: Put
) -> None:
    put("notes/a.txt", b"hello")

    (listed,) = client.list_files("notes/")

    etag = plain.head_object(Bucket=client.bucket_name, Key="notes/a.txt")["ETag"]
    assert listed.pop("last_modified") - datetime.now(UTC) < timedelta(minutes=5)
    assert listed == {
        "key": "notes/a.txt",
        "size": 5,
        "etag": etag.strip('"'),
        "storage_class": "STANDARD",
    }


def test_a_prefix_is_taken_letter_by_letter(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("any key")
    for key in ("a", "a/1", "a/2", "ab", "A/1", "a+1", "a%2F1"):
        put(key, b"")

    def listed(prefix: str) -> list[str]:
        return [file["key"] for file in client.list_files(prefix)]

    assert listed("a/") == ["a/1", "a/2"]
    assert listed("a%") == ["a%2F1"]
    assert listed("a") == ["a", "a%2F1", "a+1", "a/1", "a/2", "ab"]
    assert listed("nothing") == []


def test_a_delete_tells_whether_there_was_something(client: S3Client, put: Put) -> None:
    put("k", b"1")

    assert client.file_exists("k")
    assert client.delete_file("k") is True
    assert client.file_exists("k") is False
    assert client.delete_file("k") is False


def test_a_folder_of_files_is_no_file(client: S3Client, put: Put) -> None:
    put("folder/file", b"1")

    assert not client.file_exists("folder")
    assert not client.file_exists("folder/")
    assert not client.delete_file("folder/")
    assert client.file_exists("folder/file")


def test_a_missing_bucket_is_an_error_of_every_reading_operation(
    config: S3Config, tmp_path: Path
) -> None:
    name = f"{config.bucket_name[:50]}-none"
    client = S3Client(config=replace(config, bucket_name=name))
    operations: dict[str, Callable[[], object]] = {
        "list": client.list_files,
        "exists": lambda: client.file_exists("k"),
        "info": lambda: client.file_info("k"),
        "delete": lambda: client.delete_file("k"),
        "download": lambda: client.download_file("k", tmp_path / "d"),
    }

    for operation in operations.values():
        with pytest.raises(S3BucketError) as caught:
            operation()
        assert caught.value.code == "NoSuchBucket"
        assert caught.value.suggestion


def test_a_missing_bucket_is_not_created_against_the_callers_will(
    config: S3Config, tmp_path: Path
) -> None:
    name = f"{config.bucket_name[:50]}-none"
    (tmp_path / "source").write_bytes(b"1")
    client = S3Client(config=replace(config, bucket_name=name), create_bucket=False)

    with pytest.raises(S3BucketError) as caught:
        client.upload_file(tmp_path / "source", "k")

    assert isinstance(caught.value, S3UploadError)
    with pytest.raises(S3BucketError):
        client.list_files()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.json", "application/json"),
        ("a.tar.gz", "application/gzip"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_the_content_type_is_guessed_from_the_name(
    client: S3Client, plain: Any, tmp_path: Path, name: str, content_type: str
) -> None:
    (tmp_path / name).write_bytes(b"1")

    client.upload_file(tmp_path / name)

    head = plain.head_object(Bucket=client.bucket_name, Key=name)
    assert (head["ContentType"], "ContentEncoding" in head) == (content_type, False)


def test_no_operation_waits_long_on_a_healthy_server(put: Put, get: Get) -> None:
    put("k", b"1")
    began = time.monotonic()

    for _ in range(10):
        put("k", b"1")
        get("k")

    assert time.monotonic() - began < 20
