"""Calls over whole folders between a real folder and a bucket in memory."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_integration.bulk.folders import (
    Wishes,
    copy_folder,
    delete_folder,
    download_folder,
    upload_folder,
)
from s3_integration.bulk.patterns import Patterns
from s3_integration.bulk.run import Manner
from s3_integration.bulk.storage import Storage
from s3_integration.choices import Symlinks
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.models import S3FileInfo, TransferReport
from s3_integration.transfer.engine import (
    CopyJob,
    DownloadJob,
    ObjectId,
    Outcome,
    Transferred,
    UploadJob,
    UploadOptions,
    Watch,
)
from s3_integration.transfer.folders import FileIn
from s3_integration.transfer.found import SourcePath, opened_descriptor
from tests.fixtures.trees import tree_of

LONG_AGO = dt.datetime(2024, 2, 29, 12, 0, 0, tzinfo=dt.UTC)
MIRROR = Wishes(only_changed=True, delete_extra=True, compare="checksum")


@dataclass
class Bucket:
    """What is stored, and how often it was looked at."""

    stored: dict[str, bytes] = field(default_factory=dict)
    is_missing: bool = False
    looks: list[str] = field(default_factory=list)
    after_walk: Callable[[], None] | None = None

    def storage(self) -> Storage:
        def not_connected() -> Any:
            pytest.fail("S3 was asked.")

        return _InMemory(
            bucket_name="notes",
            part_size_bytes=5,
            connect=not_connected,
            prepare=lambda: None,
            upload=self._upload,
            download=self._download,
            copy=self._copy,
            bucket=self,
        )

    def info(self, key: str) -> S3FileInfo:
        content = self.stored[key]
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return S3FileInfo(key, len(content), LONG_AGO, etag, "STANDARD")

    def _upload(
        self, files: Iterable[tuple[SourcePath, str, UploadOptions]], watch: Watch | None
    ) -> Generator[Outcome[UploadJob], None, None]:
        if self.after_walk:
            files = list(files)
            self.after_walk()
        for path, key, options in files:
            job = UploadJob(path, ObjectId("notes", key), options)
            try:
                with os.fdopen(opened_descriptor(path), "rb") as source:
                    self.stored[key] = source.read()
            except OSError as error:
                yield Outcome(job, None, S3IntegrationError(str(error)))
            else:
                yield Outcome(job, Transferred(len(self.stored[key]), "e", None), None)

    def _download(
        self, files: Iterable[Any], watch: Watch | None
    ) -> Generator[Outcome[DownloadJob], None, None]:
        for key, place in files:
            job = DownloadJob(ObjectId("notes", key), place)
            try:
                with place.opened() as opened:
                    _write(opened, self.stored[key])
            except OSError as error:
                failure = S3IntegrationError(str(error))
                yield Outcome(job, None, failure)
            else:
                yield Outcome(job, Transferred(len(self.stored[key]), "e", None), None)

    def _copy(self, job: CopyJob) -> S3FileInfo:
        if job.source.key not in self.stored:
            raise S3FileNotFoundError("Gone.", http_status=404)
        self.stored[job.target.key] = self.stored[job.source.key]
        return self.info(job.target.key)


def _write(place: FileIn, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(place.name, flags, 0o600, dir_fd=place.folder.descriptor)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _InMemory(Storage):
    """Asks a `Bucket` where the real one would ask S3."""

    bucket: Bucket

    def list_files(self, bucket_name: str, prefix: str, *, after: str = "") -> Iterator[S3FileInfo]:
        if self.bucket.is_missing:
            raise S3BucketError("No such bucket.", code="NoSuchBucket")
        for key in sorted(self.bucket.stored):
            if key.startswith(prefix) and key > after:
                yield self.bucket.info(key)

    def look(self, which: ObjectId) -> S3FileInfo:
        self.bucket.looks.append(which.key)
        return self.bucket.info(which.key)

    def exists(self, which: ObjectId) -> bool:
        return which.key in self.bucket.stored

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        for key in keys:
            del self.bucket.stored[key]
        return {}


def make_tree(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for key, content in files.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


def keys(report: TransferReport) -> tuple[set[str], set[str], set[str]]:
    found = [[each.key for each in part] for part in (report.done, report.skipped, report.failed)]
    assert len(set().union(*found)) == sum(map(len, found))  # one result for each file
    done, skipped, failed = map(set, found)
    return done, skipped, failed


NAMES = st.sampled_from(["a", "b", "a-b", "a.b", "ü", "c0"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=12), max_size=8).map(
    # No file where a folder is needed.
    lambda tree: {
        key: content
        for key, content in tree.items()
        if not any(other.startswith(f"{key}/") for other in tree)
    }
)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def folder_with(parent: Path, files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder for one example."""
    folder = make_tree(parent / "example", files)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@QUICK
