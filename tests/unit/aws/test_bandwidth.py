"""The cap on bandwidth: bytes wait for their time, whoever moves them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws.bandwidth import Bandwidth, TokenBucket
from s3_integration.aws.pace import Limits
from s3_integration.aws.paced import _Answer, _PacedSocket
from s3_integration.cancellation import BrokenOffError, breaking_off_when

LIMITS = Limits(connect_seconds=5, answer_seconds=60, stall_seconds=30, slowest_bytes_per_second=10)
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@dataclass
class Clock:
    """A time that passes by sleeping alone."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def bandwidth_of(bytes_per_second: int, clock: Clock) -> Bandwidth:
    return Bandwidth(bytes_per_second, clock.read, clock.sleep)


@given(
    rate=st.integers(1, 10**9),
    steps=st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 5)), min_size=1, max_size=50),
)
def test_never_more_than_the_cap_moves_but_for_a_moments_credit(
    rate: int, steps: list[tuple[int, float]]
) -> None:
    bucket, now, moved_bytes = TokenBucket(rate), 1000.0, 0

    for size_bytes, pause in steps:
        now += pause
        now = max(now, bucket.reserve(size_bytes, now))
        moved_bytes += size_bytes

        assert moved_bytes <= rate * (now - 1000.0 + 0.05) * 1.000001 + 1


def test_those_who_come_at_once_are_served_one_after_another() -> None:
    bucket = TokenBucket(100)

    times = [bucket.reserve(100, 1000.0) for _ in range(3)]

    assert times == pytest.approx([1000.95, 1001.95, 1002.95])


def test_what_was_not_used_is_lost() -> None:
    bucket = TokenBucket(100)
    bucket.reserve(100, 1000.0)

    assert bucket.reserve(100, 2000.0) == pytest.approx(2000.95)


def test_waiting_takes_as_long_as_the_cap_wants() -> None:
    clock = Clock()
    bandwidth = bandwidth_of(1000, clock)

    bandwidth.take(2000)
    bandwidth.take(500)

    assert clock.now == pytest.approx(1002.45)


def test_what_nobody_waits_for_any_more_stops_waiting() -> None:
    clock = Clock()
    bandwidth = bandwidth_of(1, clock)

    with pytest.raises(BrokenOffError), breaking_off_when(lambda: clock.now > 1001):
        bandwidth.take(1_000_000)

    assert clock.now < 1001.2  # seconds, of more than eleven days


@pytest.mark.parametrize(
    ("bytes_per_second", "expected"), [(1000, 4096), (80_000, 10_000), (10**9, 262_144)]
)
def test_pieces_are_small_enough_that_no_connection_is_silent_for_long(
    bytes_per_second: int, expected: int
) -> None:
    assert Bandwidth(bytes_per_second).piece_bytes == expected


# boto3's connections


def capped(clock: Clock) -> Any:
    """A connection of boto3's by which 8 KiB a second may go."""
    limits = replace(LIMITS, bandwidth=bandwidth_of(8192, clock))
    return SimpleNamespace(limits=limits, answers_while_working=False)


def test_boto3_sends_piece_by_piece() -> None:
    clock = Clock()
    sent: list[tuple[float, bytes]] = []
    inner = SimpleNamespace(sendall=lambda piece: sent.append((clock.now, bytes(piece))))

    _PacedSocket(inner, capped(clock)).sendall(b"x" * 10_000)

    assert [len(piece) for _, piece in sent] == [4096, 4096, 1808]
    assert clock.now == pytest.approx(1000 + 10_000 / 8192 - 0.05)
    assert [when for when, _ in sent] == sorted({when for when, _ in sent})


def test_boto3_reads_piece_by_piece() -> None:
    clock = Clock()
    answer = _Answer(io.BytesIO(HEAD + b"x" * 10_000), capped(clock))
    buffer = bytearray(100_000)

    sizes = [answer.readinto(buffer) for _ in range(4)]

    assert sizes == [4096, 4096, len(HEAD) + 1808, 0]
    assert clock.now == pytest.approx(1000 + (10_000 + len(HEAD)) / 8192 - 0.05)


def test_without_a_cap_boto3_sends_at_once() -> None:
    sent: list[bytes] = []
    connection: Any = SimpleNamespace(limits=LIMITS)

    _PacedSocket(SimpleNamespace(sendall=sent.append), connection).sendall(b"x" * 10_000)

    assert sent == [b"x" * 10_000]
