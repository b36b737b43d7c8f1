"""Contents without a local file: what callers say, and what of it is refused."""

from __future__ import annotations

import datetime as dt
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from s3_integration import (
    S3Checksum,
    S3Client,
    S3ConfigError,
    S3ConflictError,
    S3DownloadError,
    S3FileInfo,
    S3FileNotFoundError,
    S3UploadError,
)
from tests.fixtures.mock_responses import (
    CHECKSUM,
    Answer,
    CannedS3,
    Sent,
    checksum_of,
    client_to,
    error_answer,
    etag_of,
    serving,
    take,
)

TEXT = "première\r\nzweite\n"


def client_with(content: bytes, **headers: str) -> tuple[S3Client, CannedS3]:
    s3 = CannedS3(otherwise=serving(content, etag=etag_of(content), **headers))
    return client_to(s3), s3


# Bytes


def test_bytes_come_as_they_are_stored() -> None:
    client, s3 = client_with(b"\0\xff\r\n")

    assert client.read_bytes("a b") == b"\0\xff\r\n"
    assert [(sent.operation, sent.key) for sent in s3.sent] == [("GetObject", "a b")]


def test_a_range_of_bytes_is_a_slice() -> None:
    client, _ = client_with(b"0123456789")

    assert client.read_bytes("k", start=3) == b"3456789"
    assert client.read_bytes("k", start=3, stop=5) == b"34"
    assert client.read_bytes("k", stop=4) == b"0123"
    assert client.read_bytes("k", start=8, stop=40) == b"89"
    assert client.read_bytes("k", start=10) == b""
    assert client.read_bytes("k", start=4, stop=4) == b""


def test_a_version_can_be_read() -> None:
    client, s3 = client_with(b"0123456789")

    client.read_bytes("k", version_id="v1")
    client.read_bytes("k", start=1, version_id="v1")
    client.read_text("k", version_id="v1")
    client.open("k", version_id="v1").close()

    assert [sent.query.get("versionId") for sent in s3.sent] == ["v1"] * 4


def test_an_unknown_version_is_not_found() -> None:
    client = client_to(CannedS3(otherwise=lambda _: error_answer(404, "NoSuchVersion")))

    for read in (client.read_bytes, client.read_text, client.open):
        with pytest.raises(S3FileNotFoundError, match="that version") as caught:
            read("k", version_id="unknown")
        assert isinstance(caught.value, S3DownloadError)


def test_what_was_stored_is_told_without_asking_again() -> None:
    def dated(sent: Sent) -> Answer:
        told = take(sent)
        headers = {"date": "Sat, 31 Jan 2026 18:06:11 GMT", "x-amz-version-id": "v1"}
        return Answer(told.status, told.body, {**told.headers, **headers})

    s3 = CannedS3(dated)

    stored = client_to(s3).write_bytes("a.csv", b"1,2", metadata={"n": "1"}, tags={"t": "2"})

    assert stored == S3FileInfo(
        "a.csv",
        3,
        dt.datetime(2026, 1, 31, 18, 6, 11, tzinfo=dt.UTC),
        etag_of(b"1,2").strip('"'),
        "STANDARD",
        content_type="text/csv",
        metadata={"n": "1"},
        version_id="v1",
        checksum=S3Checksum("CRC64NVME", checksum_of(b"1,2"), "FULL_OBJECT"),
    )
    [sent] = s3.sent
    assert sent.headers["x-amz-tagging"] == "t=2"
    assert sent.headers[CHECKSUM] == checksum_of(b"1,2")


def test_where_no_date_is_told_this_machines_counts() -> None:
    stored = client_to(CannedS3(take)).write_bytes("k", b"")

    assert abs(dt.datetime.now(dt.UTC) - stored.last_modified) < dt.timedelta(minutes=1)


def test_what_is_stored_already_stays_where_it_has_to() -> None:
    s3 = CannedS3(otherwise=lambda _: error_answer(412, "PreconditionFailed"))
    client = client_to(s3)

    for write in (
        lambda: client.write_bytes("k", b"1", if_exists="fail"),
        lambda: client.write_text("k", "1", if_exists="fail"),
        lambda: client.open("k", "x").close(),
        lambda: client.open("k", "xb").close(),
        lambda: client.open("k", "w", if_exists="fail").close(),
    ):
        with pytest.raises(S3ConflictError) as caught:
            write()
        assert isinstance(caught.value, S3UploadError)

    assert [sent.headers.get("if-none-match") for sent in s3.sent] == ["*"] * 5


