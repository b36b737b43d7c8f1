"""Refusing arguments of calls that are nonsense, before anything is sent or opened."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, cast
from urllib.parse import quote

from s3_integration import utils
from s3_integration.content_types import guess_type
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3_integration.choices import IfExists

_SEPARATORS = tuple({os.sep, os.altsep or os.sep})


def names_folder(local_path: str | os.PathLike[str], path: Path) -> bool:
    """Whether a path means a folder: it is one, or ends like one.

    Args:
        local_path: as it was given.
        path: the same, checked, which has lost its last slash.
    """
    return os.fspath(local_path).endswith(_SEPARATORS) or _is_folder(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the service finds it too, and tells of it
        return False


def checked_path(local_path: object, argument: str = "local_path") -> Path:
    """A path of this machine; whether something is there is not looked at."""
    if not isinstance(local_path, str | os.PathLike):
        raise refusal(argument, local_path, f"it is a {type(local_path).__name__}")
    text = os.fspath(local_path)
    if not isinstance(text, str) or not text:
        raise refusal(argument, local_path, "it has to be text that names a file")
    if "\0" in text:
        raise refusal(argument, local_path, "it holds a NUL character")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise refusal(argument, local_path, "no file can have such a name") from None
    return Path(text)


def checked_key(key: object, argument: str = "s3_key") -> str:
    """A key that S3 can have."""
    return check_text(argument, key, utils.key_problem)


def check_version_id(version_id: object) -> None:
    """Refuse what can be no version's id; None means the latest."""
    if version_id is not None:
        check_text("version_id", version_id, utils.key_problem)  # the same limits


def checked_range(start: object, stop: object) -> tuple[int, int | None]:
    """A range of bytes, as slices have them, without what counts from the end."""
    first = _checked_offset("start", start) or 0
    end = _checked_offset("stop", stop)
    if end is not None and end < first:
        raise refusal("stop", stop, f"it lies before start={first}")
    return first, end


