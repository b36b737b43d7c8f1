"""A client without an S3, and a way to run the command line with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3_integration.cli import screen
from s3_integration.cli.app import s3i
from s3_integration.doctor.report import HealthReport
from s3_integration.exceptions import S3FileNotFoundError
from s3_integration.models import FolderListing, S3FileInfo, S3Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click.testing import Result

    from s3_integration.config import S3Config

STORED_AT = datetime(2026, 1, 31, 18, 6, 11, tzinfo=UTC)


@dataclass
class FakeClient:
    """Keeps files in a dict, fails where a test says so, and remembers how it was called."""

    bucket_name: str = "notes"
    stored: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, BaseException] = field(default_factory=dict)
    """What to raise, by key; the failure under "" strikes every call."""
    options: dict[str, Any] = field(default_factory=dict)
    """The keyword arguments of the last call that had any."""
    told: dict[str, Any] = field(default_factory=dict)
    report: HealthReport = field(default_factory=lambda: HealthReport(()))

    def upload_file(
        self, local_path: str | Path, s3_key: str | None = None, *, progress: Any, **options: Any
    ) -> str:
        """Store a local file."""
        key = s3_key or Path(local_path).name
        self._fail_for(key)
        self.options = options
        self.stored[key] = Path(local_path).read_bytes()
        progress(len(self.stored[key]), len(self.stored[key]))
        return key

    def download_file(
        self, s3_key: str, local_path: str | Path, *, progress: Any, **options: Any
    ) -> str:
        """Write a stored file into a local one."""
        self._fail_for(s3_key)
        self.options = options
        if s3_key not in self.stored:
            raise S3FileNotFoundError("Nothing is there.", key=s3_key)
        path = Path(local_path)
        path = path / Path(s3_key).name if path.is_dir() else path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.stored[s3_key])
        progress(len(self.stored[s3_key]), len(self.stored[s3_key]))
        return str(path)

    def list_files(self, prefix: str = "") -> list[dict[str, Any]]:
        """List what begins with `prefix`."""
        self._fail_for(prefix)
        facts = {"last_modified": STORED_AT, "etag": "e", "storage_class": "STANDARD"}
        return [
            {"key": key, "size": len(content), **facts}
            for key, content in sorted(self.stored.items())
            if key.startswith(prefix)
        ]

    def iter_files(self, prefix: str = "") -> Iterator[S3FileInfo]:
        """List the same, one by one."""
        return (S3FileInfo(**facts) for facts in self.list_files(prefix))

    def file_exists(self, s3_key: str) -> bool:
        """Say whether a key is taken."""
        self._fail_for(s3_key)
        return s3_key in self.stored

    def file_info(self, s3_key: str, **options: Any) -> S3FileInfo:
        """Tell of what is stored, with the facts in `told` beyond what a listing tells."""
        self._fail_for(s3_key)
        self.options = options
        if s3_key not in self.stored:
            raise S3FileNotFoundError("Nothing is there.", key=s3_key)
        size = len(self.stored[s3_key])
        return S3FileInfo(s3_key, size, STORED_AT, "e", "STANDARD", **self.told)

    def open(self, s3_key: str, mode: str, **options: Any) -> BytesIO:
        """Open what is stored, for reading."""
        assert mode == "rb"
        self._fail_for(s3_key)
        self.options = options
        if s3_key not in self.stored:
            raise S3FileNotFoundError("Nothing is there.", key=s3_key)
        return BytesIO(self.stored[s3_key])

    def delete_file(self, s3_key: str) -> bool:
        """Remove a key, and say whether it was there."""
        self._fail_for(s3_key)
        return self.stored.pop(s3_key, None) is not None

    def check(self, **options: Any) -> HealthReport:
        """Tell what the test says."""
        self.options = options
        return self.report

    def list_folder(self, prefix: str = "") -> FolderListing:
        """Two folders, and what is stored."""
        self._fail_for(prefix)
        files = [S3FileInfo(key, len(b), STORED_AT, "e", "STANDARD") for key, b in self._sorted()]
        return FolderListing([f"{prefix}a/", f"{prefix}b\x1b/"], files)

    def copy_file(self, source_key: str, target_key: str, **options: Any) -> S3FileInfo:
        """Remember what was to be copied."""
        return self._moved("copy", source_key, target_key, options)

    def move_file(self, source_key: str, target_key: str, **options: Any) -> S3FileInfo:
        """Remember what was to be moved."""
        return self._moved("move", source_key, target_key, options)

    def _moved(
        self, deed: str, source_key: str, target_key: str, options: dict[str, Any]
    ) -> S3FileInfo:
        self._fail_for(source_key)
        self.options = {"deed": deed, "source_key": source_key, "target_key": target_key, **options}
        return S3FileInfo(target_key, 1536, STORED_AT, "e", "STANDARD")

    def list_versions(self, s3_key: str) -> list[S3Version]:
        """The versions that `told` holds."""
        self._fail_for(s3_key)
        found: list[S3Version] = self.told.get("versions", [])
        return found

    def restore_file(self, s3_key: str, version_id: str | None) -> S3FileInfo:
        """Remember which version was to come back."""
        self._fail_for(s3_key)
        self.options = {"version_id": version_id}
        return S3FileInfo(s3_key, 1536, STORED_AT, "e", "STANDARD", version_id="new")

    def get_tags(self, s3_key: str) -> dict[str, str]:
        """The tags that `told` holds."""
        self._fail_for(s3_key)
        found: dict[str, str] = self.told.get("tags", {})
        return found

    def set_tags(self, s3_key: str, tags: Mapping[str, str]) -> None:
        """Remember the tags."""
        self._fail_for(s3_key)
        self.options = {"tags": dict(tags)}

    def presigned_download_url(self, s3_key: str, **options: Any) -> str:
        """Something like a link."""
        self.options = options
        return f"https://s3.example/get/{s3_key}"

    def presigned_upload_url(self, s3_key: str, **options: Any) -> str:
        """As above."""
        self.options = options
        return f"https://s3.example/put/{s3_key}"

    def _sorted(self) -> list[tuple[str, bytes]]:
        return sorted(self.stored.items())

    def _fail_for(self, key: str) -> None:
        if failure := self.failures.get(key) or self.failures.get(""):
            raise failure


@dataclass
class CommandLine:
    """Runs `s3i` with a fake client; remembers the settings that the client was made with."""

    client: FakeClient
    config: S3Config | None = None
    create_bucket: bool | None = None

    def run(self, *arguments: str) -> Result:
        """Run one command, and catch nothing that would end a real process in a traceback."""
        return CliRunner(catch_exceptions=False).invoke(s3i, arguments, obj=self.open_client)

    def open_client(self, config: S3Config, *, create_bucket: bool) -> FakeClient:
        """Stand in for the factory of real clients."""
        self.config, self.create_bucket = config, create_bucket
        self.client.bucket_name = config.bucket_name or self.client.bucket_name
        return self.client


@pytest.fixture
def client() -> FakeClient:
    """A client whose bucket is empty."""
    return FakeClient()


@pytest.fixture
def command_line(client: FakeClient, shown_logs: list[Any]) -> CommandLine:
    """The command line over `client`, with the log left alone."""
    assert shown_logs == []
    return CommandLine(client)


@pytest.fixture(autouse=True)
def shown_logs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the log's setup, in place of doing it."""
    calls: list[Any] = []

    def remember(level: str, **options: Any) -> None:
        calls.append((level, options))

    monkeypatch.setattr(screen, "log_to_stderr", remember)
    return calls


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 1,536 bytes in the current folder, which is empty otherwise."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "report.txt"
    path.write_bytes(b"x" * 1536)
    return path
