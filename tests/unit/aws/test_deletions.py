"""Deletions of many keys are written as botocore writes them, only faster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_integration.aws import deletions
from tests.fixtures.mock_responses import CONFIG, CannedS3, Sent, connection_to
from tests.fixtures.transfers import xml_answer

NONE_FAILED: Final = xml_answer("DeleteResult", "")
ASKED_ONCE: Final = replace(CONFIG, total_attempts=1)
KEYS: Final = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), min_size=1
)
_EVENTS: Final = (
    ("before-parameter-build.s3.DeleteObjects", deletions._take, "take"),
    ("before-call.s3.DeleteObjects", deletions._write, "write"),
)


def sent_for(asked: dict[str, Any], *, writes_quickly: bool) -> Sent:
    s3 = CannedS3(NONE_FAILED)
    client: Any = connection_to(s3, ASKED_ONCE).client
    if not writes_quickly:
        for event, handler, name in _EVENTS:
            client.meta.events.unregister(event, handler, unique_id=f"{deletions._KEYS}.{name}")
    client.delete_objects(Bucket="unit-tests", Delete=asked)
    (sent,) = s3.sent
    return sent


@settings(max_examples=20)  # each makes two clients
@given(st.lists(KEYS, min_size=1, max_size=5))
def test_a_deletion_is_written_as_botocore_does(keys: list[str]) -> None:
    asked = {"Objects": [{"Key": key} for key in keys], "Quiet": True}

    quickly = sent_for(asked, writes_quickly=True)

    slowly = sent_for(asked, writes_quickly=False)
    assert quickly.body == slowly.body
    assert quickly.body.count(b"<Object>") == len(keys)
    for name in ("content-md5", "x-amz-checksum-crc32", "content-length"):
        assert quickly.headers.get(name) == slowly.headers.get(name)


@pytest.mark.parametrize(
    "asked",
    [
        {"Objects": [{"Key": "a", "VersionId": "1"}, {"Key": "b"}], "Quiet": True},
        {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": False},
        {"Objects": [{"Key": "a"}, {"Key": "b"}]},
    ],
)
def test_what_is_more_than_keys_is_left_to_botocore(asked: dict[str, Any]) -> None:
    quickly = sent_for(asked, writes_quickly=True)

    assert quickly.body == sent_for(asked, writes_quickly=False).body


def test_what_was_asked_for_stays_as_it_was() -> None:
    asked = {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True}

    sent_for(asked, writes_quickly=True)

    assert asked == {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True}
