"""The contract of the operations that carry bytes: each engine passes it on every server.

Nothing here needs a second bucket, so it also runs on the one that a person gives on AWS.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_integration.choices import IfExists
from s3_integration.client import S3Client
from s3_integration.config import S3Config, TransferConfig
from s3_integration.exceptions import (
    S3ConflictError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.utils import MAX_KEY_BYTES, MIB, key_problem
from tests.fixtures.contract import (
    DEFAULT,
    ONLY_PARTS,
    PART_BYTES,
    THRESHOLD_BYTES,
    Get,
    Put,
    content_of,
)
from tests.fixtures.servers import ServerUnderTest, unfinished_uploads

pytestmark = pytest.mark.usefixtures("engine")

SAMPLE_FILES: Final = Path(__file__).parents[1] / "fixtures" / "sample_files"

KEYS: Final = (
    *("a", "a/b", "a//b", "./a", "../a", "a/../b", "a/./b", "/a", "/lead", "a/", "//", ".", ".."),
    *(" ", " x ", "x", "a b", "a+b", "a+b c%20", "a%2Fb", "%", "%ZZ", "?q=1#f", "a?versionId=null"),
    *("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}", "A", "\u0130"),
    *("\x01\x1f", "tab\there", "new\nline", "carriage\rreturn", "\x7f", "\x85", "nul\0character"),
    *("\u2028line\u2029ends", "\u202ereversed", "\ufeff", "\uffff", "\N{GRINNING FACE}"),
    *("<a>&amp;</a>", "&", "'\"`", "\\back\\slash", "*", "{key}", "[x]", "a:b;c,d=e@f!$^|~"),
    "k" * MAX_KEY_BYTES,
)

CANNOT_STORE: Final[dict[str, frozenset[str]]] = {
    # moto's routes are regular expressions whose `.` matches no newline: 404.
    "moto": frozenset({"new\nline"}),
    # Ceph 16.2 answers 400 to a NUL in a path.
    "ceph": frozenset({"nul\0character"}),
    # Nobody has tried these keys on AWS yet: whoever does first may have to add some.
    "aws": frozenset(),
}
"""Keys that S3 allows and that a server refuses; every other difference is a failure."""


def test_bytes_take_the_wire_that_was_asked_for(client: S3Client, engine: str) -> None:
    assert type(wire_of(client)).__name__.lower() == f"{engine}wire"


# Round trips


@pytest.mark.parametrize(
    "size_bytes",
    [
        0,
        1,
        PART_BYTES,
        THRESHOLD_BYTES - 1,
        THRESHOLD_BYTES,
        THRESHOLD_BYTES + 1,
        3 * PART_BYTES + 17,
        40 * MIB,
    ],
)
@pytest.mark.promise(1)
def test_what_was_stored_comes_back_byte_for_byte(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put, get: Get, size_bytes: int
) -> None:
    content = content_of(size_bytes)

    put("folder/file.bin", content)

    assert get("folder/file.bin") == content
    stored = plain.get_object(Bucket=client.bucket_name, Key="folder/file.bin")
    assert stored["Body"].read() == content
    if "etags of parts" not in server.lacks:
        assert ("-" in stored["ETag"]) == (size_bytes >= THRESHOLD_BYTES)  # by parts, or at once


def test_the_sample_files_go_there_and_come_back_with_their_names(
    client: S3Client, tmp_path: Path
) -> None:
    samples = {
        path.relative_to(SAMPLE_FILES).as_posix(): path.read_bytes()
        for path in SAMPLE_FILES.rglob("*")
        if path.is_file()
    }

    for key in samples:
        client.upload_file(SAMPLE_FILES / key, key)
    for found in client.list_files():
        client.download_file(found["key"], tmp_path / found["key"])

    fetched = {key: (tmp_path / key).read_bytes() for key in samples}
    assert len(samples) == 5
    assert fetched == samples


@pytest.mark.parametrize("size_bytes", [1, 2 * PART_BYTES + 1])
def test_an_empty_file_and_parts_of_any_number_come_back(
    config: S3Config, tmp_path: Path, size_bytes: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content_of(size_bytes))
    client = S3Client(config=replace(config, transfer=ONLY_PARTS))

    client.upload_file(source, "k")

    assert Path(client.download_file("k", tmp_path / "d")).read_bytes() == source.read_bytes()


@pytest.mark.parametrize("sizes", [(5, 3), (THRESHOLD_BYTES, 3), (3, THRESHOLD_BYTES)])
def test_an_upload_replaces_what_was_stored(put: Put, get: Get, sizes: tuple[int, int]) -> None:
    before, after = (content_of(size, seed) for seed, size in enumerate(sizes))
    put("k", before)

    put("k", after)

    assert get("k") == after


# Keys


@pytest.mark.promise(4)
def test_keys_are_stored_listed_read_and_deleted_as_themselves(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get
) -> None:
    server.must_have("any key")
    keys = sorted(set(KEYS) - CANNOT_STORE[server.name], key=str.encode)
    for key in keys:
        assert put(key, key.encode()) == key

    assert [file["key"] for file in client.list_files()] == keys
    assert {key: get(key) for key in keys} == {key: key.encode() for key in keys}
    assert all(client.file_exists(key) for key in keys)
    for number, key in enumerate(keys, start=1):
        assert client.delete_file(key)
        assert not client.file_exists(key)
        if number % 10 == 0 or number == len(keys):  # had another gone too, it would still show
            assert [file["key"] for file in client.list_files()] == keys[number:]


def test_keys_that_a_server_cannot_store_are_errors_and_touch_no_other(
    server: ServerUnderTest, client: S3Client, put: Put
) -> None:
    server.must_have("any key")
    put("a", b"1")

    for key in CANNOT_STORE[server.name]:
        with pytest.raises(S3UploadError):
            put(key, b"2")

    assert [file["key"] for file in client.list_files()] == ["a"]


# Not control characters: the answer to CreateMultipartUpload is XML that names the key, and
# XML has no way to write them. moto and Ceph answer 500.
@pytest.mark.parametrize("key", ["a//b", "../a", " x ", "a+b c%20", "?q=1#f", "<&>", "\u2028"])
def test_keys_are_the_same_for_uploads_by_parts(
    server: ServerUnderTest, config: S3Config, put: Put, tmp_path: Path, key: str
) -> None:
    if "/" in key:
        server.must_have("any key")
    put(key, b"by one request")
    source = tmp_path / "parts"
    source.write_bytes(b"by parts")
    client = S3Client(config=replace(config, transfer=ONLY_PARTS))

    client.upload_file(source, key)

    assert [(file["key"], file["size"]) for file in client.list_files()] == [(key, 8)]


text_of_keys = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), min_size=1, max_size=60
).filter(lambda key: not key_problem(key))


@given(files=st.dictionaries(text_of_keys, st.binary(max_size=400), min_size=1, max_size=5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_comes_back_under_any_key(
    server: ServerUnderTest, client: S3Client, put: Put, get: Get, files: dict[str, bytes]
) -> None:
    server.must_have("any key")
    for key, content in files.items():
        put(key, content)

    assert {file["key"]: file["size"] for file in client.list_files()} == {
        key: len(content) for key, content in files.items()
    }
    assert {key: get(key) for key in files} == files
    assert all(client.delete_file(key) for key in files)


# if_exists


@pytest.mark.parametrize("size_bytes", [3, THRESHOLD_BYTES])
def test_a_taken_key_is_a_conflict_and_keeps_what_it_has(
    client: S3Client, put: Put, get: Get, tmp_path: Path, size_bytes: int
) -> None:
    put("k", b"first")
    source = tmp_path / "second"
    source.write_bytes(content_of(size_bytes))

    with pytest.raises(S3UploadError) as caught:
        client.upload_file(source, "k", if_exists="fail")

    assert isinstance(caught.value, S3ConflictError)
    assert get("k") == b"first"


@pytest.mark.parametrize("size_bytes", [3, THRESHOLD_BYTES])
def test_a_free_key_is_no_conflict(
    client: S3Client, get: Get, tmp_path: Path, size_bytes: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content_of(size_bytes))

    client.upload_file(source, "k", if_exists="fail")

    assert get("k") == source.read_bytes()


@pytest.mark.parametrize(
    ("deciding_call", "transfer"),
    [("PutObject", DEFAULT), ("CompleteMultipartUpload", ONLY_PARTS)],
)
def test_of_eight_that_race_for_a_key_exactly_one_wins(
    server: ServerUnderTest,
    config: S3Config,
    get: Get,
    plain: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deciding_call: str,
    transfer: TransferConfig,
) -> None:
    """All eight have seen that the key is free before the first of them writes."""
    if deciding_call == "CompleteMultipartUpload":
        server.must_have("completions at once")
    client = S3Client(config=replace(config, transfer=transfer))
    sources = [tmp_path / f"source-{number}" for number in range(8)]
    for source in sources:
        source.write_bytes(source.name.encode())
    client.upload_file(sources[0], "the bucket is there")
    start = Barrier(8)
    service: Any = client._service.get()
    if deciding_call == "PutObject":
        wire_class = type(wire_of(client))
        monkeypatch.setattr(wire_class, "put_object", after_waiting(start, wire_class.put_object))
    else:
        service._get_s3_client().meta.events.register(
            f"before-call.s3.{deciding_call}", after_waiting(start, pass_on)
        )

    def race(source: Path) -> Path | S3IntegrationError:
        try:
            client.upload_file(source, "k", if_exists="fail")
        except S3ConflictError as error:
            return error
        return source

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(race, sources))

    assert not start.broken  # nobody was refused before the write itself
    winners = [outcome for outcome in outcomes if isinstance(outcome, Path)]
    assert winners if "conditional writes" in server.lacks else len(winners) == 1
    assert get("k") in {winner.name.encode() for winner in winners}
    assert not unfinished_uploads(plain, client.bucket_name)


def wire_of(client: S3Client) -> Any:
    """What carries this client's bytes."""
    service: Any = client._service.get()
    return service._engine._wires.choose(client.bucket_name).wire