@given(mine=TREES, theirs=TREES)
def test_a_mirror_upwards_leaves_what_is_here_and_what_is_elsewhere(
    tmp_path: Path, mine: dict[str, bytes], theirs: dict[str, bytes]
) -> None:
    elsewhere = {"pp/a": b"1", "p": b"2", "q/b": b"3"}
    bucket = Bucket({**{f"p/{key}": content for key, content in theirs.items()}, **elsewhere})
    wishes = Wishes(**{**_fields(MIRROR), "manner": Manner(empty_source="allow")})

    with folder_with(tmp_path, mine) as folder:
        first = upload_folder(bucket.storage(), folder, "p/", wishes, {})
        second = upload_folder(bucket.storage(), folder, "p/", wishes, {})

        assert tree_of(folder) == mine
    assert bucket.stored == {**{f"p/{key}": mine[key] for key in mine}, **elsewhere}
    assert not first.failed
    assert not second.done
    assert keys(first)[0] == {f"p/{k}" for k in {*mine, *theirs} if mine.get(k) != theirs.get(k)}


@QUICK
@given(mine=TREES, theirs=TREES)
def test_a_mirror_downwards_leaves_what_is_stored(
    tmp_path: Path, mine: dict[str, bytes], theirs: dict[str, bytes]
) -> None:
    bucket = Bucket({f"p/{key}": content for key, content in mine.items()})
    wishes = Wishes(**{**_fields(MIRROR), "manner": Manner(empty_source="allow")})
    # A local file where a folder is needed, or the other way round, is a person's to solve.
    theirs = {key: theirs[key] for key in theirs if not _collides(key, mine)}

    with folder_with(tmp_path, theirs) as folder:
        first = download_folder(bucket.storage(), "p/", folder, wishes)
        second = download_folder(bucket.storage(), "p/", folder, wishes)

        assert tree_of(folder) == mine
    assert bucket.stored == {f"p/{key}": content for key, content in mine.items()}
    assert not first.failed
    assert not second.done
    assert keys(first)[0] == {f"p/{k}" for k in {*mine, *theirs} if mine.get(k) != theirs.get(k)}


def _fields(wishes: Wishes) -> dict[str, Any]:
    return {name: getattr(wishes, name) for name in wishes.__dataclass_fields__}


def _collides(key: str, others: Mapping[str, bytes]) -> bool:
    return any(key.startswith(f"{each}/") or each.startswith(f"{key}/") for each in others)


def test_a_file_in_a_folders_place_is_a_failure_that_keeps_everything_from_being_deleted(
    tmp_path: Path,
) -> None:
    bucket = Bucket({"p/a/b": b"1", "p/c": b"2"})
    folder = make_tree(tmp_path / "t", {"a": b"mine", "extra": b"mine"})

    report = download_folder(bucket.storage(), "p/", folder, MIRROR)

    assert keys(report) == ({"p/c"}, {"p/a", "p/extra"}, {"p/a/b"})
    assert tree_of(folder) == {"a": b"mine", "extra": b"mine", "c": b"2"}


@pytest.mark.parametrize("names", ["are one file", "are two files"])
def test_a_file_that_came_under_another_spelling_of_its_name_is_not_deleted_as_extra(
    tmp_path: Path, names: str
) -> None:
    bucket = Bucket({"p/A/README": b"new"})
    folder = make_tree(tmp_path / "t", {"A/readme": b"old", "A/other": b"old"})
    if names == "are one file":  # as they always are where letters' case does not count
        (folder / "A/README").hardlink_to(folder / "A/readme")

    report = download_folder(bucket.storage(), "p/", folder, MIRROR)

    left = {"A/README", "A/readme"} if names == "are one file" else {"A/README"}
    assert tree_of(folder) == dict.fromkeys(left, b"new")
    reasons = [each.reason for each in report.skipped]
    assert reasons == ["extra, but kept: another file's name leads to it"] * (len(left) - 1)


def test_folders_that_deletions_empty_are_removed_and_others_stay(tmp_path: Path) -> None:
    bucket = Bucket({"p/x": b"1", "p/kept/": b""})
    folder = make_tree(tmp_path / "t", {"a/b/c/d": b"1", "a/e": b"1"})
    (folder / "empty").mkdir()

    download_folder(bucket.storage(), "p/", folder, MIRROR)

    assert sorted(path.name for path in folder.iterdir()) == ["empty", "kept", "x"]


