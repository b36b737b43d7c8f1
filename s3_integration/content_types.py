"""MIME types, guessed from the names of files."""

from __future__ import annotations

import mimetypes

_COMPRESSED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
    "compress": "application/x-compress",
}

# Python's own table, not the machine's /etc/mime.types: one file, one type, everywhere.
_TYPES = mimetypes.MimeTypes()


def guess_type(name: str) -> str:
    """The MIME type that a file's name tells; a compressed file's is its compression's."""
    kind, encoding = _TYPES.guess_type(name)
    # Content-Encoding would make readers unpack what was stored packed.
    guessed = _COMPRESSED_TYPES.get(encoding, "") if encoding else kind
    return guessed or "application/octet-stream"