def after_waiting(barrier: Barrier, call: Callable[..., Any]) -> Callable[..., Any]:
    def wait(*arguments: object, **named: object) -> Any:
        with suppress(BrokenBarrierError):
            barrier.wait(20)
        return call(*arguments, **named)

    return wait


def pass_on(**_: object) -> None:
    """Let botocore go on as it would."""


@pytest.mark.parametrize("if_exists", ["overwrite", "fail"])
def test_a_deleted_key_is_free_again(
    client: S3Client, put: Put, get: Get, tmp_path: Path, if_exists: IfExists
) -> None:
    put("k", b"first")
    client.delete_file("k")
    (tmp_path / "second").write_bytes(b"second")

    client.upload_file(tmp_path / "second", "k", if_exists=if_exists)

    assert get("k") == b"second"


# What was deleted


def test_what_was_deleted_can_be_brought_back(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put, tmp_path: Path
) -> None:
    put("k", b"first")
    server.must_have("versions")
    if plain.get_bucket_versioning(Bucket=client.bucket_name).get("Status") != "Enabled":
        pytest.skip("the bucket that was given is not versioned")
    client.delete_file("k")

    versions = plain.list_object_versions(Bucket=client.bucket_name)["Versions"]

    client.download_file("k", tmp_path / "back", version_id=versions[0]["VersionId"])
    assert (tmp_path / "back").read_bytes() == b"first"


