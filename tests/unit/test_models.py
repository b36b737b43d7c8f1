"""The values that come back."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json

import pytest

from s3_integration.models import S3Checksum, S3FileInfo
from tests.fixtures.pickles import through_pickle

INFO = S3FileInfo("a/b", 3, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "e1", "STANDARD")
WHOLE = dataclasses.replace(
    INFO,
    content_type="text/plain",
    metadata={"b": "1", "a": "2"},
    version_id="v1",
    checksum=S3Checksum("SHA1", "AAAA-2", "COMPOSITE"),
)


def test_a_listed_file_becomes_a_plain_dict_of_its_five_fields_in_order() -> None:
    assert list(WHOLE.to_listed_dict().items()) == [
        ("key", "a/b"),
        ("size", 3),
        ("last_modified", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        ("etag", "e1"),
        ("storage_class", "STANDARD"),
    ]


def test_all_fields_become_a_plain_dict_after_the_five_of_a_listing() -> None:
    told = WHOLE.to_dict()

    assert list(told.items())[:5] == list(INFO.to_listed_dict().items())
    assert list(told.items())[5:] == [
        ("content_type", "text/plain"),
        ("metadata", {"b": "1", "a": "2"}),
        ("version_id", "v1"),
        ("checksum", {"algorithm": "SHA1", "value": "AAAA-2", "checksum_type": "COMPOSITE"}),
    ]
    json.dumps(told, default=dt.datetime.isoformat)


def test_what_a_listing_does_not_tell_is_none() -> None:
    assert list(INFO.to_dict().values())[5:] == [None, {}, None, None]


def test_the_further_fields_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        S3FileInfo(*dataclasses.astuple(WHOLE))


def test_a_listed_file_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        INFO.size = 4  # type: ignore[misc]  # what this test is about


def test_metadata_can_be_changed_neither_in_place_nor_where_they_came_from() -> None:
    source = {"a": "1"}
    info = dataclasses.replace(INFO, metadata=source)
    source["a"] = "2"

    with pytest.raises(TypeError):
        info.metadata["a"] = "3"  # type: ignore[index]  # what this test is about

    assert info.metadata == {"a": "1"}
    assert "metadata={'a': '1'}" in repr(info)


@pytest.mark.parametrize("info", [INFO, WHOLE])
def test_a_file_survives_a_pickle_and_a_deep_copy(info: S3FileInfo) -> None:
    assert through_pickle(info) == info
    assert copy.deepcopy(info) == info


@pytest.mark.parametrize("info", [INFO, WHOLE])
def test_equal_files_are_one_in_a_set(info: S3FileInfo) -> None:
    twin = dataclasses.replace(info, metadata=dict(reversed(list(info.metadata.items()))))

    assert len({info, twin}) == 1


def test_files_with_other_metadata_are_two_in_a_set() -> None:
    assert len({WHOLE, dataclasses.replace(WHOLE, metadata={"b": "2", "a": "1"})}) == 2
