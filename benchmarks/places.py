"""The servers of the comparison: what they hold, and how their results are checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.checks import (
    WrongResultError,
    check_deletions,
    check_nothing_sent,
    check_uploads,
    difference,
)
from benchmarks.contenders.boto import boto3_client
from benchmarks.served import KEYS_PER_PAGE, LARGE_KEY, Served, make_served
from benchmarks.server import BUCKET, memory_folder, nginx_server
from benchmarks.task import Batch, Site
from tests.fixtures.ceph import ceph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.folders import Kept
    from benchmarks.scenarios import ServerName, Sizes
    from benchmarks.server import NginxServer


class WrongPlaceError(LookupError):
    """A scenario is to run where it cannot."""


class Place(Protocol):
    """A server that holds the files of `served`."""

    @property
    def served(self) -> Served:
        """The files."""

    @property
    def folders(self) -> Mapping[str, Kept]:
        """Folders that it holds beside them, or at least lists."""

    def site(self, server: ServerName) -> Site:
        """How one gets in, by the name of a scenario's server."""

    def forget_requests(self) -> None:
        """Begin anew to take note of what is asked for."""

    def check_deletions(self, batch: Batch) -> None:
        """The deletion of all files of a batch was asked for.

        Raises:
            WrongResultError: it was not, or that of others as well.
        """

    def check_nothing_sent(self, batch: Batch) -> None:
        """A batch was listed, and nothing was stored.

        Raises:
            WrongResultError: it was not listed, or something was stored.
        """

    def check_uploads(self, batch: Batch) -> None:
        """What was uploaded is there.

        Raises:
            WrongResultError: it is not.
        """


@dataclass(frozen=True, slots=True)
class NginxPlace:
    """The server that throws uploads away."""

    server: NginxServer
    served: Served
    folders: Mapping[str, Kept]

    def site(self, server: ServerName) -> Site:
        """One of nginx's profiles."""
        if server == "ceph":
            raise WrongPlaceError("Ceph's scenarios are not for nginx")
        endpoint_url = self.server.endpoint_url(server)
        return Site(endpoint_url, BUCKET, "bench", "bench-secret")

    def check_uploads(self, batch: Batch) -> None:
        """See that every byte has come; what it was, nobody knows any more."""
        check_uploads(self.server.access_log, BUCKET, batch)

    def forget_requests(self) -> None:
        """Empty what the server writes."""
        os.truncate(self.server.access_log, 0)
        self.server.deleted.unlink(missing_ok=True)

    def check_deletions(self, batch: Batch) -> None:
        """See that the right deletions have come."""
        check_deletions(self.server.deleted, batch.prefix, batch.names)

    def check_nothing_sent(self, batch: Batch) -> None:
        """See that nothing has come but questions."""
        check_nothing_sent(self.server.access_log, -(-len(batch.names) // KEYS_PER_PAGE))


@dataclass(frozen=True, slots=True)
class CephPlace:
    """A real store, which keeps what it gets."""

    only_site: Site
    served: Served

    @property
    def folders(self) -> Mapping[str, Kept]:
        """None: whole folders are moved to and from nginx."""
        return {}

    def site(self, server: ServerName) -> Site:
        """The gateway."""
        del server
        return self.only_site

    def check_uploads(self, batch: Batch) -> None:
        """Read everything back."""
        read = partial(_stored_sha256, boto3_client(self.only_site), self.only_site.bucket)
        keys = [key for _, key in batch.pairs]
        # The gateway takes 40 ms for each answer's end, whoever asks.
        with ThreadPoolExecutor(10) as threads:
            found = dict(zip(keys, threads.map(read, keys), strict=True))
        sums = {LARGE_KEY: self.served.large_sha256, **self.served.small_sha256}
        by_name = {key.rpartition("/")[2]: value for key, value in sums.items()}
        expected = {key: by_name[key.rpartition("/")[2]] for key in found}
        if found != expected:
            raise WrongResultError(difference(expected, found))

    def forget_requests(self) -> None:
        """It takes no note of any."""

    def check_deletions(self, batch: Batch) -> None:
        """No scenario has it."""
        raise WrongPlaceError(batch.prefix)

    def check_nothing_sent(self, batch: Batch) -> None:
        """No scenario has it."""
        raise WrongPlaceError(batch.prefix)


@contextmanager
def nginx_place(sizes: Sizes, huge_bytes: tuple[int, ...]) -> Iterator[Place]:
    """Run nginx while the block runs."""
    with nginx_server(sizes, huge_bytes) as server:
        yield NginxPlace(server, server.served, server.folders)


@contextmanager
def ceph_place(sizes: Sizes) -> Iterator[Place]:
    """Run Ceph while the block runs, with the files stored in it."""
    with ceph() as server, tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        keys = (server.access_key_id, server.secret_access_key)
        site = Site(server.endpoint_url, BUCKET, *keys, checksums="when required")
        served = make_served(Path(name, BUCKET), sizes.large_bytes, sizes.small_files)
        client = boto3_client(site)
        client.create_bucket(Bucket=BUCKET)
        for key in (LARGE_KEY, *served.small_keys):
            client.upload_file(str(served.folder / key), BUCKET, key)
        yield CephPlace(site, served)


def _stored_sha256(client: Any, bucket: str, key: str) -> str:
    body = client.get_object(Bucket=bucket, Key=key)["Body"]
    return hashlib.sha256(body.read()).hexdigest()