# A missing file


def test_a_missing_file_is_a_file_not_found(client: S3Client, put: Put, tmp_path: Path) -> None:
    put("k", b"1")

    with pytest.raises(FileNotFoundError) as caught:
        client.download_file("other", tmp_path / "new" / "d")

    assert isinstance(caught.value, S3FileNotFoundError)
    assert isinstance(caught.value, S3DownloadError)
    assert caught.value.code == "NoSuchKey"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


# What is stored beside the bytes


@pytest.mark.parametrize("transfer", [DEFAULT, ONLY_PARTS])
def test_content_type_metadata_and_tags_arrive(
    server: ServerUnderTest, config: S3Config, plain: Any, tmp_path: Path, transfer: TransferConfig
) -> None:
    client = S3Client(config=replace(config, transfer=transfer))
    (tmp_path / "a.bin").write_bytes(b"1")

    client.upload_file(
        tmp_path / "a.bin",
        "k",
        content_type="text/markdown; charset=utf-8",
        metadata={"author": "an agent", "step": "7"},
        tags={"project": "peer pilot", "a+b": "1/2 = 0.5"},
    )

    where = {"Bucket": client.bucket_name, "Key": "k"}
    head = plain.head_object(**where)
    assert head["ContentType"] == "text/markdown; charset=utf-8"
    has_case = "letter case of metadata" not in server.lacks
    metadata = {name if has_case else name.lower(): text for name, text in head["Metadata"].items()}
    assert metadata == {"author": "an agent", "step": "7"}
    server.must_have("tags")
    found = plain.get_object_tagging(**where).get("TagSet", ())
    forgotten = "tags of parts" in server.lacks and transfer is not DEFAULT
    expected = {} if forgotten else {"project": "peer pilot", "a+b": "1/2 = 0.5"}
    assert {tag["Key"]: tag["Value"] for tag in found} == expected


