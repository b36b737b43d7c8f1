"""Whole folders: there and back, again without moving anything, and mirrored."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from s3_integration.cli import screen
from s3_integration.cli.app import s3i as program
from s3_integration.client import S3Client
from s3_integration.config import S3Config, TransferConfig
from s3_integration.exceptions import S3AccessDeniedError, S3ConfigError
from s3_integration.models import FileResult, TransferReport
from tests.fixtures.children import environment_of
from tests.fixtures.contract import SMALL_PARTS, Put, content_of
from tests.fixtures.servers import ServerUnderTest
from tests.fixtures.trees import tree_of

LONG_AGO_NS: Final = 1_700_000_000_000_000_000

NASTY: Final = {
    "empty": b"",
    "a-b": b"before a/",
    "a/b": b"in a",
    "a/b-c/d": b"between",
    "a/b.txt": b"beside",
    "a0": b"after a/",
    "deep/" * 40 + "file": b"deep",
    "gr\u00f6\u00dfe \u00fc/n\u0308 \U0001f600.txt": b"unicode",
    " leading and trailing /x": b"blanks",
    'quote\'s "and" & <tags> 100% + #?.txt': b"signs",
    "large": content_of(7 * 2**20, seed=3),
}


def make_tree(folder: Path, files: dict[str, bytes]) -> Path:
    for key, content in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return folder


def told(results: Sequence[FileResult]) -> dict[str, str]:
    assert len({result.key for result in results}) == len(results)
    return {result.key: result.reason for result in results}


def nothing_moved(report: TransferReport) -> bool:
    return not report.done and not report.failed and not report.size_bytes


@pytest.fixture
def client(config: S3Config) -> S3Client:
    """A client whose larger files go in parts."""
    return S3Client(config=S3Config(**{**_settings(config), "transfer": SMALL_PARTS}))


def _settings(config: S3Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_a_nasty_tree_comes_back_as_it_was_and_moves_only_once(
    client: S3Client, tmp_path: Path
) -> None:
    sent = make_tree(tmp_path / "sent", NASTY)
    # No ordinary name on every system: stored, but not fetched into a folder.
    odd = " leading and trailing /x"

    up = client.upload_directory(sent, "in/here")
    again = client.upload_directory(sent, "in/here/", only_changed=True, delete_extra=True)
    down = client.download_directory("in/here", tmp_path / "back")
    once_more = client.download_directory("in/here", tmp_path / "back", only_changed=True)

    up.raise_if_failed()
    assert told(up.done).keys() == {f"in/here/{key}" for key in NASTY}
    assert up.size_bytes == sum(map(len, NASTY.values()))
    assert nothing_moved(again)
    assert tree_of(tmp_path / "back") == {k: v for k, v in NASTY.items() if k != odd}
    assert told(down.failed).keys() == told(once_more.failed).keys() == {f"in/here/{odd}"}
    assert not once_more.done
    # And back to where it came from, whose files are older than their objects.
    home = client.download_directory("in/here", sent, only_changed=True)
    assert not home.done
    assert tree_of(sent) == NASTY


def test_a_mirror_takes_over_what_is_new_changed_and_gone(client: S3Client, tmp_path: Path) -> None:
    first = {"same": b"1", "size": b"12", "newer": b"12", "gone/a": b"1", "out/x": b"1"}
    source = make_tree(tmp_path / "tree", first)
    client.upload_directory(source, "m")
    client.upload_directory(source, "mm")
    target = tmp_path / "target"
    client.download_directory("m", target)
    (target / "mine").write_bytes(b"local")
    (target / "out" / "y").write_bytes(b"local")

    (source / "gone" / "a").unlink()
    make_tree(source, {"size": b"123", "newer": b"21", "new": b"n"})
    soon = (target / "newer").stat().st_mtime_ns + 60_000_000_000
    os.utime(source / "newer", ns=(soon, soon))
    changed: dict[str, Any] = {"only_changed": True, "delete_extra": True, "exclude": ["out/"]}
    up = client.upload_directory(source, "m", **changed)
    down = client.download_directory("m", target, **changed)

    assert told(up.done) == {
        "m/size": "size differs",
        "m/newer": "newer",
        "m/new": "new",
        "m/gone/a": "extra",
    }
    assert told(up.skipped) == {"m/same": "unchanged", "m/out/": "excluded"}
    assert told(down.failed) == {}
    assert told(down.done).keys() == {f"m/{k}" for k in ("size", "newer", "new", "gone/a", "mine")}
    assert told(down.skipped)["m/out/x"] == "excluded"
    assert tree_of(target) == {
        "same": b"1",
        "size": b"123",
        "newer": b"21",
        "new": b"n",
        "out/x": b"1",
        "out/y": b"local",
    }
    assert not (target / "gone").exists()
    neighbours = {file["key"] for file in client.list_files("mm/")}
    assert neighbours == {f"mm/{key}" for key in first}


def test_a_change_of_the_same_size_with_an_older_time_is_found_by_contents(
    client: S3Client, tmp_path: Path
) -> None:
    source = make_tree(tmp_path / "tree", {"a": b"before", "b": b"same", "c": b""})
    client.upload_directory(source, "p")
    make_tree(source, {"a": b"after!"})

    by_time = client.upload_directory(source, "p", only_changed=True)
    by_content = client.upload_directory(source, "p", only_changed=True, compare="checksum")

    assert nothing_moved(by_time)
    assert by_content.done[0].key == "p/a"
    assert told(by_content.skipped) == {"p/b": "unchanged", "p/c": "unchanged"}
    (tmp_path / "back").mkdir()
    make_tree(tmp_path / "back", {"a": b"other!"})
    stored_ns = int(client.file_info("p/a").last_modified.timestamp() * 1e9)
    os.utime(tmp_path / "back" / "a", ns=(stored_ns, stored_ns + 60_000_000_000))
    client.download_directory("p", tmp_path / "back", only_changed=True, compare="checksum")
    assert tree_of(tmp_path / "back")["a"] == b"after!"


def test_a_file_that_is_written_within_the_second_of_its_upload_is_not_overlooked(
    client: S3Client, tmp_path: Path
) -> None:
    source = tmp_path / "tree"
    source.mkdir()
    (source / "a").write_bytes(b"before")

    client.upload_directory(source, "p", only_changed=True)
    unchanged = client.upload_directory(source, "p", only_changed=True)
    (source / "a").write_bytes(b"after!")
    changed = client.upload_directory(source, "p", only_changed=True)

    assert nothing_moved(unchanged)
    assert told(changed.done).keys() == {"p/a"}


def test_a_dry_run_tells_what_would_be_done_and_changes_nothing(
    client: S3Client, tmp_path: Path
) -> None:
    source = make_tree(tmp_path / "tree", {"a": b"1", "b": b"2"})
    client.upload_directory(source, "p")
    (source / "b").unlink()
    make_tree(source, {"a": b"longer", "c": b"3"})
    target = make_tree(tmp_path / "target", {"a": b"old", "x": b"extra"})
    before = client.list_files(), tree_of(target), tree_of(source)
    both: dict[str, Any] = {"only_changed": True, "delete_extra": True, "dry_run": True}

    up = client.upload_directory(source, "p", **both)
    down = client.download_directory("p", target, **both)
    nowhere = client.download_directory("p", tmp_path / "nowhere", dry_run=True)
    copy = client.copy_directory("p", "q", **both)
    deletion = client.delete_directory("p", dry_run=True)

    assert told(up.done) == {"p/a": "size differs", "p/c": "new", "p/b": "extra"}
    assert told(down.done).keys() == {"p/a", "p/b", "p/x"}
    assert told(nowhere.done).keys() == {"p/a", "p/b"}
    assert told(copy.done).keys() == {"q/a", "q/b"}
    assert told(deletion.done).keys() == {"p/a", "p/b"}
    assert (client.list_files(), tree_of(target), tree_of(source)) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_dry_run_needs_no_bucket_and_makes_none(
    client: S3Client, plain: Any, tmp_path: Path, server: ServerUnderTest
) -> None:
    if server.only_bucket_name:
        pytest.skip("needs a bucket that is not there")
    source = make_tree(tmp_path / "tree", {"a": b"1"})

    report = client.upload_directory(source, only_changed=True, delete_extra=True, dry_run=True)

    assert told(report.done) == {"a": "new"}
    assert client.bucket_name not in {each["Name"] for each in plain.list_buckets()["Buckets"]}


def test_a_folder_is_copied_once_and_deleted_whole(client: S3Client, tmp_path: Path) -> None:
    files = {f"{number % 3}/{number}": b"%d" % number for number in range(40)}
    client.upload_directory(make_tree(tmp_path / "tree", files), "a")

    copied = client.copy_directory("a", "b", only_changed=True, delete_extra=True)
    again = client.copy_directory("a", "b", only_changed=True, delete_extra=True)
    gone = client.delete_directory("a", exclude=["1/"])

    assert told(copied.done).keys() == {f"b/{key}" for key in files}
    assert copied.done[0].path.startswith(f"s3://{client.bucket_name}/a/")
    assert nothing_moved(again)
    kept = {f"a/{key}" for key in files if key.startswith("1/")}
    assert told(gone.skipped).keys() == kept
    assert {file["key"] for file in client.list_files("a")} == kept
    client.download_directory("b", tmp_path / "back")
    assert tree_of(tmp_path / "back") == files


def test_files_are_deleted_in_batches_whatever_their_names(
    client: S3Client, put: Put, tmp_path: Path, server: ServerUnderTest
) -> None:
    # One by one, a slow server takes long for the versions that stay.
    files = {f"{number:04d}": b"" for number in range(1010 if server.name == "moto" else 20)}
    client.upload_directory(make_tree(tmp_path / "tree", files), "d")
    odd = ["d/a\tb", "d/&amp;<x>", "d/\u00e9", "d/e\u0301"]
    if "any key" not in server.lacks:
        odd += ["d//a", "d/../x", "d/ ", "d/"]
    for key in odd:
        put(key, b"odd")
    put("dd", b"a neighbour")

    report = client.delete_directory("d")

    report.raise_if_failed()
    assert len(report.done) == len(files) + len(odd)
    assert [file["key"] for file in client.list_files()] == ["dd"]


def test_a_file_beside_a_folder_of_its_name_is_refused_alone(
    client: S3Client, put: Put, tmp_path: Path, server: ServerUnderTest
) -> None:
    server.must_have("any key")
    for key in ("p/a", "p/a/b", "p/c", "p/empty/"):
        put(key, b"" if key.endswith("/") else b"x")

    report = client.download_directory("p", tmp_path / "t")
    again = client.download_directory("p", tmp_path / "t", only_changed=True, delete_extra=True)

    assert told(report.failed).keys() == told(again.failed).keys() == {"p/a/b"}
    assert tree_of(tmp_path / "t") == {"a": b"x", "c": b"x"}
    assert (tmp_path / "t" / "empty").is_dir()
    assert not again.done


def test_files_that_may_not_be_deleted_are_failures_and_the_others_are_gone(
    client: S3Client, plain: Any, tmp_path: Path, server: ServerUnderTest
) -> None:
    if server.name != "ceph":
        pytest.skip("needs a server that obeys bucket policies")
    files = {"keep/a": b"1", "keep/b": b"2", "c": b"3"}
    client.upload_directory(make_tree(tmp_path / "tree", files), "p")
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{client.bucket_name}/p/keep/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    plain.put_bucket_policy(Bucket=client.bucket_name, Policy=policy)

    report = client.delete_directory("p")

    assert told(report.done).keys() == {"p/c"}
    assert told(report.failed).keys() == {"p/keep/a", "p/keep/b"}
    assert all(isinstance(result.error, S3AccessDeniedError) for result in report.failed)
    assert [file["key"] for file in client.list_files("p")] == ["p/keep/a", "p/keep/b"]


def test_what_is_no_folder_is_refused(client: S3Client, put: Put, tmp_path: Path) -> None:
    put("reports/january.pdf", b"1")
    file = tmp_path / "file"
    file.write_bytes(b"")

    calls: list[Callable[[], object]] = [
        lambda: client.download_directory("reports/january.pdf", tmp_path / "t"),
        lambda: client.copy_directory("reports/january.pdf", "t"),
        lambda: client.delete_directory("reports/january.pdf"),
    ]
    for call in calls:
        with pytest.raises(S3ConfigError, match="is a file, not a folder"):
            call()
    with pytest.raises(NotADirectoryError):
        client.upload_directory(file)
    with pytest.raises(NotADirectoryError):
        client.download_directory("reports", file)
    with pytest.raises(S3ConfigError, match="empty_source"):
        client.upload_directory(_empty(tmp_path), "reports", delete_extra=True)
    assert client.file_exists("reports/january.pdf")


def test_files_move_while_the_rest_is_still_listed(
    config: S3Config, put: Put, tmp_path: Path
) -> None:
    names = {f"{number:02}" for number in range(60)}
    for name in names:
        put(f"p/{name}", b"1")
    few = TransferConfig(files_in_flight=2)
    client = S3Client(config=dataclasses.replace(config, transfer=few))
    there: list[int] = []

    def a_page_is_asked_for(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 10
        there.append(sum(1 for _ in tmp_path.glob("t/[0-9]*")))

    events = client._service.get()._get_s3_client().meta.events
    events.register("before-parameter-build.s3.ListObjectsV2", a_page_is_asked_for)

    client.download_directory("p", tmp_path / "t").raise_if_failed()

    assert {path.name for path in (tmp_path / "t").iterdir()} == names
    assert len(there) >= 6
    assert there == sorted(there)
    assert there[-1] > 0


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "nothing"
    folder.mkdir()
    return folder


def s3i(config: S3Config, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a command, and what it printed as JSON."""
    ended = CliRunner().invoke(program, [*words, "--json"], env=environment_of(config))
    return ended.exit_code, [json.loads(line) for line in ended.stdout.splitlines()]


def test_s3i_sync_mirrors_up_across_and_down(
    config: S3Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "log_to_stderr", lambda *_, **__: None)
    source = make_tree(tmp_path / "tree", {"a": b"1", "b/c": b"22", "d.log": b"3"})
    bucket = config.bucket_name

    up = s3i(config, "sync", str(source), f"s3://{bucket}/p", "--exclude", "*.log")
    across = s3i(config, "sync", f"s3://{bucket}/p", f"s3://{bucket}/q")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "extra").touch()
    down = s3i(config, "sync", f"s3://{bucket}/q/", str(tmp_path / "t"), "--delete")
    again = s3i(config, "sync", str(source), f"s3://{bucket}/p", "--dry-run", "--delete")

    assert [code for code, _ in (up, across, down, again)] == [0] * 4
    assert (up[1][-1]["moved"], up[1][-1]["size"], up[1][-1]["skipped"]) == (2, 3, 1)
    assert (down[1][-1]["moved"], down[1][-1]["deleted"]) == (2, 1)
    assert tree_of(tmp_path / "t") == {"a": b"1", "b/c": b"22"}
    assert [line["key"] for line in again[1] if line.get("outcome") == "done"] == ["p/d.log"]
    assert again[1][-1]["dry_run"]
