"""Arguments of S3Client that nobody can use: refused before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.mock_responses import CannedS3, client_to, take
from tests.fixtures.refused import assert_refused, file_of_five_bytes

source = pytest.fixture(file_of_five_bytes)

LONGEST_KEY = "ü" * 511 + "ab"

BAD_KEYS: Mapping[str, Any] = {
    "empty": "",
    "too long": LONGEST_KEY + "c",
    "surrogate": "a\ud800",
    "number": 5,
    "bytes": b"key",
    "path": Path("key"),
}

BAD_PATHS: Mapping[str, Any] = {
    "empty": "",
    "NUL": "a\0b",
    "surrogate": "a\ud800",
    "bytes": b"file",
    "number": 0,
    "none": None,
}


class BytesPath(os.PathLike[bytes]):
    def __fspath__(self) -> bytes:
        return b"file"


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
@pytest.mark.promise(6)
def test_a_key_that_s3_cannot_store_is_refused_before_any_request(
    source: Path, tmp_path: Path, key: Any
) -> None:
    s3 = CannedS3()
    client = client_to(s3)

    assert_refused(s3, lambda: client.upload_file(source, key), "s3_key")
    assert_refused(s3, lambda: client.download_file(key, tmp_path / "copy"), "s3_key")
    assert_refused(s3, lambda: client.file_exists(key), "s3_key")
    assert_refused(s3, lambda: client.file_info(key), "s3_key")
    assert_refused(s3, lambda: client.delete_file(key), "s3_key")


def test_the_longest_key_is_taken(source: Path) -> None:
    s3 = CannedS3(take)

    assert len(client_to(s3).upload_file(source, LONGEST_KEY).encode()) == 1024


@pytest.mark.parametrize("prefix", [LONGEST_KEY + "c", "a\ud800", 5, None, b"a"], ids=range(5))
def test_a_prefix_that_no_key_has_is_refused_before_any_request(prefix: Any) -> None:
    s3 = CannedS3()

    assert_refused(s3, lambda: client_to(s3).list_files(prefix), "prefix")


@pytest.mark.parametrize(
    "path", [*BAD_PATHS.values(), BytesPath()], ids=[*BAD_PATHS, "path of bytes"]
)
def test_a_path_that_names_no_file_is_refused_before_any_request(path: Any) -> None:
    s3 = CannedS3()
    client = client_to(s3)

    assert_refused(s3, lambda: client.upload_file(path, "key"), "local_path")
    assert_refused(s3, lambda: client.download_file("key", path), "local_path")


def test_a_file_whose_name_is_no_key_needs_one(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(b"12345")
    s3 = CannedS3(take)
    client = client_to(s3)

    assert_refused(s3, lambda: client.upload_file(path), "s3_key")
    assert client.upload_file(path, "café.txt") == "café.txt"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("content_type", "text/plain\r\nx-amz-acl: public-read"),
        ("content_type", "text/plain\n"),
        ("content_type", "text/pläin"),
        ("content_type", 5),
        ("content_type", 0),
        ("metadata", {"a": "b\r\nc: d"}),
        ("metadata", {"a\r\nb": "c"}),
        ("metadata", {"a": "\0"}),
        ("metadata", {"a": "\ud800"}),
        ("metadata", {"a": 5}),
        ("metadata", {5: "a"}),
        ("metadata", {"a": None}),
        ("metadata", {"a": "größer"}),
        ("metadata", {"größer": "a"}),
        ("metadata", {"a:b": "c"}),
        ("metadata", {"a b": "c"}),
        ("metadata", {"": "c"}),
        ("metadata", [("a", "b")]),
        ("metadata", "a=b"),
        ("tags", {"a": "b\nc"}),
        ("tags", {"a": "\ud800"}),
        ("tags", {"a": 5}),
        ("tags", {5: "a"}),
        ("tags", ["a"]),
        ("if_exists", "FAIL"),
        ("if_exists", None),
        ("if_exists", True),
        ("if_exists", []),
        ("progress", 5),
    ],
)
@pytest.mark.promise(6)
def test_nonsense_about_a_file_is_refused_before_any_request(
    source: Path, argument: str, value: Any
) -> None:
    s3 = CannedS3()
    client = client_to(s3)

    assert_refused(s3, lambda: client.upload_file(source, "key", **{argument: value}), argument)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("version_id", 5), ("version_id", ""), ("version_id", "a\ud800"), ("progress", "yes")],
)
@pytest.mark.promise(6)
def test_nonsense_about_a_download_is_refused_before_any_request(
    tmp_path: Path, argument: str, value: Any
) -> None:
    s3 = CannedS3()
    client = client_to(s3)

    assert_refused(
        s3, lambda: client.download_file("key", tmp_path / "a", **{argument: value}), argument
    )


@pytest.mark.parametrize("version_id", [5, "", "a\ud800"])
@pytest.mark.promise(6)
def test_nonsense_about_a_version_is_refused_before_any_request(version_id: Any) -> None:
    s3 = CannedS3()
    client = client_to(s3)

    assert_refused(s3, lambda: client.file_info("key", version_id=version_id), "version_id")