def test_what_was_changed_meanwhile_stays_too() -> None:
    s3 = CannedS3(otherwise=lambda _: error_answer(412, "PreconditionFailed"))
    client = client_to(s3)

    for write in (
        lambda: client.write_bytes("k", b"1", if_match="e1"),
        lambda: client.write_text("k", "1", if_match="e1"),
        lambda: client.open("k", "wb", if_match="e1").close(),
    ):
        with pytest.raises(S3ConflictError):
            write()

    assert [sent.headers.get("if-match") for sent in s3.sent] == ['"e1"'] * 3


# Text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "utf-8-sig"])
def test_text_comes_back_as_it_was_line_ends_and_all(encoding: str) -> None:
    s3 = CannedS3(take)
    client_to(s3).write_text("k.txt", TEXT, encoding=encoding)
    stored = s3.sent[0]

    client, _ = client_with(stored.body)

    assert stored.headers["content-type"] == "text/plain"
    assert stored.body == TEXT.encode(encoding)
    assert client.read_text("k.txt", encoding=encoding) == TEXT


def test_what_is_no_text_is_an_error_that_says_where() -> None:
    client, _ = client_with(b"abc\xff\xfe")

    with pytest.raises(UnicodeError) as caught:
        client.read_text("k.txt")

    error: Any = caught.value
    assert S3DownloadError in type(error).mro()
    assert ValueError in type(error).mro()
    assert error.message == (
        "Cannot read 'k.txt' from bucket 'unit-tests': it is no utf-8 text at byte 3 "
        "(invalid start byte)."
    )
    assert (error.key, error.bucket) == ("k.txt", "unit-tests")
    assert isinstance(error.__cause__, UnicodeDecodeError)
    assert type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - made just now
    assert client.read_text("k.txt", errors="replace") == "abc\ufffd\ufffd"


def test_a_file_object_meets_what_is_no_text_as_pythons_own_do() -> None:
    client, _ = client_with(b"abc\xff\xfe")

    with client.open("k.txt") as file, pytest.raises(UnicodeDecodeError, match="position 3"):
        file.read()
    with client.open("k.txt", errors="replace") as file:
        assert file.read() == "abc\ufffd\ufffd"


def test_what_has_no_place_at_which_it_is_no_text_is_an_error_too() -> None:
    client, _ = client_with(b"\0\0")

    with pytest.raises(UnicodeError, match="no utf-16 text"):
        client_with(b"\0\0\0")[0].read_text("k", encoding="utf-16")
    with pytest.raises(S3DownloadError, match="no idna text"):
        client_with(b"xn--\xff")[0].read_text("k", encoding="idna")
    assert client.read_text("k", encoding="utf-16") == "\0"


def test_text_that_cannot_be_expressed_is_refused_before_any_request() -> None:
    s3 = CannedS3()

    for text, encoding in (("ab\ud800", "utf-8"), ("abé", "ascii")):
        with pytest.raises(S3ConfigError, match=f"{encoding} cannot express its character 2"):
            client_to(s3).write_text("k", text, encoding=encoding)

    assert s3.sent == []


# Files


@pytest.mark.parametrize("mode", ["r", "rt", "tr", "rb", "br"])
def test_every_mode_for_reading_reads(mode: Any) -> None:
    client, _ = client_with(TEXT.encode())

    with client.open("k", mode) as file:
        content = file.read()

    assert content == (TEXT.encode() if "b" in mode else TEXT.replace("\r\n", "\n"))
    assert file.mode == ("rb" if "b" in mode else "r")


@pytest.mark.parametrize("mode", ["w", "wt", "tw", "wb", "bw", "x", "xt", "tx", "xb", "bx"])
def test_every_mode_for_writing_stores_at_the_end(mode: Any) -> None:
    s3 = CannedS3(take)

    with client_to(s3).open("k.txt", mode, content_type="a/b") as file:
        file.write(TEXT.encode() if "b" in mode else TEXT)
        assert s3.sent == []

    [sent] = s3.sent
    assert (sent.key, sent.body, sent.headers["content-type"]) == ("k.txt", TEXT.encode(), "a/b")
    assert sent.headers.get("if-none-match") == ("*" if "x" in mode else None)


