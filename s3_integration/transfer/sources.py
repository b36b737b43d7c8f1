"""Where the bytes of an upload come from: a local file, or this process' memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3_integration.utils import ByteRange


class Identity(NamedTuple):
    """What a later run knows the same source by, to go on with an upload that was killed."""

    path: str
    mtime_ns: int
    inode: int
    """Without its device's number, which may be another one after each mount."""


class Source(Protocol):
    """Bytes of a known size that are stored as one object; threads may share it."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""

    @property
    def is_fresh(self) -> bool:
        """Whether they may change unnoticed, so that they have to be read twice."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def identity(self) -> Identity:
        """See `Identity`."""

    def read(self, part: ByteRange) -> bytes:
        """Exactly the bytes of `part`.

        Raises:
            SourceChangedError: they are no longer there.
        """

    def check_unchanged(self) -> None:
        """Raise a `SourceChangedError` if they are seen not to be what they were."""


class MemorySource:
    """Bytes in this process' memory.

    Parts that a killed run has stored are known again by what is in them; see `resume.py`.
    """

    name = "the content"
    identity = Identity("", 0, 0)

    def __init__(self, content: Buffer) -> None:
        self._view = memoryview(content).cast("B")
        self._whole = content if isinstance(content, bytes) else None

    @property
    def size_bytes(self) -> int:
        """See `Source`."""
        return len(self._view)

    @property
    def is_fresh(self) -> bool:
        """Other buffers than `bytes` may be written to by other threads."""
        return self._whole is None

    def read(self, part: ByteRange) -> bytes:
        """See `Source`."""
        if self._whole is not None and part.size == len(self._whole):
            return self._whole
        return bytes(self._view[part.start : part.stop])

    def check_unchanged(self) -> None:
        """`settle` has compared what can have changed."""