def test_a_local_file_that_is_gone_already_counts_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket({"p/x": b"1"})
    folder = make_tree(tmp_path / "t", {"a": b"1", "b": b"1"})
    unlink = os.unlink

    def others_are_faster(name: str, **where: Any) -> None:
        unlink(name, **where)
        if name == "a":
            raise FileNotFoundError(2, "No such file", name)
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(os, "unlink", others_are_faster)

    report = download_folder(bucket.storage(), "p/", folder, MIRROR)

    assert keys(report) == ({"p/x", "p/a"}, set(), {"p/b"})
    assert isinstance(report.failed[0].error, PermissionError)


@pytest.mark.parametrize("symlinks", ["skip", "follow"])
def test_what_becomes_a_link_before_its_turn_is_stored_only_where_links_are_followed(
    tmp_path: Path, symlinks: Symlinks
) -> None:
    outside = make_tree(tmp_path / "outside", {"a": b"theirs", "c": b"theirs"})
    folder = make_tree(tmp_path / "t", {"a": b"mine", "b/c": b"mine", "d": b"mine"})

    def swap() -> None:
        (folder / "a").unlink()
        (folder / "a").symlink_to(outside / "a")
        (folder / "b").rename(tmp_path / "moved")
        (folder / "b").symlink_to(outside)

    bucket = Bucket(after_walk=swap)

    report = upload_folder(bucket.storage(), folder, "p/", Wishes(symlinks=symlinks), {})

    if symlinks == "skip":
        assert keys(report) == ({"p/d"}, set(), {"p/a", "p/b/c"})
        assert bucket.stored == {"p/d": b"mine"}
    else:
        assert bucket.stored == {"p/a": b"theirs", "p/b/c": b"theirs", "p/d": b"mine"}


def test_links_in_the_target_are_neither_compared_nor_deleted(tmp_path: Path) -> None:
    bucket = Bucket({"p/a": b"1"})
    folder = make_tree(tmp_path / "t", {})
    (tmp_path / "outside").write_bytes(b"outside")
    (folder / "link").symlink_to(tmp_path / "outside")

    report = download_folder(bucket.storage(), "p/", folder, MIRROR)

    assert keys(report) == ({"p/a"}, {"p/link"}, set())
    assert (folder / "link").is_symlink()


def test_what_patterns_leave_out_is_left_on_both_sides(tmp_path: Path) -> None:
    bucket = Bucket({"p/tmp/x": b"1", "p/a.log": b"1", "p/old": b"1"})
    folder = make_tree(tmp_path / "t", {"tmp/y": b"1", "b.log": b"1", "new": b"1"})
    wishes = Wishes(**{**_fields(MIRROR), "patterns": Patterns(exclude=["tmp/", "*.log"])})

    report = upload_folder(bucket.storage(), folder, "p/", wishes, {})

    assert keys(report) == ({"p/new", "p/old"}, {"p/tmp/", "p/b.log"}, set())
    assert bucket.stored.keys() == {"p/tmp/x", "p/a.log", "p/new"}


def test_what_is_not_included_stays_though_its_key_is_a_folders() -> None:
    bucket = Bucket({"p/a.csv": b"1", "p/data/": b"content", "p/sub/": b"", "p/sub/b.csv": b"2"})
    only_csv = Wishes(patterns=Patterns(["*.csv"]))

    copied = copy_folder(bucket.storage(), "other", "p/", "q/", only_csv)
    deleted = delete_folder(bucket.storage(), "p/", only_csv)

    assert keys(copied)[0] == {"q/a.csv", "q/sub/b.csv"}
    assert keys(deleted)[:2] == ({"p/a.csv", "p/sub/b.csv"}, {"p/data/", "p/sub/"})
    assert bucket.stored.keys() == {"p/data/", "p/sub/", "q/a.csv", "q/sub/b.csv"}


def test_a_folder_that_is_included_is_deleted_with_the_object_that_stands_for_it() -> None:
    bucket = Bucket({"p/a": b"1", "p/sub/": b"", "p/sub/b": b"2"})

    delete_folder(bucket.storage(), "p/", Wishes(patterns=Patterns(["sub/"])))

    assert bucket.stored.keys() == {"p/a"}


def test_a_folder_that_is_not_included_is_neither_made_here_nor_deleted_there(
    tmp_path: Path,
) -> None:
    bucket = Bucket({"p/a.csv": b"1", "p/sub/": b""})
    only_csv = Wishes(patterns=Patterns(["*.csv"]), only_changed=True, delete_extra=True)

    download_folder(bucket.storage(), "p/", tmp_path / "t", only_csv)
    upload_folder(bucket.storage(), tmp_path / "t", "p/", only_csv, {})

    assert [path.name for path in (tmp_path / "t").iterdir()] == ["a.csv"]
    assert bucket.stored.keys() == {"p/a.csv", "p/sub/"}


