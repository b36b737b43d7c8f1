"""Links, used by who knows nothing of S3, on every server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest

from s3_integration import S3Client
from tests.fixtures.contract import Get, Put
from tests.fixtures.links import asked
from tests.fixtures.servers import ServerUnderTest

REFUSALS = (400, 403)
"""AWS and Ceph answer with 403, rclone's server now and then with 400."""

KEY = "a b/ü+%20&=?#"


@pytest.fixture
def signed(server: ServerUnderTest) -> ServerUnderTest:
    """The server, if it compares signatures."""
    server.must_have("signatures")
    return server


def test_a_link_fetches_a_file_without_credentials(client: S3Client, put: Put) -> None:
    put(KEY, b"content")

    status, body, _ = asked(client.presigned_download_url(KEY))

    assert (status, body) == (200, b"content")


def test_a_link_says_what_to_save_the_file_as(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("headers of links")
    put("k", b"content")
    url = client.presigned_download_url("k", file_name="grün.txt", content_type="text/x-note")

    _, _, headers = asked(url)

    told = {name.lower(): text for name, text in headers.items()}
    assert told["content-type"].startswith("text/x-note")
    assert told["content-disposition"].endswith("filename*=UTF-8''gr%C3%BCn.txt")


def test_a_link_to_a_version_fetches_that_one(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("versions")
    put("k", b"old")
    url = client.presigned_download_url("k", version_id=client.file_info("k").version_id)
    put("k", b"new")

    assert asked(url)[1] == b"old"


def test_a_link_stores_a_file_without_credentials(client: S3Client, put: Put, get: Get) -> None:
    put("the bucket is there", b"")
    url = client.presigned_upload_url(KEY, content_type="text/x-note", size_bytes=7)

    status, _, _ = asked(url, "PUT", b"content", Content_Type="text/x-note")

    assert status == 200
    assert get(KEY) == b"content"
    assert client.file_info(KEY).content_type == "text/x-note"


def test_a_link_to_nothing_is_not_found(client: S3Client, put: Put) -> None:
    put("the bucket is there", b"")

    assert asked(client.presigned_download_url("nothing"))[0] == 404


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_a_link_to_fetch_does_nothing_else(
    signed: ServerUnderTest, client: S3Client, put: Put, get: Get, method: str
) -> None:
    put("k", b"content")
    url = client.presigned_download_url("k")

    assert asked(url, method, b"" if method == "PUT" else None)[0] == 403
    assert get("k") == b"content"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("/k?", "/other?"),
        lambda url: url.replace("X-Amz-Expires=900", "X-Amz-Expires=901"),
        lambda url: f"{url}&response-content-type=text/html",
        lambda url: url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
        lambda url: url.partition("?")[0],
    ],
    ids=["key", "time", "type", "signature", "all"],
)
def test_a_link_that_was_changed_opens_nothing(
    signed: ServerUnderTest, client: S3Client, put: Put, change: Callable[[str], str]
) -> None:
    put("k", b"content")
    put("other", b"secret")
    url = client.presigned_download_url("k")

    assert change(url) != url
    assert asked(change(url))[0] in REFUSALS
    assert asked(url)[0] == 200


@pytest.mark.parametrize(
    ("content", "content_type", "key"),
    [
        (b"content", "text/html", "k"),
        (b"content", "text/x-note", "other"),
        (b"content and more", "text/x-note", "k"),
    ],
    ids=["type", "key", "size"],
)
def test_a_link_to_store_takes_nothing_else(
    signed: ServerUnderTest,
    client: S3Client,
    put: Put,
    content: bytes,
    content_type: str,
    key: str,
) -> None:
    put("the bucket is there", b"")
    url = client.presigned_upload_url("k", content_type="text/x-note", size_bytes=7)
    path = urlsplit(url).path

    status, _, _ = asked(
        url.replace(path, path.removesuffix("k") + quote(key)),
        "PUT",
        content,
        Content_Type=content_type,
    )

    assert status == 403
    assert not client.file_exists(key)


def test_an_expired_link_opens_nothing(signed: ServerUnderTest, client: S3Client, put: Put) -> None:
    put("k", b"content")
    clock = client._service.get()._connection.get().clock

    clock.offset = dt.timedelta(seconds=-901)  # as if it had been made then
    expired = client.presigned_download_url("k", expires_in_seconds=900)
    clock.offset = dt.timedelta(seconds=-60)
    living = client.presigned_download_url("k", expires_in_seconds=900)

    assert asked(expired)[0] in REFUSALS
    assert asked(living)[0] == 200
