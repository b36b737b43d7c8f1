"""S3Service: what is done to S3, and what of it is told."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from s3_integration import (
    S3AccessDeniedError,
    S3BucketError,
    S3Config,
    S3ConfigError,
    S3CredentialsError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.config import resolve_settings
from s3_integration.models import S3FileInfo
from s3_integration.service import S3Service
from s3_integration.transfer.engine import UploadOptions
from tests.fixtures.at_once import failures_at_once
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Reply,
    Sent,
    error_answer,
    etag_of,
    object_answer,
    service_to,
    serving,
    take,
)
from tests.fixtures.transfers import lost_connection, settled_file

BUCKET = "unit-tests"
OPTIONS = UploadOptions("text/plain", {}, {})
FOUND = Answer(200, headers={"etag": '"e1"', "last-modified": "Thu, 29 Feb 2024 12:00:00 GMT"})
MISSING = Answer(404)
NO_SUCH_KEY = error_answer(404, "NoSuchKey")
NO_SUCH_BUCKET = error_answer(404, "NoSuchBucket")


def bucket_and_objects(sent: Sent) -> Answer:
    """A bucket that is there and takes everything."""
    return take(sent) if sent.key else Answer(200)


# Is it there?


def test_a_file_that_s3_finds_exists() -> None:
    s3 = CannedS3(FOUND)

    assert service_to(s3).file_exists("a b") is True
    assert s3.methods == ["HEAD a b"]


@pytest.mark.promise(3)
def test_a_file_exists_not_only_where_s3_says_so_of_the_key() -> None:
    s3 = CannedS3(MISSING, NO_SUCH_KEY)

    assert service_to(s3).file_exists("a") is False
    assert [sent.method for sent in s3.sent] == ["HEAD", "GET"]
    assert s3.sent[1].headers["range"] == "bytes=0-0"


@pytest.mark.promise(3)
def test_a_missing_bucket_is_an_error_never_false() -> None:
    with pytest.raises(S3BucketError, match="does not exist"):
        service_to(CannedS3(MISSING, NO_SUCH_BUCKET)).file_exists("a")


@pytest.mark.parametrize(
    "answer",
    [object_answer(b"x"), error_answer(416, "InvalidRange"), Answer(416)],
    ids=["some bytes", "empty", "empty, told without a body"],
)
def test_a_file_that_appears_between_two_questions_exists(answer: Answer) -> None:
    assert service_to(CannedS3(MISSING, answer)).file_exists("a") is True


def test_a_refused_head_is_an_error_never_false() -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(S3AccessDeniedError, match="s3:GetObject"):
        service_to(s3).file_exists("a")

    assert len(s3.sent) == 1


@pytest.mark.parametrize(
    "failures",
    [
        [Answer(500)] * 5,
        [Answer(503)] * 5,
        [lost_connection()] * 5,
        [Answer(400)] * 2,
        [Answer(418)],
        [Answer(302, headers={"location": "https://elsewhere.example/"})] * 2,
    ],
    ids=["500", "503", "lost", "400", "418", "302"],
)
@pytest.mark.promise(3)
def test_whatever_keeps_s3_from_answering_is_an_error_never_false(
    slept: list[float], failures: list[Reply]
) -> None:
    with pytest.raises(S3IntegrationError) as caught:
        service_to(CannedS3(*failures)).file_exists("a")

    assert not isinstance(caught.value, S3FileNotFoundError)


# Gone


def test_a_file_that_is_there_is_deleted() -> None:
    s3 = CannedS3(FOUND, Answer(204))

    assert service_to(s3).delete_file("a") is True
    assert s3.methods == ["HEAD a", "DELETE a"]


def test_a_deletion_spares_older_versions_and_bypasses_no_lock() -> None:
    s3 = CannedS3(FOUND, Answer(204))

    service_to(s3).delete_file("a")

    assert not s3.sent[1].query.keys() & {"versionId"}
    assert not [name for name in s3.sent[1].headers if "bypass" in name]


def test_a_file_that_is_not_there_is_not_deleted() -> None:
    s3 = CannedS3(MISSING, NO_SUCH_KEY)

    assert service_to(s3).delete_file("a") is False
    assert s3.methods == ["HEAD a", "GET a"]


def test_a_refused_deletion_is_an_error() -> None:
    with pytest.raises(S3AccessDeniedError, match="s3:DeleteObject"):
        service_to(CannedS3(FOUND, error_answer(403, "AccessDenied"))).delete_file("a")


def test_a_deletion_from_a_missing_bucket_is_an_error() -> None:
    with pytest.raises(S3BucketError):
        service_to(CannedS3(MISSING, NO_SUCH_BUCKET)).delete_file("a")


# Lists


def page(*keys: str, token: str = "", encoding: str = "url", more: str = "") -> Answer:
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2024-02-29T12:00:00.000Z"
        f'</LastModified><ETag>"e1"</ETag><Size>5</Size>{more}</Contents>'
        for key in keys
    )
    return Answer(
        200,
        f"<ListBucketResult><IsTruncated>{str(bool(token)).lower()}</IsTruncated>"
        f"{f'<NextContinuationToken>{token}</NextContinuationToken>' if token else ''}"
        f"{f'<EncodingType>{encoding}</EncodingType>' if encoding else ''}"
        f"{contents}</ListBucketResult>".encode(),
        {"content-type": "application/xml"},
    )


def test_a_list_holds_the_files_of_all_pages_in_order() -> None:
    s3 = CannedS3(page("a", "b", token="t/1"), page(token="t2"), page("c"))

    keys = [found.key for found in service_to(s3).iter_files("pre fix/")]

    assert keys == ["a", "b", "c"]
    assert [sent.query.get("continuation-token") for sent in s3.sent] == [None, "t/1", "t2"]
    assert [sent.query["prefix"] for sent in s3.sent] == ["pre fix/"] * 3


def test_a_listed_file_tells_everything_of_itself() -> None:
    s3 = CannedS3(page("a", more="<StorageClass>GLACIER</StorageClass>"))

    [found] = service_to(s3).iter_files("")

    noon = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    assert found == S3FileInfo("a", 5, noon, "e1", "GLACIER")
    assert found.last_modified.tzinfo is dt.UTC


def test_a_server_that_leaves_the_storage_class_out_means_the_usual_one() -> None:
    [found] = service_to(CannedS3(page("a"))).iter_files("")

    assert found.storage_class == "STANDARD"


@pytest.mark.parametrize(
    ("listed", "encoding", "key"),
    [
        ("a%20b%2Fc%0A%C3%BC%25", "url", "a b/c\nü%"),
        ("a+b", "url", "a b"),
        ("a%20b", "", "a%20b"),
        (" x ", "", " x "),
        ("&<>", "", "&<>"),
    ],
)
def test_keys_come_back_as_they_were_stored(listed: str, encoding: str, key: str) -> None:
    s3 = CannedS3(page(listed, encoding=encoding))

    assert [found.key for found in service_to(s3).iter_files("")] == [key]
    assert s3.sent[0].query["encoding-type"] == "url"


def test_an_empty_list_is_empty() -> None:
    assert list(service_to(CannedS3(page())).iter_files("")) == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (NO_SUCH_BUCKET, S3BucketError),
        (error_answer(403, "AccessDenied"), S3AccessDeniedError),
    ],
)
def test_a_list_that_breaks_off_is_an_error(
    answer: Answer, error: type[S3IntegrationError]
) -> None:
    files = service_to(CannedS3(page("a", token="t1"), answer)).iter_files("")

    assert next(files).key == "a"
    with pytest.raises(error):
        next(files)


# What is told


def log_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.INFO and record.name == "s3_integration.service"
    ]


def test_each_operation_is_one_line_with_key_bytes_seconds_and_attempts(
    tmp_path: Path, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    source = settled_file(tmp_path / "source", b"12345")
    busy = error_answer(503, "SlowDown")
    uploaded: list[Reply] = [busy, lost_connection(), take]
    looked_at = [FOUND] * 3
    s3 = CannedS3(*uploaded, object_answer(b"12345"), page("k\n"), *looked_at, Answer(204))
    service = service_to(s3)

    with caplog.at_level(logging.INFO):
        service.upload_file(source, "k\n", OPTIONS)
        service.download_file("k\n", tmp_path / "copy")
        list(service.iter_files("k"))
        service.file_exists("k\n")
        service.file_info("k\n")
        service.delete_file("k\n")

    expected = [
        r"upload done: key 'k\\n', bucket 'unit-tests', 5 bytes, 0\.\d{3} s, attempts 3",
        r"download done: key 'k\\n', bucket 'unit-tests', 5 bytes, 0\.\d{3} s, attempts 1",
        r"list done: key 'k', bucket 'unit-tests', 0 bytes, 0\.\d{3} s, attempts 1",
        r"exists done: key 'k\\n', bucket 'unit-tests', 0 bytes, 0\.\d{3} s, attempts 1",
        r"info done: key 'k\\n', bucket 'unit-tests', 0 bytes, 0\.\d{3} s, attempts 1",
        r"delete done: key 'k\\n', bucket 'unit-tests', 0 bytes, 0\.\d{3} s, attempts 1",
    ]
    lines = log_lines(caplog)
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_each_of_many_files_is_one_line_as_a_single_one_is(
    tmp_path: Path, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    source = settled_file(tmp_path / "source", b"12345")
    files = [(source, "k", OPTIONS), (tmp_path / "missing", "m", OPTIONS)]
    s3 = CannedS3(error_answer(503, "SlowDown"), take, object_answer(b"12345"))
    service = service_to(s3)

    with caplog.at_level(logging.INFO):
        list(service.upload_files(files))
        list(service.download_files([("k", tmp_path / "copy")]))

    said = [line.replace(", bucket 'unit-tests'", "") for line in log_lines(caplog)]
    lines = sorted(re.sub(r"0\.\d{3} s", "_ s", line) for line in said)
    assert lines == [
        "download done: key 'k', 5 bytes, _ s, attempts 1",
        "upload done: key 'k', 5 bytes, _ s, attempts 2",
        "upload failed: S3UploadFileNotFoundError: key 'm', 0 bytes, _ s, attempts 1",
    ]


def test_many_files_are_not_accounted_for_where_nobody_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = list[object]()
    monkeypatch.setattr("s3_integration.transfer.files.accounted", accounts.append)
    service = service_to(CannedS3(object_answer(b"12345")))

    with caplog.at_level(logging.WARNING):
        [outcome] = service.download_files([("k", tmp_path / "copy")])

    assert (outcome.error, accounts) == (None, [])


def test_a_failure_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(S3AccessDeniedError):
        service_to(CannedS3(Answer(403))).file_exists("a")

    [line] = log_lines(caplog)
    assert line.startswith("exists failed: S3AccessDeniedError: key 'a', bucket 'unit-tests', ")


def test_retries_of_parts_count_for_their_operation(
    tmp_path: Path, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    serve, busy_times = serving(bytes(20 * 2**20)), [1, 2]

    def answer(sent: Sent) -> Answer:
        is_of_later_part = not sent.headers.get("range", "bytes=0-").startswith("bytes=0-")
        if is_of_later_part and busy_times:
            busy_times.pop()
            return error_answer(503, "SlowDown")
        return serve(sent)

    with caplog.at_level(logging.INFO):
        service_to(CannedS3(otherwise=answer)).download_file("k", tmp_path / "copy")

    assert "attempts 3" in log_lines(caplog)[0]


# The bucket


def upload(service: S3Service, path: Path) -> None:
    service.upload_file(path, "key", OPTIONS)


def test_the_bucket_is_looked_for_once_and_only_before_a_write(tmp_path: Path) -> None:
    path = settled_file(tmp_path / "a", b"12345")
    s3 = CannedS3(FOUND, page(), otherwise=bucket_and_objects)
    service = service_to(s3, create_bucket=True)

    service.file_exists("key")
    list(service.iter_files(""))
    before = len(s3.sent)
    upload(service, path)
    upload(service, path)

    assert s3.methods[before:] == ["HEAD", "PUT key", "PUT key"]


def test_a_client_that_may_not_create_the_bucket_does_not_look_for_it(tmp_path: Path) -> None:
    s3 = CannedS3(NO_SUCH_BUCKET)

    with pytest.raises(S3BucketError, match="does not exist") as caught:
        upload(service_to(s3, create_bucket=False), settled_file(tmp_path / "a", b"12345"))

    assert isinstance(caught.value, S3UploadError)
    assert s3.methods == ["PUT key"]


def test_a_bucket_that_could_not_be_reached_is_looked_for_again(
    tmp_path: Path,
) -> None:
    path = settled_file(tmp_path / "a", b"12345")
    s3 = CannedS3(Answer(403), otherwise=bucket_and_objects)
    service = service_to(s3, create_bucket=True)

    with pytest.raises(S3BucketError) as caught:
        upload(service, path)
    upload(service, path)

    assert isinstance(caught.value, S3UploadError)
    assert isinstance(caught.value, S3AccessDeniedError)
    assert s3.methods == ["HEAD", "HEAD", "PUT key"]


def test_twenty_threads_look_for_the_bucket_once(tmp_path: Path) -> None:
    path = settled_file(tmp_path / "a", b"12345")
    together = threading.Barrier(20, timeout=10)
    s3 = CannedS3(otherwise=bucket_and_objects)
    service = service_to(s3, create_bucket=True)

    def upload_one() -> None:
        together.wait()
        upload(service, path)

    failures = failures_at_once([upload_one] * 20)

    assert failures == []
    assert s3.methods.count("HEAD") == 1
    assert s3.methods.count("PUT key") == 20


# Before any request


def test_a_local_file_that_is_missing_is_found_before_any_request(tmp_path: Path) -> None:
    s3 = CannedS3()

    with pytest.raises(S3UploadError) as caught:
        upload(service_to(s3, create_bucket=True), tmp_path / "missing")

    assert S3FileNotFoundError not in type(caught.value).mro()
    assert isinstance(caught.value, FileNotFoundError)
    assert str(caught.value.filename) == str(tmp_path / "missing")
    assert s3.sent == []


def test_a_destination_that_is_a_folder_is_found_before_any_request(tmp_path: Path) -> None:
    s3 = CannedS3()

    with pytest.raises(S3DownloadError) as caught:
        service_to(s3).download_file("key", tmp_path)

    assert isinstance(caught.value, IsADirectoryError)
    assert s3.sent == []


def test_a_service_without_credentials_says_so_before_any_request(
    tmp_path: Path,
) -> None:
    settings = resolve_settings(config=S3Config(bucket_name=BUCKET), environment={}, dotenv={})
    service = S3Service(settings=settings)
    path = settled_file(tmp_path / "a", b"12345")

    with pytest.raises(S3CredentialsError) as caught:
        upload(service, path)

    assert isinstance(caught.value, S3UploadError)
    with pytest.raises(S3CredentialsError):
        service._validate_credentials()


def test_good_credentials_are_valid_without_asking_s3() -> None:
    s3 = CannedS3()

    assert service_to(s3)._validate_credentials() is True
    assert s3.sent == []


def test_a_service_takes_its_settings_from_the_surroundings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDFROMENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up-secret")

    service = S3Service("named-bucket")

    assert service.bucket_name == "named-bucket"
    assert service._connection.get().credentials.access_key == "AKIDFROMENV"


def test_a_bucket_name_that_s3_forbids_is_refused() -> None:
    with pytest.raises(S3ConfigError):
        S3Service("Not A Bucket")


def test_one_process_has_one_client() -> None:
    service = service_to(CannedS3())

    assert service._get_s3_client() is service._get_s3_client()


_FORK = """
import os, sys
from tests.fixtures.mock_responses import Answer, CannedS3, service_to
service = service_to(CannedS3(Answer(200)), create_bucket=True)
service._ensure_bucket_exists()
client, pool = service._get_s3_client(), service._engine._threads._pool
first = pool.get()
if child := os.fork():
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert service._get_s3_client() is client
else:
    s3 = CannedS3(Answer(200))
    anew = service._get_s3_client() is not client and pool.get() is not first
    s3.attach(service._get_s3_client())
    service._ensure_bucket_exists()
    os._exit(0 if anew and s3.methods == ["HEAD"] else 1)
"""


@pytest.mark.promise(8)
def test_a_forked_child_makes_its_own_client() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}

    subprocess.run([sys.executable, "-c", _FORK], env=environment, check=True, timeout=60)


ROOT = Path(__file__).parents[2]


def test_bytes_arrive_as_they_were_stored(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    path = settled_file(tmp_path / "a", content)
    s3 = CannedS3(take)
    service = service_to(s3)

    upload(service, path)
    s3.replies.append(object_answer(s3.sent[0].body, etag=etag_of(content)))
    service.download_file("key", tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == content


def test_secrets_are_in_no_request_header(tmp_path: Path) -> None:
    s3 = CannedS3(take)

    upload(service_to(s3), settled_file(tmp_path / "a", b"12345"))

    assert CONFIG.secret_access_key
    assert CONFIG.secret_access_key not in str(s3.sent)
