"""Calls over whole folders: up, down, within S3, and away."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack, get_args

from s3_integration.arguments import (
    check_callback,
    check_choice,
    check_flag,
    checked_bucket_name,
    checked_folder,
    checked_metadata,
    checked_path,
    refusal,
)
from s3_integration.choices import Compare, EmptyPrefix, EmptySource, Symlinks
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from s3_integration.bulk.folders import Wishes
    from s3_integration.bulk.spread import Workforce
    from s3_integration.models import FolderProgressCallback, TransferReport


class FolderCalls(ClientBase):
    """Calls over many files. One file's failure keeps no other from being moved.

    All of them report each file once: as done, skipped or failed. They raise only where nothing
    could be begun; `TransferReport.raise_if_failed` raises the first failure of a file.
    """

    def upload_directory(  # noqa: PLR0913 - each is a choice of its own, given by name
        self,
        local_folder: str | os.PathLike[str],
        prefix: str = "",
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        only_changed: bool = False,
        compare: Compare = "size_and_time",
        delete_extra: bool = False,
        empty_source: EmptySource = "refuse",
        symlinks: Symlinks = "skip",
        dry_run: bool = False,
        progress: FolderProgressCallback | None = None,
        executor: Executor | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> TransferReport:
        """Store the files of a local folder, each under the prefix and its path in the folder.

        Empty folders have no counterpart in S3 and are left out. Special files, and links
        unless they are followed, are skipped and reported.

        Args:
            local_folder: the folder; its own name becomes no part of the keys.
            prefix: the folder in S3: "a" and "a/" mean the same, and never "ab/"; the whole
                bucket when empty.
            include: patterns of gitignore; where there are any, only files that they match.
            exclude: patterns of gitignore for files and folders to leave out, included or not.
                What they match in S3 is not deleted either.
            only_changed: skip files that are stored already: of the same size, and not written
                to since. Where times are too close to tell, contents are compared.
            compare: "checksum" compares the contents of all files of the same size, whatever
                their times say; only with `only_changed`.
            delete_extra: delete what is stored below the prefix and not in the folder; at the
                end, and only if the folder could be listed whole and no file failed to be
                stored, but for those that vanished meanwhile or have names that no key can be.
            empty_source: "allow" lets `delete_extra` delete everything where the folder has no
                files.
            symlinks: "follow" stores what links lead to; one that leads back is reported.
            dry_run: change nothing; `done` then tells what would be done.
            progress: called with a `FolderProgress` a few times a second, and at the end.
            executor: whose processes move the files; this one when None. They have to see the
                same folder, and find credentials where they are (docs/scaling.md).
            metadata: names and values to store with each file, at most 2 KB of ASCII.

        Raises:
            S3ConfigError: an argument is nonsense, or everything would be deleted.
            S3UploadError: the folder cannot be listed; also what caused it, such as
                `FileNotFoundError` or `NotADirectoryError`.
            S3BucketError: the bucket is missing, or could not be created.
            S3AccessDeniedError: s3:ListBucket is missing, which `only_changed` and
                `delete_extra` need.
        """
        folder = checked_path(local_folder, "local_folder")
        words = checked_metadata(metadata)
        check_choice("symlinks", symlinks, get_args(Symlinks))
        wishes = _wishes(
            include=include, exclude=exclude, only_changed=only_changed, compare=compare,
            delete_extra=delete_extra, empty_source=empty_source, symlinks=symlinks,
            dry_run=dry_run, progress=progress, workforce=self._workforce(executor),
        )  # fmt: skip
        from s3_integration.bulk.folders import upload_folder  # noqa: PLC0415 - as below

        return upload_folder(
            self._service.get().storage(), folder, checked_folder("prefix", prefix), wishes, words
        )

    def download_directory(  # noqa: PLR0913 - each is a choice of its own, given by name
        self,
        prefix: str,
        local_folder: str | os.PathLike[str],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        only_changed: bool = False,
        compare: Compare = "size_and_time",
        delete_extra: bool = False,
        empty_source: EmptySource = "refuse",
        dry_run: bool = False,
        progress: FolderProgressCallback | None = None,
        executor: Executor | None = None,
    ) -> TransferReport:
        """Put what is stored below a prefix into a local folder, which is made where missing.

        No key leads outside the folder: those that are no ordinary paths, and all but the
        first of those that some file system takes for the same, are refused one by one. Each
        file gets the time at which its object was stored.

        Args:
            prefix: as for `upload_directory`; "" is the whole bucket.
            local_folder: where to. Links in it are not followed.
            include: as for `upload_directory`.
            exclude: as for `upload_directory`; local files that they match are not deleted.
            only_changed: skip files that are there already: of the same size, with the time of
                their object, or else with its content.
            compare: as for `upload_directory`.
            delete_extra: delete local files that are not below the prefix, and folders that are
                empty then; at the end, and only if all was listed and no file failed to arrive,
                but for those that vanished meanwhile or whose names are refused.
            empty_source: "allow" lets `delete_extra` delete everything where nothing is stored.
            dry_run: change nothing; `done` then tells what would be done.
            progress: as for `upload_directory`.
            executor: as for `upload_directory`.

        Raises:
            S3ConfigError: an argument is nonsense, everything would be deleted, or the prefix
                is a file's key.
            S3DownloadError: there can be no such folder; also what caused it, such as
                `NotADirectoryError` or `PermissionError`.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        folder = checked_path(local_folder, "local_folder")
        wishes = _wishes(
            include=include, exclude=exclude, only_changed=only_changed, compare=compare,
            delete_extra=delete_extra, empty_source=empty_source, dry_run=dry_run,
            progress=progress, workforce=self._workforce(executor),
        )  # fmt: skip
        from s3_integration.bulk.folders import download_folder  # noqa: PLC0415 - as below

        return download_folder(
            self._service.get().storage(), checked_folder("prefix", prefix), folder, wishes
        )

    def copy_directory(  # noqa: PLR0913 - each is a choice of its own, given by name
        self,
        source_prefix: str,
        target_prefix: str,
        *,
        source_bucket: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        only_changed: bool = False,
        compare: Compare = "size_and_time",
        delete_extra: bool = False,
        empty_source: EmptySource = "refuse",
        dry_run: bool = False,
        progress: FolderProgressCallback | None = None,
        executor: Executor | None = None,
    ) -> TransferReport:
        """Copy what is stored below one prefix to below another, within S3; see `copy_file`.

        Args:
            source_prefix: as for `upload_directory`.
            target_prefix: where to, in this client's bucket; not above or below the source.
            source_bucket: the bucket to copy from; this client's own when None.
            include: as for `upload_directory`.
            exclude: as for `upload_directory`.
            only_changed: skip files whose copy is there already: of the same size and ETag, or
                stored later than its source.
            compare: as for `upload_directory`.
            delete_extra: as for `upload_directory`, below the target's prefix.
            empty_source: "allow" lets `delete_extra` delete everything where nothing is stored.
            dry_run: change nothing; `done` then tells what would be done.
            progress: as for `upload_directory`.
            executor: as for `upload_directory`.

        Raises:
            S3ConfigError: an argument is nonsense, everything would be deleted, or the source's
                prefix is a file's key.
            S3BucketError: a bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        source = checked_folder("source_prefix", source_prefix)
        target = checked_folder("target_prefix", target_prefix)
        bucket = self.bucket_name if source_bucket is None else checked_bucket_name(source_bucket)
        if bucket == self.bucket_name and (source.startswith(target) or target.startswith(source)):
            problem = "it is the source's own, or one of the two lies in the other"
            raise refusal("target_prefix", target_prefix, problem)
        wishes = _wishes(
            include=include, exclude=exclude, only_changed=only_changed, compare=compare,
            delete_extra=delete_extra, empty_source=empty_source, dry_run=dry_run,
            progress=progress, workforce=self._workforce(executor),
        )  # fmt: skip
        from s3_integration.bulk.folders import copy_folder  # noqa: PLC0415 - as below

        return copy_folder(self._service.get().storage(), bucket, source, target, wishes)

    def delete_directory(
        self,
        prefix: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        empty_prefix: EmptyPrefix = "refuse",
        dry_run: bool = False,
        progress: FolderProgressCallback | None = None,
        executor: Executor | None = None,
    ) -> TransferReport:
        """Delete what is stored below a prefix, a thousand files by one request.

        In a versioned bucket, which those made by this package are, the files' versions stay
        and can be brought back.

        Args:
            prefix: as for `upload_directory`.
            include: as for `upload_directory`.
            exclude: as for `upload_directory`.
            empty_prefix: "whole_bucket" lets an empty prefix mean everything.
            dry_run: change nothing; `done` then tells what would be deleted.
            progress: as for `upload_directory`.
            executor: as for `upload_directory`.

        Raises:
            S3ConfigError: an argument is nonsense, the prefix is empty, or it is a file's key.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucket is missing.
        """
        folder = checked_folder("prefix", prefix)
        check_choice("empty_prefix", empty_prefix, get_args(EmptyPrefix))
        if not folder and empty_prefix == "refuse":
            raise refusal(
                "prefix", prefix, "everything in the bucket would be deleted",
                "Name a folder. If the bucket is to be emptied, say so with "
                "empty_prefix='whole_bucket'.",
            )  # fmt: skip
        wishes = _wishes(
            include=include, exclude=exclude, dry_run=dry_run, progress=progress,
            workforce=self._workforce(executor),
        )  # fmt: skip
        from s3_integration.bulk.folders import delete_folder  # noqa: PLC0415 - as below

        return delete_folder(self._service.get().storage(), folder, wishes)

    def _workforce(self, executor: object) -> Workforce | None:
        if executor is None:
            return None
        # Imported on first use, as below: most programs need no other processes.
        import concurrent.futures  # noqa: PLC0415 - see above

        if not isinstance(executor, concurrent.futures.Executor):
            problem = f"it is a {type(executor).__name__}, not an Executor of concurrent.futures"
            suggestion = "Of a Dask client, hand over its get_executor()."
            raise refusal("executor", executor, problem, suggestion)
        from s3_integration.bulk.spread import Workforce  # noqa: PLC0415 - see above
        from s3_integration.elsewhere import StorageElsewhere  # noqa: PLC0415 - see above
        from s3_integration.portable import PortableSettings  # noqa: PLC0415 - see above

        settings = PortableSettings.of(self._settings, self._config)
        return Workforce(executor, StorageElsewhere(settings))


class _Choices(TypedDict, total=False):
    include: Sequence[str]
    exclude: Sequence[str]
    only_changed: bool
    compare: Compare
    delete_extra: bool
    empty_source: EmptySource
    symlinks: Symlinks
    dry_run: bool
    progress: FolderProgressCallback | None
    workforce: Workforce | None


def _wishes(**chosen: Unpack[_Choices]) -> Wishes:
    """What the caller wants, if it makes sense."""
    # Imported on first use: most programs move single files.
    from s3_integration.bulk.folders import Wishes  # noqa: PLC0415 - see above
    from s3_integration.bulk.patterns import Patterns  # noqa: PLC0415 - see above
    from s3_integration.bulk.run import Manner  # noqa: PLC0415 - see above

    for name in ("only_changed", "delete_extra", "dry_run"):
        check_flag(name, chosen.get(name, False))
    only_changed, compare = chosen.get("only_changed", False), chosen.get("compare", _USUAL)
    check_choice("compare", compare, get_args(Compare))
    if compare != _USUAL and not only_changed:
        problem = "without only_changed nothing is compared"
        raise refusal("compare", compare, problem, "Call again with only_changed=True.")
    empty_source = chosen.get("empty_source", "refuse")
    check_choice("empty_source", empty_source, get_args(EmptySource))
    progress = chosen.get("progress")
    check_callback(progress)
    return Wishes(
        patterns=Patterns(chosen.get("include", ()), chosen.get("exclude", ())),
        only_changed=only_changed,
        compare=compare,
        delete_extra=chosen.get("delete_extra", False),
        symlinks=chosen.get("symlinks", "skip"),
        manner=Manner(chosen.get("dry_run", False), empty_source, progress),
        workforce=chosen.get("workforce"),
    )


_USUAL: Compare = "size_and_time"
