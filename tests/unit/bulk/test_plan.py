"""The planner, compared with the difference of two dicts."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.bulk.entries import Entry
from s3_integration.bulk.judging import SLACK_NS, Rules, time_to_keep_ns
from s3_integration.bulk.plan import Step, planned
from s3_integration.choices import Compare
from s3_integration.exceptions import S3IntegrationError
from s3_integration.models import FileAction

SECOND: Final = 1_000_000_000
NAMES: Final = st.text("ab/-.ü😀￮", min_size=1, max_size=4)
FILES: Final = st.dictionaries(NAMES, st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=12)
KEYS_IN_ORDER: Final = ["A", "a", "a-b", "a/b", "a0", "z", "é", "￮", "😀"]


def side(files: dict[str, tuple[int, int]]) -> list[Entry]:
    """Entries of sizes and seconds, as a side lists them."""
    in_utf8 = sorted(files, key=lambda key: key.encode())
    return [Entry(key, files[key][0], files[key][1] * SECOND) for key in in_utf8]


def deeds(steps: list[Step]) -> dict[str, tuple[str, str]]:
    """What becomes of each key; there may be no more than one step for it."""
    assert len({step.key for step in steps}) == len(steps)
    return {step.key: (step.deed, step.reason) for step in steps}


@given(mine=FILES, theirs=FILES)
def test_each_file_of_either_side_gets_what_a_difference_of_dicts_would_give_it(
    mine: dict[str, tuple[int, int]], theirs: dict[str, tuple[int, int]]
) -> None:
    rules = Rules("upload", only_changed=True, delete_extra=True)

    found = deeds(list(planned(side(mine), side(theirs), rules)))

    expected = dict.fromkeys(theirs.keys() - mine.keys(), ("delete", "extra"))
    expected |= dict.fromkeys(mine.keys() - theirs.keys(), ("transfer", "new"))
    for key in mine.keys() & theirs.keys():
        (size, moment), (old_size, stored) = mine[key], theirs[key]
        if size != old_size:
            expected[key] = ("transfer", "size differs")
        elif not size or moment == stored or moment < stored - 2:
            expected[key] = ("skip", "unchanged")
        elif moment > stored + 2:
            expected[key] = ("transfer", "newer")
        else:
            expected[key] = ("compare", "changed at the same time")
    assert found == expected


@given(mine=FILES, theirs=FILES)
def test_steps_come_in_the_order_of_keys_so_that_both_listings_are_read_once(
    mine: dict[str, tuple[int, int]], theirs: dict[str, tuple[int, int]]
) -> None:
    rules = Rules("copy", only_changed=True, delete_extra=True)

    keys = [step.key for step in planned(side(mine), side(theirs), rules)]

    assert keys == sorted(keys, key=lambda key: key.encode())


def test_the_first_step_comes_before_the_second_file_is_listed() -> None:
    read: list[str] = []

    def entries() -> object:
        for key in KEYS_IN_ORDER:
            read.append(key)
            yield Entry(key, 1)

    steps = planned(entries(), (), Rules("upload"))  # type: ignore[arg-type]  # a generator of them

    assert next(steps).key == "A"
    assert read == ["A"]


@pytest.mark.parametrize("only_changed", [True, False])
def test_nothing_is_deleted_unless_it_was_asked_for(only_changed: bool) -> None:
    rules = Rules("upload", only_changed=only_changed)

    assert list(planned((), side({"extra": (1, 1)}), rules)) == []


@pytest.mark.parametrize("kind", ["excluded", "skipped", "failed", "unlisted"])
@pytest.mark.parametrize("key", ["a", "a/"])
def test_what_the_target_has_below_what_was_not_looked_into_is_not_deleted(
    kind: str, key: str
) -> None:
    mine = [Entry(key, kind=kind), Entry("a0", 1)]  # type: ignore[arg-type]  # from the list above
    theirs = side(dict.fromkeys(["a-b", "a/b", "a/c/d", "a1"], (1, 1)))

    found = deeds(list(planned(mine, theirs, Rules("upload", delete_extra=True))))

    assert {key for key, (deed, _) in found.items() if deed == "delete"} == {"a-b", "a1"}


def test_what_is_excluded_on_both_sides_is_told_once_and_never_deleted() -> None:
    rules = Rules("upload", delete_extra=True)
    excluded = [Entry("a", kind="excluded")]

    assert deeds(list(planned(excluded, excluded, rules))) == {"a": ("skip", "excluded")}
    assert list(planned((), excluded, rules)) == []


def test_a_name_that_is_refused_hides_no_other_file() -> None:
    mine = [Entry("z", kind="refused", reason="bad"), Entry("a", 1, SECOND)]
    theirs = [Entry("zz", kind="refused", reason="bad"), Entry("a", 1, SECOND)]
    rules = Rules("upload", only_changed=True)

    assert deeds(list(planned(mine, theirs, rules))) == {
        "z": ("refuse", "bad"),
        "a": ("skip", "unchanged"),
    }


def test_names_that_the_target_may_not_have_are_refused_also_where_nothing_would_be_moved() -> None:
    rules = Rules("download", only_changed=True)
    asked: list[str] = []

    def refusal(key: str) -> str:
        asked.append(key)
        return "no such name" if key == "b" else ""

    both = side({"a": (1, 1), "b": (1, 1)})
    found = deeds(list(planned(both, both, rules, refusal)))

    assert found == {"a": ("skip", "unchanged"), "b": ("refuse", "no such name")}
    assert asked == ["a", "b"]


def test_a_listing_in_another_order_is_an_error_before_anything_is_taken_for_extra() -> None:
    steps = planned((), [Entry("b"), Entry("a")], Rules("upload", delete_extra=True))

    with pytest.raises(S3IntegrationError, match=r"'a' comes after 'b'"):
        list(steps)


@pytest.mark.parametrize(
    ("action", "compare", "moments", "expected"),
    [
        ("upload", "size_and_time", (5, 5), ("skip", "unchanged")),
        ("upload", "size_and_time", (5 * SECOND, 5 * SECOND + SLACK_NS + 1), ("skip", "unchanged")),
        ("upload", "size_and_time", (5 * SECOND + SLACK_NS + 1, 5 * SECOND), ("transfer", "newer")),
        ("upload", "size_and_time", (0, SLACK_NS), ("compare", "changed at the same time")),
        ("upload", "checksum", (1, 5 * SECOND), ("compare", "checksum differs")),
        ("upload", "checksum", (5, 5), ("compare", "checksum differs")),
        ("download", "size_and_time", (5, 5), ("skip", "unchanged")),
        ("download", "size_and_time", (9 * SECOND, 1), ("compare", "newer")),
        ("download", "size_and_time", (1, 9 * SECOND), ("compare", "changed here")),
        ("copy", "size_and_time", (1, 9 * SECOND), ("skip", "unchanged")),
        ("copy", "size_and_time", (9 * SECOND, 1), ("transfer", "newer")),
        ("copy", "size_and_time", (5, 5), ("compare", "changed at the same time")),
    ],
)
def test_of_two_files_of_one_size_times_or_contents_decide(
    action: FileAction, compare: Compare, moments: tuple[int, int], expected: tuple[str, str]
) -> None:
    mine, theirs = Entry("a", 1, moments[0]), Entry("a", 1, moments[1])

    steps = planned([mine], [theirs], Rules(action, only_changed=True, compare=compare))

    assert deeds(list(steps)) == {"a": expected}


@pytest.mark.parametrize(
    ("age_ns", "is_trusted"), [(SLACK_NS + 1, True), (SLACK_NS, False), (0, False), (-9, False)]
)
def test_the_time_of_a_download_is_trusted_unless_its_object_was_stored_just_before(
    age_ns: int, is_trusted: bool
) -> None:
    stored = Entry("a", 1, 1_700_000_000 * SECOND)
    fetched = Entry("a", 1, time_to_keep_ns(stored.time_ns, stored.time_ns + age_ns))

    down = list(planned([stored], [fetched], Rules("download", only_changed=True)))
    up = list(planned([fetched], [stored], Rules("upload", only_changed=True)))

    assert {step.deed for step in (*down, *up)} == {"skip" if is_trusted else "compare"}


@pytest.mark.parametrize("later_ns", [0, 1000, SECOND])
def test_a_version_that_was_stored_just_after_a_download_is_never_taken_for_the_one_before(
    later_ns: int,
) -> None:
    stored_ns = 1_700_000_000 * SECOND
    fetched = Entry("a", 1, time_to_keep_ns(stored_ns, stored_ns))
    replaced = Entry("a", 1, stored_ns + later_ns)

    (step,) = planned([replaced], [fetched], Rules("download", only_changed=True))

    assert step.deed == "compare"


def test_a_copy_with_the_etag_of_its_source_is_unchanged_whatever_the_times_say() -> None:
    mine, theirs = Entry("a", 1, 9 * SECOND, "e"), Entry("a", 1, 0, "e")

    steps = planned([mine], [theirs], Rules("copy", only_changed=True, compare="checksum"))

    assert deeds(list(steps)) == {"a": ("skip", "unchanged")}


def test_an_object_that_stands_for_a_folder_becomes_one_unless_it_is_there() -> None:
    marker, folder = Entry("a/", kind="folder", etag="e"), Entry("a/", kind="folder")
    rules = Rules("download", only_changed=True, delete_extra=True)

    assert deeds(list(planned([marker], [], rules))) == {"a/": ("folder", "new")}
    assert deeds(list(planned([marker], [folder], rules))) == {"a/": ("skip", "unchanged")}
    assert list(planned([], [folder], rules)) == []


def test_only_a_folder_that_is_gone_loses_the_object_that_stands_for_it() -> None:
    marker, folder = Entry("a/", kind="folder", etag="e"), Entry("a/", kind="folder")
    rules = Rules("upload", delete_extra=True)

    assert list(planned([folder], [marker], rules)) == []
    assert deeds(list(planned([], [marker], rules))) == {"a/": ("delete", "extra")}
