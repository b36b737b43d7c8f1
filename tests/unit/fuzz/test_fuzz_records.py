"""What lies on the disk or in the surroundings, whatever it is: our own error, or a good value."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from s3_integration.cli.links import seconds_of
from s3_integration.cli.places import S3Place, place_of
from s3_integration.config import resolve_settings
from s3_integration.exceptions import S3ConfigError
from s3_integration.surroundings import read_dotenv
from s3_integration.transfer import resume
from s3_integration.transfer.notes import Content, Notes, noted_in
from s3_integration.transfer.resume import Remembered, UploadFacts
from s3_integration.utils import ByteRange, bucket_name_problem
from tests.fixtures.fuzzing import fuzzed

CONTENT = Content(100, b"s3-int-1" + b"n" * 32)


@fuzzed
@given(st.binary(max_size=300))
def test_notes_are_those_that_were_made_or_none(tail: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(100) + CONTENT.name + tail)
        file.flush()

        found = noted_in(file.fileno(), CONTENT)

    assert found is not None
    assert len(found) <= len(tail) // 20


@fuzzed
@given(st.binary(max_size=300))
def test_notes_of_anything_else_are_none(content: bytes) -> None:
    assume(content[100 : 100 + len(CONTENT.name)] != CONTENT.name)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()

        assert noted_in(file.fileno(), CONTENT) is None


_PARTS = st.builds(ByteRange, st.integers(0, 2**63), st.integers(0, 2**63))


@fuzzed
@given(st.lists(_PARTS, max_size=5), st.integers(0, 19))
def test_notes_read_back_but_for_one_that_was_cut_off(parts: list[ByteRange], cut: int) -> None:
    with tempfile.TemporaryFile() as file:
        notes = Notes(file.fileno(), CONTENT)
        for part in parts:
            notes.add(part)
        os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - (cut if parts else 0))

        assert noted_in(file.fileno(), CONTENT) == (parts[:-1] if cut else parts)


_FACTS = st.builds(
    UploadFacts,
    endpoint_url=st.text(),
    bucket=st.text(),
    key=st.text(),
    path=st.text(),
    size_bytes=st.integers(0),
    mtime_ns=st.integers(),
    inode=st.integers(0),
    part_size_bytes=st.integers(1),
    parameters_digest=st.text(),
)
_RECORDS = st.builds(
    Remembered,
    facts=_FACTS,
    began=st.floats(0, 1e10),
    known_upload_ids=st.none() | st.frozensets(st.text()),
    upload_id=st.text(),
    checksum_algorithm=st.sampled_from(["", "CRC64NVME"]),
    is_completing=st.booleans(),
)


@fuzzed
@given(_RECORDS)
def test_records_read_back(remembered: Remembered) -> None:
    found = resume.from_lines(b"".join(resume.as_lines(remembered)))

    told = remembered if remembered.upload_id else _nameless(remembered)
    assert found == told


def _nameless(remembered: Remembered) -> Remembered:
    """What is not written before an upload has a name."""
    return replace(remembered, checksum_algorithm="")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_GOOD_LINE: dict[str, Any] = {
    "facts": {
        **dict.fromkeys(("endpoint_url", "bucket", "key", "path", "parameters_digest"), "a"),
        **dict.fromkeys(("size_bytes", "mtime_ns", "inode", "part_size_bytes"), 1),
    },
    "began": 1.0,
    "known_upload_ids": ["a"],
}


def _spoilt(where: str, value: Any) -> bytes:
    line = json.loads(json.dumps(_GOOD_LINE))
    (line["facts"] if where in line["facts"] else line)[where] = value
    return json.dumps(line).encode() + b"\n"


_SPOILT = st.builds(
    _spoilt,
    st.sampled_from(
        [*_GOOD_LINE, *_GOOD_LINE["facts"], "upload_id", "checksum_algorithm", "is_completing"]
    ),
    _JSON,
)


@fuzzed
@given(st.binary(max_size=200) | _JSON.map(lambda it: json.dumps(it).encode() + b"\n") | _SPOILT)
@example(b"[" * 100_000 + b"\n")
@example(_spoilt("began", "soon"))
@example(_spoilt("known_upload_ids", [["a"]]))
@example(_spoilt("known_upload_ids", "abc"))
@example(_spoilt("key", 1))
@example(_spoilt("upload_id", 1))
@example(b"1" * 5000 + b"\n")
def test_a_record_is_one_or_none(text: bytes) -> None:
    found = resume.from_lines(text)

    if found is not None:
        assert isinstance(found.began, float | int)
        assert isinstance(found.facts.key, str)
        assert isinstance(found.facts.size_bytes, int)
        assert isinstance(found.upload_id, str)
        assert isinstance(found.checksum_algorithm, str)
        assert isinstance(found.is_completing, bool)
        ids = found.known_upload_ids
        assert ids is None or all(isinstance(each, str) for each in ids)
        list(resume.lost_uploads(found, [], frozenset()))


_VARIABLES = [
    *("S3_INTEGRATION_BUCKET", "AWS_REGION", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"),
    *("S3_INTEGRATION_TOTAL_ATTEMPTS", "S3_INTEGRATION_CONNECT_TIMEOUT_SECONDS"),
    *("S3_INTEGRATION_PLAIN_HTTP", "S3_INTEGRATION_ENGINE", "S3_INTEGRATION_ENCRYPTION"),
    *("S3_INTEGRATION_CUSTOMER_KEY", "S3_INTEGRATION_KMS_KEY_ID", "AWS_PROFILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
]
_SETTINGS = st.dictionaries(
    st.sampled_from(_VARIABLES),
    st.text(max_size=40)
    | st.sampled_from(
        ["SSE-C", "SSE-KMS", "nan", "inf", "1e999", "9" * 5000, "http://[", "direct"]
    ),
    max_size=4,
)


@fuzzed
@given(_SETTINGS, _SETTINGS)
@example({"S3_INTEGRATION_TOTAL_ATTEMPTS": "9" * 5000}, {})
@example({"AWS_ENDPOINT_URL_S3": "https://[fe80::1%25]"}, {})
@example({"AWS_CA_BUNDLE": "a\0b"}, {})
def test_settings_are_decided_or_refused(
    environment: dict[str, str], dotenv: dict[str, str]
) -> None:
    with suppress(S3ConfigError):
        settings = resolve_settings(environment=environment, dotenv=dotenv)

        assert 1 <= settings.total_attempts <= 100
        assert 0 < settings.connect_timeout_seconds <= 3600


@fuzzed
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda it: it.encode("utf-8", "ignore")))
@example(b"A='" + b"\\'" * 5000)
@example(b"\xff\xfe")
@example(b"A=\0")
def test_a_dotenv_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)

    with suppress(S3ConfigError):
        found = read_dotenv(tmp_path)

        assert all(isinstance(it, str) for pair in found.items() for it in pair)


@fuzzed
@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,20}", fullmatch=True),
        st.text(st.characters(blacklist_characters="'\\\r\n\0", blacklist_categories=["Cs"])),
        max_size=5,
    )
)
def test_a_dotenv_file_reads_back(tmp_path: Path, variables: dict[str, str]) -> None:
    lines = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    (tmp_path / ".env").write_bytes(lines.encode())

    assert read_dotenv(tmp_path) == variables


_URLS = st.text(max_size=40) | st.builds(
    lambda scheme, rest: f"{scheme}://{rest}",
    st.sampled_from(["s3", "S3", "file", "http"]),
    st.text(max_size=40),
)


@fuzzed
@given(_URLS)
def test_a_place_is_one_or_refused_and_reads_back(word: str) -> None:
    with suppress(click.BadParameter):
        place = place_of(word)

        if isinstance(place, S3Place):
            assert bucket_name_problem(place.bucket_name) == ""
            assert place_of(str(place)) == place
            assert word[5:] in {f"{place.bucket_name}/{place.key}", place.bucket_name}


@fuzzed
@given(st.text(max_size=12) | st.from_regex(r"\d{1,12}[smhdx]?", fullmatch=True))
@example("9" * 5000)
@example("\u0661h")
def test_a_duration_is_seconds_or_refused(word: str) -> None:
    parameter = click.Option(["--expires"])
    with suppress(click.BadParameter):
        seconds = seconds_of(click.Context(click.Command("a")), parameter, word)

        assert 0 <= seconds < 10**15


def test_the_fuzz_tests_try_something() -> None:
    with pytest.raises(click.BadParameter):
        place_of("s3://")
