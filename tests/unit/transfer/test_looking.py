"""What S3 tells when it is looked at."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest

from s3_integration.transfer.looking import time_by
from tests.fixtures.mock_responses import Answer, CannedS3, connection_to, error_answer
from tests.fixtures.transfers import BUCKET


@pytest.mark.parametrize("ahead", [dt.timedelta(0), dt.timedelta(hours=3), -dt.timedelta(days=2)])
def test_the_time_is_s3s_and_never_too_early(ahead: dt.timedelta) -> None:
    there = dt.datetime.now(dt.UTC) + ahead
    s3 = CannedS3(Answer(200, headers={"Date": format_datetime(there, usegmt=True)}))

    found = time_by(connection_to(s3), BUCKET)

    assert found
    assert there <= found < there + dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "answer",
    [Answer(200, headers={"Date": "soon"}), Answer(200), error_answer(403, "AccessDenied")],
)
def test_where_s3_tells_no_time_there_is_none(answer: Answer) -> None:
    assert time_by(connection_to(CannedS3(answer)), BUCKET) is None
