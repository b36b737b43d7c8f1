"""What it costs to look at every byte, on this machine."""

from __future__ import annotations

import hashlib
import os
import statistics
import time
import zlib
from typing import TYPE_CHECKING

from benchmarks.served import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK_BYTES = 8 * MIB
_BLOCKS = 16


def seconds_per_gib(rounds: int) -> dict[str, float]:
    """CPU seconds that one thread takes for the checksum of 1 GiB, by checksum."""
    block = os.urandom(_BLOCK_BYTES)
    ways = _ways()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, checksum in ways.items():
            began = time.thread_time()
            for _ in range(_BLOCKS):
                checksum(block)
            taken[name].append((time.thread_time() - began) * GIB / (_BLOCK_BYTES * _BLOCKS))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _ways() -> dict[str, Callable[[bytes], object]]:
    ways: dict[str, Callable[[bytes], object]] = {
        "MD5": lambda block: hashlib.md5(block, usedforsecurity=False),
        "SHA-256": hashlib.sha256,
        "CRC32 (zlib)": zlib.crc32,
    }
    try:
        from awscrt import checksums
    except ImportError:
        return ways
    ways["CRC32 (awscrt)"] = checksums.crc32
    ways["CRC32C (awscrt)"] = checksums.crc32c
    ways["CRC64NVME (awscrt)"] = checksums.crc64nvme
    return ways
