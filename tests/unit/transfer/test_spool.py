"""What is written before it is stored: it behaves as a file does, in memory and on the disk."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_integration.transfer import spool as spools
from s3_integration.transfer.local import SourceFile
from s3_integration.transfer.sources import MemorySource
from s3_integration.transfer.spool import Spool
from s3_integration.utils import ByteRange

CALLS = st.one_of(
    st.tuples(st.just("write"), st.binary(max_size=60)),
    st.tuples(st.just("seek"), st.integers(-150, 150), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("truncate"), st.integers(0, 200)),
)


def done(file: Any, name: str, *arguments: Any) -> object:
    try:
        told = getattr(file, name)(*arguments)
    except OSError as error:
        return error.errno
    return None if name == "truncate" else told


def content_of(spool: Spool) -> bytes:
    source = spool.as_source()
    return source.read(ByteRange(0, source.size_bytes))


@settings(max_examples=200)
@given(calls=st.lists(CALLS, max_size=25))
def test_whatever_is_written_a_real_file_holds_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "real"
    with pytest.MonkeyPatch.context() as patch, path.open("w+b", buffering=0) as real:
        patch.setattr(spools, "_MOST_BYTES_IN_MEMORY", 100)
        spool = Spool()
        for call in calls:
            assert done(spool, *call) == done(real, *call), call
            assert spool.tell() == real.tell(), call
        assert content_of(spool) == path.read_bytes()
        spool.close()


def test_little_stays_in_memory_and_more_goes_to_a_file_that_has_no_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spools")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr(spools, "_MOST_BYTES_IN_MEMORY", 10)
    spool = Spool()
    spool.write(b"0123456789")
    assert isinstance(spool.as_source(), MemorySource)

    spool.write(b"a")

    source = spool.as_source()
    assert isinstance(source, SourceFile)
    assert stat.S_IMODE(os.fstat(source.descriptor).st_mode) == 0o600
    assert list(folder.iterdir()) == []
    assert content_of(spool) == b"0123456789a"
    spool.close()


def test_a_file_that_cannot_be_filled_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "_MOST_BYTES_IN_MEMORY", 1)
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    spool = Spool()
    spool.write(b"1")

    with pytest.raises(OSError, match="No such file"):
        spool.write(b"2")

    assert spool.tell() == 1
