"""Which keys may become files below a folder. Pure rules: nothing here looks at a disk.

Keys are whoever's who may write to the bucket, and S3 takes nearly any text for one. So what
is no ordinary name on every file system is refused, and nothing is made to fit: two keys
that are made to fit may become one file.
"""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_BYTES = 255
"""Of one file or folder, on nearly every file system (limits.h, `NAME_MAX`)."""

MAX_PATH_BYTES = 4095
"""Of a whole path, without its NUL (limits.h, `PATH_MAX`)."""

TEMPORARY_SUFFIX = ".s3-partial"
"""The end of our own temporary files' names (`transfer.partial.PARTIAL_SUFFIX`)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DRIVE = re.compile(r"[a-z]:", re.ASCII | re.IGNORECASE)
# Microsoft, "Naming Files, Paths, and Namespaces"; blanks before the extension don't count.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE
)
_NEARLY_ANY_DEVICE = frozenset("cpanlCPANL")

# What file systems that fold names leave out of them, as HFS+ and ext4's casefold do
# (Unicode 16, DerivedCoreProperties.txt, "Default_Ignorable_Code_Point").
_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def local_name_problem(relative_key: str, folder_size_bytes: int = 0) -> str:
    """Why what is stored under a key may not go below a folder; "" when it may.

    Args:
        relative_key: the key without the prefix that stands for the folder. A slash at its
            end makes it a folder's.
        folder_size_bytes: of the folder's own path.
    """
    if _SURROGATE.search(relative_key):
        return "it holds a lone surrogate, which UTF-8 cannot express"
    if _CONTROL.search(relative_key):
        return "it holds a control character"
    if "\\" in relative_key:
        return "it holds a backslash, which is a folder separator on Windows"
    if relative_key.startswith("/"):
        return "it begins with a slash, as paths from the root do"
    parts = parts_of(relative_key)
    problem = next(filter(None, map(_part_problem, parts)), "")
    return problem or _size_problem(relative_key, parts, folder_size_bytes)


def parts_of(relative_key: str) -> tuple[str, ...]:
    """The names of folders, and of the file or folder in the last of them."""
    return tuple(relative_key.removesuffix("/").split("/"))


def is_folder(relative_key: str) -> bool:
    """Whether a key stands for a folder, as those do that S3's console makes."""
    return relative_key.endswith("/")


def _part_problem(part: str) -> str:
    """Why a file or folder may not be named so; "" when it may."""
    if part in {"", ".", ".."}:
        return f"a part of it is {part!r}, which names no file or folder" if part else _EMPTY
    if part[-1] in ". ":
        return "a part of it ends with a dot or a blank, which Windows drops"
    if part[1:2] == ":" and _DRIVE.match(part):
        return f"a part of it begins with {part[:2]!r}, as Windows' drives do"
    if part[0] in _NEARLY_ANY_DEVICE and _DEVICE.fullmatch(part):
        return f"a part of it is {part!r}, which Windows keeps for a device"
    if part.lower().endswith(TEMPORARY_SUFFIX):
        return f"a part of it ends with {TEMPORARY_SUFFIX!r}, as unfinished downloads do"
    return ""


_EMPTY = "a part of it is empty, and no file or folder has such a name"


def _size_problem(relative_key: str, parts: tuple[str, ...], folder_size_bytes: int) -> str:
    # One character takes 4 bytes at most, and most keys are short.
    if 4 * len(relative_key) > MAX_NAME_BYTES:
        longest = max(len(part.encode()) for part in parts)
        if longest > MAX_NAME_BYTES:
            return f"a part of it takes {longest} bytes, file systems allow {MAX_NAME_BYTES}"
    path_bytes = folder_size_bytes + 1 + len(relative_key.encode())
    if path_bytes > MAX_PATH_BYTES:
        return f"its path would take {path_bytes} bytes, systems allow {MAX_PATH_BYTES}"
    return ""


def folded(relative_key: str) -> str:
    """What two keys have in common that some file system takes for one name.

    Unicode's canonical caseless match (Unicode Standard, section 3.13, D145), without what
    cannot be seen. Not the compatible one (NFKC): no file system takes `²` for `2`.
    """
    if relative_key.isascii():
        return relative_key.lower()
    seen = unicodedata.normalize("NFD", _IGNORED.sub("", relative_key))
    return unicodedata.normalize("NFD", seen.casefold())
