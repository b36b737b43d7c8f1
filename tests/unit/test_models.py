"""The values that come back."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from s3_integration.models import S3FileInfo
from tests.fixtures.pickles import through_pickle

INFO = S3FileInfo("a/b", 3, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "e1", "STANDARD")


def test_a_listed_file_becomes_a_plain_dict_of_its_five_fields_in_order() -> None:
    assert list(INFO.to_dict().items()) == [
        ("key", "a/b"),
        ("size", 3),
        ("last_modified", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        ("etag", "e1"),
        ("storage_class", "STANDARD"),
    ]


def test_a_listed_file_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        INFO.size = 4  # type: ignore[misc]  # what this test is about


def test_a_listed_file_survives_a_pickle() -> None:
    assert through_pickle(INFO) == INFO
