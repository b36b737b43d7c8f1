"""What a transfer that was killed need not do again."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.transfer import resume
from s3_integration.transfer.resume import FoundPart, ListedUpload, Remembered, UploadFacts
from s3_integration.utils import ByteRange

FACTS = UploadFacts(
    endpoint_url="https://s3.example.org",
    bucket="b",
    key="k\u00e4\udc80",
    path="/a/\udcff",
    size_bytes=10,
    mtime_ns=1,
    inode=2,
    part_size_bytes=4,
    parameters_digest="d",
)
BEGAN = 1_000_000.0
INTENT = Remembered(facts=FACTS, began=BEGAN, known_upload_ids=frozenset({"old"}))
STARTED = dataclasses.replace(INTENT, upload_id="new", checksum_algorithm="CRC64NVME")
COMPLETING = dataclasses.replace(STARTED, is_completing=True)


# Records


@pytest.mark.parametrize(
    "remembered",
    [INTENT, STARTED, COMPLETING, dataclasses.replace(INTENT, known_upload_ids=None)],
)
def test_what_is_written_down_is_remembered(remembered: Remembered) -> None:
    assert resume.from_lines(b"".join(resume.as_lines(remembered))) == remembered


def test_a_line_that_was_being_written_counts_for_nothing() -> None:
    whole, started, completing = resume.as_lines(COMPLETING)

    assert resume.from_lines(whole + started[:-1]) == INTENT
    assert resume.from_lines(whole + started + completing[:5]) == STARTED
    assert resume.from_lines(whole[:-1]) is None


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"nonsense\n", b"[1]\n", b'{"facts": {}}\n', b'{"upload_id": "u"}\n']
)
def test_what_is_no_record_is_none(text: bytes) -> None:
    assert resume.from_lines(text) is None


def test_uploads_that_store_differently_have_different_digests() -> None:
    digests = {
        resume.digest_of_parameters(parameters)
        for parameters in (
            {"ContentType": "a"},
            {"ContentType": "b"},
            {"ContentType": "a", "Metadata": {"c": "d"}},
            {"ContentType": "a", "Metadata": {"c": "e"}},
        )
    }

    assert len(digests) == 4


# Parts


@pytest.mark.parametrize(
    ("found", "checksum", "is_same"),
    [
        (FoundPart(4, "m", ""), "", True),
        (FoundPart(4, "m", ""), "c", True),
        (FoundPart(4, "m", "other"), "", True),
        (FoundPart(4, "no MD5", "c"), "c", True),
        (FoundPart(3, "m", ""), "", False),
        (FoundPart(3, "m", "c"), "c", False),
        (FoundPart(4, "n", ""), "", False),
        (FoundPart(4, "n", ""), "c", False),
        (FoundPart(4, "n", "c"), "", False),
        (FoundPart(4, "m", "other"), "c", False),
        (None, "c", False),
    ],
)
def test_a_part_is_there_only_with_the_same_bytes(
    found: FoundPart | None, checksum: str, is_same: bool
) -> None:
    assert resume.is_same_part(found, 4, checksum, lambda: "m") is is_same


def test_where_checksums_tell_no_md5_is_computed() -> None:
    def md5() -> str:
        raise AssertionError

    assert resume.is_same_part(FoundPart(4, "m", "c"), 4, "c", md5)


# Uploads whose process did not live to learn their names


def listed(upload_id: str, seconds_after: float = 1) -> ListedUpload:
    return ListedUpload("k", upload_id, dt.datetime.fromtimestamp(BEGAN + seconds_after, dt.UTC))


def test_only_an_upload_that_was_not_there_before_and_nobody_names_is_lost() -> None:
    lost = resume.lost_uploads(INTENT, [listed("old"), listed("a"), listed("b")], frozenset("b"))

    assert list(lost) == ["a"]


def test_an_upload_that_began_long_after_is_somebody_elses() -> None:
    assert list(resume.lost_uploads(INTENT, [listed("a", 3601)], frozenset())) == []


@pytest.mark.parametrize(
    "remembered", [STARTED, dataclasses.replace(INTENT, known_upload_ids=None)]
)
def test_nothing_is_lost_where_the_name_is_known_or_what_was_before_is_not(
    remembered: Remembered,
) -> None:
    assert list(resume.lost_uploads(remembered, [listed("a")], frozenset())) == []


# What was stored by an upload that ended, but for its process


PARAMETERS = {"ContentType": "t", "Metadata": {"a": "b"}}
STORED = {
    "ContentType": "t",
    "Metadata": {"a": "b"},
    "LastModified": dt.datetime.fromtimestamp(int(BEGAN), dt.UTC),
}


def test_an_object_that_is_just_like_the_upload_may_be_stored_by_it() -> None:
    assert resume.is_stored_by(STORED, PARAMETERS, BEGAN + 0.5)


@pytest.mark.parametrize(
    "other",
    [
        {"ContentType": "u"},
        {"Metadata": {}},
        {"LastModified": dt.datetime.fromtimestamp(BEGAN - 1, dt.UTC)},
    ],
)
def test_an_object_that_differs_in_anything_was_not(other: dict[str, object]) -> None:
    assert not resume.is_stored_by(STORED | other, PARAMETERS, BEGAN + 0.5)


# Ranges

bounds = st.integers(0, 40)
ranges = st.lists(
    st.tuples(bounds, bounds).map(lambda two: ByteRange(min(two), max(two))), max_size=8
)


def bytes_in(parts: list[ByteRange]) -> list[int]:
    return [offset for part in parts for offset in range(part.start, part.stop)]


@given(start=bounds, size=bounds, noted=ranges, step=st.integers(1, 7))
def test_what_is_there_and_what_is_missing_make_the_whole_once(
    start: int, size: int, noted: list[ByteRange], step: int
) -> None:
    whole = ByteRange(start, start + size)

    there = resume.common_ranges(whole, noted)
    missing = list(resume.split(resume.missing_ranges(whole, there), step))

    assert sorted(bytes_in(there) + bytes_in(missing)) == list(range(start, start + size))
    assert set(bytes_in(there)) == set(bytes_in(noted)) & set(range(start, start + size))
    assert all(0 < part.size <= step for part in missing)