def test_text_files_have_the_encoding_errors_and_line_ends_that_were_asked_for() -> None:
    client, _ = client_with(b"\xe9\r\n")
    with client.open("k", encoding="latin-1", newline="") as file:
        assert file.read() == "é\r\n"
    with client.open("k", encoding="ascii", errors="replace") as file:
        assert file.read() == "\ufffd\n"
    s3 = CannedS3(take)
    with client_to(s3).open("k", "w", encoding="utf-16-le", newline="\r\n") as file:
        file.write("a\n")
    assert s3.sent[0].body == "a\r\n".encode("utf-16-le")


def test_a_missing_file_shows_when_it_is_opened() -> None:
    client = client_to(CannedS3(otherwise=lambda _: error_answer(404, "NoSuchKey")))

    with pytest.raises(S3FileNotFoundError, match="Cannot read 'k'"):
        client.open("k")


def test_a_block_that_raises_sends_nothing() -> None:
    s3 = CannedS3()

    with pytest.raises(KeyError), client_to(s3).open("k", "w") as file:
        file.write({"nothing": "x"}["something"])

    assert s3.sent == []


def test_what_closing_cannot_store_is_an_upload_error() -> None:
    file = client_to(CannedS3(error_answer(403, "AccessDenied"))).open("k", "wb")
    file.write(b"x")

    with pytest.raises(S3UploadError, match="s3:PutObject is missing"):
        file.close()


# Arguments

Call = Callable[[S3Client], object]


def released() -> memoryview:
    view = memoryview(b"1234")
    view.release()
    return view


