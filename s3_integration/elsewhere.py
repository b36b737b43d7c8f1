"""Clients that other processes make of this one's settings: each its own, and only once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_integration.perprocess import PerProcess
from s3_integration.service import S3Service

if TYPE_CHECKING:
    from s3_integration.bulk.storage import Storage
    from s3_integration.portable import PortableSettings

_MOST_SERVICES = 16
"""Of different settings, in one process; each keeps connections open."""

_services: PerProcess[dict[PortableSettings, S3Service]] = PerProcess(dict)


@dataclass(frozen=True, slots=True)
class StorageElsewhere:
    """The caller's bucket, for whichever process unpickles this."""

    settings: PortableSettings

    def storage(self) -> Storage:
        """The bucket, by a client of this process.

        Raises:
            S3ConfigError: this process cannot have such a client.
        """
        services = _services.get()
        known = services.get(self.settings)
        if known is None:
            if len(services) >= _MOST_SERVICES:
                services.clear()
            # The caller has made sure of the bucket. Of two threads, both get the same service.
            made = S3Service(settings=self.settings.settled(), create_bucket=False)
            known = services.setdefault(self.settings, made)
        return known.storage()
