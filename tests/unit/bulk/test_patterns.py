"""Which files patterns leave out; git's own answers where it is installed."""

from __future__ import annotations

import re

import pytest

from s3_integration.bulk.patterns import Patterns
from s3_integration.exceptions import S3ConfigError

KEYS = ["a.csv", "b/a.csv", "b/c/x.txt", "b/keep.tmp", "tmp/a.csv", "tmp/b/x", "x.tmp", "ü/é.csv"]


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        ((), (), KEYS),
        (["*.csv"], (), ["a.csv", "b/a.csv", "tmp/a.csv", "ü/é.csv"]),
        (["*.csv"], ["tmp/"], ["a.csv", "b/a.csv", "ü/é.csv"]),
        ((), ["*.tmp", "!keep.tmp", "tmp/", "ü"], ["a.csv", "b/a.csv", "b/c/x.txt", "b/keep.tmp"]),
        ((), ["/b/*", "!/b/c", "/tm*"], ["a.csv", "b/c/x.txt", "x.tmp", "ü/é.csv"]),
        ((), ["b", "!b/a.csv"], ["a.csv", "tmp/a.csv", "x.tmp", "ü/é.csv"]),
        (["/b/"], (), ["b/a.csv", "b/c/x.txt", "b/keep.tmp"]),
        (["**/x*"], (), ["b/c/x.txt", "tmp/b/x", "x.tmp"]),
        ((), ["# a remark", ""], KEYS),
    ],
)  # fmt: skip
def test_patterns_leave_out_what_git_would(
    include: list[str], exclude: list[str], left: list[str]
) -> None:
    patterns = Patterns(include, exclude)

    assert [key for key in KEYS if not patterns.leave_out(key)] == left


def test_a_folder_is_left_out_with_all_that_is_in_it() -> None:
    patterns = Patterns(exclude=["tmp/"])

    assert patterns.leave_out("a/tmp/")
    assert not patterns.leave_out("a/tmp")
    assert patterns.leave_out("a/tmp/b/c")


def test_an_included_file_is_found_in_folders_that_no_pattern_names() -> None:
    assert not Patterns(["*.csv"]).leave_out("a/")


@pytest.mark.parametrize("pattern", ["[", "a[", "!", "\\", "/", "a\nb"])
@pytest.mark.parametrize("argument", ["include", "exclude"])
def test_nonsense_is_refused_by_its_name(argument: str, pattern: str) -> None:
    with pytest.raises(S3ConfigError, match=rf"{argument}.*{re.escape(ascii(pattern)[1:-1])}"):
        Patterns(**{argument: ["*.ok", pattern]})


@pytest.mark.parametrize("patterns", ["*.csv", None, 5, [b"*.csv"], [None]])
def test_what_is_no_list_of_texts_is_refused(patterns: object) -> None:
    with pytest.raises(S3ConfigError, match="list of texts"):
        Patterns(exclude=patterns)  # type: ignore[arg-type]  # that is the point
