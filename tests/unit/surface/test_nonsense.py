"""What of the calls about copies, versions, links, listings and tags is refused unsent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from s3_integration import S3Client, S3ConfigError
from s3_integration.config import EngineName
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, client_to

KEYS: Final = ["", "k" * 1025, "\udcff", 5, None, b"k", ["k"]]
"""None that S3 can have."""
LONG: Final = 7 * 24 * 60 * 60 + 1


@dataclass(frozen=True)
class Call:
    """What somebody might say."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.arguments!a:.30} {self.options!a:.40}"


def call(method: str, *arguments: Any, **options: Any) -> Call:
    return Call(method, arguments, options)


NONSENSE: Final = [
    *(call("copy_file", key, "t") for key in KEYS),
    *(call("copy_file", "s", key) for key in KEYS),
    *(call("move_file", key, "t") for key in KEYS),
    *(call("move_file", "s", key) for key in KEYS),
    *(call("restore_file", key) for key in KEYS),
    *(call("list_versions", key) for key in KEYS),
    *(call("get_tags", key) for key in KEYS),
    *(call("set_tags", key, {}) for key in KEYS),
    *(call("presigned_download_url", key) for key in KEYS),
    *(call("presigned_upload_url", key) for key in KEYS),
    call("copy_file", "k", "k"),
    call("copy_file", "k", "k", source_bucket="unit-tests"),
    call("move_file", "k", "k"),
    call("copy_file", "k", "t", source_bucket=""),
    call("move_file", "k", "t", source_bucket="No_Bucket"),
    call("copy_file", "k", "t", version_id=""),
    call("copy_file", "k", "t", if_exists="ask"),
    call("move_file", "k", "t", if_exists="ask"),
    call("restore_file", "k", ""),
    call("list_versions"),
    call("list_versions", "k", prefix="k"),
    call("list_versions", prefix="k" * 1025),
    call("list_versions", prefix=0),
    call("list_versions", prefix=b""),
    call("upload_file", "a", tags={str(number): "" for number in range(11)}),
    call("upload_file", "a", tags={"": "v"}),
    call("upload_file", "a", metadata={"n": "v" * 2048}),
    call("get_tags", "k", version_id=""),
    call("set_tags", "k", None),
    call("set_tags", "k", [("a", "b")]),
    call("set_tags", "k", {"a": 1}),
    call("set_tags", "k", {str(number): "" for number in range(11)}),
    call("set_tags", "k", {"n" * 129: ""}),
    call("set_tags", "k", {"n": "v" * 257}),
    call("set_tags", "k", {"": "v"}),
    call("set_tags", "k", {"aws:x": "v"}),
    call("set_tags", "k", {"n": "a,b"}),
    call("list_folder", "k" * 1024),  # with its slash it is too long
    call("list_folder", None),
    call("iter_files", "k" * 1025),  # at the call: nobody asks for a file here
    *(
        call("presigned_download_url", "k", expires_in_seconds=seconds)
        for seconds in (0, -1, LONG, 1.5, "900", None, True, float("nan"))
    ),
    call("presigned_upload_url", "k", expires_in_seconds=LONG),
    call("presigned_upload_url", "k", content_type=""),
    call("presigned_upload_url", "k", size_bytes=-1),
    call("presigned_upload_url", "k", size_bytes=5 * 2**30 + 1),
    call("presigned_upload_url", "k", size_bytes=0.5),
    call("presigned_download_url", "k", version_id=""),
    call("presigned_download_url", "k", content_type="a\nb"),
    call("presigned_download_url", "k", file_name=""),
    call("presigned_download_url", "k", file_name=".."),
    call("presigned_download_url", "k", file_name="a/b"),
    call("presigned_download_url", "k", file_name="a\r\nb"),
]


@pytest.fixture(scope="module")
def unasked() -> S3Client:
    """A client that fails a test whose call sends anything."""
    return client_to(CannedS3())


@pytest.mark.parametrize("said", NONSENSE, ids=str)
def test_nonsense_is_refused_before_any_request(unasked: S3Client, said: Call) -> None:
    with pytest.raises(S3ConfigError) as caught:
        getattr(unasked, said.method)(*said.arguments, **said.options)

    assert caught.value.suggestion


@pytest.mark.parametrize("engine", get_args(EngineName))
@pytest.mark.parametrize(
    "said",
    [
        call("upload_file", __file__),
        call("write_bytes", "k", b""),
        call("write_text", "k", ""),
        call("open", "k", "w"),
        call("upload_directory", ".", "k"),
    ],
    ids=lambda said: said.method,
)
def test_names_that_s3_takes_for_one_are_refused_before_either_is_lost(
    said: Call, engine: EngineName
) -> None:
    client = S3Client(config=replace(CONFIG, engine=engine))

    with pytest.raises(S3ConfigError, match="'Owner' and 'owner' are one name"):
        getattr(client, said.method)(*said.arguments, metadata={"Owner": "me", "owner": "you"})


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"ä b+-=._:/@9": "ünï x"},
        {"n" * 128: "v" * 256},
        {str(n): "" for n in range(10)},
    ],
)
def test_tags_that_s3_takes_are_sent(tags: dict[str, str]) -> None:
    s3 = CannedS3(Answer(200))

    client_to(s3).set_tags("k", tags)

    assert len(s3.sent) == 1


@pytest.mark.parametrize("prefix", ["r", "r/"])
def test_a_folder_may_be_named_with_or_without_its_slash(prefix: str) -> None:
    s3 = CannedS3(Answer(200, b"<ListBucketResult/>"))

    client_to(s3).list_folder(prefix)

    assert s3.sent[0].query["prefix"] == "r/"


def test_the_whole_bucket_is_a_folder() -> None:
    s3 = CannedS3(Answer(200, b"<ListBucketResult/>"))

    client_to(s3).list_folder()

    assert s3.sent[0].query["prefix"] == ""


def test_a_link_says_what_to_save_a_file_as() -> None:
    url = S3Client(config=CONFIG).presigned_download_url(
        "k", version_id="v+1", file_name='grün "1".txt', content_type="text/plain"
    )

    query = parse_qs(urlsplit(url).query)
    assert query["versionId"] == ["v+1"]
    assert query["response-content-type"] == ["text/plain"]
    assert query["response-content-disposition"] == [
        "attachment; filename=\"gr_n _1_.txt\"; filename*=UTF-8''gr%C3%BCn%20%221%22.txt"
    ]
    assert query["X-Amz-Expires"] == ["900"]


def test_an_upload_link_binds_type_and_size_where_they_are_told() -> None:
    client = S3Client(config=CONFIG)

    bound = client.presigned_upload_url("k", content_type="text/plain", size_bytes=0)
    free = client.presigned_upload_url("k", expires_in_seconds=7 * 24 * 60 * 60)

    signed = parse_qs(urlsplit(bound).query)["X-Amz-SignedHeaders"]
    assert signed == ["content-length;content-type;host"]
    assert parse_qs(urlsplit(free).query)["X-Amz-SignedHeaders"] == ["host"]


def test_an_older_version_may_be_copied_onto_its_own_key() -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(PermissionError):  # it is asked for
        client_to(s3).copy_file("k", "k", version_id="v1")