def test_an_object_that_is_not_included_hides_nothing_that_is_extra() -> None:
    bucket = Bucket({"p/sub/": b"", "p/sub/a.csv": b"1", "q/sub/a.csv": b"1", "q/sub/b.csv": b"2"})
    mirror = Wishes(patterns=Patterns(["*.csv"]), only_changed=True, delete_extra=True)

    report = copy_folder(bucket.storage(), "notes", "p/", "q/", mirror)

    assert keys(report)[0] == {"q/sub/b.csv"}


def test_a_copy_tells_each_source_that_vanishes_and_compares_without_a_transfer() -> None:
    bucket = Bucket({"p/": b"", "p/a": b"1", "p/b": b"2", "q/b": b"3", "q/c": b"4"})

    def vanishing(job: CopyJob) -> S3FileInfo:
        if job.source.key == "p/a":
            raise S3FileNotFoundError("Gone.", http_status=404)
        return bucket._copy(job)

    storage = bucket.storage()
    object.__setattr__(storage, "copy", vanishing)

    report = copy_folder(storage, "notes", "p/", "q/", MIRROR)

    assert keys(report) == ({"q/", "q/b", "q/c"}, set(), {"q/a"})
    assert sorted(bucket.looks) == ["p/b", "q/b"]
    assert report.failed[0].path == "s3://notes/p/a"
    assert report.failed[0].reason == "vanished meanwhile"


def test_deleting_a_folder_deletes_the_object_that_stands_for_it() -> None:
    bucket = Bucket({"p/": b"", "p/a/": b"", "p/b": b"1", "pp": b"2"})

    report = delete_folder(bucket.storage(), "p/", Wishes())

    assert keys(report)[0] == {"p/", "p/a/", "p/b"}
    assert bucket.stored.keys() == {"pp"}


def test_a_copy_to_the_top_of_a_bucket_leaves_out_what_would_have_no_name_there() -> None:
    bucket = Bucket({"p/": b"", "p/a/": b"", "p/b": b"1"})

    report = copy_folder(bucket.storage(), "other", "p/", "", Wishes())

    assert keys(report) == ({"a/", "b"}, set(), set())


def test_a_copy_to_the_top_of_a_bucket_refuses_no_content_that_patterns_leave_out() -> None:
    bucket = Bucket({"p/": b"content", "p/b": b"1"})
    wishes = Wishes(patterns=Patterns(include=["b"]))

    report = copy_folder(bucket.storage(), "other", "p/", "", wishes)

    assert [result.reason for result in report.skipped] == ["excluded"]
    assert (len(report.done), len(report.failed)) == (1, 0)


def test_content_under_the_name_of_the_folder_itself_is_refused_and_not_forgotten(
    tmp_path: Path,
) -> None:
    bucket = Bucket({"p/": b"content", "p/a": b"1"})

    report = download_folder(bucket.storage(), "p/", tmp_path / "t", Wishes())

    assert keys(report) == ({"p/a"}, set(), {"p/"})
    assert "name is a folder's" in report.failed[0].reason


def test_a_link_that_leads_nowhere_is_no_folder_to_put_files_into(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")

    with pytest.raises(NotADirectoryError, match="leads nowhere") as caught:
        download_folder(Bucket({"p/a": b"1"}).storage(), "p/", tmp_path / "link" / "t", Wishes())

    assert isinstance(caught.value, S3DownloadError)


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", full)
    monkeypatch.setattr(os, "mkdir", full)

    with pytest.raises(S3DownloadError, match="No space left"):
        download_folder(Bucket({"p/a": b"1"}).storage(), "p/", tmp_path / "t", Wishes())


@pytest.mark.parametrize("may_read", [True, False])
def test_a_prefix_that_is_a_files_key_is_refused_where_that_can_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_read: bool
) -> None:
    def denied(*_: object) -> bool:
        raise S3AccessDeniedError("Denied.")

    if not may_read:
        monkeypatch.setattr(_InMemory, "exists", denied)
        assert not delete_folder(Bucket({"p": b"1"}).storage(), "p/", Wishes()).done
        return
    with pytest.raises(S3ConfigError, match="is a file"):
        download_folder(Bucket({"p": b"1"}).storage(), "p/", tmp_path / "t", Wishes())


def test_a_dry_run_without_a_bucket_takes_it_for_empty_and_others_do_not(tmp_path: Path) -> None:
    bucket = Bucket(is_missing=True)
    folder = make_tree(tmp_path / "t", {"a": b"1"})
    dry = Wishes(only_changed=True, manner=Manner(dry_run=True))

    assert keys(upload_folder(bucket.storage(), folder, "p/", dry, {}))[0] == {"p/a"}
    with pytest.raises(S3BucketError):
        upload_folder(bucket.storage(), folder, "p/", MIRROR, {})
