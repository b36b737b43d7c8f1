"""Looking after the client itself: whether everything that it needs is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from s3_integration.arguments import check_choice
from s3_integration.choices import WriteCheck
from s3_integration.surface.base import ClientBase

if TYPE_CHECKING:
    from s3_integration.doctor.report import HealthReport


class HealthCalls(ClientBase):
    """What `S3Client` can tell of its own surroundings."""

    def check(self, *, write: WriteCheck = "no") -> HealthReport:
        """Look at settings, credentials, network, bucket and permissions; raise nothing of it.

        It takes a second where all is well, and 45 s at most. Nothing is changed.

        Args:
            write: "yes" also stores, reads and deletes 1 KiB under a reserved key, with its
                versions, where these may be deleted.

        Raises:
            S3ConfigError: `write` is neither "yes" nor "no".
        """
        check_choice("write", write, get_args(WriteCheck))
        # Imported on first use: see `_make_service`.
        from s3_integration.doctor.examine import examine  # noqa: PLC0415 - see above

        return examine(lambda: self._settings, may_create=self._create_bucket, write=write)