REFUSED: dict[str, tuple[str, Call]] = {
    "a negative start": ("start", lambda s3: s3.read_bytes("k", start=-1)),
    "a negative stop": ("stop", lambda s3: s3.read_bytes("k", stop=-1)),
    "a reversed range": ("stop", lambda s3: s3.read_bytes("k", start=5, stop=4)),
    "a start that is True": ("start", lambda s3: s3.read_bytes("k", start=True)),
    "a start of text": ("start", lambda s3: s3.read_bytes("k", start="1")),  # type: ignore[arg-type]  # nonsense on purpose
    "a start with a point": ("start", lambda s3: s3.read_bytes("k", start=1.0)),  # type: ignore[arg-type]  # the same
    "a start beyond S3": ("start", lambda s3: s3.read_bytes("k", start=1 << 60)),
    "an empty version": ("version_id", lambda s3: s3.read_bytes("k", version_id="")),
    "an empty version of text": ("version_id", lambda s3: s3.read_text("k", version_id="")),
    "an empty version to open": ("version_id", lambda s3: s3.open("k", version_id="")),
    "no key": ("s3_key", lambda s3: s3.read_bytes("")),
    "no key for text": ("s3_key", lambda s3: s3.read_text("")),
    "no key for writing": ("s3_key", lambda s3: s3.write_bytes("", b"")),
    "no key for writing text": ("s3_key", lambda s3: s3.write_text("", "")),
    "no key to open": ("s3_key", lambda s3: s3.open("")),
    "no such encoding": ("encoding", lambda s3: s3.read_text("k", encoding="utf-9")),
    "an encoding of bytes": ("encoding", lambda s3: s3.read_text("k", encoding="hex")),
    "an encoding with NUL": ("encoding", lambda s3: s3.read_text("k", encoding="a\0")),
    "no encoding": ("encoding", lambda s3: s3.read_text("k", encoding=None)),  # type: ignore[arg-type]  # the same
    "no such handler": ("errors", lambda s3: s3.read_text("k", errors="ignored")),
    "no such handler in writing": ("errors", lambda s3: s3.write_text("k", "", errors="x")),
    "text as bytes": ("content", lambda s3: s3.write_bytes("k", "text")),  # type: ignore[arg-type]  # the same
    "a number as bytes": ("content", lambda s3: s3.write_bytes("k", 5)),  # type: ignore[arg-type]  # the same
    "every second byte": ("content", lambda s3: s3.write_bytes("k", memoryview(b"1234")[::2])),
    "memory that is released": ("content", lambda s3: s3.write_bytes("k", released())),
    "too many tags": (
        "tags",
        lambda s3: s3.write_bytes("k", b"", tags={str(number): "" for number in range(11)}),
    ),
    "too much metadata": (
        "metadata",
        lambda s3: s3.write_bytes("k", b"", metadata={"a": "b" * 2048}),
    ),
    "bytes as text": ("text", lambda s3: s3.write_text("k", b"1")),  # type: ignore[arg-type]  # the same
    "a choice that is none": ("if_exists", lambda s3: s3.write_bytes("k", b"", if_exists="x")),  # type: ignore[arg-type]  # the same
    "an ETag with quotes": ("if_match", lambda s3: s3.write_bytes("k", b"", if_match='"e"')),
    "any ETag": ("if_match", lambda s3: s3.write_bytes("k", b"", if_match="*")),
    "an empty ETag": ("if_match", lambda s3: s3.write_bytes("k", b"", if_match="")),
    "an ETag of bytes": ("if_match", lambda s3: s3.write_bytes("k", b"", if_match=b"e")),  # type: ignore[arg-type]  # the same
    "two conditions": (
        "if_match",
        lambda s3: s3.write_bytes("k", b"", if_match="e", if_exists="fail"),
    ),
    "two conditions by mode": ("if_match", lambda s3: s3.open("k", "x", if_match="e")),
    "a line end in metadata": ("metadata", lambda s3: s3.open("k", "w", metadata={"a": "\n"})),
    "appending": ("mode", lambda s3: s3.open("k", "a")),  # type: ignore[call-overload]  # the same
    "changing": ("mode", lambda s3: s3.open("k", "r+b")),  # type: ignore[call-overload]  # the same
    "no mode": ("mode", lambda s3: s3.open("k", "")),  # type: ignore[call-overload]  # the same
    "two modes": ("mode", lambda s3: s3.open("k", "rw")),  # type: ignore[call-overload]  # the same
    "two kinds": ("mode", lambda s3: s3.open("k", "rtb")),  # type: ignore[call-overload]  # the same
    "a mode twice": ("mode", lambda s3: s3.open("k", "rr")),  # type: ignore[call-overload]  # the same
    "a mode of bytes": ("mode", lambda s3: s3.open("k", b"r")),  # type: ignore[call-overload]  # the same
    "bytes with an encoding": ("encoding", lambda s3: s3.open("k", "rb", encoding="utf-8")),  # type: ignore[call-overload]  # the same
    "bytes with errors": ("errors", lambda s3: s3.open("k", "wb", errors="ignore")),  # type: ignore[call-overload]  # the same
    "bytes with line ends": ("newline", lambda s3: s3.open("k", "rb", newline="")),  # type: ignore[call-overload]  # the same
    "no such line end": ("newline", lambda s3: s3.open("k", newline="x")),
    "a line end of bytes": ("newline", lambda s3: s3.open("k", newline=b"\n")),  # type: ignore[call-overload]  # the same
    "reading with a type": ("content_type", lambda s3: s3.open("k", content_type="a/b")),  # type: ignore[call-overload]  # the same
    "writing a version": ("version_id", lambda s3: s3.open("k", "w", version_id="v")),  # type: ignore[call-overload]  # the same
}


@pytest.mark.parametrize(("argument", "call"), REFUSED.values(), ids=REFUSED)
@pytest.mark.promise(6)
def test_nonsense_about_contents_is_refused_before_any_request(argument: str, call: Call) -> None:
    s3 = CannedS3()

    with pytest.raises(S3ConfigError, match=f"The argument {argument}=") as caught:
        call(client_to(s3))

    assert isinstance(caught.value, ValueError)
    assert caught.value.suggestion
    assert s3.sent == []


def test_appending_is_refused_with_what_to_do() -> None:
    with pytest.raises(S3ConfigError, match=r"cannot append .* write it anew"):
        client_to(CannedS3()).open("k", "ab")  # type: ignore[call-overload]  # nonsense on purpose


def test_numbers_of_other_libraries_are_numbers() -> None:
    class Number:
        def __index__(self) -> int:
            return 2

    client, _ = client_with(b"0123")

    assert client.read_bytes("k", start=Number()) == b"23"  # type: ignore[arg-type]  # as numpy's


def test_a_file_object_is_one_of_pythons_own() -> None:
    client, _ = client_with(b"")

    assert isinstance(client.open("k", "rb"), io.BufferedReader)
    assert isinstance(client.open("k"), io.TextIOWrapper)
    with client_to(CannedS3(take)).open("k", "wb") as file:
        assert isinstance(file, io.BufferedWriter)
