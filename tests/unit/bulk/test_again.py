"""A shard that is carried out again stores only what the first time did not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, cast

from s3_integration.bulk.again import to_look_at
from s3_integration.bulk.plan import Step
from s3_integration.bulk.storage import Storage
from s3_integration.exceptions import S3AccessDeniedError
from s3_integration.models import S3FileInfo

BEGAN = dt.datetime(2026, 11, 24, 12, 0, 0, tzinfo=dt.UTC)
BEFORE = BEGAN - dt.timedelta(seconds=5)
SINCE = BEGAN + dt.timedelta(seconds=5)
KEYS = ["p/a/1", "p/a/2", "p/a/3", "p/a/4"]
STEPS = [Step("transfer", key[2:], 7, "new") for key in KEYS]


class Listed:
    """A storage that can be listed, and no more; it keeps what was asked for."""

    bucket_name = "bucket"

    def __init__(self, *files: S3FileInfo, error: Exception | None = None) -> None:
        self._files = sorted(files, key=lambda file: file.key)
        self._error = error
        self.asked: tuple[str, str] | None = None
        self.read = 0

    def list_files(self, bucket_name: str, prefix: str, *, after: str) -> Iterator[S3FileInfo]:
        self.asked = (prefix, after)
        if self._error:
            raise self._error
        for file in self._files:
            if file.key.startswith(prefix) and file.key > after:
                self.read += 1
                yield file


def stored(key: str, when: dt.datetime = SINCE, size: int = 7) -> S3FileInfo:
    return S3FileInfo(key, size, when, f"etag of {key}", "STANDARD")


def looked_at(storage: Listed, steps: list[Step] = STEPS, keys: list[str] = KEYS) -> list[Step]:
    return to_look_at(cast("Storage", cast("Any", storage)), keys, steps, BEGAN)


def test_what_was_stored_since_with_the_same_size_is_compared() -> None:
    storage = Listed(
        stored("p/a/1"), stored("p/a/2", BEFORE), stored("p/a/3", size=8), stored("p/a/9")
    )

    steps = looked_at(storage)

    assert [step.deed for step in steps] == ["compare", "transfer", "transfer", "transfer"]
    assert steps[0].etag == "etag of p/a/1"
    assert steps[1:] == STEPS[1:]


def test_what_was_stored_in_the_same_second_is_stored_again() -> None:
    assert looked_at(Listed(stored("p/a/1", BEGAN))) == STEPS


def test_only_what_lies_between_its_keys_is_listed() -> None:
    storage = Listed(*(stored(f"p/a/{n}") for n in range(10)), stored("p/b"), stored("o"))

    looked_at(storage)

    assert storage.asked == ("p/a/", "")
    assert storage.read == 6  # up to the first one beyond them
    looked_at(storage, STEPS[:1], ["p/a/44"])
    assert storage.asked == ("p/a/44", "")
    looked_at(storage, STEPS[:2], ["p/a/44", "p/a/5"])
    assert storage.asked == ("p/a/", "p/a/4")


def test_the_first_key_is_listed_too() -> None:
    storage = Listed(stored("p/a/44"), stored("p/a/5"))

    steps = looked_at(storage, STEPS[:2], ["p/a/44", "p/a/5"])

    assert [step.deed for step in steps] == ["compare", "compare"]


def test_among_too_many_strangers_is_not_looked_for_long() -> None:
    storage = Listed(*(stored(f"p/a/{n:06}") for n in range(5000)))

    looked_at(storage, STEPS[:2], ["p/a/0000", "p/a/9"])

    assert storage.read == 1002


def test_who_may_not_list_stores_everything_again() -> None:
    assert looked_at(Listed(error=S3AccessDeniedError("no"))) == STEPS


def test_what_is_compared_anyway_is_left_as_it_is() -> None:
    step = Step("compare", "a/1", 7, "newer", etag="of the listing")

    assert looked_at(Listed(stored("p/a/1")), [step], ["p/a/1"]) == [step]
