"""No key, and no link that somebody puts in the way, leads out of a folder that is moved."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_integration.bulk.entries import Entry
from s3_integration.bulk.targets import TargetTree
from s3_integration.bulk.walk import Walk
from s3_integration.client import S3Client
from s3_integration.exceptions import S3DownloadError, S3UploadError, both
from s3_integration.models import TransferReport
from tests.fixtures.keys import keys, sets_of_keys
from tests.fixtures.servers import ServerUnderTest


@pytest.fixture
def bucket(server: ServerUnderTest, client: S3Client) -> S3Client:
    """A bucket that takes any key."""
    server.must_have("any key")
    client.bucket.ensure()
    return client


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to see of a file or folder without entering it."""

    inode: int
    mode: int
    mtime_ns: int
    content: bytes | None


def seen_below(folder: Path, but: Path) -> dict[str, Seen]:
    """All that is below a folder, but for one of them."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        if path == but or but in path.parents:
            continue
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = Seen(status.st_ino, status.st_mode, status.st_mtime_ns, content)
    return found


@contextmanager
def watched_parent() -> Iterator[Path]:
    """A folder with others' files, of which only `root` in it may change."""
    with tempfile.TemporaryDirectory() as made:
        parent = Path(made).resolve()
        (parent / "root").mkdir()
        (parent / "outside" / "a").mkdir(parents=True)
        for name in ("a", "secret", "outside/b", "outside/a/readme"):
            (parent / name).write_text("theirs")
        before = seen_below(parent, parent / "root")
        yield parent
        assert seen_below(parent, parent / "root") == before


def check(root: Path, stored: dict[str, bytes], report: TransferReport) -> None:
    """Each key is a file with its bytes, or told with a reason; and nothing else is there."""
    done = {result.key for result in report.done}
    failed = {result.key: result for result in report.failed}
    assert len(done) + len(failed) == len(report.done) + len(report.failed)
    assert done | failed.keys() == stored.keys()
    assert not done & failed.keys()
    assert all(result.reason and result.error for result in failed.values())
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    places = {key.partition("/")[2]: stored[key] for key in done}
    assert files == {place: content for place, content in places.items() if place[-1] != "/"}
    assert all((root / place).is_dir() for place in places if place[-1] == "/")


@pytest.mark.promise(5)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(chosen=sets_of_keys(), aims=st.lists(keys(), max_size=3))
def test_every_key_is_a_file_below_the_folder_or_refused(
    bucket: S3Client, plain: Any, chosen: list[str], aims: list[str]
) -> None:
    prefix = uuid.uuid4().hex
    with watched_parent() as parent:
        aimed = [f"../outside/{aim}" for aim in aims] + [f"{parent}/secret", "../a", "../root/x"]
        stored = {}
        for key in {*chosen, *aimed}:
            whole = f"{prefix}/{key}"
            content = b"" if key.endswith("a/") else f"content of {key!a}".encode()
            with suppress(ClientError):  # some servers have no line ends in keys
                plain.put_object(Bucket=bucket.bucket_name, Key=whole, Body=content)
                stored[whole] = content

        report = bucket.download_directory(prefix, parent / "root")

        check(parent / "root", stored, report)
        assert not {f"{prefix}/{aim}" for aim in aimed} & {result.key for result in report.done}


@pytest.mark.promise(5)
@pytest.mark.parametrize("where", ["x", "x/y"])
def test_a_link_that_is_there_before_is_not_followed(
    bucket: S3Client, plain: Any, where: str
) -> None:
    stored = ("p/a", "p/x/y/a", "p/x/y/b")
    for key in stored:
        plain.put_object(Bucket=bucket.bucket_name, Key=key, Body=key.encode())
    with watched_parent() as parent:
        link = parent / "root" / where
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(parent / "outside")

        report = bucket.download_directory("p", parent / "root")

        assert {result.key for result in report.failed} == {"p/x/y/a", "p/x/y/b"}
        for result in report.failed:
            assert isinstance(result.error, S3DownloadError)
            assert isinstance(result.error, NotADirectoryError)
        link.unlink()
        check(parent / "root", {key: key.encode() for key in stored}, report)


