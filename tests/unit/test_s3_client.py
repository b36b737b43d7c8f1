"""S3Client: what callers say, and what of it is refused before anything is sent."""

from __future__ import annotations

import datetime as dt
import errno
import mimetypes
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from s3_integration import (
    S3Checksum,
    S3Client,
    S3Config,
    S3ConfigError,
    S3ConflictError,
    S3DownloadError,
    S3FileInfo,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.choices import IfExists
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    client_to,
    error_answer,
    object_answer,
    take,
)
from tests.fixtures.refused import assert_refused, file_of_five_bytes

source = pytest.fixture(file_of_five_bytes)

MISSING = error_answer(404, "NoSuchKey")


# Making one


def test_a_client_sends_nothing_until_it_is_used() -> None:
    client = S3Client(config=S3Config())  # without any credentials

    assert client.bucket_name == "peerpilot-kiro-data"
    assert repr(client) == "S3Client('peerpilot-kiro-data')"


def test_the_named_bucket_is_the_clients() -> None:
    assert S3Client("named-bucket", config=CONFIG).bucket_name == "named-bucket"


def test_a_repr_tells_no_secret() -> None:
    assert "canary" not in repr(client_to(CannedS3()))


@pytest.mark.parametrize("bucket_name", ["", "Upper", "a", "a..b", "192.168.0.1", 5, None, b"abc"])
def test_a_bucket_name_that_s3_forbids_is_refused(bucket_name: Any) -> None:
    with pytest.raises(S3ConfigError, match="bucket_name"):
        S3Client(bucket_name)


def test_a_client_uses_the_bucket_of_its_config_and_may_not_create_it(source: Path) -> None:
    s3 = CannedS3(error_answer(404, "NoSuchBucket"))

    with pytest.raises(S3UploadError):
        client_to(s3).upload_file(source)

    assert [(sent.method, sent.bucket) for sent in s3.sent] == [("PUT", "unit-tests")]


def test_a_client_creates_its_bucket_unless_told_otherwise(source: Path) -> None:
    s3 = CannedS3(Answer(200), take)
    client = S3Client(config=CONFIG)
    s3.attach(client._service.get()._get_s3_client())

    client.upload_file(source)

    assert s3.methods == ["HEAD", "PUT source.txt"]


# Uploads


@pytest.mark.parametrize("kind", [str, Path])
def test_an_upload_without_a_key_gets_the_files_name(
    source: Path, kind: Callable[[Path], str | Path]
) -> None:
    s3 = CannedS3(take)

    assert client_to(s3).upload_file(kind(source)) == "source.txt"
    assert s3.sent[0].key == "source.txt"
    assert s3.sent[0].body == b"12345"


@pytest.mark.parametrize(
    "key",
    [
        "a//b",
        "./a",
        "../a",
        "/a",
        " x ",
        "a/",
        "é",
        "e\u0301",
        "a?b#c%2F+&=;:@",
        "a\nb",
        "日本",
        "~",
    ],
)
@pytest.mark.promise(4)
def test_keys_go_to_s3_unchanged(source: Path, key: str) -> None:
    s3 = CannedS3(take)

    assert client_to(s3).upload_file(source, key) == key
    assert s3.sent[0].key == key


def test_what_is_said_of_a_file_is_stored_with_it(source: Path) -> None:
    s3 = CannedS3(take)

    client_to(s3).upload_file(
        source,
        "key",
        content_type="text/x; charset=utf-8",
        metadata={"Colour": "light blue", "empty": ""},
        tags={"project": "größer + schöner"},
    )

    headers = s3.sent[0].headers
    assert headers["content-type"] == "text/x; charset=utf-8"
    assert headers["x-amz-meta-colour"] == "light blue"
    assert headers["x-amz-meta-empty"] == ""
    assert headers["x-amz-tagging"] == "project=gr%C3%B6%C3%9Fer%20%2B%20sch%C3%B6ner"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("a.PDF", "application/pdf"),
        ("a.json", "application/json"),
        ("a.tar", "application/x-tar"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
        ("a.bz2", "application/x-bzip2"),
        ("a.tar.xz", "application/x-xz"),
        ("a.br", "application/x-brotli"),
        ("a.Z", "application/x-compress"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        (".gitignore", "application/octet-stream"),
        ("a b:c.html", "text/html"),
    ],
)
def test_the_content_type_is_guessed_from_the_name(
    tmp_path: Path, name: str, content_type: str
) -> None:
    (tmp_path / name).write_bytes(b"12345")
    s3 = CannedS3(take)

    client_to(s3).upload_file(tmp_path / name, "key.zip")

    assert s3.sent[0].headers["content-type"] == content_type
    assert "content-encoding" not in s3.sent[0].headers


