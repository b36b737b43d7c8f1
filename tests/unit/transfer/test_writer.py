"""A file that is stored when it is closed, and never in part."""

from __future__ import annotations

import csv
import gc
import io
import os
from collections.abc import Callable
from typing import Any

import pytest

from s3_integration import S3UploadError
from s3_integration.transfer import spool as spools
from s3_integration.transfer.engine import ObjectId
from s3_integration.transfer.sources import Source
from s3_integration.transfer.spool import Spool
from s3_integration.transfer.writer import ObjectWriter, WholeTextWriter, WholeWriter
from s3_integration.utils import ByteRange

TARGET = ObjectId("unit-tests", "folder/a file")


class Store:
    """Takes what is stored."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []

    def __call__(self, source: Source) -> None:
        self.stored.append(source.read(ByteRange(0, source.size_bytes)))


@pytest.fixture
def store() -> Store:
    return Store()


def binary(store: Callable[[Source], None]) -> WholeWriter:
    return WholeWriter(ObjectWriter(TARGET, store))


def text(store: Callable[[Source], None]) -> WholeTextWriter:
    writer = ObjectWriter(TARGET, store)
    return WholeTextWriter(writer, encoding="utf-8", errors=None, newline="")


KINDS = pytest.mark.parametrize("kind", [binary, text])


def written(file: Any, size: int = 3) -> Any:
    file.write("x" * size if isinstance(file, io.TextIOBase) else b"x" * size)
    return file


def fail_after_writing(file: Any) -> None:
    written(file)
    raise KeyError


@KINDS
@pytest.mark.parametrize("size", [0, 3, 9 * 2**20])
def test_a_block_that_ends_well_stores_all_at_once(
    store: Store, kind: Callable[[Store], Any], size: int
) -> None:
    with kind(store) as file:
        written(file, size)
        file.flush()
        assert store.stored == []

    assert store.stored == [b"x" * size]


@KINDS
def test_a_block_that_raises_stores_nothing(store: Store, kind: Callable[[Store], Any]) -> None:
    with pytest.raises(KeyError), kind(store) as file:
        fail_after_writing(file)

    assert file.closed
    assert store.stored == []


@KINDS
def test_closing_twice_stores_once(store: Store, kind: Callable[[Store], Any]) -> None:
    file = written(kind(store))
    file.close()
    file.close()
    del file
    gc.collect()

    assert store.stored == [b"xxx"]


@KINDS
def test_a_file_that_is_dropped_is_not_stored_and_says_so(
    store: Store, kind: Callable[[Store], Any]
) -> None:
    file = written(kind(store))

    with pytest.warns(ResourceWarning, match="'folder/a file' was not stored"):
        del file

    assert store.stored == []


def test_a_raw_writer_that_is_dropped_is_not_stored_either(store: Store) -> None:
    raw = ObjectWriter(TARGET, store)
    raw.write(b"1")

    with pytest.warns(ResourceWarning, match="was not stored"):
        del raw

    assert store.stored == []


def test_what_was_taken_off_from_above_goes_on(store: Store) -> None:
    file = text(store)
    file.write("x")
    below = file.detach()
    del file
    gc.collect()

    below.close()

    assert store.stored == [b"x"]


@KINDS
def test_what_closing_meets_is_raised_and_the_file_is_closed(kind: Callable[[Any], Any]) -> None:
    def refuse(_: Source) -> None:
        raise S3UploadError("Refused.")

    file = written(kind(refuse))

    with pytest.raises(S3UploadError, match="Refused"):
        file.close()

    assert file.closed
    file.close()


@KINDS
def test_what_could_not_be_kept_is_never_stored(
    store: Store, kind: Callable[[Store], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    file = written(kind(store))
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "write", full)
        with pytest.raises(S3UploadError, match="No space left on device") as caught:
            file.flush()
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == 28

    with pytest.raises(S3UploadError, match="No space left on device"):
        file.close()  # even if there is space again

    assert store.stored == []


def test_a_writer_can_go_back_and_change_what_it_has_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "_MOST_BYTES_IN_MEMORY", 8)
    with binary(store) as file:
        file.write(b"0123456789" * 10_000)
        file.seek(2)
        file.write(b"ab")
        assert file.tell() == 4
        file.seek(-1, io.SEEK_END)
        file.write(b"end")
        assert file.truncate(6) == 6

    assert store.stored == [b"01ab45"]


def test_a_writer_says_what_it_can_do(store: Store) -> None:
    with binary(store) as file:
        assert (file.writable(), file.seekable(), file.readable()) == (True, True, False)
        assert (file.name, file.mode) == ("folder/a file", "wb")
        with pytest.raises(io.UnsupportedOperation):
            file.read()
        with pytest.raises(ValueError, match="negative"):
            file.writer.truncate(-1)
    with text(store) as words:
        assert (words.name, words.mode, words.encoding) == ("folder/a file", "w", "utf-8")


def test_a_closed_writer_refuses_everything(store: Store) -> None:
    file = binary(store)
    raw = file.writer
    file.close()

    calls: tuple[Callable[[], object], ...] = (
        lambda: file.write(b"1"),
        raw.tell,
        raw.writable,
        raw.seekable,
        raw.truncate,
        lambda: raw.seek(0),
        lambda: raw.write(b"1"),
    )
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_table_is_written_line_by_line(store: Store) -> None:
    with text(store) as file:
        csv.writer(file).writerows([["a", "é"], [1, 2]])

    assert store.stored == ["a,é\r\n1,2\r\n".encode()]


def test_a_forked_child_that_ends_stores_nothing(store: Store) -> None:
    file = written(binary(store))
    child = os.fork()
    if not child:
        os._exit(len(store.stored))
    assert os.waitpid(child, 0)[1] == 0
    file.close()

    assert store.stored == [b"xxx"]
