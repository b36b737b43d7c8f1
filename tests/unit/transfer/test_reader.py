"""A stored object as a file: what Python's own files do, it does."""

from __future__ import annotations

import errno
import io
import random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_integration.transfer.ahead import LEAST_BYTES, MOST_BYTES
from s3_integration.transfer.reader import ObjectReader, buffered
from s3_integration.transfer.reading import ObjectReading
from s3_integration.transfer.sinks import MemorySink
from s3_integration.utils import ByteRange

LINES = b"".join(b"%d," % number * (number % 40) + b"\n" for number in range(20_000))
CONTENT = random.Random(1).randbytes(900_000) + LINES
assert len(CONTENT) > 8 * LEAST_BYTES


class FakeReading:
    """An object in memory, and what was asked of it."""

    key = "folder/name"

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size_bytes = len(content)
        self.asked: list[ByteRange] = []

    def begin(self, part: ByteRange) -> bytes:
        self.asked.append(part)
        return self._content[part.start : part.stop]

    def fetch(self, part: ByteRange) -> bytes:
        assert 0 <= part.start < part.stop <= self.size_bytes
        return self.begin(part)

    def fetch_into(self, sink: MemorySink, part: ByteRange) -> None:
        sink.write(part.start, self.fetch(part))


def file_of(content: bytes) -> tuple[io.BufferedReader, FakeReading]:
    fake = FakeReading(content)
    return buffered(cast("ObjectReading", fake)), fake


OFFSETS = st.integers(-len(CONTENT) - 10, len(CONTENT) + 300_000)
SIZES = st.one_of(st.integers(-1, 100), st.integers(0, 700_000))
CALLS = st.one_of(
    st.tuples(st.just("seek"), OFFSETS, st.sampled_from([0, 1, 2])),
    st.tuples(st.sampled_from(["read", "readinto", "readline"]), SIZES),
    st.tuples(st.sampled_from(["tell", "readlines", "next"])),
)


def done(file: Any, name: str, *arguments: int) -> object:
    """What a call gives, or how it fails."""
    try:
        match name:
            case "readinto":
                buffer = bytearray(max(arguments[0], 0))
                return file.readinto(buffer), buffer
            case "readlines":
                return file.readlines(1000)
            case "next":
                return next(file, None)
        return getattr(file, name)(*arguments)
    except OSError as error:
        return type(error), error.errno


@settings(max_examples=150)
@given(st.lists(CALLS, max_size=20))
def test_whatever_is_called_a_real_file_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "content"
    if not path.exists():
        path.write_bytes(CONTENT)
    file, _ = file_of(CONTENT)
    with path.open("rb") as real:
        for call in calls:
            assert done(file, *call) == done(real, *call), call
            assert file.tell() == real.tell(), call


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(CONTENT) + 9), st.integers(1, 700_000)), max_size=15))
def test_a_raw_read_gives_the_first_bytes_of_what_was_asked_for(
    reads: list[tuple[int, int]],
) -> None:
    raw = ObjectReader(cast("ObjectReading", FakeReading(CONTENT)))
    for position, size in reads:
        raw.seek(position)
        found, wanted = raw.read(size), CONTENT[position : position + size]

        assert found is not None
        assert wanted.startswith(found)
        assert bool(found) == bool(wanted)
        assert raw.tell() == position + len(found)


def test_text_is_decoded_and_can_be_found_again() -> None:
    text = "première\r\nzweite\nтретья\n" * 50_000
    file = io.TextIOWrapper(file_of(text.encode())[0], encoding="utf-8")
    model = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")

    assert [file.readline() for _ in range(3)] == [model.readline() for _ in range(3)]
    cookie = file.tell()
    assert cookie == model.tell()
    assert file.read() == model.read()
    file.seek(cookie)
    model.seek(cookie)
    assert list(file) == list(model)


def test_what_a_reader_is_can_be_asked() -> None:
    file, _ = file_of(b"abc")

    assert (file.readable(), file.seekable(), file.writable(), file.isatty()) == (1, 1, 0, 0)
    assert (file.name, file.mode, file.closed) == ("folder/name", "rb", False)
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"")
    with pytest.raises(io.UnsupportedOperation):
        file.fileno()
    with pytest.raises(io.UnsupportedOperation):
        file.truncate()


def test_a_closed_reader_refuses_everything() -> None:
    file, _ = file_of(CONTENT)
    raw = cast("ObjectReader", file.raw)
    file.close()
    file.close()

    for call in (
        lambda: file.read(1),
        lambda: file.seek(0),
        raw.readall,
        raw.tell,
        raw.readable,
        raw.seekable,
        lambda: raw.readinto(bytearray(1)),
    ):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_place_before_the_beginning_is_refused_as_files_do() -> None:
    file, _ = file_of(b"abc")

    with pytest.raises(OSError, match="Invalid argument") as caught:
        file.seek(-4, io.SEEK_END)

    assert caught.value.errno == errno.EINVAL
    with pytest.raises(ValueError, match="whence"):
        ObjectReader(cast("ObjectReading", FakeReading(b""))).seek(0, 9)


def test_beyond_the_end_there_is_nothing() -> None:
    file, fake = file_of(b"abc")

    assert file.seek(10) == 10
    assert (file.read(), file.read(5)) == (b"", b"")
    assert len(fake.asked) == 1


def test_a_small_object_takes_one_request_however_it_is_read() -> None:
    content = CONTENT[: LEAST_BYTES - 1]
    file, fake = file_of(content)

    assert file.read(10) == content[:10]
    file.seek(0, io.SEEK_END)
    file.seek(5)
    assert file.read() == content[5:]
    assert len(fake.asked) == 1


def test_the_whole_takes_two_requests_and_asks_for_nothing_twice() -> None:
    file, fake = file_of(CONTENT)

    assert file.read() == CONTENT
    assert fake.asked == [ByteRange(0, LEAST_BYTES), ByteRange(LEAST_BYTES, len(CONTENT))]


def test_reading_in_order_takes_few_requests_and_bounded_memory() -> None:
    size = 3 * MOST_BYTES
    file, fake = file_of(bytes(size))

    while file.read(100_000):
        pass

    assert len(fake.asked) < 12
    assert max(part.size for part in fake.asked) == MOST_BYTES
    assert sum(part.size for part in fake.asked) == size


def test_a_jump_takes_one_small_request() -> None:
    file, fake = file_of(CONTENT)

    file.seek(700_000)
    assert file.read(10) == CONTENT[700_000:700_010]

    assert [part.size for part in fake.asked] == [LEAST_BYTES, LEAST_BYTES]


def test_a_failure_leaves_the_reader_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    file, fake = file_of(CONTENT)
    file.seek(500_000)
    with monkeypatch.context() as patch:
        patch.setattr(fake, "fetch", failing)
        with pytest.raises(KeyError):
            file.read(10)

    assert file.tell() == 500_000
    assert file.read(10) == CONTENT[500_000:500_010]


def failing(part: ByteRange) -> bytes:
    raise KeyError(part)
