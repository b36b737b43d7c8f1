"""Small uploads of one call for many: what becomes of those that are not stored at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from s3_integration.aws.session import connect
from s3_integration.config import resolve_settings
from s3_integration.transfer.engine import ObjectId, Transferred, UploadJob, UploadOptions
from s3_integration.transfer.files import FileEngine
from s3_integration.transfer.small_uploads import SmallUpload
from tests.fixtures.direct_wires import LOCAL, heard_by, refusal, without_proxies
from tests.fixtures.raw_server import RawServer, http_answer

no_proxies = pytest.fixture(autouse=True)(without_proxies)

CONTENT = b"content"
ETAG = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.mark.promise(1)
@pytest.mark.parametrize("becomes", [b"another and longer", None], ids=["changes", "vanishes"])
def test_what_is_sent_again_is_what_was_read_first_whatever_the_file_becomes(
    server: RawServer,
    slept: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    becomes: bytes | None,
) -> None:
    """It may be stored already: nobody could tell, once other bytes are compared with it."""
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    settings = resolve_settings(config=LOCAL, environment={}, dotenv={})
    engine = FileEngine(lambda: connect(settings), settings)
    server.answers(refusal(503, "SlowDown", Connection="close"))
    server.answers(http_answer(200, ETag=f'"{ETAG}"'))
    finish = SmallUpload.finish

    def finish_and_change(upload: SmallUpload) -> Transferred | None:
        moved = finish(upload)
        file.unlink()
        if becomes is not None:
            file.write_bytes(becomes)
        return moved

    monkeypatch.setattr(SmallUpload, "finish", finish_and_change)
    job = UploadJob(file, ObjectId("unit-tests", "k"), UploadOptions("text/plain", {}, {}))

    (outcome,) = engine.upload_many([job])

    assert outcome.error is None
    assert outcome.result is not None
    assert outcome.result.etag == ETAG
    assert heard_by(server).content == CONTENT
    assert (server.connections, bool(slept)) == (2, True)
