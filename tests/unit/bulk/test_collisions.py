"""Keys that some file system takes for one: the first is taken, the others are refused."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given

from s3_integration.bulk import collisions
from s3_integration.bulk.collisions import LocalNames
from s3_integration.bulk.names import folded, local_name_problem, parts_of
from tests.fixtures.keys import in_s3s_order, sets_of_keys


def refusals(keys: list[str]) -> dict[str, str]:
    names = LocalNames()
    return {key: names.refusal(key) for key in keys}


@pytest.mark.parametrize(
    ("keys", "refused", "with_which", "how"),
    [
        (["README", "readme"], "readme", "README", "are one file on some file systems"),
        (["gro\u0308ße", "größe"], "größe", "gro\u0308ße", "are one file"),
        (["Data/x", "data/y"], "data/y", "Data/x", "are one folder on some file systems"),
        (["a", "a/b"], "a/b", "a", "'a' would be a folder here, and 'a' is a file there"),
        (["a", "a-b", "a/b/c"], "a/b/c", "a", "'a' would be a folder here"),
        (["A/b", "a"], "a", "A/b", "'a' would be a file here, and 'A' is a folder there"),
        (["a", "a/"], "a/", "a", "'a' would be a folder here"),
        (["A/B/c", "a/b"], "a/b", "A/B/c", "'a' and 'A' are one folder"),
        (["x/A/b", "x/a"], "x/a", "x/A/b", "'x/a' would be a file here"),
        (["a", "a"], "a", "a", "they are the same"),
    ],
)
def test_the_first_of_two_is_taken_and_the_other_told_apart(
    keys: list[str], refused: str, with_which: str, how: str
) -> None:
    names = LocalNames()

    found = [names.refusal(key) for key in keys]

    assert found[:-1] == [""] * (len(keys) - 1)
    assert keys[-1] == refused
    assert f"it collides with {with_which!r}, which came before" in found[-1]
    assert how in found[-1]


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "b", "c/a", "c/b", "c/d/e", "c/e", "d"],
        ["a/", "a/b", "a/b/", "a/c"][:2],
        ["a-b", "a/b", "a0"],
        ["x/y/a", "x/y/b", "x/z", "y/x"],
        ["a/b/c", "d", "a/b/d", "a/b"][:3],  # in no order
    ],
)
def test_keys_that_do_not_collide_are_taken(keys: list[str]) -> None:
    assert set(refusals(keys).values()) == {""}


def test_what_is_refused_takes_no_name() -> None:
    found = refusals(["A/..", "a/b", "B", "b/c", "b/d"])

    assert found["a/b"] == ""
    assert "'B'" in found["b/c"]
    assert "'B'" in found["b/d"]


@pytest.mark.promise(5)
@given(sets_of_keys())
def test_what_is_taken_is_one_place_each_on_every_file_system(keys: list[str]) -> None:
    taken = [key for key, refusal in refusals(keys).items() if not refusal]

    files = [key for key in taken if not key.endswith("/")]
    assert len({folded(key) for key in files}) == len(files)
    folders = {
        "/".join(parts_of(key)[:depth])
        for key in taken
        for depth in range(1, len(parts_of(key)) + key.endswith("/"))
    }
    assert len({folded(folder) for folder in folders}) == len(folders)
    assert not {folded(key) for key in files} & {folded(folder) for folder in folders}


@given(sets_of_keys())
def test_only_bad_names_and_real_collisions_are_refused(keys: list[str]) -> None:
    """As the same rules decide that look at every earlier key anew."""
    places: dict[str, tuple[str, bool]] = {}
    for key, refusal in refusals(keys).items():
        if local_name_problem(key):
            assert refusal == local_name_problem(key)
            continue
        parts, is_folder = parts_of(key), key.endswith("/")
        needed = {
            folded("/".join(parts[:depth])): (
                "/".join(parts[:depth]),
                depth < len(parts) or is_folder,
            )
            for depth in range(1, len(parts) + 1)
        }
        is_free = all(places.get(name, place) == place for name, place in needed.items())
        assert (refusal == "") == is_free
        if is_free:
            places.update(needed)


@given(sets_of_keys())
def test_the_same_keys_are_refused_in_every_run(keys: list[str]) -> None:
    assert refusals(keys) == refusals(keys)


def test_hashes_that_are_the_same_by_chance_refuse_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collisions, "hash", lambda text: 7, raising=False)

    found = refusals(["a", "b", "c/d", "c/e", "B"])

    assert {key for key, refusal in found.items() if refusal} == {"B"}
    assert "'b'" in found["B"]


def test_the_key_is_told_that_came_many_blocks_before() -> None:
    keys = in_s3s_order([f"{n:06}-{'aA'[n % 2]}" for n in range(3000)])
    names = LocalNames()
    for key in keys:
        assert names.refusal(key) == ""

    assert "'000007-A', which came before" in names.refusal("000007-a")
    assert "'002999-A', which came before" in names.refusal("002999-a")


def test_a_key_takes_few_bytes_of_memory() -> None:
    keys = 20_000
    names = LocalNames()
    tracemalloc.start()
    try:
        for number in range(keys):
            names.refusal(f"year=2024/month-{number // 2000:02}/{number:08}-part.parquet")
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used < 60 * keys  # the keys alone take 83 bytes each as Python's texts


def test_a_table_never_wraps_a_number_round() -> None:
    with pytest.raises(OverflowError):
        collisions._Numbers().add(1, 2**32 - 1)


def test_a_name_that_folds_to_one_that_was_taken_is_told_its_namesake() -> None:
    names = LocalNames()
    for key in ("Data/README", "gro\u0308ße", "z"):
        names.refusal(key)

    told = {key: names.namesake(key) for key in ("data/readme", "größe", "Z", "data/x", "README")}

    assert told == {
        "data/readme": "Data/README",
        "größe": "gro\u0308ße",
        "Z": "z",
        "data/x": "",
        "README": "",
    }