def test_the_machines_own_table_of_types_decides_nothing(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("machine/own", None))
    s3 = CannedS3(take)

    client_to(s3).upload_file(source)

    assert s3.sent[0].headers["content-type"] == "text/plain"


def test_an_upload_that_may_not_overwrite_does_not(source: Path) -> None:
    s3 = CannedS3(error_answer(412, "PreconditionFailed"))

    with pytest.raises(S3ConflictError):
        client_to(s3).upload_file(source, if_exists="fail")

    assert s3.sent[0].headers["if-none-match"] == "*"


def test_progress_reaches_the_caller(source: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    client = client_to(CannedS3(take, object_answer(b"123")))

    client.upload_file(source, progress=lambda *step: told.append(step))
    client.download_file("key", tmp_path / "copy", progress=lambda *step: told.append(step))

    assert told == [(5, 5), (3, 3)]


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "error", "number"),
    [
        (lambda _: None, FileNotFoundError, errno.ENOENT),
        (make_folder, IsADirectoryError, errno.EISDIR),
        (make_pipe, OSError, errno.EINVAL),
    ],
)
def test_what_is_no_file_is_not_uploaded(
    tmp_path: Path, make: Callable[[Path], object], error: type[OSError], number: int
) -> None:
    make(tmp_path / "source")
    s3 = CannedS3()

    with pytest.raises(S3UploadError) as caught:
        client_to(s3).upload_file(tmp_path / "source")

    assert S3FileNotFoundError not in type(caught.value).mro()
    assert isinstance(caught.value, error)
    assert caught.value.errno == number
    assert "source" in str(caught.value)
    assert s3.sent == []


# Downloads


def test_a_download_puts_the_file_where_it_was_told_and_says_so(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "copy")

    assert client_to(CannedS3(object_answer(b"123"))).download_file("a/key", path) == path
    assert Path(path).read_bytes() == b"123"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_gets_a_file_named_like_the_keys_last_part(tmp_path: Path, end: str) -> None:
    client = client_to(CannedS3(object_answer(b"123")))

    path = client.download_file("../a/b c.txt", f"{tmp_path}{end}")

    assert path == str(tmp_path / "b c.txt")
    assert (tmp_path / "b c.txt").read_bytes() == b"123"


def test_a_path_that_ends_in_a_slash_is_a_folder_to_be_made(tmp_path: Path) -> None:
    client = client_to(CannedS3(object_answer(b"123")))

    path = client.download_file("a/b", f"{tmp_path}/new/")

    assert path == str(tmp_path / "new" / "b")
    assert Path(path).read_bytes() == b"123"


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")

    client_to(CannedS3(object_answer(b"123"))).download_file("key", tmp_path / "link")

    assert (tmp_path / "folder" / "key").read_bytes() == b"123"


@pytest.mark.parametrize(
    "key", ["a/..", "..", "a/.", ".", "a/", "/", "a\\b", "a/..\\b", "C:\\a", "a\0b", "a/b\0"]
)
def test_a_key_never_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    (tmp_path / "inside").mkdir()
    s3 = CannedS3()
    client = client_to(s3)

    for folder in (tmp_path / "inside", f"{tmp_path}/new/"):
        assert_refused(s3, lambda folder=folder: client.download_file(key, folder), "s3_key")  # type: ignore[misc]

    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]