@pytest.mark.promise(5)
@pytest.mark.parametrize("size_bytes", [10, 100_000], ids=["checked in memory", "by pieces"])
def test_a_folder_that_becomes_a_link_in_the_middle_gets_no_more_files(
    bucket: S3Client, plain: Any, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    """The link comes when the first file is whole, right before it takes its place."""
    stored = [f"p/x/{number:02}" for number in range(20)]
    for key in stored:
        plain.put_object(Bucket=bucket.bucket_name, Key=key, Body=bytes(size_bytes))
    with watched_parent() as parent:
        replace = os.replace
        swapped: list[Path] = []

        def replace_after_the_swap(source: str, destination: str, **folders: int) -> None:
            if not swapped:
                swapped.append((parent / "root" / "x").rename(parent / "root" / "moved"))
                (parent / "root" / "x").symlink_to(parent / "outside")
            replace(source, destination, **folders)

        monkeypatch.setattr(os, "replace", replace_after_the_swap)

        report = bucket.download_directory("p", parent / "root")

        assert swapped
        assert not report.done
        assert {result.key for result in report.failed} == {*stored}
        assert all(isinstance(result.error, NotADirectoryError) for result in report.failed)
        assert not list(swapped[0].iterdir())


@pytest.mark.promise(5)
def test_extra_files_are_not_deleted_through_a_link(
    bucket: S3Client, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link comes when the folder's files have been listed, before they are deleted."""
    plain.put_object(Bucket=bucket.bucket_name, Key="p/a", Body=b"new")
    with watched_parent() as parent:
        folder = parent / "root" / "a folder"
        folder.mkdir()
        (folder / "b").write_text("extra")
        delete = TargetTree.delete_file

        def delete_after_the_swap(tree: TargetTree, parts: tuple[str, ...]) -> None:
            folder.rename(parent / "root" / "moved")
            folder.symlink_to(parent / "outside")
            delete(tree, parts)

        monkeypatch.setattr(TargetTree, "delete_file", delete_after_the_swap)

        report = bucket.download_directory("p", parent / "root", delete_extra=True)

        assert {result.key: type(result.error) for result in report.failed} == {
            "p/a folder/b": both(S3DownloadError, NotADirectoryError)
        }
        assert (parent / "root" / "moved" / "b").read_text() == "extra"


@pytest.mark.promise(5)
@pytest.mark.parametrize("size_bytes", [10, 100_000], ids=["sent ahead", "one by one"])
def test_an_upload_stores_nothing_that_a_link_leads_to_which_came_after_the_walk(
    bucket: S3Client, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    """The links come when all files have been found, before the first is opened."""
    with watched_parent() as parent:
        root = parent / "root"
        (root / "a folder").mkdir()
        for name in ("a", "a folder/b", "a folder/readme", "z"):
            (root / name).write_bytes(bytes(size_bytes))
        entries = Walk.entries

        def entries_before_the_swap(walk: Walk) -> Iterator[Entry]:
            found = list(entries(walk))
            (root / "a folder").rename(root / "moved")
            (root / "a folder").symlink_to(parent / "outside")
            (root / "a").unlink()
            (root / "a").symlink_to(parent / "secret")
            yield from found

        monkeypatch.setattr(Walk, "entries", entries_before_the_swap)

        report = bucket.upload_directory(root, "p")

        assert {result.key: type(result.error) for result in report.failed} == dict.fromkeys(
            ("p/a", "p/a folder/b", "p/a folder/readme"), both(S3UploadError, NotADirectoryError)
        )
        assert [file.key for file in bucket.iter_files("p")] == ["p/z"]
