"""The pure rules of S3: names, keys, sizes, parts."""

from __future__ import annotations

import itertools
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3_integration import utils
from s3_integration.utils import GIB, MIB, ByteRange

BUCKET_LETTERS = string.ascii_lowercase + string.digits + ".-"


@pytest.mark.parametrize(
    "name", ["abc", "a" * 63, "peerpilot-kiro-data", "1.2.3", "a.b-c", "1.2.3.4.5", "x--n", "0-0"]
)
def test_a_bucket_name_by_the_rules_has_no_problem(name: str) -> None:
    assert utils.bucket_name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "0 characters"),
        ("ab", "2 characters"),
        ("a" * 64, "64 characters"),
        ("Abc", "lower-case"),
        ("a_b", "lower-case"),
        ("a b", "lower-case"),
        ("abc\n", "lower-case"),
        ("bücher", "lower-case"),
        ("a٣c", "lower-case"),  # a digit, but not an ASCII one
        ("-abc", "both ends"),
        ("abc-", "both ends"),
        (".abc", "both ends"),
        ("abc.", "both ends"),
        ("a..b", "two dots"),
        ("192.168.5.4", "IP address"),
        ("999.1.1.1", "IP address"),
        ("xn--abc", "'xn--'"),
        ("sthree-abc", "'sthree-'"),
        ("amzn-s3-demo-abc", "'amzn-s3-demo-'"),
        ("abc-s3alias", "'-s3alias'"),
        ("abc--ol-s3", "'--ol-s3'"),
        ("abc.mrap", "'.mrap'"),
        ("abc--x-s3", "'--x-s3'"),
        ("abc--table-s3", "'--table-s3'"),
    ],
)
def test_a_bucket_name_against_the_rules_is_told_which(name: str, problem: str) -> None:
    assert problem in utils.bucket_name_problem(name)


@given(st.text(BUCKET_LETTERS, max_size=70) | st.text(max_size=70))
def test_an_accepted_bucket_name_is_one_label_or_more_of_a_host_name(name: str) -> None:
    if utils.bucket_name_problem(name):
        return

    assert 3 <= len(name) <= 63
    assert set(name) <= set(BUCKET_LETTERS)
    assert {name[0], name[-1]}.isdisjoint(".-")
    assert all(name.split("."))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1100))
@example("a" * 1024)
@example("a" * 1025)
@example("é" * 512)
@example("é" * 513)
@example("../\0\n//")
def test_a_key_is_refused_exactly_when_it_is_empty_or_over_1024_bytes(key: str) -> None:
    assert (utils.key_problem(key) == "") == (1 <= len(key.encode()) <= 1024)


@pytest.mark.parametrize("key", ["\ud800", "a\udfffb", "\udce4.txt"])
def test_a_key_with_a_lone_surrogate_is_refused(key: str) -> None:
    assert "surrogate" in utils.key_problem(key)


def test_a_prefix_is_what_a_key_may_begin_with_or_nothing() -> None:
    assert utils.prefix_problem("") == ""
    assert utils.prefix_problem("a//b/") == ""
    assert "1025 bytes" in utils.prefix_problem("a" * 1025)


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "a\\b", "..\\..\\x"])
def test_a_name_that_leads_out_of_its_folder_or_nowhere_is_refused(name: str) -> None:
    assert "its last part" in utils.file_name_problem(name)


@pytest.mark.parametrize("name", ["a", "...", ".hidden", " ", "a b", "ä", "a:b"])
def test_a_name_of_a_file_has_no_problem(name: str) -> None:
    assert utils.file_name_problem(name) == ""


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "auto", "garage", "x" * 63])
def test_a_region_is_one_label_of_a_host_name(region: str) -> None:
    assert utils.region_problem(region) == ""


@pytest.mark.parametrize(
    "region",
    ["", "-x", "x-", "x" * 64, "us east", "us.east", "evil.com/", "us-east-1\n", "ü", "123"],
)
def test_what_could_be_more_than_a_region_is_refused(region: str) -> None:
    assert "a region is" in utils.region_problem(region)


@given(
    st.integers(0, utils.MAX_OBJECT_SIZE_BYTES),
    st.integers(utils.MIN_PART_SIZE_BYTES, utils.MAX_PART_SIZE_BYTES),
)
@example(utils.MAX_OBJECT_SIZE_BYTES, utils.MIN_PART_SIZE_BYTES)
@example(80_000 * MIB, 8 * MIB)
@example(80_000 * MIB + 1, 8 * MIB)
def test_10_000_parts_of_a_size_that_s3_takes_hold_every_object(
    object_size_bytes: int, preferred_bytes: int
) -> None:
    part_size_bytes = utils.part_size_for(object_size_bytes, preferred_bytes)

    assert part_size_bytes * utils.MAX_PARTS >= object_size_bytes
    assert preferred_bytes <= part_size_bytes <= utils.MAX_PART_SIZE_BYTES
    if part_size_bytes > preferred_bytes:
        assert part_size_bytes % MIB == 0
        assert (part_size_bytes - MIB) * utils.MAX_PARTS < object_size_bytes


def test_the_part_size_grows_only_where_it_has_to() -> None:
    assert utils.part_size_for(80_000 * MIB, 8 * MIB) == 8 * MIB
    assert utils.part_size_for(80_000 * MIB + 1, 8 * MIB) == 9 * MIB
    assert utils.part_size_for(utils.MAX_OBJECT_SIZE_BYTES, 8 * MIB) == 5 * GIB


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 3_000))
def test_ranges_cover_all_bytes_once_and_in_order(start: int, size: int, step: int) -> None:
    ranges = list(utils.split_into_ranges(start, start + size, step))

    ends = [start, *(each.stop for each in ranges)]
    assert [each.start for each in ranges] == ends[:-1]
    assert ends[-1] == start + size
    assert all(each.size == step for each in ranges[:-1])
    assert all(1 <= each.size <= step for each in ranges)


def test_a_range_knows_its_size() -> None:
    assert ByteRange(3, 10).size == 7


@given(st.integers(1, 100), st.floats(0.01, 10), st.floats(0, 1))
def test_a_wait_lies_between_nothing_and_the_doubled_base_up_to_20_s(
    attempt: int, base_seconds: float, jitter: float
) -> None:
    wait = utils.backoff_seconds(attempt, base_seconds=base_seconds, jitter=jitter)

    assert 0 <= wait <= min(20.0, base_seconds * 2 ** (attempt - 1))


def test_the_longest_waits_double_and_stay_at_20_s() -> None:
    waits = [utils.backoff_seconds(n, base_seconds=1.0, jitter=1.0) for n in range(1, 8)]

    assert waits == [1, 2, 4, 8, 16, 20, 20]
    assert all(
        utils.backoff_seconds(n, base_seconds=1.0, jitter=0.5) == wait / 2
        for n, wait in zip(itertools.count(1), waits, strict=False)
    )
