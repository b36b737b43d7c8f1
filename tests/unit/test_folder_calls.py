"""The calls over whole folders: what they refuse before anything is sent, and what they send."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from s3_integration import S3Client, S3ConfigError, S3CredentialsError, S3IntegrationError
from s3_integration.arguments import checked_folder
from s3_integration.exceptions import S3BucketError
from tests.fixtures.children import PACKAGE_PARENT, run_child
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    Sent,
    client_to,
    error_answer,
    take,
)

SIDES: dict[str, tuple[Any, ...]] = {
    "upload_directory": ("nothing here", "p"),
    "download_directory": ("p", "nothing here"),
    "copy_directory": ("p", "q"),
    "delete_directory": ("p",),
}


def listing(*keys: str) -> Answer:
    rows = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-31T18:06:11.000Z</LastModified>"
        f"<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"
        for key in keys
    )
    return Answer(
        200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()
    )


@pytest.mark.parametrize(
    ("given", "meant"), [("", ""), ("a", "a/"), ("a/", "a/"), ("a//", "a//"), ("/", "/")]
)
def test_a_prefix_means_a_folder(given: str, meant: str) -> None:
    assert checked_folder("prefix", given) == meant


@pytest.mark.parametrize("prefix", [None, 5, b"a", "\ud800", "x" * 1024, "x" * 1025, Path("a")])
@pytest.mark.parametrize("method", SIDES)
def test_what_no_key_can_begin_with_is_refused(method: str, prefix: Any) -> None:
    sides = [prefix if side == "p" else side for side in SIDES[method]]

    with pytest.raises(S3ConfigError, match="prefix"):
        getattr(client_to(CannedS3()), method)(*sides)


@pytest.mark.parametrize("folder", [None, 5, b"a", "", "a\0b", "\ud800"])
@pytest.mark.parametrize("method", ["upload_directory", "download_directory"])
def test_what_no_folder_can_be_is_refused(method: str, folder: Any) -> None:
    sides = [folder if side == "nothing here" else side for side in SIDES[method]]

    with pytest.raises(S3ConfigError, match="local_folder"):
        getattr(client_to(CannedS3()), method)(*sides)


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"include": "*.csv"}, "include"),
    ({"exclude": ["["]}, "exclude"),
    ({"only_changed": "yes"}, "only_changed"),
    ({"delete_extra": 1}, "delete_extra"),
    ({"dry_run": None}, "dry_run"),
    ({"compare": "size", "only_changed": True}, "compare"),
    ({"compare": "checksum"}, "only_changed=True"),
    ({"empty_source": True}, "empty_source"),
    ({"progress": "bar"}, "progress"),
    ({"symlinks": "keep"}, "symlinks"),
    ({"metadata": {"a": "\n"}}, "metadata"),
    ({"source_bucket": "No"}, "source_bucket"),
    ({"empty_prefix": "all"}, "empty_prefix"),
]


@pytest.mark.parametrize(
    ("method", "choices", "named"),
    [
        (method, choices, named)
        for method in SIDES
        for choices, named in NONSENSE
        if choices.keys() <= getattr(S3Client, method).__annotations__.keys()
    ],
)
@pytest.mark.promise(6)
def test_nonsense_about_a_folder_is_refused_before_anything_is_sent(
    method: str, choices: dict[str, Any], named: str
) -> None:
    with pytest.raises(S3ConfigError, match=named):
        getattr(client_to(CannedS3()), method)(*SIDES[method], **choices)


@pytest.mark.parametrize(
    ("source", "target"), [("a", "a/"), ("a", "a/b"), ("a/b/", "a"), ("", "a"), ("a", "")]
)
def test_a_copy_into_its_own_source_is_refused(source: str, target: str) -> None:
    with pytest.raises(S3ConfigError, match="target_prefix"):
        client_to(CannedS3()).copy_directory(source, target)


def test_neighbours_are_not_taken_for_folders_in_each_other() -> None:
    s3 = CannedS3(listing(), error_answer(404, "NoSuchKey"), error_answer(404, "NoSuchKey"))

    assert not client_to(s3).copy_directory("a", "ab").done
    assert s3.sent[0].query["prefix"] == "a/"


def test_emptying_a_bucket_has_to_be_asked_for() -> None:
    with pytest.raises(S3ConfigError, match="empty_prefix='whole_bucket'"):
        client_to(CannedS3()).delete_directory("")

    report = client_to(CannedS3(listing("a"), Answer(204))).delete_directory(
        "", empty_prefix="whole_bucket"
    )
    assert [result.key for result in report.done] == ["a"]


def test_a_missing_folder_is_an_error_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        client_to(CannedS3()).upload_directory(tmp_path / "nowhere", only_changed=True)

    assert isinstance(caught.value, S3IntegrationError)


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_in_the_way_is_an_error_before_anything_is_sent(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        client_to(CannedS3()).download_directory("p", tmp_path / path)


def test_a_folder_that_may_not_be_written_to_is_an_error_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)

    with pytest.raises(PermissionError):
        client_to(CannedS3()).download_directory("p", tmp_path / "t")


@pytest.mark.parametrize("method", ["download_directory", "copy_directory", "delete_directory"])
def test_a_missing_bucket_is_raised(method: str, tmp_path: Path) -> None:
    s3 = CannedS3(error_answer(404, "NoSuchBucket"))
    sides = [tmp_path if side == "nothing here" else side for side in SIDES[method]]

    with pytest.raises(S3BucketError):
        getattr(client_to(s3), method)(*sides)


def test_an_upload_looks_at_nothing_that_it_does_not_compare(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    s3 = CannedS3(take)

    report = client_to(s3).upload_directory(tmp_path, "p", metadata={"who": "me"})

    assert [result.key for result in report.done] == ["p/a"]
    assert s3.methods == ["PUT p/a"]
    assert s3.sent[0].headers["x-amz-meta-who"] == "me"


def test_credentials_that_fail_on_the_way_leave_a_result_for_each_file(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02d}").write_bytes(b"x")

    def expire(sent: Sent) -> Answer:
        return take(sent) if sent.key < "p/20" else error_answer(403, "InvalidAccessKeyId")

    report = client_to(CannedS3(otherwise=expire)).upload_directory(tmp_path, "p")

    assert {result.key for result in report.done} == {f"p/{number:02d}" for number in range(20)}
    assert {result.key for result in report.failed} == {
        f"p/{number:02d}" for number in range(20, 40)
    }
    assert all(isinstance(result.error, S3CredentialsError) for result in report.failed)


MILLIONTH = """
import datetime as dt, resource, sys
from s3_integration.bulk.folders import Wishes, copy_folder
from s3_integration.bulk.storage import Storage
from s3_integration.models import S3FileInfo

