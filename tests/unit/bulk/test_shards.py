"""Shards: every step once, in order, small ones first, none with too much in it."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from s3_integration.bulk.plan import Step
from s3_integration.bulk.shards import (
    FEWEST_STEPS,
    MOST_BYTES,
    MOST_STEPS,
    in_shards,
    most_steps,
)


def steps(sizes: list[int]) -> list[Step]:
    return [Step("transfer", f"{number:06}", size, "new") for number, size in enumerate(sizes)]


@given(st.lists(st.sampled_from((0, 1, MOST_BYTES // 3, MOST_BYTES, 2 * MOST_BYTES)), max_size=300))
def test_every_step_is_in_one_shard_in_its_order(sizes: list[int]) -> None:
    shards = list(in_shards(steps(sizes)))

    assert [step for shard in shards for step in shard.steps] == steps(sizes)
    assert [shard.number for shard in shards] == list(range(len(shards)))
    for shard in shards:
        assert 0 < len(shard.steps) <= MOST_STEPS
        assert len(shard.steps) == 1 or sum(step.size for step in shard.steps) <= MOST_BYTES


def test_shards_grow_with_what_comes_before_them() -> None:
    lengths = [len(shard.steps) for shard in in_shards(steps([1] * 100_000))]

    assert lengths[0] == FEWEST_STEPS
    assert lengths[:-1] == sorted(lengths[:-1])
    assert max(lengths) == MOST_STEPS
    assert most_steps(10**9) == MOST_STEPS


def test_two_thousand_files_keep_dozens_of_processes_busy() -> None:
    assert len(list(in_shards(steps([16_384] * 2000)))) >= 48


def test_a_shard_comes_as_soon_as_it_is_full() -> None:
    read: list[Step] = []

    def slowly() -> Iterator[Step]:
        for step in steps([1] * 1000):
            read.append(step)
            yield step

    first = next(in_shards(slowly()))

    assert len(first.steps) == FEWEST_STEPS
    assert len(read) == FEWEST_STEPS + 1


def test_no_steps_are_no_shards() -> None:
    assert list(in_shards([])) == []
