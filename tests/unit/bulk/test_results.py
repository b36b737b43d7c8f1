"""Results that take little memory, and otherwise are a list."""

from __future__ import annotations

import pickle

import pytest

from s3_integration.bulk.results import Packed

MANY = list(range(2000))


@pytest.mark.parametrize("number", [0, 1, 511, 512, 513, 1024, 1025, 2000])
def test_what_was_added_comes_back_as_from_a_list(number: int) -> None:
    items = MANY[:number]

    packed = Packed(items)

    assert list(packed) == items
    assert len(packed) == number
    assert packed == items
    assert packed == Packed(items)
    assert bool(packed) is bool(items)
    assert packed[:3] == items[:3]
    assert [packed[place] for place in range(-number, number)] == items * 2


def test_places_outside_are_errors_as_in_a_list() -> None:
    packed = Packed(MANY)

    for place in (2000, -2001):
        with pytest.raises(IndexError):
            packed[place]


def test_other_contents_are_not_equal() -> None:
    assert Packed(MANY) != MANY[:-1]
    assert Packed(MANY) != [*MANY[:-1], 0]
    assert Packed(["a"]) != "a"
    assert Packed() != 0


def test_it_grows_on_after_it_went_to_another_process() -> None:
    there = pickle.dumps(Packed(MANY))
    packed: Packed[int] = pickle.loads(there)  # noqa: S301 - it was made one line above

    packed.append(7)

    assert packed == [*MANY, 7]


def test_it_shows_the_first_few() -> None:
    assert repr(Packed([1, 2])) == "[1, 2]"
    assert repr(Packed(MANY)) == "[0, 1, 2, … 2,000 in all]"


def test_the_first_items_stay_what_they_are() -> None:
    error = ValueError("with a cause that no pickle keeps")
    packed = Packed([error, *MANY])

    assert packed[0] is error
