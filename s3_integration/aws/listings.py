"""Reading the objects that a listing's page tells of, all at once.

botocore reads each by its model of S3's answers, and takes 15 µs for it: most of what a listing
takes. The rest of the page, and every page that is not as usual, is botocore's to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from s3_integration.aws.timestamps import parsed

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as Boto3Client

_EVENT = "before-parse.*.ListObjectsV2"
"""With `*` for S3, handlers come before those that botocore has for all of S3's answers: one of
these reads the whole page a first time, to see whether it is an error."""
_START, _STOP = b"<Contents>", b"</Contents>"
_HEAD_BYTES = 100
"""In which a document says in what encoding it is, if it does."""


def read_quickly(client: Boto3Client) -> None:
    """Let a client read the objects of ListObjectsV2's pages by `_objects_in`.

    Of each it tells Key, Size, LastModified, ETag and StorageClass, as botocore does.
    """
    client.meta.events.register(_EVENT, _read, unique_id="ObjectsReadQuickly")


def _read(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    page: bytes = response_dict["body"]
    start, stop = page.find(_START), page.rfind(_STOP) + len(_STOP)
    if response_dict["status_code"] != 200 or start < 0 or not _is_in_utf8(page):
        return
    try:
        objects = _objects_in(page[start:stop])
    except (ET.ParseError, KeyError, TypeError, ValueError):
        return  # botocore says what it thinks of it
    customized_response_dict["Contents"] = objects
    response_dict["body"] = page[:start] + page[stop:]


def _is_in_utf8(page: bytes) -> bool:
    head = page[:_HEAD_BYTES].lower()
    return b"encoding" not in head or b"utf-8" in head


def _objects_in(xml: bytes) -> list[dict[str, Any]]:
    """The objects that some elements tell of.

    Raises:
        Exception: they are not the usual ones.
    """
    # Within another element, expat refuses a DOCTYPE, and with it entities that grow.
    page = ET.fromstring(b"<Page>%b</Page>" % xml)  # noqa: S314 - see above
    return [_object_of(element) for element in page]


def _object_of(element: ET.Element) -> dict[str, Any]:
    if element.tag != "Contents":
        message = f"{element.tag} among the objects"
        raise ValueError(message)
    told = {child.tag: child.text or "" for child in element}
    return {
        "Key": told["Key"],
        "LastModified": parsed(told["LastModified"]),
        "ETag": told.get("ETag", ""),
        "Size": int(told["Size"]),
        "StorageClass": told.get("StorageClass", ""),
    }
