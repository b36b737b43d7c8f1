"""Whatever a server and a network do to a download, it is whole or did not happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_integration import S3DownloadError
from s3_integration.transfer.engine import ObjectId
from s3_integration.transfer.files import FileEngine
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    Sent,
    error_answer,
    etag_of,
    object_answer,
    serving,
)
from tests.fixtures.transfers import BUCKET, KEY, engine_to, lost_connection

VERSIONS = (b"0123456789abcdefghij", b"JIHGFEDCBA", b"", b"0123456789ABCDEFGHIJ")
ERRORS = {
    "busy": error_answer(503, "SlowDown"),
    "broken": error_answer(500, "InternalError"),
    "too many": error_answer(429, "TooManyRequestsException"),
    "no such key": error_answer(404, "NoSuchKey"),
    "denied": error_answer(403, "AccessDenied"),
    "other version": error_answer(412, "PreconditionFailed"),
    "no such range": error_answer(416, "InvalidRange"),
}

faults = st.one_of(
    st.sampled_from(["right", "right", "right", "replaced", "hangs up", "all", "no range"]),
    st.sampled_from(["shifted", "flipped", "too long"]),
    st.sampled_from(list(ERRORS)),
    st.integers(0, 8),  # bytes after which the body is cut
)


class FaultyServer:
    """An object that is replaced now and then, behind a network that fails now and then."""

    def __init__(self, script: list[str | int]) -> None:
        self._script: Iterator[str | int] = iter(script)
        self._replaced_times = 0

    def __call__(self, sent: Sent) -> Answer:
        fault = next(self._script, "right")
        if fault == "hangs up":
            raise lost_connection()
        if isinstance(fault, str) and fault in ERRORS:
            return ERRORS[fault]
        if fault == "replaced":
            self._replaced_times += 1
        content = VERSIONS[self._replaced_times % len(VERSIONS)]
        if sent.headers.get("if-match") not in {None, etag_of(content)}:
            return ERRORS["other version"]
        right = serving(content, etag=etag_of(content))(sent)
        return right if right.status >= 300 else _damaged(right, fault, content)


def _damaged(right: Answer, fault: str | int, content: bytes) -> Answer:
    headers = {"content-length": str(len(right.body)), **right.headers}
    if isinstance(fault, int):
        return Answer(right.status, right.body[:fault], headers)
    damaged = {
        "all": Answer(200, content, {"etag": headers["etag"]}),
        "no range": Answer(right.status, right.body, {**headers, "content-range": ""}),
        "shifted": object_answer(right.body, etag=headers["etag"], start=1, size=len(content)),
        "flipped": Answer(right.status, right.body[::-1], headers),
        "too long": Answer(right.status, right.body + b"!", headers),
    }
    return damaged.get(fault, right)


@pytest.fixture
def engine_and_s3() -> tuple[FileEngine, CannedS3]:
    s3 = CannedS3()
    return engine_to(s3), s3


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(faults, max_size=30))
@pytest.mark.promise(2)
def test_a_download_is_one_version_or_an_error_that_leaves_the_old_file(
    tmp_path: Path,
    slept: list[float],
    engine_and_s3: tuple[FileEngine, CannedS3],
    script: list[str | int],
) -> None:
    engine, s3 = engine_and_s3
    s3.otherwise = FaultyServer(script)
    destination = tmp_path / "file"
    destination.write_bytes(b"old")

    try:
        done = engine.download(ObjectId(BUCKET, KEY), destination)
    except S3DownloadError:
        allowed: tuple[bytes, ...] = (b"old",)
    else:
        allowed = tuple(v for v in VERSIONS if etag_of(v) == f'"{done.etag}"')

    assert destination.read_bytes() in allowed
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
