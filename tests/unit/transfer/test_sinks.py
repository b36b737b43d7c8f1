"""Memory for downloads: taken once."""

from __future__ import annotations

import errno
import tracemalloc

import pytest

from s3_integration.transfer.sinks import MemoryReceiver, MemorySink
from s3_integration.utils import MIB, ByteRange


def test_what_is_written_in_any_order_is_the_content() -> None:
    sink = MemorySink(ByteRange(100, 106))

    sink.write(103, b"def")
    sink.write(100, memoryview(b"abc"))

    assert bytes(sink.read(2, 102)) == b"cd"
    assert sink.content() == b"abcdef"


@pytest.mark.parametrize("size", [0, 1])
def test_the_smallest_contents_are_written_too(size: int) -> None:
    sink = MemorySink(ByteRange(0, size))

    sink.write(0, b"x" * size)

    assert sink.content() == b"x" * size
    assert bytes(1) == b"\0"


def test_a_large_content_is_never_there_twice() -> None:
    chunk = b"x" * MIB
    tracemalloc.start()
    try:
        receiver = MemoryReceiver()
        with receiver.receiving(64 * MIB, None) as sink:
            for offset in range(0, 64 * MIB, MIB):
                sink.write(offset, chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert receiver.content == chunk * 64
    assert peak < 66 * MIB


@pytest.mark.parametrize("size_bytes", [1 << 62, 1 << 80])
def test_more_than_fits_into_memory_is_an_error_that_is_translated(size_bytes: int) -> None:
    with pytest.raises(OSError, match=f"memory for {size_bytes} bytes") as caught:
        MemorySink(ByteRange(0, size_bytes))

    assert caught.value.errno == errno.ENOMEM


def break_off(sink: MemorySink) -> None:
    sink.write(0, b"abc")
    raise KeyError


def test_what_broke_off_is_not_there() -> None:
    receiver = MemoryReceiver()

    with pytest.raises(KeyError), receiver.receiving(3, None) as sink:
        break_off(sink)

    assert receiver.content == b""
