"""What one contender is asked to do in one process of its own, and what it reports."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Action = Literal[
    "upload",
    "download",
    "exists",
    "upload-folder",
    "download-folder",
    "delete-folder",
    "list-folder",
    "sync-folder",
]


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and how one gets in."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"

    checksums: Literal["as stock", "when required"] = "as stock"
    """Ceph 16 refuses the trailing checksums that boto3 sends by default."""

    @property
    def host(self) -> str:
        """Host and port."""
        return self.endpoint_url.partition("://")[2]

    def environment(self) -> dict[str, str]:
        """Variables that tell programs the same."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_INTEGRATION_BUCKET": self.bucket,
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """Files of one folder, and the objects that they become or come from."""

    folder: Path
    prefix: str
    names: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[Path, str]]:
        """Every path with its key."""
        return [(self.folder / name, self.prefix + name) for name in self.names]


@dataclass(frozen=True, slots=True)
class Task:
    """One run: first to get warm, then with the clock on."""

    contender: str
    action: Action
    site: Site
    warm: Batch
    timed: Batch

    def to_json(self) -> str:
        """For another process."""
        return json.dumps(dataclasses.asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Task:
        """What `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            contender=fields["contender"],
            action=fields["action"],
            site=Site(**fields["site"]),
            warm=_batch(fields["warm"]),
            timed=_batch(fields["timed"]),
        )


def _batch(fields: dict[str, Any]) -> Batch:
    return Batch(Path(fields["folder"]), fields["prefix"], tuple(fields["names"]))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took; of programs, their whole process."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    """The most resident memory while the clock was on."""
    files: int = 0
    """How many there were, for what is told of each."""
    told: int | None = None
    """How many files the contender says to have found, where it says so."""


class NotThereError(Exception):
    """The contender is not in this tree or not installed; its row says so."""
