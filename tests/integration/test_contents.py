"""Bytes, text and file objects on every server, by every engine."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3_integration import (
    S3BucketError,
    S3Client,
    S3Config,
    S3ConflictError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.utils import MIB
from tests.fixtures.contract import SMALL_PARTS, content_of
from tests.fixtures.servers import ServerUnderTest

UNKNOWN = "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
LARGE = content_of(11 * MIB + 5)
"""Three parts."""


@pytest.fixture
def client(config: S3Config) -> S3Client:
    return S3Client(config=replace(config, transfer=SMALL_PARTS), create_bucket=False)


@pytest.fixture(autouse=True)
def _bucket(plain: Any, config: S3Config) -> None:
    """A plain one: to secure it takes longer than most of these tests."""
    plain.create_bucket(Bucket=config.bucket_name)


@pytest.mark.promise(1)
@pytest.mark.promise(2)
def test_what_was_written_comes_back_byte_for_byte_by_every_call(
    server: ServerUnderTest, client: S3Client, engine: str
) -> None:
    for content in (b"", b"\0\xff\r\n", LARGE):
        info = client.write_bytes("a b/é.bin", content, metadata={"n": "1"})
        found = client.file_info("a b/é.bin")

        assert client.read_bytes("a b/é.bin") == content
        # moto calls what has no version `null`, but only where it was uploaded in parts.
        assert (info.version_id or "null") == (found.version_id or "null")
        assert info.size == len(content)
        assert info.etag == found.etag or "etags of parts" in server.lacks
        assert info.content_type == found.content_type
        assert abs((info.last_modified - found.last_modified).total_seconds()) < 60
    with client.open("a b/é.bin", "rb") as file, client.open("copy", "wb") as copy:
        shutil.copyfileobj(file, copy)
    assert client.read_bytes("copy") == LARGE
    for part in (slice(0, 10), slice(7 * MIB - 3, 7 * MIB + 3), slice(9, None), slice(-2, 1 << 30)):
        start, stop = part.start % len(LARGE), part.stop
        assert client.read_bytes("copy", start=start, stop=stop) == LARGE[start:stop]


def test_ranges_beyond_the_end_are_empty(client: S3Client) -> None:
    client.write_bytes("k", b"123")
    client.write_bytes("empty", b"")

    assert client.read_bytes("k", start=3) == b""
    assert client.read_bytes("k", start=9, stop=12) == b""
    assert client.read_bytes("k", start=1, stop=1) == b""
    assert client.read_bytes("empty", start=0, stop=5) == b""
    assert client.read_bytes("empty", start=5) == b""
    with client.open("empty", "rb") as file:
        assert (file.read(), file.seek(0, io.SEEK_END), file.read(1)) == (b"", 0, b"")


def test_what_is_not_there_is_not_found(client: S3Client, plain: Any) -> None:
    for read in (client.read_bytes, client.read_text, client.open):
        with pytest.raises(S3FileNotFoundError):
            read("missing")
    with pytest.raises(S3FileNotFoundError):
        client.read_bytes("missing", start=5, stop=5)
    plain.delete_bucket(Bucket=client.bucket_name)
    for read in (client.read_bytes, client.read_text, client.open):
        with pytest.raises(S3BucketError):
            read("missing")


def test_an_unknown_version_is_an_error(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    server.must_have("versions")
    plain.put_bucket_versioning(
        Bucket=client.bucket_name, VersioningConfiguration={"Status": "Enabled"}
    )
    old = client.write_text("k", "old")
    client.write_text("k", "new")
    assert old.version_id

    assert client.read_text("k", version_id=old.version_id) == "old"
    with client.open("k", version_id=old.version_id) as file:
        assert file.read() == "old"
    with pytest.raises(S3DownloadError):
        client.read_bytes("k", version_id=UNKNOWN)


@pytest.mark.parametrize(
    "call",
    [
        lambda client, folder: client.read_text("k", version_id=UNKNOWN),
        lambda client, folder: client.open("k", version_id=UNKNOWN),
        lambda client, folder: client.download_file("k", folder / "k", version_id=UNKNOWN),
        lambda client, folder: client.file_info("k", version_id=UNKNOWN),
        lambda client, folder: client.copy_file("k", "copy", version_id=UNKNOWN),
        lambda client, folder: client.restore_file("k", UNKNOWN),
        lambda client, folder: client.get_tags("k", version_id=UNKNOWN),
    ],
    ids=["read_text", "open", "download", "info", "copy", "restore", "get_tags"],
)
def test_an_unknown_version_is_an_error_of_every_call_and_changes_nothing(
    server: ServerUnderTest,
    client: S3Client,
    plain: Any,
    tmp_path: Path,
    call: Callable[[S3Client, Path], object],
) -> None:
    server.must_have("versions")
    plain.put_bucket_versioning(
        Bucket=client.bucket_name, VersioningConfiguration={"Status": "Enabled"}
    )
    client.write_text("k", "content")

    with pytest.raises(S3IntegrationError) as caught:
        call(client, tmp_path)

    assert caught.value.key == "k"
    assert caught.value.suggestion
    assert list(tmp_path.iterdir()) == []
    assert [file["key"] for file in client.list_files()] == ["k"]
    assert client.read_text("k") == "content"


@pytest.mark.parametrize("keeps_versions", [True, False])
@pytest.mark.parametrize("content", [b"mine", LARGE], ids=["one request", "parts"])
def test_of_two_who_read_the_same_the_second_to_write_is_refused(
    server: ServerUnderTest, client: S3Client, plain: Any, content: bytes, *, keeps_versions: bool
) -> None:
    if keeps_versions:
        server.must_have("versions")
        plain.put_bucket_versioning(
            Bucket=client.bucket_name, VersioningConfiguration={"Status": "Enabled"}
        )
    read = client.write_bytes("k", b"what both have read")
    client.write_bytes("k", b"the other's", if_match=read.etag)

    with pytest.raises(S3ConflictError):
        client.write_bytes("k", content, if_match=read.etag)

    assert client.read_bytes("k") == b"the other's"
    client.delete_file("k")
    with pytest.raises(S3ConflictError):
        client.write_bytes("k", content, if_match=read.etag)
    assert not client.file_exists("k")


def test_what_is_there_stays_where_it_has_to(client: S3Client) -> None:
    client.write_text("k", "first", if_exists="fail")

    file = client.open("k", "x")
    file.write("second")
    with pytest.raises(S3ConflictError):
        file.close()

    assert client.read_text("k") == "first"


@pytest.mark.promise(2)
def test_an_object_that_is_replaced_while_it_is_read_is_a_conflict_and_never_mixed(
    client: S3Client, plain: Any
) -> None:
    client.write_bytes("k", LARGE)
    with client.open("k", "rb") as file:
        before = file.read(1000)
        plain.put_object(Bucket=client.bucket_name, Key="k", Body=LARGE[::-1])

        with pytest.raises(S3ConflictError):
            file.read()

    assert before == LARGE[:1000]


def test_what_a_block_leaves_by_an_error_is_as_it_was(client: S3Client) -> None:
    client.write_text("k", "old")

    with pytest.raises(KeyError), client.open("k", "w") as file:
        file.write({"a": "new"}["b"])

    assert client.read_text("k") == "old"
