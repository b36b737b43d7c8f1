"""MIME types, guessed from the names of files."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimetypes import MimeTypes

_COMPRESSED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
    "compress": "application/x-compress",
}


@functools.cache
def _types() -> MimeTypes:
    """Python's own table, not the machine's /etc/mime.types: one file, one type, everywhere."""
    import mimetypes  # noqa: PLC0415 - a tenth of what importing the package takes

    return mimetypes.MimeTypes()


def guess_type(name: str) -> str:
    """The MIME type that a file's name tells; a compressed file's is its compression's."""
    kind, encoding = _types().guess_type(name)
    # Content-Encoding would make readers unpack what was stored packed.
    guessed = _COMPRESSED_TYPES.get(encoding, "") if encoding else kind
    return guessed or "application/octet-stream"
