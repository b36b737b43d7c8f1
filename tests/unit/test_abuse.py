"""What callers, files around them and servers may say, and what must never come of it."""

from __future__ import annotations

import json
import logging
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from s3_integration import S3Client, S3Config, surroundings
from s3_integration.arguments import (
    checked_content_type,
    checked_key,
    checked_metadata,
    checked_words,
)
from s3_integration.aws.session import connect
from s3_integration.bulk.deletes import delete_keys
from s3_integration.config import resolve_settings
from s3_integration.exceptions import S3ConfigError, S3CredentialsError
from s3_integration.logs import log_to_stderr, redact
from s3_integration.transfer import places
from s3_integration.transfer.direct import Asked, DirectWire, _request_of
from s3_integration.utils import key_problem
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    service_to,
)
from tests.fixtures.raw_server import LIMITS

SMUGGLED = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\r\n\r\nGET / HTTP/1.1",
    "a\x0bX-Evil: 1",
    "a\x85X-Evil: 1",
    "a\u2028X-Evil: 1",
    "a\0b",
]


@pytest.fixture(scope="module")
def wire() -> DirectWire:
    patched = pytest.MonkeyPatch()
    patched.setattr(places, "get_environ_proxies", lambda _: {})
    config = S3Config("unit-tests", "us-east-1", "id", "secret", endpoint_url="http://127.0.0.1:9")
    settings = resolve_settings(config=config, environment={}, dotenv={})
    wire = DirectWire(connect(settings), LIMITS)
    wire._places.of("unit-tests")
    patched.undo()
    return wire


def head_of_upload(wire: DirectWire, key: str, **parameters: Any) -> list[bytes]:
    """The lines that a PutObject would send before its content."""
    place = wire._places.of("unit-tests")
    path, query, headers = _request_of(place, {"Bucket": "unit-tests", "Key": key, **parameters})
    asked = Asked("PutObject", "PUT", path, query, headers, b"")
    return wire._signed_head(place, asked, {}).removesuffix(b"\r\n\r\n").split(b"\r\n")


def parameters_of(
    key: str, content_type: str, metadata: dict[str, str], tags: dict[str, str]
) -> dict[str, Any]:
    """What an upload with these arguments asks for, if they are not refused."""
    return {
        "key": checked_key(key),
        "ContentType": checked_content_type(content_type or None, "a"),
        "Metadata": checked_metadata(metadata),
        "Tagging": urlencode(checked_words("tags", tags)),
    }


_WORDS = st.text(max_size=30) | st.sampled_from(SMUGGLED)


@given(_WORDS, _WORDS, st.dictionaries(_WORDS, _WORDS, max_size=2), st.dictionaries(_WORDS, _WORDS))
@example("a?b#c", 'text/plain; x="y"', {"name": "a: b"}, {"a&b": "c=d"})
@example("%2e%2e/%0d%0aX-Evil: 1", "a", {}, {"a\u2028": ""})
def test_no_argument_adds_a_line_to_a_request(
    wire: DirectWire, key: str, content_type: str, metadata: dict[str, str], tags: dict[str, str]
) -> None:
    try:
        parameters = parameters_of(key, content_type, metadata, tags)
    except S3ConfigError:
        assume(condition=False)

    request, *lines = head_of_upload(wire, **parameters)

    names = [line.partition(b": ")[0].decode() for line in lines]
    meta = {f"x-amz-meta-{name.lower()}" for name in metadata}
    assert set(names) == meta | {
        *("host", "content-type", "x-amz-tagging", "x-amz-content-sha256", "x-amz-date"),
        *("authorization", "content-length"),
    }
    assert len(names) == len(set(names))
    assert not any(byte in b"\r\n\0" for line in (request, *lines) for byte in line)


@pytest.mark.promise(4)
@given(st.text(min_size=1, max_size=50))
@example("a?versionId=1")
@example("a#b")
@example("%2e%2e/%2e%2e")
@example("a b\r\nHost: evil")
@example("../../other")
@example("//evil.example/a")
def test_a_key_is_nothing_but_a_key_in_a_requests_first_line(wire: DirectWire, key: str) -> None:
    try:
        checked_key(key)
    except S3ConfigError:
        assume(condition=False)

    method, target, version = head_of_upload(wire, key)[0].decode("ascii").split(" ")

    assert (method, version) == ("PUT", "HTTP/1.1")
    assert target.startswith("/unit-tests/")
    parts = urlsplit(f"http://host{target}")
    assert (parts.netloc, parts.query, parts.fragment) == ("host", "", "")
    assert unquote(target) == f"/unit-tests/{key}"


@pytest.mark.parametrize(
    "key", ["a?versionId=1", "a#b", "%2e%2e/x", "../x", "//evil.example/a", "a\r\nb: c", "a&b=<c>"]
)
def test_boto3_asks_for_the_same_key(key: str, tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=lambda _: Answer())

    service_to(s3).delete_file(key)

    assert {sent.key for sent in s3.sent} == {key}
    assert all(not sent.query for sent in s3.sent)


@given(st.sets(st.text(min_size=1, max_size=20) | st.sampled_from(SMUGGLED), max_size=8))
@example({"</Key><Key>other", "a&amp;b", "]]>", "a\u2028b", "a\r\nb", "\ufffe"})
def test_a_deletion_of_many_names_exactly_their_keys(keys: set[str]) -> None:
    assume(not any(map(key_problem, keys)))
    named: list[str] = []

    def note(sent: Sent) -> Answer:
        if sent.method == "POST":
            tree = ET.fromstring(sent.body)  # noqa: S314 - the package has written it
            named.extend(it.text or "" for it in tree.iter() if it.tag.endswith("Key"))
            return Answer(body=b"<DeleteResult/>")
        named.append(sent.key)
        return Answer(204)

    if keys:
        delete_keys(connection_to(CannedS3(otherwise=note)), "unit-tests", sorted(keys))

    assert sorted(named) == sorted(keys)