number = int(sys.argv[1])
moment = dt.datetime.now(dt.UTC)

class Listed(Storage):
    __slots__ = ()
    def list_files(self, bucket, prefix):
        for n in range(number):
            key = f"{prefix}folder-{n // 1000:06d}/file-{n:08d}.bin"
            yield S3FileInfo(key, 3, moment, f"{n:032x}", "STANDARD")
        if bucket == "notes":
            for n in range(number):
                yield S3FileInfo(f"{prefix}other-{n:08d}", 3, moment, "e", "STANDARD")
    def delete(self, keys):
        return {}

nothing = lambda *_: None
storage = Listed(
    bucket_name="notes", part_size_bytes=1, connect=nothing, prepare=nothing,
    upload=nothing, download=nothing, copy=nothing,
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = copy_folder(storage, "source", "p/", "q/", Wishes(only_changed=True, delete_extra=True))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(report.done), len(report.skipped), (after - before) * 1024 / number)
"""


def test_memory_for_a_million_files_is_a_fraction_of_what_is_allowed() -> None:
    number = 30_000
    ended = run_child(
        MILLIONTH, number, environment={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}
    )

    assert not ended.stderr
    deleted, unchanged, bytes_each = map(float, ended.stdout.split())
    assert deleted == unchanged == number
    # 300 MB for a million: 200 for each beside Python and its libraries. There are two here.
    assert bytes_each < 200
