"""Asking AWS STS whose credentials these are."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from s3_integration.aws.identity import account_of
from s3_integration.exceptions import S3CredentialsError
from tests.fixtures.mock_responses import CannedS3, connection_to

ANSWER = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult>"
    b"<Arn>arn:aws:iam::111122223333:user/me</Arn><UserId>U</UserId>"
    b"<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
EXPIRED = b"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"


class _Body:
    """A body as urllib3 hands it to botocore."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body]

    def stream(self, **_: object) -> Any:
        return iter(self._pieces)


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """STS, which answers with `status` and `body`, and keeps the last request."""
    said: dict[str, Any] = {"status": 200, "body": ANSWER}

    def answer(request: Any, **_: object) -> Any:  # what is answered is sent no further
        said["request"] = request
        return AWSResponse(request.url, said["status"], HTTPHeaders(), _Body(said["body"]))

    class Session(botocore.session.Session):
        def create_client(self, *arguments: Any, **settings: Any) -> Any:
            client = super().create_client(*arguments, **settings)
            client.meta.events.register("before-send.sts", answer)
            return client

    monkeypatch.setattr(botocore.session, "Session", Session)
    return said


def test_the_account_is_the_one_that_sts_tells(sts: dict[str, Any]) -> None:
    assert account_of(connection_to(CannedS3()), "b") == "111122223333"

    assert "AKIDEXAMPLE" in str(sts["request"].headers["Authorization"])
    assert sts["request"].url.startswith("https://sts.us-east-1.amazonaws.com")


def test_keys_that_were_given_need_no_profile_that_the_environment_names(
    sts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert account_of(connection_to(CannedS3()), "b") == "111122223333"

    assert "AKIDEXAMPLE" in str(sts["request"].headers["Authorization"])


def test_credentials_that_sts_refuses_are_told_as_such(sts: dict[str, Any]) -> None:
    sts |= {"status": 403, "body": EXPIRED}

    with pytest.raises(S3CredentialsError, match="expired"):
        account_of(connection_to(CannedS3()), "b")
