"""Comparing an object with what S3 keeps of it while it is read in order, to its end."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from s3_integration.transfer import checksums, integrity, kept
from s3_integration.transfer.download import DAMAGED
from s3_integration.transfer.starts import WrongChecksumError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from s3_integration.aws.session import Connection
    from s3_integration.models import ChecksumAlgorithm, S3Checksum
    from s3_integration.transfer.asking import Version
    from s3_integration.transfer.integrity import EtagVerdict
    from s3_integration.transfer.kept import Running

_ALGORITHMS: tuple[ChecksumAlgorithm, ...] = ("CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256")
"""What the usual clients let S3 keep."""


class RunningCheck:
    """Judges one version by its bytes from the first to the last, as they are read.

    What is read out of order is not judged until the bytes before it have been read as well.

    Args:
        connection: tells what the server's ETags and checksums are worth.
        version: what is read.
        ask_checksum: asks S3 for the checksum that it keeps, None where it keeps none.
        large_from_bytes: the size from which a request costs less than an MD5.
    """

    def __init__(
        self,
        connection: Connection,
        version: Version,
        ask_checksum: Callable[[], S3Checksum | None],
        large_from_bytes: int,
    ) -> None:
        self._endpoint, self._learned = connection.endpoint, connection.learned
        self._version = version
        self._ask_checksum = ask_checksum
        self._is_large = version.size_bytes > large_from_bytes
        self._reached = 0
        self._is_damaged = False
        self._has_asked = False
        self._stored: S3Checksum | None = None
        has_md5 = integrity.etag_verdict("", version.answer, self._endpoint) != "untold"
        self._md5 = hashlib.md5(usedforsecurity=False) if has_md5 else None
        # Which one S3 keeps is asked late, since many who begin to read do not go on.
        algorithms = (checksums.ALGORITHM,) if has_md5 else _ALGORITHMS
        self._sums = {name: found for name in algorithms if (found := kept.running(name))}

    def add(self, start: int, content: Buffer) -> None:
        """Take in what was read from byte `start` on.

        Raises:
            WrongChecksumError: with it the object is complete, and not what S3 keeps; or that
                was found before, whatever is read now.
        """
        if self._is_damaged:
            raise WrongChecksumError(DAMAGED)
        view = memoryview(content)
        is_next = start <= self._reached < start + len(view)
        if not is_next and self._version.size_bytes:  # of an empty one, that is all there is
            return
        if self._reached and self._is_large:
            self._leave_out_others()
        piece = view[self._reached - start :]
        if self._md5 is not None:
            self._md5.update(piece)
        for found in self._sums.values():
            found.update(piece)
        self._reached += len(piece)
        if self._reached == self._version.size_bytes and not self._is_right():
            self._is_damaged = True
            raise WrongChecksumError(DAMAGED)

    def _leave_out_others(self) -> None:
        """Compute no more than is needed: MD5 takes seventy times as long as a CRC64NVME."""
        is_verified = "verified" in {self._endpoint.checksums, self._learned.checksums}
        if self._md5 is not None and is_verified and self._running():
            self._md5 = None
        if self._md5 is None and len(self._sums) > 1:
            found = self._running()
            self._sums = {name: each for name, each in self._sums.items() if each is found}

    def _stored_checksum(self) -> S3Checksum | None:
        if not self._has_asked:
            told = self._ask_checksum() if self._sums else None
            self._stored = told if told and told.checksum_type == "FULL_OBJECT" else None
            self._has_asked = True
        return self._stored

    def _is_right(self) -> bool:
        verdict = self._verdict()
        if verdict in {"same", "different"}:
            return verdict == "same"
        told, found = self._stored_checksum(), self._running()
        return told is None or found is None or kept.as_told(found) == told.value

    def _running(self) -> Running | None:
        """The checksum that can be compared with the one that S3 keeps."""
        told = self._stored_checksum()
        return self._sums.get(told.algorithm) if told else None

    def _verdict(self) -> EtagVerdict:
        if self._md5 is None:
            return "untold"
        verdict = integrity.etag_verdict(
            self._md5.hexdigest(), self._version.answer, self._endpoint
        )
        if verdict == "doubtful" and self._learned.etags_when_encrypted == "md5":
            return "different"
        return verdict
