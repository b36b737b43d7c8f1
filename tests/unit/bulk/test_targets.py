"""Files go into the tree below one folder, whatever anybody puts in the way."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from s3_integration.bulk.targets import TargetTree, most_held
from s3_integration.transfer.folders import FileIn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file that nobody may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("theirs")
    return folder


@pytest.fixture
def tree(root: Path) -> Iterator[TargetTree]:
    with closing(TargetTree(root)) as made:
        yield made


def write(place: FileIn, text: str = "ours") -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(place.name, flags, dir_fd=place.folder.descriptor)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def put(tree: TargetTree, *parts: str) -> None:
    with tree.place(parts).opened() as place:
        write(place)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def is_refused() -> Iterator[None]:
    with pytest.raises(NotADirectoryError):
        yield


def test_files_go_into_folders_that_are_made_for_them(tree: TargetTree, root: Path) -> None:
    put(tree, "a", "b", "c")
    put(tree, "a", "d")
    put(tree, "e")

    found = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert found == [Path("a/b/c"), Path("a/d"), Path("e")]
    assert tree.place(("a", "d")).path == root / "a" / "d"


def test_a_file_says_that_it_was_changed_when_it_should(tree: TargetTree, root: Path) -> None:
    with tree.place(("a", "b"), time_ns=10**18 + 7).opened() as place:
        write(place)

    assert (root / "a" / "b").stat().st_mtime_ns == 10**18 + 7


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_link_in_the_way_is_refused(
    tree: TargetTree, root: Path, outside: Path, depth: int
) -> None:
    folders = ("x", "y", "z")
    above = root.joinpath(*folders[:depth])
    above.mkdir(parents=True, exist_ok=True)
    (above / folders[depth]).symlink_to(outside)

    with is_refused():
        put(tree, *folders, "file")
    with is_refused():
        tree.delete_file((*folders, "file"))

    assert {path.name for path in outside.iterdir()} == {"file"}
    assert (outside / "file").read_text() == "theirs"


def test_a_link_to_a_folder_of_the_same_tree_is_refused_too(tree: TargetTree, root: Path) -> None:
    (root / "real").mkdir()
    (root / "link").symlink_to("real")

    with is_refused():
        put(tree, "link", "file")

    assert not list((root / "real").iterdir())


@pytest.mark.parametrize("depth", [1, 2])
def test_a_link_that_takes_a_known_folders_place_is_refused(
    tree: TargetTree, root: Path, outside: Path, depth: int
) -> None:
    folders = ("x", "y")
    (outside / "y").mkdir()
    put(tree, *folders, "first")
    swapped = root.joinpath(*folders[:depth])
    swapped.rename(root.parent / "moved")

    swapped.symlink_to(outside)

    with is_refused():
        put(tree, *folders, "file")
    with is_refused():
        tree.delete_file((*folders, "file"))
    assert (outside / "file").read_text() == "theirs"
    assert not list((outside / "y").iterdir())
    moved = (root.parent / "moved").rglob("*")
    assert {path.name for path in moved if path.is_file()} == {"first"}


def test_a_link_to_where_the_folder_was_moved_is_refused_although_it_is_the_same_one(
    tree: TargetTree, root: Path
) -> None:
    put(tree, "x", "y", "first")
    (root / "x").rename(root.parent / "moved")

    (root / "x").symlink_to(root.parent / "moved")

    with is_refused():
        put(tree, "x", "y", "file")
    assert {path.name for path in (root.parent / "moved" / "y").iterdir()} == {"first"}


@pytest.mark.promise(5)
def test_a_link_that_comes_while_a_file_is_written_undoes_it(
    tree: TargetTree, root: Path, outside: Path
) -> None:
    with is_refused(), tree.place(("x", "file")).opened() as place:
        (root / "x").rename(root.parent / "moved")
        (root / "x").symlink_to(outside)
        write(place)

    assert (outside / "file").read_text() == "theirs"
    assert not list((root.parent / "moved").iterdir())


def test_a_folder_that_was_made_anew_gets_the_next_file(tree: TargetTree, root: Path) -> None:
    put(tree, "x", "first")
    (root / "x").rename(root / "old")
    (root / "x").mkdir()

    put(tree, "x", "file")

    assert (root / "x" / "file").read_text() == "ours"
    assert not (root / "old" / "file").exists()


def test_the_root_may_be_a_link_and_is_followed_once(tmp_path: Path, outside: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    root = tmp_path / "root"
    root.symlink_to(real)

    with closing(TargetTree(root)) as tree:
        root.unlink()
        root.symlink_to(outside)
        put(tree, "x", "file")

    assert (real / "x" / "file").read_text() == "ours"
    assert not (outside / "x").exists()


def test_a_file_in_the_way_of_a_folder_is_refused(tree: TargetTree, root: Path) -> None:
    (root / "x").write_text("a file")

    with is_refused():
        put(tree, "x", "file")

    assert (root / "x").read_text() == "a file"


def test_a_link_at_the_end_is_deleted_itself(tree: TargetTree, root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside / "file")

    tree.delete_file(("link",))

    assert not (root / "link").is_symlink()
    assert (outside / "file").read_text() == "theirs"


def test_folders_are_not_deleted_as_files(tree: TargetTree, root: Path) -> None:
    (root / "x").mkdir()

    with pytest.raises(OSError, match="x"):
        tree.delete_file(("x",))
    with pytest.raises(FileNotFoundError):
        tree.delete_file(("missing", "file"))

    assert (root / "x").is_dir()
    assert not (root / "missing").exists()


@pytest.mark.parametrize("parts", [("..", "x"), ("x", ".."), ("", "x"), ("a/b",), ("x\0",)])
def test_no_part_is_a_path(tree: TargetTree, root: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(OSError, match="no name of a single file"):
        put(tree, *parts)

    assert {path.name for path in root.parent.iterdir()} <= {"root"}


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    tree = TargetTree(root)
    for parts in (("a", "b", "file"), ("c", "file")):
        with pytest.raises(ZeroDivisionError), tree.place(parts).opened():
            raise ZeroDivisionError

    tree.close()

    assert not (tmp_path / "new").exists()


def test_folders_that_got_a_file_or_were_there_stay(tree: TargetTree, root: Path) -> None:
    (root / "old").mkdir()
    for parts in (("old", "x", "file"), ("a", "b", "file"), ("a", "c", "file")):
        with pytest.raises(ZeroDivisionError), tree.place(parts).opened():
            raise ZeroDivisionError
    put(tree, "a", "c", "file")
    tree.make_folder(("empty", "one"))

    tree.close()

    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert found == {"old", "a", "a/c", "a/c/file", "empty", "empty/one"}


def test_what_somebody_put_into_a_folder_that_was_made_for_nothing_stays(
    tree: TargetTree, root: Path
) -> None:
    with pytest.raises(ZeroDivisionError), tree.place(("a", "file")).opened():
        raise ZeroDivisionError
    (root / "a" / "theirs").write_text("theirs")

    tree.close()

    assert (root / "a" / "theirs").read_text() == "theirs"


def test_only_so_many_folders_are_held_open_and_none_in_the_end(root: Path) -> None:
    before = descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 160), hard))
    try:
        tree = TargetTree(root)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    for number in range(100):
        put(tree, "a", str(number), "file")

    assert descriptors() - before <= 1 + 10
    tree.close()
    assert descriptors() == before


def test_places_that_wait_hold_nothing_open(tree: TargetTree) -> None:
    before = descriptors()

    places = [tree.place(("a", str(number), "file")) for number in range(1000)]

    assert descriptors() == before
    assert len(places) == 1000


@pytest.mark.parametrize(
    ("open_files_limit", "expected"), [(-1, 256), (2**20, 256), (1024, 64), (256, 16), (8, 1)]
)
def test_folders_are_held_as_the_system_allows(open_files_limit: int, expected: int) -> None:
    assert most_held(open_files_limit) == expected
