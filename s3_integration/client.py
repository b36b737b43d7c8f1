"""S3Client: what programs use. It checks arguments; `service` does the work."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from s3_integration import utils
from s3_integration.config import DEFAULT_BUCKET_NAME, S3Config, resolve_settings
from s3_integration.exceptions import S3ConfigError
from s3_integration.models import IfExists
from s3_integration.perprocess import PerProcess
from s3_integration.transfer.engine import UploadOptions

if TYPE_CHECKING:
    from s3_integration.bucket.bucket import Bucket
    from s3_integration.models import ProgressCallback, S3FileInfo
    from s3_integration.service import S3Service


class S3Client:
    """Files in one S3 bucket.

    Making a client sends nothing. The bucket is looked for by the first upload, and
    created, with its protections, where it is missing. One client may be used from many
    threads, and in forked children.

    Args:
        bucket_name: the bucket; left at its default, `config` or the environment may
            name another.
        config: settings that are not to be taken from the surroundings.
        create_bucket: whether an upload may create the bucket; if not, a missing one is
            an `S3BucketError`.

    Raises:
        S3ConfigError: a setting is nonsense, wherever it stands.
    """

    def __init__(
        self,
        bucket_name: str = DEFAULT_BUCKET_NAME,
        *,
        config: S3Config | None = None,
        create_bucket: bool = True,
    ) -> None:
        self._settings = resolve_settings(bucket_name, config)
        self._create_bucket = create_bucket
        self._service = PerProcess(self._make_service)

    def _make_service(self) -> S3Service:
        # Imported on first use: boto3 takes longer to import than most programs to start.
        from s3_integration.service import S3Service  # noqa: PLC0415 - see above

        return S3Service(settings=self._settings, create_bucket=self._create_bucket)

    @property
    def bucket_name(self) -> str:
        """The bucket that this client works on."""
        return self._settings.bucket_name

    @property
    def bucket(self) -> Bucket:
        """The bucket as a whole: `ensure()` it, `abort_stale_uploads()` in it."""
        return self._service.get().bucket

    def __repr__(self) -> str:
        return f"S3Client({self.bucket_name!r})"

    def upload_file(
        self,
        local_path: str | os.PathLike[str],
        s3_key: str | None = None,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_exists: IfExists = "overwrite",
        progress: ProgressCallback | None = None,
    ) -> str:
        """Store a local file and return its key.

        Args:
            local_path: a regular file.
            s3_key: where to store it; the file's own name when None.
            content_type: its MIME type; guessed from the file's name when None.
            metadata: names and values to store with it, at most 2 KB of ASCII.
            tags: at most 10 tags.
            if_exists: "fail" raises an `S3ConflictError` rather than overwrite.
            progress: called with the bytes done so far and in all.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3UploadError: nothing was stored. It is also what caused it, such as
                `FileNotFoundError`, `S3AccessDeniedError` or `S3ConflictError`.
        """
        path = _checked_path(local_path)
        key = _checked_key(path.name if s3_key is None else s3_key)
        _check_choice("if_exists", if_exists, get_args(IfExists))
        options = UploadOptions(
            content_type=_checked_content_type(content_type, path.name),
            metadata=_checked_metadata(metadata),
            tags=_checked_words("tags", tags),
            if_exists=if_exists,
        )
        _check_callback(progress)
        self._service.get().upload_file(path, key, options, progress)
        return key

    def download_file(
        self,
        s3_key: str,
        local_path: str | os.PathLike[str],
        *,
        version_id: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Put what is stored under a key into a local file and return its path.

        The file appears whole or not at all; one that was there is replaced in one step.
        Missing parent folders are made.

        Args:
            s3_key: what to fetch.
            local_path: where to put it; a folder (or a path that ends in a slash) gets a
                file named like the key's last part.
            version_id: which version to fetch; the latest when None.
            progress: called with the bytes done so far and in all.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key.
            S3DownloadError: the download did not happen; the error is also what caused it.
        """
        key = _checked_key(s3_key)
        path = _checked_path(local_path)
        _check_version_id(version_id)
        _check_callback(progress)
        if _is_folder(path) or os.fspath(local_path).endswith(_SEPARATORS):
            path /= _checked_file_name(key)
        self._service.get().download_file(key, path, version_id=version_id, progress=progress)
        return str(path)

    def list_files(self, prefix: str = "") -> list[dict[str, Any]]:
        """All files whose keys begin with `prefix`, in the order of their keys' UTF-8 bytes.

        Returns:
            A dict for each with `key`, `size` (bytes), `last_modified` (a datetime in
            UTC), `etag` and `storage_class`.

        Raises:
            S3ConfigError: the prefix can be no key's beginning.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        _check_text("prefix", prefix, utils.prefix_problem)
        return [found.to_listed_dict() for found in self._service.get().iter_files(prefix)]

    def file_exists(self, s3_key: str) -> bool:
        """Whether something is stored under the key.

        False only when S3 said that it is not. Whatever keeps S3 from saying so is raised.

        Raises:
            S3ConfigError: no key looks like that.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:GetObject or s3:ListBucket is missing.
        """
        return self._service.get().file_exists(_checked_key(s3_key))

    def file_info(self, s3_key: str, *, version_id: str | None = None) -> S3FileInfo:
        """What S3 tells of the file under the key: size, type, metadata, checksum and more.

        Args:
            s3_key: the file to look at.
            version_id: which version of it; the latest when None.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3FileNotFoundError: nothing is stored under the key, or not that version.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:GetObject (for a version s3:GetObjectVersion) or
                s3:ListBucket is missing, or kms:Decrypt where a KMS key encrypts the file.
        """
        key = _checked_key(s3_key)
        _check_version_id(version_id)
        return self._service.get().file_info(key, version_id=version_id)

    def delete_file(self, s3_key: str) -> bool:
        """Delete what is stored under the key.

        In a versioned bucket, which those made by this package are, the file's versions
        stay and can be brought back.

        Returns:
            True: it was there and is gone. False: it was not there.

        Raises:
            S3ConfigError: no key looks like that.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:DeleteObject, s3:GetObject or s3:ListBucket is missing.
        """
        return self._service.get().delete_file(_checked_key(s3_key))


_SEPARATORS = tuple({os.sep, os.altsep or os.sep})

_COMPRESSED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
    "compress": "application/x-compress",
}

# Python's own table, not the machine's /etc/mime.types: one file, one type, everywhere.
_TYPES = mimetypes.MimeTypes()


def _guess_type(name: str) -> str:
    """The MIME type that a file's name tells; a compressed file's is its compression's."""
    kind, encoding = _TYPES.guess_type(name)
    # Content-Encoding would make readers unpack what was stored packed.
    guessed = _COMPRESSED_TYPES.get(encoding, "") if encoding else kind
    return guessed or "application/octet-stream"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the service finds it too, and tells of it
        return False


