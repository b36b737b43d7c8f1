"""What networks and servers do wrong, and what becomes of a transfer: right, or a clear error.

Real servers stand behind a proxy that injects one fault at a time. Whatever happens: no
wrong bytes reported as success, no half file, no temporary file, no open multipart upload.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from s3_integration import (
    S3Client,
    S3Config,
    S3ConflictError,
    S3DownloadError,
    S3IntegrationError,
    S3UploadError,
    TransferConfig,
)
from s3_integration.utils import MIB
from tests.fixtures import faults
from tests.fixtures.faults import Fault, FaultProxy, Wire, fault_proxy
from tests.fixtures.servers import ServerUnderTest

SMALL = b"small content " * 1000
LARGE = os.urandom(12 * MIB)
TRANSFER = TransferConfig(part_size_bytes=5 * MIB, multipart_threshold_bytes=6 * MIB)
OLD = b"what was there before"


@dataclass(frozen=True)
class Place:
    """A client behind a proxy, a plain look at the server, and a folder."""

    client: S3Client
    proxy: FaultProxy
    server: ServerUnderTest
    config: S3Config
    folder: Path

    def stored(self, key: str) -> bytes | None:
        """What the server itself holds."""
        boto3_client = self.server.boto3_client()
        try:
            answer = boto3_client.get_object(Bucket=self.config.bucket_name, Key=key)
            return answer["Body"].read()
        except boto3_client.exceptions.NoSuchKey:
            return None

    def open_uploads(self) -> int:
        """How many multipart uploads nobody finished."""
        answer = self.server.boto3_client().list_multipart_uploads(Bucket=self.config.bucket_name)
        return len(answer.get("Uploads", ()))

    def file(self, content: bytes, name: str = "file") -> Path:
        """A local file whose time of change lies well back."""
        path = self.folder / name
        path.write_bytes(content)
        os.utime(path, ns=(10**18, 10**18))
        return path


@pytest.fixture
def place(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    # Waits are proved elsewhere; here they only take time.
    monkeypatch.setattr("s3_integration.aws.retries.full_jitter", lambda: 0.01)
    monkeypatch.setattr("s3_integration.transfer.persistence.full_jitter", lambda: 0.01)
    with fault_proxy(str(config.endpoint_url)) as proxy:
        settings = replace(
            config, endpoint_url=proxy.endpoint_url, transfer=TRANSFER, read_timeout_seconds=2.0
        )
        client = S3Client(config=settings)
        folder = tmp_path / "files"
        folder.mkdir()
        client.upload_file(_seed(tmp_path), "seed")  # the bucket is there from now on
        proxy.requests.clear()
        yield Place(client, proxy, server, config, folder)


def _seed(folder: Path) -> Path:
    path = folder / "seed"
    path.write_bytes(b"seed")
    return path


def _date(hours: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


SURVIVED_UPLOADS = {
    "500 once": Fault("500", "PutObject", up=faults.refusal(500, "InternalError")),
    "503 SlowDown four times": Fault(
        "503", "PutObject", times=4, up=faults.refusal(503, "SlowDown")
    ),
    "429 once": Fault("429", "PutObject", up=faults.refusal(429, "TooManyRequests")),
    "RequestTimeout once": Fault("400", "PutObject", up=faults.refusal(400, "RequestTimeout")),
    "BadDigest once": Fault("bad digest", "PutObject", up=faults.refusal(400, "BadDigest")),
    "a clock that is off": Fault(
        "skew", "PutObject", up=faults.refusal(403, "RequestTimeTooSkewed", date=_date(0))
    ),
    "connection lost before the answer": Fault("lost", "PutObject", wire=Wire(no_answer=True)),
    "bit flipped on the way up": Fault("bit", "PutObject", up=faults.bit_flipped),
    "part: 500 once": Fault("500", "UploadPart", up=faults.refusal(500, "InternalError")),
    "part: reply lost": Fault("lost", "UploadPart", wire=Wire(no_answer=True)),
    "part: bit flipped on the way up": Fault("bit", "UploadPart", up=faults.bit_flipped),
    "create: reply lost": Fault("lost", "CreateMultipartUpload", wire=Wire(no_answer=True)),
    "complete: reply lost": Fault("lost", "CompleteMultipartUpload", wire=Wire(no_answer=True)),
    "complete: 200 with an error inside, though it was done": Fault(
        "200 error", "CompleteMultipartUpload", down=faults.turned_into_error_200
    ),
    "complete: 500 once": Fault(
        "500", "CompleteMultipartUpload", up=faults.refusal(500, "InternalError")
    ),
}


@pytest.mark.parametrize("name", SURVIVED_UPLOADS)
@pytest.mark.promise(1)
def test_an_upload_survives(place: Place, name: str) -> None:
    fault = replace(SURVIVED_UPLOADS[name])
    is_single = fault.operation == "PutObject"
    content = SMALL if is_single else LARGE
    place.proxy.faults = [fault]

    place.client.upload_file(place.file(content), "key")

    assert fault.fired == fault.times
    assert place.stored("key") == content
    if fault.operation != "CreateMultipartUpload":  # nobody was told of the first one's id
        assert place.open_uploads() == 0


FATAL_UPLOADS = {
    "503 for ever": Fault("503", "PutObject", times=99, up=faults.refusal(503, "SlowDown")),
    "403": Fault("403", "PutObject", times=99, up=faults.refusal(403, "AccessDenied")),
    "bits flipped on every way up": Fault("bit", "PutObject", times=99, up=faults.bit_flipped),
    "part: 500 for ever": Fault(
        "500", "UploadPart", times=99, up=faults.refusal(500, "InternalError")
    ),
    "part: bits flipped on every way up": Fault(
        "bit", "UploadPart", times=99, up=faults.bit_flipped
    ),
    "complete: refused": Fault(
        "400", "CompleteMultipartUpload", times=99, up=faults.refusal(400, "InvalidPart")
    ),
}


@pytest.mark.parametrize("name", FATAL_UPLOADS)
@pytest.mark.promise(1)
def test_an_upload_that_cannot_be_is_an_error_and_leaves_no_parts(place: Place, name: str) -> None:
    fault = replace(FATAL_UPLOADS[name])
    content = SMALL if fault.operation == "PutObject" else LARGE
    place.proxy.faults = [fault]

    with pytest.raises(S3UploadError) as caught:
        place.client.upload_file(place.file(content), "key")

    assert fault.fired
    assert caught.value.suggestion
    assert place.open_uploads() == 0


def test_a_refused_request_is_sent_five_times_and_a_denied_one_once(place: Place) -> None:
    for code, status, sent in (("SlowDown", 503, 5), ("AccessDenied", 403, 1)):
        fault = Fault(code, "PutObject", times=99, up=faults.refusal(status, code))
        place.proxy.faults = [fault]

        with pytest.raises(S3UploadError):
            place.client.upload_file(place.file(SMALL), "key")

        assert fault.fired == sent


SURVIVED_DOWNLOADS = {
    "500 once": Fault("500", "GetObject", up=faults.refusal(500, "InternalError")),
    "503 four times": Fault("503", "GetObject", times=4, up=faults.refusal(503, "SlowDown")),
    "429 once": Fault("429", "GetObject", up=faults.refusal(429, "TooManyRequests")),
    "connection lost before the answer": Fault("lost", "GetObject", wire=Wire(no_answer=True)),
    "body cut": Fault("cut", "GetObject", wire=Wire(cut_after=5000)),
    "body cut, four times": Fault("cut", "GetObject", times=4, wire=Wire(cut_after=2000)),
    "body stalls": Fault("stall", "GetObject", wire=Wire(cut_after=5000, stall_seconds=10)),
    "shorter than its range": Fault("short", "GetObject", down=faults.body_shortened),
    "Content-Range lost": Fault("range", "GetObject", down=faults.content_range_lost),
    "range shifted": Fault("shift", "GetObject", down=faults.range_shifted(LARGE)),
    "range ignored by the first answer": Fault(
        "ignored", "GetObject", down=faults.range_ignored(LARGE)
    ),
    "later range ignored": Fault(
        "ignored", "GetObject", only_ranges_after=0, down=faults.range_ignored(LARGE)
    ),
    "later range shifted": Fault(
        "shift", "GetObject", only_ranges_after=0, down=faults.range_shifted(LARGE)
    ),
    "later range cut": Fault("cut", "GetObject", only_ranges_after=0, wire=Wire(cut_after=70_000)),
    "later range shorter": Fault(
        "short", "GetObject", only_ranges_after=0, down=faults.body_shortened
    ),
    "later range refused": Fault(
        "500", "GetObject", only_ranges_after=0, up=faults.refusal(500, "InternalError")
    ),
}


@pytest.mark.parametrize("name", SURVIVED_DOWNLOADS)
@pytest.mark.promise(2)
def test_a_download_survives(place: Place, name: str) -> None:
    fault = replace(SURVIVED_DOWNLOADS[name])
    place.client.upload_file(place.file(LARGE, "source"), "key")
    place.proxy.faults = [fault]
    destination = place.file(OLD, "destination")

    place.client.download_file("key", destination)

    assert fault.fired == fault.times
    assert destination.read_bytes() == LARGE
    assert {path.name for path in place.folder.iterdir()} == {"source", "destination"}


FATAL_DOWNLOADS = {
    "500 for ever": Fault("500", "GetObject", times=99, up=faults.refusal(500, "InternalError")),
    "403": Fault("403", "GetObject", times=99, up=faults.refusal(403, "AccessDenied")),
    "cut at once, for ever": Fault("cut", "GetObject", times=99, wire=Wire(cut_after=0)),
    "cut without a length, for ever": Fault(
        "cut", "GetObject", times=99, wire=Wire(cut_after=700, length="untold")
    ),
    "ranges shifted for ever": Fault(
        "shift", "GetObject", times=99, down=faults.range_shifted(LARGE)
    ),
    "later ranges ignored for ever": Fault(
        "ignored", "GetObject", times=99, only_ranges_after=0, down=faults.range_ignored(LARGE)
    ),
    "Content-Range always lost": Fault(
        "range", "GetObject", times=99, down=faults.content_range_lost
    ),
    "always shorter than its range": Fault(
        "short", "GetObject", times=99, only_ranges_after=0, down=faults.body_shortened
    ),
}


@pytest.mark.parametrize("name", FATAL_DOWNLOADS)
@pytest.mark.promise(2)
def test_a_download_that_cannot_be_is_an_error_and_changes_nothing(place: Place, name: str) -> None:
    fault = replace(FATAL_DOWNLOADS[name])
    place.client.upload_file(place.file(LARGE, "source"), "key")
    place.proxy.faults = [fault]
    destination = place.file(OLD, "destination")

    with pytest.raises(S3DownloadError) as caught:
        place.client.download_file("key", destination)

    assert fault.fired
    assert caught.value.suggestion
    assert destination.read_bytes() == OLD
    assert {path.name for path in place.folder.iterdir()} == {"source", "destination"}


def test_bits_flipped_on_the_way_down_are_fetched_again(place: Place) -> None:
    if place.server.name == "moto":
        # moto encrypts by default there, and only AWS' ETags are MD5s of encrypted objects.
        place.server.boto3_client().delete_bucket_encryption(Bucket=place.config.bucket_name)
    fault = Fault("bit", "GetObject", down=faults.bit_flipped)
    place.client.upload_file(place.file(SMALL, "source"), "key")
    place.proxy.faults = [fault]

    place.client.download_file("key", place.folder / "destination")

    assert fault.fired == 1
    assert (place.folder / "destination").read_bytes() == SMALL


@pytest.mark.promise(2)
def test_an_object_that_is_replaced_between_ranges_is_fetched_anew(place: Place) -> None:
    newer = os.urandom(len(LARGE))
    place.client.upload_file(place.file(LARGE, "source"), "key")

    def replaced(request: faults.Exchange) -> faults.Exchange:
        place.server.boto3_client().put_object(
            Bucket=place.config.bucket_name, Key="key", Body=newer
        )
        return request

    fault = Fault("replaced", "GetObject", only_ranges_after=0, up=replaced)
    place.proxy.faults = [fault]

    place.client.download_file("key", place.folder / "destination")

    assert fault.fired == 1
    assert (place.folder / "destination").read_bytes() == newer


def test_an_object_that_is_replaced_again_and_again_is_a_conflict(place: Place) -> None:
    place.client.upload_file(place.file(LARGE, "source"), "key")
    contents = (os.urandom(16) * (len(LARGE) // 16) for _ in itertools.count())

    def replaced(request: faults.Exchange) -> faults.Exchange:
        place.server.boto3_client().put_object(
            Bucket=place.config.bucket_name, Key="key", Body=next(contents)
        )
        return request

    place.proxy.faults = [
        Fault("replaced", "GetObject", times=99, only_ranges_after=0, up=replaced)
    ]
    destination = place.file(OLD, "destination")

    with pytest.raises(S3ConflictError) as caught:
        place.client.download_file("key", destination)

    assert isinstance(caught.value, S3DownloadError)
    assert destination.read_bytes() == OLD


@pytest.mark.parametrize("change", ["rewritten", "cut", "grown"])
@pytest.mark.promise(1)
def test_a_source_that_changes_while_it_goes_up_is_never_stored(place: Place, change: str) -> None:
    source = place.file(LARGE, "source")
    place.client.upload_file(place.file(OLD, "old"), "key")

    def changed(request: faults.Exchange) -> faults.Exchange:
        with source.open("r+b") as file:
            if change == "cut":
                file.truncate(len(LARGE) // 3)
            else:
                file.seek(0, os.SEEK_SET if change == "rewritten" else os.SEEK_END)
                file.write(b"something else")
        return request

    fault = Fault("changed", "UploadPart", up=changed)
    place.proxy.faults = [fault]

    with pytest.raises(S3UploadError, match="changed meanwhile"):
        place.client.upload_file(source, "key")

    assert fault.fired == 1
    assert place.stored("key") == OLD
    assert place.open_uploads() == 0


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_conditional_upload_whose_reply_is_lost_is_no_conflict(
    place: Place, content: bytes
) -> None:
    operation = "PutObject" if content is SMALL else "CompleteMultipartUpload"
    fault = Fault("lost", operation, wire=Wire(no_answer=True))
    place.proxy.faults = [fault]

    place.client.upload_file(place.file(content), "key", if_exists="fail")

    assert fault.fired == 1
    assert place.stored("key") == content


@pytest.mark.promise(3)
def test_a_refused_head_is_an_error_never_false(place: Place) -> None:
    for status, code in ((403, "AccessDenied"), (500, "InternalError"), (400, "ExpiredToken")):
        fault = Fault(code, "HeadObject", times=99, up=faults.refusal(status, code))
        place.proxy.faults = [fault]

        with pytest.raises(S3IntegrationError):
            place.client.file_exists("seed")

        assert fault.fired
