"""Pure rules of S3: names, keys, sizes, parts. Nothing here reads or sends anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

# Amazon S3 User Guide, "Amazon S3 multipart upload limits".
MIN_PART_SIZE_BYTES = 5 * MIB
MAX_PART_SIZE_BYTES = 5 * GIB
MAX_PARTS = 10_000
MAX_OBJECT_SIZE_BYTES = MAX_PART_SIZE_BYTES * MAX_PARTS

# Amazon S3 User Guide, "Naming Amazon S3 objects".
MAX_KEY_BYTES = 1024

# Amazon S3 User Guide, "Working with object metadata".
MAX_METADATA_BYTES = 2 * KIB

# Amazon S3 User Guide, "Categorizing your objects using tags".
MAX_TAGS = 10
MAX_TAG_NAME_CHARACTERS = 128
MAX_TAG_VALUE_CHARACTERS = 256

DEFAULT_BUCKET_NAME = "peerpilot-kiro-data"

# Patterns as text, which `re` compiles once on first use: importing the package costs less.

# Amazon S3 User Guide, "General purpose bucket naming rules".
_BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# Refused even where no such address exists (999.1.1.1).
_FOUR_NUMBERS = r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"
_RESERVED_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

# RFC 1123, section 2.1: what one label of a host name may be; a region becomes one.
HOST_LABEL = r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)"


class ByteRange(NamedTuple):
    """Bytes `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes the range covers."""
        return self.stop - self.start


def bucket_name_problem(name: str) -> str:
    """Why S3 would refuse `name` for a bucket; "" when it would not."""
    reserved = [affix for affix in _RESERVED_BUCKET_PREFIXES if name.startswith(affix)]
    reserved += [affix for affix in _RESERVED_BUCKET_SUFFIXES if name.endswith(affix)]
    problems = {
        f"it has {len(name)} characters, S3 wants 3 to 63": not 3 <= len(name) <= 63,
        "S3 allows lower-case letters, digits, dots and hyphens, "
        "with a letter or a digit at both ends": not re.fullmatch(_BUCKET_NAME, name),
        "two dots may not stand side by side": ".." in name,
        "it may not look like an IP address": re.fullmatch(_FOUR_NUMBERS, name),
        f"names that begin or end with {''.join(reserved[:1])!r} are reserved by AWS": reserved,
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def key_problem(key: str) -> str:
    """Why S3 cannot store anything under `key`; "" when it can."""
    if not key:
        return "it is empty"
    try:
        size_bytes = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        return "it holds a lone surrogate, which UTF-8 cannot express"
    if size_bytes > MAX_KEY_BYTES:
        return f"it takes {size_bytes} bytes in UTF-8, S3 allows {MAX_KEY_BYTES}"
    return ""


def prefix_problem(prefix: str) -> str:
    """Why S3 cannot list by `prefix`; "" when it can."""
    return key_problem(prefix) if prefix else ""


def file_name_problem(name: str) -> str:
    """Why `name`, the last part of a key, cannot become a file inside a folder; "" when it can."""
    if name in {"", ".", ".."}:
        return f"its last part is {name!r}, which names no file"
    if "\0" in name:
        return "its last part holds a NUL character"
    if "\\" in name:
        return "its last part holds a backslash, which is a folder separator on Windows"
    return ""


def metadata_problem(metadata: Mapping[str, str]) -> str:
    """Why S3 would refuse the metadata of an object; "" when it would not."""
    size_bytes = sum(len(text.encode()) for pair in metadata.items() for text in pair)
    if size_bytes > MAX_METADATA_BYTES:
        return f"it takes {size_bytes} bytes, S3 allows {MAX_METADATA_BYTES}"
    # S3 keeps names in lower case (User Guide, "User-defined object metadata").
    spellings: dict[str, str] = {}
    for name in metadata:
        first = spellings.setdefault(name.lower(), name)
        if first != name:
            return f"{first!a} and {name!a} are one name to S3, which keeps names in lower case"
    return ""


def tags_problem(tags: Mapping[str, str]) -> str:
    """Why S3 would refuse the tags of an object; "" when it would not."""
    if len(tags) > MAX_TAGS:
        return f"there are {len(tags)} of them, S3 allows {MAX_TAGS}"
    problems = (
        _tag_problem(f"the name {name!r}", name, MAX_TAG_NAME_CHARACTERS)
        or _tag_problem(f"the value {value!r}", value, MAX_TAG_VALUE_CHARACTERS)
        or _tag_name_problem(name)
        for name, value in tags.items()
    )
    return next(filter(None, problems), "")


def _tag_problem(what: str, text: str, most: int) -> str:
    # S3 counts as Java and JavaScript do: a character beyond U+FFFF is two.
    if len(text.encode("utf-16-le", "surrogatepass")) > 2 * most:
        return f"{what} has more than {most} characters"
    # A shared library, which every import of the package would load for tags that few set.
    import unicodedata  # noqa: PLC0415 - 2 ms of each import, for tags alone

    wrong = [c for c in text if unicodedata.category(c)[0] not in "LNZ" and c not in "+-=._:/@"]
    return f"{what} holds {wrong[0]!r}, which no tag can" if wrong else ""


def _tag_name_problem(name: str) -> str:
    if not name:
        return "the name of one is empty"
    return "names that begin with 'aws:' are reserved" if name.lower().startswith("aws:") else ""


def region_problem(region: str) -> str:
    """Why `region` cannot be an AWS region; "" when it can."""
    if not re.fullmatch(HOST_LABEL, region) or region.isdigit():
        return "a region is letters, digits and hyphens, such as 'eu-central-1'"
    return ""


def is_visible_ascii(text: str) -> bool:
    """Whether `text` has nothing but letters, digits and signs of ASCII: no blank, no line end."""
    return all(33 <= ord(character) <= 126 for character in text)


def part_size_for(object_size_bytes: int, preferred_bytes: int) -> int:
    """The size of a part, so that at most 10,000 parts hold the whole object.

    The preferred size where that suffices, else the least whole number of MiB that does.
    """
    least = -(-object_size_bytes // MAX_PARTS)
    if least <= preferred_bytes:
        return preferred_bytes
    return -(-least // MIB) * MIB


def split_into_ranges(start: int, stop: int, step: int) -> Iterator[ByteRange]:
    """Cut `start` up to `stop` into ranges of `step` bytes; the last may be shorter."""
    for offset in range(start, stop, step):
        yield ByteRange(offset, min(offset + step, stop))


def backoff_seconds(attempt: int, *, base_seconds: float, jitter: float) -> float:
    """How long to wait after failed attempt number `attempt` (1 is the first).

    Exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And
    Jitter"): `jitter`, between 0 and 1, says where between nothing and the whole wait.
    """
    return jitter * min(MAX_BACKOFF_SECONDS, base_seconds * 2.0 ** (attempt - 1))


MAX_BACKOFF_SECONDS = 20.0
