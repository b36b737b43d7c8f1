"""How much a reader asks for: more in order, little after a jump, never more than its memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.transfer.ahead import LEAST_BYTES, MOST_BYTES, ReadAhead
from s3_integration.utils import ByteRange

SIZE = 1 << 30


def test_in_order_each_range_is_twice_the_last_until_memory_is_used_up() -> None:
    ahead, position, sizes = ReadAhead(), 0, []
    for _ in range(10):
        part = ahead.range_for(position, 1, SIZE)
        assert part.start == position
        position = part.stop
        sizes.append(part.size)

    assert sizes[:3] == [2 * LEAST_BYTES, 4 * LEAST_BYTES, 8 * LEAST_BYTES]
    assert sizes[-2:] == [MOST_BYTES, MOST_BYTES]


def test_after_a_jump_little_is_asked_for_and_then_more_again() -> None:
    ahead = ReadAhead()
    ahead.range_for(0, 1, SIZE)

    jumped = ahead.range_for(10_000_000, 1, SIZE)
    on = ahead.range_for(jumped.stop, 1, SIZE)

    assert (jumped.size, on.size) == (LEAST_BYTES, 2 * LEAST_BYTES)


def test_what_is_wanted_comes_by_one_request() -> None:
    assert ReadAhead().range_for(500, 5_000_000, SIZE) == ByteRange(500, 5_000_500)


def test_a_jump_to_the_end_brings_the_whole_end() -> None:
    part = ReadAhead().range_for(SIZE - 22, 22, SIZE)

    assert part == ByteRange(SIZE - LEAST_BYTES, SIZE)


def test_what_came_otherwise_counts_as_read_in_order() -> None:
    ahead = ReadAhead()
    ahead.note(LEAST_BYTES)

    assert ahead.range_for(LEAST_BYTES, 1, SIZE).size == 2 * LEAST_BYTES


@given(
    size=st.integers(1, 1 << 28),
    jumps=st.lists(st.tuples(st.integers(0), st.integers(1, 1 << 27)), min_size=1),
)
def test_every_range_holds_the_position_and_keeps_its_bounds(
    size: int, jumps: list[tuple[int, int]]
) -> None:
    ahead = ReadAhead()
    for position, wanted in jumps:
        part = ahead.range_for(position % size, wanted, size)

        assert 0 <= part.start <= position % size < part.stop <= size
        assert part.size <= MOST_BYTES


@pytest.mark.parametrize("size", [1, LEAST_BYTES - 1, LEAST_BYTES])
def test_a_small_object_comes_whole(size: int) -> None:
    assert ReadAhead().range_for(size - 1, 1, size) == ByteRange(0, size)
