"""What the local server says that came: the check of uploads that it throws away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_PART = re.compile(r"(?:^|&)partNumber=(\d+)")


def stored_sizes(log_lines: Iterable[str], prefix: str) -> dict[str, int]:
    """Bytes of every object under `prefix` whose upload came to its end, by path.

    A request that was sent again counts once. A multipart upload counts once it is complete.
    """
    parts: dict[str, dict[str, int]] = {}
    complete: set[str] = set()
    for line in log_lines:
        _, method, status, length, decoded_length, _, target = line.split(" ", 6)
        path, query = unquote(urlsplit(target).path), urlsplit(target).query
        if not path.startswith(prefix) or status != "200":
            continue
        if method == "PUT":
            part = _PART.search(query)
            size = decoded_length if decoded_length != "-" else length
            parts.setdefault(path, {})[part[1] if part else "whole"] = int(size)
            if not part:
                complete.add(path)
        elif method == "POST" and "uploadId=" in query:
            complete.add(path)
    return {path: sum(sizes.values()) for path, sizes in parts.items() if path in complete}
