"""Stored files as bytes, as text, and as Python's file objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack, get_args, overload

from s3_integration.arguments import (
    check_choice,
    check_if_match,
    check_version_id,
    checked_buffer,
    checked_content_type,
    checked_key,
    checked_metadata,
    checked_range,
    checked_tags_of_upload,
    refusal,
)
from s3_integration.choices import IfExists
from s3_integration.surface.base import ClientBase
from s3_integration.texts import checked_codec, checked_encoded, checked_mode, decoded
from s3_integration.transfer.sources import MemorySource

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from s3_integration.models import S3FileInfo, WriteOptions
    from s3_integration.texts import Codec
    from s3_integration.transfer.engine import UploadOptions

BinaryReadMode = Literal["rb", "br"]
BinaryWriteMode = Literal["wb", "bw", "xb", "bx"]
TextReadMode = Literal["r", "rt", "tr"]
TextWriteMode = Literal["w", "wt", "tw", "x", "xt", "tx"]


class ContentCalls(ClientBase):
    """The calls of `S3Client` that need no local file."""

    def read_bytes(
        self,
        s3_key: str,
        *,
        start: int | None = None,
        stop: int | None = None,
        version_id: str | None = None,
    ) -> bytes:
        """What is stored under the key, or a range of it.

        A whole file is verified as by `download_file`; a range comes from one version, and
        from the place that was asked for.

        Args:
            s3_key: what to read.
            start: the first byte to read; None: from the beginning.
            stop: the byte before which to stop; None: at the end. As in a slice, what lies
                beyond the end is left out, and where nothing is left, that is `b""`.
            version_id: which version to read; the latest when None.

        Raises:
            S3ConfigError: an argument is nonsense, as a negative or reversed range is;
                nothing was sent.
            S3FileNotFoundError: nothing is stored under the key.
            S3DownloadError: it could not be read; the error is also what caused it.
        """
        key = checked_key(s3_key)
        first, end = checked_range(start, stop)
        check_version_id(version_id)
        return self._service.get().read(key, start=first, stop=end, version_id=version_id)

    def read_text(
        self,
        s3_key: str,
        *,
        encoding: str = "utf-8",
        errors: str = "strict",
        version_id: str | None = None,
    ) -> str:
        """What is stored under the key, decoded; its line ends stay what they are.

        Args:
            s3_key: what to read.
            encoding: any that Python knows.
            errors: what to do with bytes that are none of its text, such as "replace".
            version_id: which version to read; the latest when None.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key.
            S3DownloadError: it could not be read; where it is no text of that encoding, the
                error is a `UnicodeError` too.
        """
        key = checked_key(s3_key)
        codec = checked_codec(encoding, errors)
        check_version_id(version_id)
        content = self._service.get().read(key, version_id=version_id)
        return decoded(content, codec, bucket=self.bucket_name, key=key)

    def write_bytes(
        self,
        s3_key: str,
        content: Buffer,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_exists: IfExists = "overwrite",
        if_match: str | None = None,
    ) -> S3FileInfo:
        """Store bytes under the key, verified as by `upload_file`.

        Args:
            s3_key: where to store them.
            content: bytes, or whatever shows its bytes (a bytearray, a memoryview, an array).
            content_type: their MIME type; guessed from the key when None.
            metadata: names and values to store with them, at most 2 KB of ASCII.
            tags: at most 10 tags.
            if_exists: "fail" raises an `S3ConflictError` rather than overwrite.
            if_match: the `etag` that what is stored has to have; whatever else is stored by
                then, or nothing, is an `S3ConflictError`.

        Returns:
            What is stored. Its `last_modified` is when S3 answered.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3UploadError: nothing was stored; the error is also what caused it.
        """
        key = checked_key(s3_key)
        source = MemorySource(checked_buffer(content))
        options = _checked_options(
            key,
            content_type=content_type,
            metadata=metadata,
            tags=tags,
            if_exists=if_exists,
            if_match=if_match,
        )
        return self._service.get().write(source, key, options)

    def write_text(
        self,
        s3_key: str,
        text: str,
        *,
        encoding: str = "utf-8",
        errors: str = "strict",
        **options: Unpack[WriteOptions],
    ) -> S3FileInfo:
        """Store text under the key; its line ends stay what they are.

        Args:
            s3_key: where to store it.
            text: what to store.
            encoding: any that Python knows.
            errors: what to do with characters that it does not have.
            options: those of `write_bytes`.

        Raises:
            S3ConfigError: an argument is nonsense, as is text that the encoding cannot express;
                nothing was sent.
            S3UploadError: nothing was stored; the error is also what caused it.
        """
        content = checked_encoded(text, checked_codec(encoding, errors))
        return self.write_bytes(s3_key, content, **options)

    @overload
    def open(
        self,
        s3_key: str,
        mode: TextReadMode = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        version_id: str | None = None,
    ) -> io.TextIOWrapper: ...

    @overload
    def open(
        self, s3_key: str, mode: BinaryReadMode, *, version_id: str | None = None
    ) -> io.BufferedReader: ...

    @overload
    def open(
        self,
        s3_key: str,
        mode: TextWriteMode,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> io.TextIOWrapper: ...

    @overload
    def open(
        self, s3_key: str, mode: BinaryWriteMode, **options: Unpack[WriteOptions]
    ) -> io.BufferedWriter: ...

    def open(
        self,
        s3_key: str,
        mode: str = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        version_id: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> io.TextIOWrapper | io.BufferedReader | io.BufferedWriter:
        """A stored file as Python's own file object, for reading or for writing.

        Reading can seek. Bytes come from S3 as they are needed, more at a time while reading
        goes on in order (up to 32 MiB, which is what it keeps in memory), and all of one
        version. What is read in order to its end is verified as by `download_file`, before its
        last bytes are handed out.

        What is written is stored as a whole when the file is closed: use `with`. Until then
        nothing is sent, and if the block raises, nothing is stored. A file that is dropped
        without being closed is not stored either, and is a `ResourceWarning`.

        Args:
            s3_key: what to read, or where to write.
            mode: "r", "w" or "x" ("w" with `if_exists="fail"`), with "b" for bytes.
            encoding: of text; UTF-8 when None.
            errors: as Python's own `open` has them.
            newline: as Python's own `open` has them.
            version_id: which version to read; the latest when None.
            options: those of `write_bytes`, for writing.

        Raises:
            S3ConfigError: an argument is nonsense, as is a mode that S3 cannot offer ("a", "+");
                nothing was sent.
            S3FileNotFoundError: nothing is stored under the key that is to be read.
            S3DownloadError: reading failed, now or later; also an `S3ConflictError` where the
                object is replaced before it is read to its end.
            S3UploadError: closing failed, and nothing was stored.
        """
        key = checked_key(s3_key)
        asked = checked_mode(mode, encoding, errors, newline)
        if asked.deed == "r":
            _refuse_options(mode, options)
            check_version_id(version_id)
            return self._reader(key, asked.codec, version_id)
        if version_id is not None:
            raise refusal("version_id", version_id, "S3 gives each version its id by itself")
        if asked.deed == "x":
            options = {**options, "if_exists": "fail"}
        return self._writer(key, asked.codec, _checked_options(key, **options))

    def _reader(
        self, key: str, codec: Codec | None, version_id: str | None
    ) -> io.TextIOWrapper | io.BufferedReader:
        from s3_integration.transfer.reader import TextReader  # noqa: PLC0415 - see base.py

        file = self._service.get().reader(key, version_id=version_id)
        if codec is None:
            return file
        return TextReader(file, codec.encoding, codec.errors, codec.newline)

    def _writer(
        self, key: str, codec: Codec | None, options: UploadOptions
    ) -> io.TextIOWrapper | io.BufferedWriter:
        # Imported on first use, as the service is: see base.py.
        from s3_integration.transfer.writer import WholeTextWriter, WholeWriter  # noqa: PLC0415

        writer = self._service.get().writer(key, options)
        if codec is None:
            return WholeWriter(writer)
        return WholeTextWriter(
            writer, encoding=codec.encoding, errors=codec.errors, newline=codec.newline
        )


def _checked_options(
    key: str,
    *,
    content_type: str | None = None,
    metadata: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    if_exists: IfExists = "overwrite",
    if_match: str | None = None,
) -> UploadOptions:
    check_choice("if_exists", if_exists, get_args(IfExists))
    check_if_match(if_match, if_exists)
    from s3_integration.transfer.engine import UploadOptions  # noqa: PLC0415 - see base.py

    return UploadOptions(
        content_type=checked_content_type(content_type, key),
        metadata=checked_metadata(metadata),
        tags=checked_tags_of_upload(tags),
        if_exists=if_exists,
        if_match=if_match,
    )


def _refuse_options(mode: str, options: WriteOptions) -> None:
    for name, value in options.items():
        raise refusal(name, value, f"the mode {mode!r} is for reading, and this for writing")