def _checked_offset(argument: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise refusal(argument, value, f"it is a {type(value).__name__}, not a number of bytes")
    number = operator.index(value)
    if number < 0:
        raise refusal(argument, value, "it is negative")
    if number > utils.MAX_OBJECT_SIZE_BYTES:
        raise refusal(argument, value, "it lies beyond the 50 TB that S3 allows")
    return number


def checked_buffer(content: object) -> Buffer:
    """Something that shows its bytes, one after another."""
    if isinstance(content, str):
        raise refusal("content", content, "it is text", "Use write_text, or encode it.")
    buffer = cast("Buffer", content)  # whether it is one, is seen now
    try:
        memoryview(buffer).cast("B")
    except (TypeError, ValueError):  # ValueError: its memory has been released
        problem = f"it is a {type(content).__name__}, which does not show its bytes in one piece"
        raise refusal("content", content, problem, "Give bytes.") from None
    return buffer


def check_if_match(if_match: object, if_exists: IfExists) -> None:
    """Refuse what can be no ETag, and what asks for the opposite of it."""
    if if_match is None:
        return
    etag = _checked_header("if_match", if_match)
    if not etag or not set(etag).isdisjoint('" *,'):
        raise refusal("if_match", if_match, "it is no ETag, as file_info tells it")
    if if_exists == "fail":
        raise refusal("if_match", if_match, "with if_exists='fail' nothing could be stored")


def checked_file_name(key: str) -> str:
    """The name, inside a folder that the caller chose, of the file for `key`."""
    name = key.rpartition("/")[2]
    if problem := utils.file_name_problem(name):
        raise refusal(
            "s3_key", key, problem, "Give local_path as the path of the file, not of its folder."
        )
    return name


def check_text(argument: str, value: object, problem_of: Callable[[str], str | None]) -> str:
    """Text that `problem_of` has nothing to say against."""
    if not isinstance(value, str):
        raise refusal(argument, value, f"it is a {type(value).__name__}, not text")
    if problem := problem_of(value):
        raise refusal(argument, value, problem)
    return value


def check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is none of `choices`."""
    if value not in choices:
        raise refusal(argument, value, f"it has to be one of {', '.join(choices)}")


def check_flag(argument: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise refusal(argument, value, f"it is a {type(value).__name__}, not True or False")


def check_callback(progress: object) -> None:
    """Refuse what cannot be called."""
    if progress is not None and not callable(progress):
        raise refusal("progress", progress, f"it is a {type(progress).__name__}, not callable")


def checked_folder(argument: str, prefix: object) -> str:
    """What the keys of a folder begin with: nothing, or text that ends in a slash."""
    text = check_text(argument, prefix, utils.prefix_problem)
    folder = text if not text or text.endswith("/") else f"{text}/"
    return check_text(argument, folder, utils.prefix_problem)  # with the slash it may be too long


def checked_bucket_name(bucket_name: object, argument: str = "source_bucket") -> str:
    """A bucket's name that S3 can have."""
    return check_text(argument, bucket_name, utils.bucket_name_problem)


def checked_validity(expires_in_seconds: object) -> int:
    """For how long a link may hold (API Reference, X-Amz-Expires)."""
    number = _checked_number("expires_in_seconds", expires_in_seconds)
    if not 1 <= number <= _LONGEST_LINK_SECONDS:
        problem = f"a link holds between 1 and {_LONGEST_LINK_SECONDS} seconds, which is 7 days"
        raise refusal("expires_in_seconds", expires_in_seconds, problem)
    return number


_LONGEST_LINK_SECONDS = 7 * 24 * 60 * 60


def checked_size(size_bytes: object) -> str | None:
    """The size of an upload by one request, as a header tells it."""
    if size_bytes is None:
        return None
    number = _checked_number("size_bytes", size_bytes)
    if not 0 <= number <= utils.MAX_PART_SIZE_BYTES:
        problem = f"one request stores 0 to {utils.MAX_PART_SIZE_BYTES} bytes"
        raise refusal("size_bytes", size_bytes, problem)
    return str(number)


def _checked_number(argument: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(argument, value, f"it is a {type(value).__name__}, not a whole number")
    return value


def checked_header(argument: str, value: str | None) -> str | None:
    """What a header can carry; None where there is none."""
    if value is None:
        return None
    if value == "":
        raise refusal(argument, value, "it is empty")
    return _checked_header(argument, value)


def checked_disposition(file_name: str | None) -> str | None:
    """The header by which browsers save a file under that name (RFC 6266, appendix D)."""
    if file_name is None:
        return None
    name = _checked_line("file_name", file_name)
    if problem := utils.file_name_problem(name) or utils.key_problem(name):
        raise refusal("file_name", file_name, problem)
    if "/" in name:
        raise refusal("file_name", file_name, "it holds a slash: give the last part of a path")
    plain = "".join(c if c.isascii() and c not in '"%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def checked_tags(tags: object) -> Mapping[str, str]:
    """Tags that S3 takes."""
    if not isinstance(tags, Mapping):
        raise refusal("tags", tags, f"it is a {type(tags).__name__}, not a mapping")
    words = checked_words("tags", tags)
    if problem := utils.tags_problem(words):
        raise refusal("tags", tags, problem)
    return words


def checked_tags_of_upload(tags: Mapping[str, str] | None) -> Mapping[str, str]:
    """The same for what is to be stored, which need not have any."""
    return {} if tags is None else checked_tags(tags)


def checked_content_type(content_type: str | None, name: str) -> str:
    """The content type that was given, else the one that the file's name tells."""
    if content_type is None or content_type == "":
        return guess_type(name)
    return _checked_header("content_type", content_type)


def checked_metadata(metadata: Mapping[str, str] | None) -> Mapping[str, str]:
    """Metadata, which become headers: x-amz-meta-NAME: VALUE."""
    words = checked_words("metadata", metadata)
    for name, value in words.items():
        if not re.fullmatch(_HEADER_NAME, name):
            problem = f"{name!a} cannot be part of a header's name"
            raise refusal("metadata", metadata, problem)
        _checked_header("metadata", value)
    if problem := utils.metadata_problem(words):
        raise refusal("metadata", metadata, problem)
    return words


_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, section 5.6.2


def checked_words(argument: str, words: Mapping[str, str] | None) -> Mapping[str, str]:
    """Names and values that are text of one line."""
    if words is None:
        return {}
    if not isinstance(words, Mapping):
        raise refusal(argument, words, f"it is a {type(words).__name__}, not a mapping")
    for name, value in words.items():
        _checked_line(argument, name)
        _checked_line(argument, value)
    return dict(words)


def _checked_header(argument: str, value: object) -> str:
    line = _checked_line(argument, value)
    if not line.isascii():
        raise refusal(argument, value, "it holds a character beyond ASCII")
    return line


def _checked_line(argument: str, value: object) -> str:
    if not isinstance(value, str):
        raise refusal(argument, value, f"it is a {type(value).__name__}, not text")
    if not value.isprintable():
        raise refusal(argument, value, "it holds a control character, such as a line end")
    return value


def refusal(argument: str, value: object, problem: str, suggestion: str = "") -> S3ConfigError:
    """The error that tells of an argument that cannot be used."""
    shown = ascii(value)
    shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
    return S3ConfigError(
        f"The argument {argument}={shown} cannot be used: {problem}.",
        suggestion=suggestion or f"Call again with another {argument}.",
    )


_MOST_SHOWN = 120