@pytest.mark.promise(6)
@pytest.mark.parametrize("text", SMUGGLED)
@pytest.mark.parametrize(
    "upload",
    [
        lambda client, text: client.upload_file("a", content_type=text),
        lambda client, text: client.upload_file("a", metadata={"name": text}),
        lambda client, text: client.upload_file("a", metadata={text: "value"}),
        lambda client, text: client.upload_file("a", tags={"name": text}),
        lambda client, text: client.upload_file("a", tags={text: "value"}),
        lambda client, text: client.presigned_upload_url("a", content_type=text),
        lambda client, text: client.presigned_download_url("a", file_name=text),
    ],
    ids=["type", "metadata", "metadata name", "tag", "tag name", "link's type", "file name"],
)
def test_line_ends_are_refused_wherever_headers_are_made_of_arguments(
    upload: Callable[[S3Client, str], object], text: str
) -> None:
    client = S3Client(config=CONFIG)

    with pytest.raises(S3ConfigError) as caught:
        upload(client, text)

    assert all(character.isprintable() for character in str(caught.value))


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey", "SessionToken"])
def test_a_program_that_hands_out_credentials_adds_no_header(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "s" * 20, "SessionToken": "t"}
    told[name] = "canary\r\nX-Evil: 1"
    (tmp_path / "said").write_text(json.dumps(told))
    program = f"{sys.executable} -c \"print(open('{tmp_path}/said').read())\""
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    with pytest.raises(S3CredentialsError, match="unprintable") as caught:
        connect(resolve_settings(environment={}, dotenv={}))

    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def nobody_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_warned_of", set())


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o640, True), (0o600, False)])
def test_a_dotenv_file_with_secrets_that_others_may_read_is_told_of_once(
    mode: int,
    is_told: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    nobody_warned: None,
) -> None:
    path = tmp_path / ".env"
    path.write_text("AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=canary-secret\n")
    path.chmod(mode)

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            resolve_settings(environment={})

    told = [record.getMessage() for record in caplog.records]
    command = f"chmod 600 {str(path)!r}"
    assert [command in line for line in told] == ([True] if is_told else [])
    assert "canary" not in caplog.text


def test_a_dotenv_file_without_secrets_may_be_read_by_anybody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, nobody_warned: None
) -> None:
    path = tmp_path / ".env"
    path.write_text("AWS_REGION=eu-west-1\n")
    path.chmod(0o644)

    with caplog.at_level(logging.WARNING):
        resolve_settings(environment={})

    assert caplog.text == ""


def test_a_file_of_keys_that_others_may_read_is_told_of_where_it_is_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    nobody_warned: None,
) -> None:
    path = tmp_path / "keys"
    path.write_text("[default]\naws_access_key_id = AKID\naws_secret_access_key = canary-secret\n")
    path.chmod(0o644)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))

    with caplog.at_level(logging.WARNING):
        connect(resolve_settings(environment={}, dotenv={}))
        connect(resolve_settings(config=CONFIG, environment={}, dotenv={}))

    assert caplog.text.count(f"chmod 600 {str(path)!r}") == 1
    assert surroundings.exposed_files(tmp_path, {"AWS_SHARED_CREDENTIALS_FILE": str(path)}) == [
        path
    ]


@pytest.mark.promise(7)
def test_a_presigned_link_is_blotted_out_wherever_it_is_logged(
    capsys: pytest.CaptureFixture[str],
    loggers_as_before: None,
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)
    client = S3Client(config=CONFIG)

    link = client.presigned_download_url("a")
    logging.getLogger("s3_integration").warning("made %s", link)

    signature = link.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) == 64
    assert signature not in capsys.readouterr().err
    assert signature not in redact(f"<{link}>")


def test_neither_clients_nor_what_they_hold_can_be_pickled_with_their_secrets() -> None:
    client = S3Client(config=CONFIG)
    service = client._service.get()
    connection = service._connection.get()

    for each in (client, service, connection, connection.credentials, client.bucket):
        try:
            pickled = pickle.dumps(each)
        except (TypeError, AttributeError, pickle.PicklingError):
            continue
        assert CONFIG.secret_access_key
        assert CONFIG.secret_access_key.encode() not in pickled


@pytest.mark.parametrize("status", [400, 503])
def test_what_a_server_says_reaches_no_terminal_or_log_as_a_control_character(
    status: int, caplog: pytest.LogCaptureFixture, slept: list[float]
) -> None:
    evil = "&#155;[31m&#10;fake line&#8238;"
    body = f"<Error><Code>Evil{evil}</Code><Message>{evil}</Message><RequestId>{evil}</RequestId>"

    def answer(_: Sent) -> Answer:
        return Answer(status, f"{body}</Error>".encode())

    with caplog.at_level(logging.INFO), pytest.raises(Exception, match="Evil") as caught:
        list(service_to(CannedS3(otherwise=answer)).iter_files(""))

    assert str(caught.value).isprintable()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (1 if status == 400 else CONFIG.total_attempts)
    assert all(line.isprintable() for line in lines)
