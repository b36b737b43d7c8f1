"""Looking through a folder of this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_integration.bulk.entries import Entry
from s3_integration.bulk.patterns import Patterns
from s3_integration.bulk.walk import Walk
from s3_integration.choices import Symlinks
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.found import identity_of
from tests.fixtures.partial_files import open_descriptors


def walked(
    folder: Path,
    *,
    symlinks: Symlinks = "skip",
    leave_out: Callable[[str], bool] = lambda _: False,
    prefix: str = "",
) -> list[Entry]:
    walk = Walk(
        folder=str(folder),
        operation="upload",
        bucket_name="notes",
        prefix=prefix,
        leave_out=leave_out,
        symlinks=symlinks,
    )
    return list(walk.entries())


def told(entries: list[Entry]) -> dict[str, tuple[str, str]]:
    return {entry.key: (entry.kind, entry.reason) for entry in entries}


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


NAMES = st.text("ab-.0ü😀￮ ", min_size=1, max_size=3).filter(lambda name: name not in {".", ".."})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(paths=st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=10))
def test_files_come_in_the_order_of_their_keys_bytes(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("walk")
    made = set()
    for path in paths:
        try:
            put(folder / path)
        except OSError:  # a file is where a folder is needed, or the other way round
            continue
        made.add(path)

    files = [entry.key for entry in walked(folder) if entry.kind == "file"]

    assert files == sorted(made, key=lambda key: key.encode())


def test_each_file_tells_its_size_and_its_time_to_the_nanosecond(tmp_path: Path) -> None:
    os.utime(put(tmp_path / "a" / "b", b"123"), ns=(1, 1_700_000_000_123_456_789))
    put(tmp_path / "a" / "empty", b"")

    assert [entry[:3] for entry in walked(tmp_path)[1:]] == [
        ("a/b", 3, 1_700_000_000_123_456_789),
        ("a/empty", 0, (tmp_path / "a" / "empty").stat().st_mtime_ns),
    ]


@pytest.mark.parametrize("symlinks", ["skip", "follow"])
def test_each_file_tells_which_one_was_found_unless_links_may_stand_for_it(
    tmp_path: Path, symlinks: Symlinks
) -> None:
    found = put(tmp_path / "file").stat()

    entries = walked(tmp_path, symlinks=symlinks)

    expected = identity_of(found) if symlinks == "skip" else None
    assert [entry.identity for entry in entries] == [expected]


def test_a_folder_that_has_an_outer_ones_identity_is_looked_through_where_no_link_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a bind mount has, and what some network file systems tell by chance."""
    put(tmp_path / "a" / "b")
    root = tmp_path.stat()
    monkeypatch.setattr(os, "fstat", lambda _: root)

    entries = walked(tmp_path)

    assert told(entries) == {"a/": ("folder", ""), "a/b": ("file", "")}


def test_links_are_skipped_and_told_of(tmp_path: Path) -> None:
    put(tmp_path / "real" / "file")
    (tmp_path / "to-file").symlink_to("real/file")
    (tmp_path / "to-folder").symlink_to("real")
    (tmp_path / "to-nowhere").symlink_to("nowhere")

    found = told(walked(tmp_path))

    assert {found.pop(f"to-{what}") for what in ("file", "folder", "nowhere")} == {
        ("skipped", "symlink")
    }
    assert set(found) == {"real/", "real/file"}


def test_links_that_are_followed_are_what_they_lead_to(tmp_path: Path) -> None:
    put(tmp_path / "real" / "file", b"123")
    (tmp_path / "to-file").symlink_to("real/file")
    (tmp_path / "to-folder").symlink_to("real")
    (tmp_path / "to-nowhere").symlink_to("nowhere")

    entries = walked(tmp_path, symlinks="follow")

    assert {entry.key: entry.size for entry in entries if entry.kind == "file"} == {
        "real/file": 3,
        "to-file": 3,
        "to-folder/file": 3,
    }
    assert told(entries)["to-nowhere"] == ("failed", "broken symlink")


def test_links_that_lead_back_end_there(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b" / "file")
    (tmp_path / "a" / "b" / "up").symlink_to("../..")
    (tmp_path / "a" / "self").symlink_to(".")

    found = told(walked(tmp_path, symlinks="follow"))

    assert found["a/b/up/"] == found["a/self/"] == ("skipped", "symlink loop")
    assert [key for key in found if key.endswith("file")] == ["a/b/file"]


def test_special_files_are_skipped_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))

    assert told(walked(tmp_path)) == dict.fromkeys(["pipe", "socket"], ("skipped", "special file"))


def test_names_that_are_not_utf_8_are_refused_one_by_one(tmp_path: Path) -> None:
    put(tmp_path / "good")
    for name in (b"bad\xff", b"\xfe"):
        (tmp_path / os.fsdecode(name)).touch()

    entries = walked(tmp_path)

    assert told(entries) == {
        r"bad\udcff": ("refused", "its name is not UTF-8"),
        r"\udcfe": ("refused", "its name is not UTF-8"),
        "good": ("file", ""),
    }
    assert all(isinstance(each.error, S3IntegrationError) for each in entries if each.key != "good")


