"""Text and the modes of files: what a caller means by them, and what is refused."""

from __future__ import annotations

import codecs
import io
from typing import Literal, NamedTuple

from s3_integration.arguments import refusal
from s3_integration.exceptions import S3DownloadError, S3IntegrationError, both


class Codec(NamedTuple):
    """How text becomes bytes, and bytes text."""

    encoding: str = "utf-8"
    errors: str = "strict"
    newline: str | None = None


class Mode(NamedTuple):
    """What a file is opened for."""

    deed: Literal["r", "w", "x"]
    codec: Codec | None
    """None: for bytes."""


_NEWLINES = (None, "", "\n", "\r", "\r\n")  # those of Python's own `open`

_DEEDS: tuple[Literal["r", "w", "x"], ...] = ("r", "w", "x")


def checked_mode(
    mode: object, encoding: str | None, errors: str | None, newline: str | None
) -> Mode:
    """The mode that `open` was given, with the codec that it was given for text."""
    deed = _checked_deed(mode)
    if "b" not in str(mode):
        return Mode(deed, checked_codec(encoding or "utf-8", errors or "strict", newline))
    for name, value in (("encoding", encoding), ("errors", errors), ("newline", newline)):
        if value is not None:
            raise refusal(name, value, f"the mode {mode!r} is for bytes, and this for text")
    return Mode(deed, None)


def _checked_deed(mode: object) -> Literal["r", "w", "x"]:
    if not isinstance(mode, str):
        raise refusal("mode", mode, f"it is a {type(mode).__name__}, not text")
    if "a" in mode:
        suggestion = "Read the file, and write it anew with what is to be added."
        raise refusal("mode", mode, "S3 cannot append to what it stores", suggestion)
    if "+" in mode:
        suggestion = "Open it for reading, then, with another call, for writing."
        raise refusal("mode", mode, "S3 cannot change a part of what it stores", suggestion)
    for deed in _DEEDS:
        if sorted(mode) in (sorted(deed + kind) for kind in ("", "t", "b")):
            return deed
    raise refusal("mode", mode, "it has to be 'r', 'w' or 'x', and 't' or 'b' with it")


def checked_codec(encoding: object, errors: object, newline: str | None = None) -> Codec:
    """An encoding of text, a way to handle errors and a line end that Python knows."""
    for name, value in (("encoding", encoding), ("errors", errors)):
        if not isinstance(value, str):
            raise refusal(name, value, f"it is a {type(value).__name__}, not text")
    encoding, errors = str(encoding), str(errors)
    try:
        codecs.lookup_error(errors)
    except LookupError:
        raise refusal("errors", errors, "Python knows no such handler") from None
    if newline not in _NEWLINES:
        raise refusal("newline", newline, f"it has to be one of {_NEWLINES}")
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
    except (LookupError, ValueError):
        raise refusal("encoding", encoding, "Python knows no such encoding of text") from None
    return Codec(encoding, errors, newline)


def checked_encoded(text: object, codec: Codec) -> bytes:
    """Text as bytes."""
    if not isinstance(text, str):
        raise refusal("text", text, f"it is a {type(text).__name__}; write_bytes stores bytes")
    try:
        return text.encode(codec.encoding, codec.errors)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        problem = f"{codec.encoding} cannot express its character {start}, {text[start]!a}"
        raise refusal("text", text, problem, "Choose another encoding, or errors=...") from error


def decoded(content: bytes, codec: Codec, *, bucket: str, key: str) -> str:
    """Bytes as text.

    Raises:
        S3DownloadError: and a `UnicodeError`: they are none.
    """
    try:
        return content.decode(codec.encoding, codec.errors)
    except UnicodeError as error:
        raise _no_text(error, codec, bucket, key) from error


def _no_text(error: UnicodeError, codec: Codec, bucket: str, key: str) -> S3IntegrationError:
    at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    why = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return both(S3DownloadError, UnicodeError)(
        f"Cannot read {key!r} from bucket {bucket!r}: it is no {codec.encoding} text{at} ({why}).",
        operation="read",
        bucket=bucket,
        key=key,
        suggestion="Name its encoding, give errors='replace', or use read_bytes.",
    )
