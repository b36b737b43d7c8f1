"""Promise 7: a canary secret shows up in no repr, log line, exception or traceback.

Everything runs as in a program, down to botocore's own DEBUG lines; only the network is not
there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth

from s3_integration import Encryption, S3Client, S3Config, S3IntegrationError, log_to_stderr
from s3_integration.aws.session import Way
from s3_integration.config import resolve_settings
from s3_integration.service import S3Service
from s3_integration.transfer.origin import Origin
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
    object_answer,
)

pytestmark = pytest.mark.usefixtures("loggers_as_before")

SECRET = "canary/secret+0123456789/abcdefghijklmnop"
TOKEN = "canary-token//////////0123456789+/abcdefghijklmnop=="
CUSTOMER_KEY = b"canary-customer-key-of-32-bytes+"
KEY_TEXT = b64encode(CUSTOMER_KEY).decode()
KEY_MD5 = b64encode(hashlib.md5(CUSTOMER_KEY, usedforsecurity=False).digest()).decode()
CANARIES = (SECRET, TOKEN, "canary", KEY_TEXT)
WITH_CANARIES = dataclasses.replace(
    CONFIG,
    secret_access_key=SECRET,
    session_token=TOKEN,
    encryption=Encryption(method="SSE-C", customer_key=CUSTOMER_KEY),
)

EXPIRED_WITH_TOKEN = Answer(
    400,
    f"<Error><Code>ExpiredToken</Code><Message>The token {TOKEN} has expired.</Message>"
    f"<Token-0>{TOKEN}</Token-0></Error>".encode(),
)
Failure = Answer | Exception | Callable[[Sent], Answer]
FAILURES: list[Failure] = [
    error_answer(403, "AccessDenied"),
    error_answer(403, "SignatureDoesNotMatch", f"Not the signature of {TOKEN}."),
    error_answer(503, "SlowDown", f"Slow down, {TOKEN}."),
    error_answer(400, "InvalidArgument", f"Not the MD5 of {KEY_TEXT}."),
    error_answer(403, "RequestTimeTooSkewed", headers={"Date": "Mon, 01 Jan 2035 10:00:00 GMT"}),
    EXPIRED_WITH_TOKEN,
    Answer(200, b"<html>not S3"),
    botocore_errors.HTTPClientError(error=f"Invalid header value {TOKEN!r}"),
    botocore_errors.EndpointConnectionError(endpoint_url=f"https://host/?x={TOKEN}"),
    OSError(5, f"broken near {SECRET}"),
]


@pytest.fixture
def signer_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with botocore's own code, which logs each step, even where awscrt is installed."""
    for version in ("v4", "s3v4"):
        monkeypatch.setitem(AUTH_TYPE_MAPS, version, S3SigV4Auth)


def client_on(s3: CannedS3) -> S3Client:
    """What programs use, with `s3` in place of the network."""
    client = S3Client(config=WITH_CANARIES, create_bucket=False)
    service = client._service.get()
    s3.attach(service._get_s3_client())
    return client


def hits(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def use_everything(client: S3Client, folder: Path) -> list[S3IntegrationError]:
    """Do each operation, and return what fails."""
    source = folder / "source.txt"
    source.write_bytes(b"content")
    failures = []
    for operation in (
        lambda: client.upload_file(source, "a", metadata={"name": "value"}),
        lambda: client.download_file("a", folder / "target.txt"),
        lambda: client.list_files("a"),
        lambda: client.file_exists("a"),
        lambda: client.file_info("a"),
        lambda: client.delete_file("a"),
    ):
        try:
            operation()
        except S3IntegrationError as error:
            failures.append(error)
    return failures


def answer_well(sent: Sent) -> Answer:
    if sent.method == "PUT":
        told = {"x-amz-server-side-encryption-customer-key-md5": KEY_MD5}
        return Answer(headers={"etag": '"9a0364b9e99bb480dd25e1f0284c8555"', **told})
    if sent.method == "GET" and sent.key:
        return object_answer(b"content")
    if sent.method == "HEAD":
        known = {"etag": '"e1"', "last-modified": "Thu, 29 Feb 2024 12:00:00 GMT"}
        return Answer(headers=known)
    return Answer()


def test_botocores_debug_lines_do_hold_the_token_so_that_this_search_can_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "botocore")

    connection_to(CannedS3(Answer()), WITH_CANARIES).client.head_object(Bucket="b", Key="a")

    assert TOKEN in caplog.text
    assert KEY_TEXT in caplog.text


@pytest.mark.promise(7)
def test_no_debug_line_of_ours_or_botocores_holds_a_secret_where_all_goes_well(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    signer_of_botocore: None,
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)

    use_everything(client_on(CannedS3(otherwise=answer_well)), tmp_path)

    shown = capsys.readouterr().err
    assert "CanonicalRequest:" in shown
    assert "x-amz-security-token:***" in shown
    assert "upload done" in shown
    assert hits(shown + caplog.text) == []
    assert not re.search(r"[sS]ignature['\"]?[=:]\s*[0-9a-f]{64}", shown)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.promise(7)
def test_no_line_error_or_traceback_holds_a_secret_where_everything_fails(
    failure: Answer | Exception,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    slept: list[float],
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)

    def fail(_: Sent) -> Answer:
        if isinstance(failure, Exception):
            raise failure
        return failure

    errors = use_everything(client_on(CannedS3(otherwise=fail)), tmp_path)

    assert len(errors) >= 3  # a page that is no S3 says 200 to HEAD
    for error in errors:
        assert hits(f"{error} {error!r} {error.to_dict()} {error.args}") == []
        assert hits("".join(traceback.format_exception(error))) == []
    assert hits(capsys.readouterr().err + caplog.text) == []


@pytest.mark.promise(7)
def test_no_repr_holds_a_secret() -> None:
    settings = resolve_settings(config=WITH_CANARIES, environment={}, dotenv={})
    connection = connection_to(CannedS3(), WITH_CANARIES)
    shown: list[Any] = [
        *(WITH_CANARIES, settings, settings.credentials, connection, connection.credentials),
        *(connection.client, S3Client(config=WITH_CANARIES), S3Service(settings=settings)),
    ]

    assert hits(" ".join(f"{each!r} {each!s} {each}" for each in shown)) == []


def test_no_repr_holds_the_password_of_a_proxy() -> None:
    proxy = "http://me:canary-password@proxy.example:3128"
    way = Way("https://s3.example.com", "us-east-1", {"https": proxy}, None)

    shown = f"{way} {Origin('https', 's3.example.com', 443, proxy)}"

    assert "canary" not in shown
    assert shown.count("s3.example.com") == 2


@pytest.mark.parametrize("field", ["access_key_id", "secret_access_key", "session_token"])
@pytest.mark.parametrize("broken", ["canary secret", "canary\r\nX-Evil: 1", "canary\N{SNOWMAN}"])
def test_a_secret_that_is_refused_is_in_no_traceback(field: str, broken: str) -> None:
    settings: dict[str, Any] = {"access_key_id": "AKID", "secret_access_key": "x" * 8}

    with pytest.raises(S3IntegrationError) as caught:
        S3Config(**settings | {field: broken})

    message = "".join(traceback.format_exception_only(caught.value))
    assert hits(f"{message} {caught.value.to_dict()}") == []
