"""What kills a program at one of its requests keeps its other requests from every later count."""

from __future__ import annotations

import os
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import pytest

from s3_integration import S3Client, S3Config, TransferConfig
from s3_integration.utils import MIB
from tests.fixtures.children import PACKAGE_PARENT
from tests.fixtures.faults import Exchange, Fault, Reading
from tests.fixtures.faults_memory import MemoryS3
from tests.fixtures.kills import runs, scaffold

PARTS: Final = TransferConfig(
    part_size_bytes=5 * MIB, multipart_threshold_bytes=5 * MIB, parts_in_flight=2
)
LAST_PART_BYTES: Final = 20_000


class _SlowLastPart(Fault):
    """The last part is sent at once, but read so slowly that its sender dies meanwhile."""

    def __init__(self) -> None:
        slowly = Reading(bytes_per_second=2.0 * LAST_PART_BYTES)
        super().__init__("UploadPart", reading=slowly)
        self.has_come = threading.Event()

    def strikes(self, request: Exchange) -> bool:
        strikes = request.query.get("partNumber") == "2" and super().strikes(request)
        if strikes:
            self.has_come.set()
        return strikes

    def waited_for(self, request: Exchange) -> Exchange:
        assert self.has_come.wait(30)
        return request


def test_what_the_killed_had_sent_already_is_neither_carried_out_nor_counted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE_PARENT))
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5 * MIB + LAST_PART_BYTES))
    store = MemoryS3()
    last_part = _SlowLastPart()
    first_part = Fault("UploadPart", up=last_part.waited_for)
    base = S3Config("bucket", "us-east-1", "key-id", "secret", transfer=PARTS, engine="boto3")
    with scaffold(store.answer) as placed, runs(placed) as started:
        config = replace(base, endpoint_url=placed.endpoint_url)
        placed.proxy.faults = [last_part, first_part]

        status = started.run(asdict(config), "upload_file", str(source), "k", kill_at=(2, "before"))
        of_the_killed = placed.operations[:]
        placed.forget()
        placed.proxy.faults = [Fault("PutObject", reading=last_part.reading)]
        S3Client(config=config, create_bucket=False).write_bytes("after", bytes(40_000))

        assert status == -9
        assert [last_part.fired, first_part.fired] == [1, 1]
        assert of_the_killed == ["CreateMultipartUpload", "UploadPart", "UploadPart"]
        assert placed.operations == ["PutObject"]
        assert placed.taken_bytes == {"PutObject": 40_000}
