"""Times are read as botocore reads them, only faster."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws import timestamps
from tests.fixtures.mock_responses import Answer, CannedS3, connection_to


@given(
    moment=st.datetimes(min_value=dt.datetime(1970, 1, 2)),  # noqa: DTZ001 - S3's Z follows
    digits=st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_s3s_own_way_is_read_as_botocore_does(moment: dt.datetime, digits: str) -> None:
    told = f"{moment.isoformat(timespec=digits)}Z"

    assert timestamps.parsed(told) == parse_timestamp(told)


@pytest.mark.parametrize(
    "told",
    [
        "Thu, 29 Feb 2024 12:00:00 GMT",
        "2024-02-29T12:00:00+01:00",
        "2024-02-29 12:00:00Z",
        "2024-02-29T12:00:00.1234567Z",
        "2024-02-29",
        "1709208000",
        1709208000,
        1709208000.5,
    ],
)
def test_other_ways_are_left_to_botocore(told: Any) -> None:
    assert timestamps.parsed(told) == parse_timestamp(told)


@pytest.mark.parametrize("told", ["2024-02-30T12:00:00Z", "noon", "Z"])
def test_what_is_no_time_is_refused_as_by_botocore(told: str) -> None:
    with pytest.raises(ValueError) as ours:  # noqa: PT011 - the words are compared below
        timestamps.parsed(told)
    with pytest.raises(ValueError) as theirs:  # noqa: PT011 - as above
        parse_timestamp(told)

    assert str(ours.value) == str(theirs.value)


def test_connections_read_times_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    parsed = timestamps.parsed

    def noted(told: Any) -> dt.datetime:
        seen.append(told)
        return parsed(told)

    monkeypatch.setattr(timestamps, "parsed", noted)
    told = "Thu, 29 Feb 2024 12:00:00 GMT"
    s3 = CannedS3(Answer(200, headers={"last-modified": told}))

    connection_to(s3).client.head_object(Bucket="unit-tests", Key="a")

    assert seen == [told]
