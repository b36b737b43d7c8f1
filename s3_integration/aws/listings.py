"""Reading the objects that a listing's page tells of, all at once.

botocore reads each by its model of S3's answers, and takes 15 µs for it: most of what a listing
takes. The rest of the page, and every page that is not as usual, is botocore's to read.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.compat import unquote_str

from s3_integration.models import S3FileInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client as Boto3Client

_EVENT = "before-parse.*.ListObjectsV2"
"""With `*` for S3, handlers come before those that botocore has for all of S3's answers: one of
these reads the whole page a first time, to see whether it is an error."""
_START, _STOP = b"<Contents>", b"</Contents>"
_HEAD_BYTES = 100
"""In which a document says in what encoding it is, if it does."""
USUAL_STORAGE_CLASS = "STANDARD"
"""Servers other than AWS may leave it out."""
_KEYS_ARE_URLS = b"<EncodingType>url</EncodingType>"

_READ = "ObjectsReadQuickly"
"""Under which a page tells of them. What is in Contents, botocore's handlers go through again."""

# Neither what XML forbids (XML 1.0, sections 2.2 and 2.4) nor what it changes (2.11).
_TEXT = "[^<>\x00-\x1f\x7f-\x9f\ufffe\uffff]*"
_OWNER = f"(?:<ID>{_TEXT}</ID>|<DisplayName>{_TEXT}</DisplayName>)*"
_UNREAD = f"<Owner>{_OWNER}</Owner>" + "".join(
    f"|<{name}>{_TEXT}</{name}>"
    for name in ("ChecksumAlgorithm", "ChecksumType", "Type")  # the last is Ceph's
)
_BETWEEN = rf"\s*(?:(?:{_UNREAD})\s*)*"
_OBJECT = re.compile(
    _BETWEEN.join(
        (  # in the order of S3's own answers (API Reference, "ListObjectsV2")
            "<Contents>",
            f"<Key>({_TEXT})</Key>",
            r"<LastModified>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?Z)</LastModified>",
            f"<ETag>({_TEXT})</ETag>",
            r"<Size>(\d{1,15})</Size>",
            f"(?:<StorageClass>({_TEXT})</StorageClass>)?",
            r"</Contents>\s*",
        )
    ),
    re.ASCII,
)
_REFERENCE = re.compile("&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def read_quickly(client: Boto3Client) -> None:
    """Let a client read the objects of ListObjectsV2's pages so that `files_of` has them."""
    client.meta.events.register(_EVENT, _read, unique_id=_READ)


def files_of(page: Mapping[str, Any]) -> list[S3FileInfo]:
    """The objects that a page of ListObjectsV2 tells of, whoever has read it."""
    read: list[S3FileInfo] | None = page.get(_READ)
    if read is not None:
        return read
    return [
        S3FileInfo(
            told["Key"],
            told["Size"],
            told["LastModified"].astimezone(dt.UTC),
            told.get("ETag", "").strip('"'),
            told.get("StorageClass") or USUAL_STORAGE_CLASS,
        )
        for told in page.get("Contents", ())
    ]


def _read(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    page: bytes = response_dict["body"]
    start, stop = page.find(_START), page.rfind(_STOP) + len(_STOP)
    if response_dict["status_code"] != 200 or start < 0 or not _is_in_utf8(page):
        return
    try:
        files = _files_in(page[start:stop].decode())
    except ValueError:
        return  # botocore says what it thinks of it
    rest = page[:start] + page[stop:]
    if _KEYS_ARE_URLS in rest:  # botocore has asked for it
        files = [_with_key_of_url(file) for file in files]
    customized_response_dict[_READ] = files
    response_dict["body"] = rest


def _is_in_utf8(page: bytes) -> bool:
    head = page[:_HEAD_BYTES].lower()
    return b"encoding" not in head or b"utf-8" in head


def _with_key_of_url(file: S3FileInfo) -> S3FileInfo:
    key = unquote_str(file.key)
    return file if key == file.key else replace(file, key=key)


def _files_in(xml: str) -> list[S3FileInfo]:
    """The objects that some elements tell of.

    Raises:
        ValueError: they are not the usual ones.
    """
    files, stop = [], 0
    for found in _OBJECT.finditer(xml):
        if found.start() != stop:
            break
        stop = found.end()
        key, time, etag, size, storage_class = found.groups()
        if "&" in key or "&" in etag:
            key, etag = _unescaped(key), _unescaped(etag)
        stored = dt.datetime.fromisoformat(time)
        storage_class = storage_class or USUAL_STORAGE_CLASS
        files.append(S3FileInfo(key, int(size), stored, etag.strip('"'), storage_class))
    if stop != len(xml):
        message = f"unusual: {xml[stop : stop + 100]}"
        raise ValueError(message)
    return files


def _unescaped(text: str) -> str:
    """Text as XML means it.

    Raises:
        ValueError: it refers to what is not there, or may not be (XML 1.0, section 4.1).
    """
    text = text.replace("&quot;", '"')  # what S3 sets ETags in
    if "&" not in text:
        return text
    if "&" in (rest := _REFERENCE.sub("", text)):
        raise ValueError(rest)
    return _REFERENCE.sub(_referred_to, text)


def _referred_to(found: re.Match[str]) -> str:
    name, decimal, hexadecimal = found.groups()
    if name:
        return _CHARACTERS[name]
    character = chr(int(decimal) if decimal else int(hexadecimal, 16))
    if not re.fullmatch("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", character):
        raise ValueError(found[0])
    return character
