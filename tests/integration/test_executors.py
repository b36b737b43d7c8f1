"""Folders moved by other processes: everything arrives, and is told of once."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from typing_extensions import override

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3UploadError
from s3_integration.models import FolderProgress, TransferReport
from tests.fixtures.servers import ServerUnderTest

FILES: Final = 100


@contextmanager
def processes(method: str) -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as executor:
        yield executor


@pytest.fixture(params=["threads", "fork", "spawn"])
def executor(request: pytest.FixtureRequest, server: ServerUnderTest) -> Iterator[Executor]:
    if server.name != "moto" and request.param != "threads":
        pytest.skip("processes are tried on one server")
    chosen = ThreadPoolExecutor(2) if request.param == "threads" else processes(request.param)
    with chosen as started:
        yield started


def write_files(folder: Path, number: int) -> dict[str, bytes]:
    """Files in a few folders, some of them empty."""
    contents = {f"{n % 7}/ü {n}": b"%d " % n * (n % 100) for n in range(number)}
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return contents


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def check_told_once(report: TransferReport, keys: set[str]) -> None:
    told = [result.key for result in (*report.done, *report.skipped, *report.failed)]
    assert len(told) == len(set(told))
    assert set(told) == keys


def test_a_folder_goes_up_comes_back_is_copied_and_deleted(
    client: S3Client, executor: Executor, tmp_path: Path
) -> None:
    contents = write_files(tmp_path / "up", FILES)

    stored = client.upload_directory(tmp_path / "up", "p", executor=executor)
    again = client.upload_directory(
        tmp_path / "up", "p", only_changed=True, compare="checksum", executor=executor
    )
    copied = client.copy_directory("p", "q", executor=executor)
    fetched = client.download_directory("q", tmp_path / "down", executor=executor)
    deleted = client.delete_directory("p", executor=executor)

    for report, prefix in ((stored, "p"), (copied, "q"), (fetched, "q"), (deleted, "p")):
        assert not report.failed
        check_told_once(report, {f"{prefix}/{name}" for name in contents})
        assert len(report.done) == FILES
    assert len(again.skipped) == FILES
    assert files_in(tmp_path / "down") == contents
    assert [file["key"][:2] for file in client.list_files()] == ["q/"] * FILES


class Recording(ThreadPoolExecutor):
    """Keeps what would go to another process."""

    def __init__(self) -> None:
        super().__init__(2)
        self.pickled: list[bytes] = []

    @override
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.pickled.append(pickle.dumps((fn, args)))
        return super().submit(fn, *args, **kwargs)


def test_shards_hold_no_credentials_that_were_found_around_the_program(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
    write_files(tmp_path / "up", 40)
    client = S3Client(
        config=S3Config(config.bucket_name, region=config.region, endpoint_url=config.endpoint_url)
    )

    with Recording() as executor:
        client.upload_directory(tmp_path / "up", executor=executor).raise_if_failed()
        client.download_directory("", tmp_path / "down", executor=executor).raise_if_failed()
        client.delete_directory("1", executor=executor).raise_if_failed()

    assert len(executor.pickled) == 5
    for pickled in executor.pickled:
        assert server.secret_access_key.encode() not in pickled
        assert server.access_key_id.encode() not in pickled


def test_a_process_that_dies_for_good_leaves_failures_and_nothing_untold(
    client: S3Client, server: ServerUnderTest, tmp_path: Path
) -> None:
    if server.name != "moto":
        pytest.skip("processes are tried on one server")
    contents = write_files(tmp_path / "up", FILES)
    with processes("spawn") as executor:
        victim = executor.submit(os.getpid).result()
        killed: list[int] = []

        def kill_one(progress: FolderProgress) -> None:
            if progress.files_done and not killed:
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

        report = client.upload_directory(tmp_path / "up", "p", executor=executor, progress=kill_one)
        late = client.upload_directory(tmp_path / "up", "p", executor=executor)

    assert killed
    check_told_once(report, {f"p/{name}" for name in contents})
    check_told_once(late, {f"p/{name}" for name in contents})
    assert len(late.failed) == FILES
    assert all(isinstance(result.error, S3UploadError) for result in late.failed)
    stored = {file["key"] for file in client.list_files("p/")}
    assert {result.key for result in report.done} <= stored