# download_file


@pytest.mark.parametrize("size_bytes", [1000, THRESHOLD_BYTES + 5])
def test_what_was_stored_packed_stays_packed(
    client: S3Client, plain: Any, put: Put, get: Get, size_bytes: int
) -> None:
    put("makes the bucket", b"")
    packed = gzip.compress(content_of(size_bytes))
    plain.put_object(
        Bucket=client.bucket_name, Key="k", Body=packed, ContentEncoding="gzip", ContentType="a/b"
    )

    assert get("k") == packed
    assert client.read_bytes("k") == packed


def test_an_older_version_can_be_fetched(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put, tmp_path: Path
) -> None:
    contents = {b"first", b"second", content_of(THRESHOLD_BYTES + 5)}
    for content in contents:
        put("k", content)
    server.must_have("versions")
    if plain.get_bucket_versioning(Bucket=client.bucket_name).get("Status") != "Enabled":
        pytest.skip("the bucket that was given is not versioned")
    versions = plain.list_object_versions(Bucket=client.bucket_name)["Versions"]

    fetched = [
        Path(
            client.download_file("k", tmp_path / "d", version_id=version["VersionId"])
        ).read_bytes()
        for version in versions
    ]

    assert {
        version["VersionId"]: len(content)
        for version, content in zip(versions, fetched, strict=True)
    } == {version["VersionId"]: version["Size"] for version in versions}
    assert set(fetched) == contents


@pytest.mark.promise(5)
def test_a_folder_gets_a_file_named_like_the_keys_last_part(
    client: S3Client, put: Put, tmp_path: Path
) -> None:
    put("deep/er/name.txt", b"1")
    folder = tmp_path / "folder"
    folder.mkdir()

    assert client.download_file("deep/er/name.txt", folder) == str(folder / "name.txt")
    new = client.download_file("deep/er/name.txt", f"{tmp_path}/new/folder/")

    assert new == str(tmp_path / "new/folder/name.txt")
    assert Path(new).read_bytes() == (folder / "name.txt").read_bytes() == b"1"


def test_a_download_replaces_the_file_and_leaves_nothing_beside_it(
    put: Put, client: S3Client, tmp_path: Path
) -> None:
    put("k", b"new")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "d").write_bytes(b"older and longer")

    client.download_file("k", folder / "d")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"d": b"new"}


# Who pays


@pytest.mark.parametrize("transfer", [DEFAULT, ONLY_PARTS])
def test_whoever_agrees_to_pay_can_do_everything(
    config: S3Config, tmp_path: Path, transfer: TransferConfig
) -> None:
    client = S3Client(config=replace(config, request_payer="requester", transfer=transfer))
    (tmp_path / "source").write_bytes(b"paid for")

    client.upload_file(tmp_path / "source", "k", if_exists="fail")
    client.download_file("k", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == b"paid for"
    assert [file["key"] for file in client.list_files()] == ["k"]
    assert client.delete_file("k")
    assert not client.file_exists("k")
