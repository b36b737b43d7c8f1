"""Writing the keys that DeleteObjects deletes, all at once.

botocore checks and writes each by its model of S3's requests, and takes 15 µs for it: as much as
all else that a deletion takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as Boto3Client

_KEYS = "KeysWrittenQuickly"
"""Under which a request's context has them."""


def write_quickly(client: Boto3Client) -> None:
    """Let a client write quiet deletions of nothing but keys, which XML can carry, by `_write`."""
    events = client.meta.events
    events.register("before-parameter-build.s3.DeleteObjects", _take, unique_id=f"{_KEYS}.take")
    # Before the handlers that compute checksums of the document.
    events.register_first("before-call.s3.DeleteObjects", _write, unique_id=f"{_KEYS}.write")


def _take(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Leave one key to botocore, in whose place `_write` puts them all."""
    deletion = params["Delete"]
    if deletion.get("Quiet") is True and all(
        each.keys() == {"Key"} for each in deletion["Objects"]
    ):
        context[_KEYS] = [each["Key"] for each in deletion["Objects"]]
        params["Delete"] = {**deletion, "Objects": deletion["Objects"][:1]}


def _write(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if keys := context.get(_KEYS):
        objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        params["body"] = (
            '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"{objects}<Quiet>true</Quiet></Delete>"
        ).encode()
