"""One small download: its file is made only once its content is there, and is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from s3_integration.aws.session import connect
from s3_integration.config import resolve_settings
from s3_integration.exceptions import S3FileNotFoundError
from s3_integration.transfer import small_downloads
from s3_integration.transfer.engine import ObjectId
from s3_integration.transfer.files import FileEngine
from s3_integration.transfer.folders import FileIn
from s3_integration.transfer.partial import write_whole
from tests.fixtures.direct_wires import LOCAL, heard_by, refusal, without_proxies
from tests.fixtures.raw_server import RawServer, http_answer

no_proxies = pytest.fixture(autouse=True)(without_proxies)

CONTENT = b"stored"
SOURCE = ObjectId("unit-tests", "k")


@pytest.fixture
def engine() -> FileEngine:
    settings = resolve_settings(config=LOCAL, environment={}, dotenv={})
    return FileEngine(lambda: connect(settings), settings)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was written the short way."""
    contents: list[bytes] = []

    def noted(place: FileIn, content: memoryview) -> None:
        write_whole(place, content)
        contents.append(bytes(content))

    monkeypatch.setattr(small_downloads, "write_whole", noted)
    return contents


def answer(content: bytes = CONTENT, sent: bytes | None = None) -> bytes:
    """S3's answer to the first question about `content`; `sent` comes in its place."""
    return http_answer(
        206,
        content if sent is None else sent,
        ETag=f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
        Content_Range=f"bytes 0-{len(content) - 1}/{len(content)}",
        Connection="close",
    )


def test_one_small_file_goes_the_short_way(
    engine: FileEngine, server: RawServer, tmp_path: Path, written: list[bytes]
) -> None:
    server.answers(answer())

    moved = engine.download(SOURCE, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (moved.size_bytes, written) == (len(CONTENT), [CONTENT])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_whoever_is_told_of_progress_may_still_break_off_before_the_file_is_there(
    engine: FileEngine, server: RawServer, tmp_path: Path, written: list[bytes]
) -> None:
    server.answers(answer())

    def break_off(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.download(SOURCE, tmp_path / "file", break_off)

    assert (list(tmp_path.iterdir()), written) == ([], [])


def test_damage_is_seen_before_a_file_is_made_and_the_object_asked_for_again(
    engine: FileEngine, server: RawServer, tmp_path: Path, written: list[bytes]
) -> None:
    server.answers(answer(sent=b"STORED"), answer())

    engine.download(SOURCE, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert written == []
    assert server.connections == 2


def test_what_a_killed_download_left_is_looked_at_before_anything_is_asked_for(
    engine: FileEngine, server: RawServer, tmp_path: Path, written: list[bytes]
) -> None:
    (tmp_path / ".file.0.s3-partial").touch()
    server.answers(answer(b"s"))

    engine.download(SOURCE, tmp_path / "file")

    assert heard_by(server).headers["range"] == "bytes=0-0"
    assert ([path.name for path in tmp_path.iterdir()], written) == (["file"], [])


def test_a_link_in_its_place_is_replaced_the_ordinary_way(
    engine: FileEngine, server: RawServer, tmp_path: Path, written: list[bytes]
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    server.answers(answer())

    engine.download(SOURCE, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"
    assert written == []


def test_a_refusal_is_told_as_ever(engine: FileEngine, server: RawServer, tmp_path: Path) -> None:
    server.answers(refusal(404, "NoSuchKey"))

    with pytest.raises(S3FileNotFoundError):
        engine.download(SOURCE, tmp_path / "file")

    assert list(tmp_path.iterdir()) == []
