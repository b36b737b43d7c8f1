"""What S3 lists, as the planner sees it."""

from __future__ import annotations

import datetime as dt

import pytest

from s3_integration.bulk.entries import Entry
from s3_integration.bulk.listing import Markers, listed, nanoseconds
from s3_integration.exceptions import S3IntegrationError
from s3_integration.models import S3FileInfo

MOMENT = dt.datetime(2026, 1, 31, 18, 6, 11, 123457, tzinfo=dt.UTC)
MOMENT_NS = 1_769_882_771_123_457_000


def entries(
    *files: tuple[str, int], markers: Markers = "folders", bucket_name: str = "notes"
) -> list[Entry]:
    infos = [S3FileInfo(key, size, MOMENT, "e", "STANDARD") for key, size in files]
    return list(
        listed(
            infos,
            "in/",
            bucket_name=bucket_name,
            leave_out=lambda key: key == "out",
            markers=markers,
        )
    )


def test_keys_are_relative_and_times_exact() -> None:
    assert nanoseconds(MOMENT) == MOMENT_NS
    assert entries(("in/a/b", 3), ("in//c", 0)) == [
        Entry("a/b", 3, MOMENT_NS, "e"),
        Entry("/c", 0, MOMENT_NS, "e"),
    ]


def test_empty_objects_that_end_in_a_slash_stand_for_folders_but_for_who_copies_them() -> None:
    objects = ("in/", 0), ("in/a/", 0), ("in/b/", 1)

    assert [entry.kind for entry in entries(*objects)] == ["folder", "folder", "file"]
    assert {entry.kind for entry in entries(*objects, markers="files")} == {"file"}


def test_what_patterns_leave_out_is_told_as_such() -> None:
    assert entries(("in/out", 1)) == [Entry("out", 1, etag="e", kind="excluded")]


def test_a_listing_that_strays_is_an_error_and_nothing_of_it_can_be_deleted() -> None:
    with pytest.raises(S3IntegrationError, match="'elsewhere/a'"):
        entries(("in/a", 1), ("elsewhere/a", 1))


def test_directory_buckets_are_put_in_order() -> None:
    found = entries(("in/b", 1), ("in/a", 1), bucket_name="notes--use1-az4--x-s3")

    assert [entry.key for entry in found] == ["a", "b"]