def test_any_key_can_be_put_into_a_named_file(tmp_path: Path) -> None:
    client = client_to(CannedS3(object_answer(b"123")))

    client.download_file("a/..", tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == b"123"


def test_the_version_that_was_asked_for_is_fetched(tmp_path: Path) -> None:
    s3 = CannedS3(object_answer(b"123"))

    client_to(s3).download_file("key", tmp_path / "copy", version_id="v1")

    assert s3.sent[0].query == {"versionId": "v1"}


def test_a_missing_file_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"old")

    with pytest.raises(S3FileNotFoundError) as caught:
        client_to(CannedS3(MISSING)).download_file("key", tmp_path / "copy")

    assert isinstance(caught.value, S3DownloadError)
    assert isinstance(caught.value, FileNotFoundError)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("pipe", OSError),
        ("file/below", NotADirectoryError),
        ("file/far/below", NotADirectoryError),
        ("n" * 256, OSError),
        ("new/" + "n" * 256, OSError),
        ("loop", OSError),
        ("loop/below", OSError),
    ],
)
def test_a_destination_where_no_file_can_be_is_an_error_that_leaves_nothing(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(S3DownloadError) as caught:
        client_to(CannedS3(object_answer(b"123"))).download_file("key", tmp_path / name)

    assert isinstance(caught.value, error)
    assert sorted(tmp_path.rglob("*")) == before
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_destination_that_may_not_be_looked_at_is_an_error_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.stat

    def deny(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if "locked" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", deny)

    with pytest.raises(S3DownloadError) as caught:
        client_to(CannedS3()).download_file("key", tmp_path / "locked" / "copy")

    assert isinstance(caught.value, PermissionError)


# The rest


def test_a_list_is_of_plain_dicts() -> None:
    listed = (
        b"<ListBucketResult><Contents><Key>a</Key><Size>5</Size>"
        b'<LastModified>2024-02-29T12:00:00.000Z</LastModified><ETag>"e1"</ETag>'
        b"<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    )
    s3 = CannedS3(Answer(200, listed), Answer(200, listed))
    client = client_to(s3)

    assert client.list_files(prefix="a/") == [
        {
            "key": "a",
            "size": 5,
            "last_modified": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
            "etag": "e1",
            "storage_class": "STANDARD",
        }
    ]
    assert len(client.list_files()) == 1
    assert [sent.query["prefix"] for sent in s3.sent] == ["a/", ""]


def test_a_file_exists_or_not() -> None:
    client = client_to(CannedS3(Answer(200), Answer(404), MISSING))

    assert client.file_exists("key") is True
    assert client.file_exists("key") is False


def test_all_that_s3_tells_of_a_file_reaches_the_caller() -> None:
    headers = {
        "etag": '"e1"',
        "last-modified": "Thu, 29 Feb 2024 12:00:00 GMT",
        "content-type": "text/plain",
        "x-amz-meta-colour": "light blue",
        "x-amz-version-id": "v1",
        "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=",
        "x-amz-checksum-type": "FULL_OBJECT",
    }
    s3 = CannedS3(Answer(200, b"12345", headers))

    found = client_to(s3).file_info("a//b", version_id="v1")

    noon = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    assert found == S3FileInfo(
        *("a//b", 5, noon, "e1", "STANDARD"),
        content_type="text/plain",
        metadata={"colour": "light blue"},
        version_id="v1",
        checksum=S3Checksum("CRC64NVME", "AAAAAAAAAAA=", "FULL_OBJECT"),
    )
    assert s3.methods == ["HEAD a//b"]
    assert s3.sent[0].query == {"versionId": "v1"}
    assert s3.sent[0].headers["x-amz-checksum-mode"] == "ENABLED"


def test_a_file_is_deleted_or_was_not_there() -> None:
    client = client_to(CannedS3(Answer(200), Answer(204), Answer(404), MISSING))

    assert client.delete_file("key") is True
    assert client.delete_file("key") is False


def test_every_argument_that_is_a_choice_is_one_of_the_documented(source: Path) -> None:
    for choice in get_args(IfExists):
        client_to(CannedS3(take)).upload_file(source, if_exists=choice)


@pytest.mark.promise(6)
def test_every_failure_is_one_of_the_package(source: Path) -> None:
    with pytest.raises(S3IntegrationError) as caught:
        client_to(CannedS3(error_answer(418, "Odd"))).upload_file(source)

    assert caught.value.to_dict()["code"] == "Odd"