def test_keys_that_would_be_too_long_are_refused(tmp_path: Path) -> None:
    put(tmp_path / ("ü" * 100))

    assert [entry.kind for entry in walked(tmp_path, prefix="x" * 824)] == ["file"]
    (entry,) = walked(tmp_path, prefix="x" * 825)
    assert entry.kind == "refused"
    assert "1025 bytes" in entry.reason


def test_folders_that_are_left_out_are_not_looked_into(tmp_path: Path) -> None:
    put(tmp_path / "tmp" / "deep" / "x")
    put(tmp_path / "a.log")
    put(tmp_path / "b")
    (tmp_path / "tmp" / "deep").chmod(0)

    found = told(walked(tmp_path, leave_out=Patterns(exclude=["tmp/", "*.log"]).leave_out))

    assert found == {"a.log": ("excluded", ""), "b": ("file", ""), "tmp/": ("excluded", "")}


def test_unfinished_downloads_are_nobodys_files(tmp_path: Path) -> None:
    put(tmp_path / ".report.pdf.0.s3-partial")

    assert told(walked(tmp_path)) == {
        ".report.pdf.0.s3-partial": ("skipped", "unfinished download")
    }


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "locked" / "x")
    put(tmp_path / "z")
    open_really = os.open

    def refuse(path: str, flags: int, **where: Any) -> int:
        if path == "locked":
            raise PermissionError(13, "Permission denied", path)
        return open_really(path, flags, **where)

    monkeypatch.setattr(os, "open", refuse)

    entries = walked(tmp_path)

    assert told(entries) == {"locked/": ("unlisted", "cannot be listed"), "z": ("file", "")}
    assert f"('{tmp_path}/locked')" in str(entries[0].error)
    assert isinstance(entries[0].error, PermissionError)


def test_what_vanishes_while_it_is_walked_is_told(tmp_path: Path) -> None:
    for name in ("a", "b/x", "c"):
        put(tmp_path / name)
    walk = Walk(folder=str(tmp_path), operation="upload", bucket_name="notes")
    entries = walk.entries()

    first = next(entries)
    (tmp_path / "b" / "x").unlink()
    (tmp_path / "b").rmdir()
    (tmp_path / "c").unlink()

    assert first.key == "a"
    assert told(list(entries)) == dict.fromkeys(["b/", "c"], ("failed", "vanished meanwhile"))


@pytest.mark.promise(5)
@pytest.mark.parametrize(("seen", "swapped"), [("a", "c"), ("c/", "c/d")])
def test_a_folder_that_becomes_a_link_before_its_turn_is_not_entered(
    tmp_path: Path, seen: str, swapped: str
) -> None:
    put(tmp_path / "outside" / "d" / "secret")
    root = put(tmp_path / "root" / "a").parent
    put(root / "c" / "d" / "e")
    entries = Walk(folder=str(root), operation="upload", bucket_name="notes").entries()

    while next(entries).key != seen:
        pass
    (root / swapped).rename(tmp_path / "moved")
    (root / swapped).symlink_to(tmp_path / "outside")
    rest = list(entries)

    assert told(rest) == {f"{swapped}/": ("unlisted", "cannot be listed")}
    assert str(root / swapped) in str(rest[0].error)
    assert isinstance(rest[0].error, NotADirectoryError)


def test_a_folder_that_is_moved_while_it_is_looked_through_is_looked_through_to_its_end(
    tmp_path: Path,
) -> None:
    for name in ("a/b", "a/c"):
        put(tmp_path / "root" / name)
    put(tmp_path / "outside" / "c", b"theirs")
    entries = Walk(folder=str(tmp_path / "root"), operation="upload", bucket_name="notes").entries()

    assert [next(entries).key, next(entries).key] == ["a/", "a/b"]
    (tmp_path / "root" / "a").rename(tmp_path / "moved")
    (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")

    found = (tmp_path / "moved" / "c").stat()
    assert [(entry.key, entry.identity) for entry in entries] == [("a/c", identity_of(found))]


def test_no_folder_stays_open_after_a_walk_that_was_left(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b" / "c")
    before = len(open_descriptors())
    entries = Walk(folder=str(tmp_path), operation="upload", bucket_name="notes").entries()

    for _ in range(3):
        next(entries)
    held = len(open_descriptors()) - before
    entries.close()

    assert held == 3
    assert len(open_descriptors()) == before


def test_a_file_that_becomes_a_folder_is_skipped(tmp_path: Path) -> None:
    put(tmp_path / "a")
    put(tmp_path / "b")
    entries = Walk(folder=str(tmp_path), operation="upload", bucket_name="notes").entries()

    next(entries)
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()

    assert told(list(entries)) == {"b": ("skipped", "became a folder meanwhile")}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(S3IntegrationError, match="upload a folder") as caught:
        walked(tmp_path / "nowhere")

    assert isinstance(caught.value, FileNotFoundError)


def test_a_very_deep_folder_is_walked_to_its_end(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 400)
    os.makedirs(deep)  # noqa: PTH103 - a Path's own way recurses twice as deep
    put(deep / "file")

    assert [entry.key for entry in walked(tmp_path) if entry.kind == "file"] == [
        "d/" * 400 + "file"
    ]