def _checked_path(local_path: object) -> Path:
    if not isinstance(local_path, str | os.PathLike):
        raise _refusal("local_path", local_path, f"it is a {type(local_path).__name__}")
    text = os.fspath(local_path)
    if not isinstance(text, str) or not text:
        raise _refusal("local_path", local_path, "it has to be text that names a file")
    if "\0" in text:
        raise _refusal("local_path", local_path, "it holds a NUL character")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise _refusal("local_path", local_path, "no file can have such a name") from None
    return Path(text)


def _checked_key(key: object) -> str:
    return _check_text("s3_key", key, utils.key_problem)


def _check_version_id(version_id: object) -> None:
    if version_id is not None:
        _check_text("version_id", version_id, utils.key_problem)  # the same limits


def _checked_file_name(key: str) -> str:
    """The name, inside a folder that the caller chose, of the file for `key`."""
    name = key.rpartition("/")[2]
    if problem := utils.file_name_problem(name):
        raise _refusal(
            "s3_key", key, problem, "Give local_path as the path of the file, not of its folder."
        )
    return name


def _check_text(argument: str, value: object, problem_of: Any) -> str:
    if not isinstance(value, str):
        raise _refusal(argument, value, f"it is a {type(value).__name__}, not text")
    if problem := problem_of(value):
        raise _refusal(argument, value, problem)
    return value


def _check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise _refusal(argument, value, f"it has to be one of {', '.join(choices)}")


def _check_callback(progress: object) -> None:
    if progress is not None and not callable(progress):
        raise _refusal("progress", progress, f"it is a {type(progress).__name__}, not callable")


def _checked_content_type(content_type: str | None, name: str) -> str:
    """The content type that was given, else the one that the file's name tells."""
    if content_type is None or content_type == "":
        return _guess_type(name)
    return _checked_header("content_type", content_type)


def _checked_metadata(metadata: Mapping[str, str] | None) -> Mapping[str, str]:
    """Metadata, which become headers: x-amz-meta-NAME: VALUE."""
    words = _checked_words("metadata", metadata)
    for name, value in words.items():
        if not _HEADER_NAME.fullmatch(name):
            problem = f"{name!a} cannot be part of a header's name"
            raise _refusal("metadata", metadata, problem)
        _checked_header("metadata", value)
    return words


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, section 5.6.2


def _checked_words(argument: str, words: Mapping[str, str] | None) -> Mapping[str, str]:
    """Names and values that are text of one line."""
    if words is None:
        return {}
    if not isinstance(words, Mapping):
        raise _refusal(argument, words, f"it is a {type(words).__name__}, not a mapping")
    for name, value in words.items():
        _checked_line(argument, name)
        _checked_line(argument, value)
    return dict(words)


def _checked_header(argument: str, value: object) -> str:
    line = _checked_line(argument, value)
    if not line.isascii():
        raise _refusal(argument, value, "it holds a character beyond ASCII")
    return line


def _checked_line(argument: str, value: object) -> str:
    if not isinstance(value, str):
        raise _refusal(argument, value, f"it is a {type(value).__name__}, not text")
    if not value.isprintable():
        raise _refusal(argument, value, "it holds a control character, such as a line end")
    return value


def _refusal(argument: str, value: object, problem: str, suggestion: str = "") -> S3ConfigError:
    shown = ascii(value)
    shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
    return S3ConfigError(
        f"The argument {argument}={shown} cannot be used: {problem}.",
        suggestion=suggestion or f"Call again with another {argument}.",
    )


_MOST_SHOWN = 120
