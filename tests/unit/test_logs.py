"""Logging: secrets are blotted out, whatever they stand in, and handlers come and go cleanly."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3_integration import logs
from s3_integration.exceptions import S3ConfigError
from s3_integration.logs import RedactingFormatter, log_to_stderr, redact, remember_secret

CANARY = "canary/Secret+key=="
WIRE = ("botocore", "boto3", "s3transfer", "urllib3")


pytestmark = pytest.mark.usefixtures("loggers_as_before")


@pytest.fixture(autouse=True)
def _no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_known_secrets", set())


@pytest.mark.parametrize(
    "text",
    [
        f"x-amz-security-token:{CANARY}",
        f"X-Amz-Security-Token: {CANARY}",
        f"{{'X-Amz-Security-Token': '{CANARY}'}}",
        f"'x-amz-security-token', b'{CANARY}'",
        f'{{"SecretAccessKey": "{CANARY}"}}',
        f'{{"Token" : "{CANARY}"}}',
        f"<SecretAccessKey>{CANARY}</SecretAccessKey>",
        f"<SessionToken>{CANARY}</SessionToken>",
        f"aws_secret_access_key = {CANARY}",
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"AWS_SESSION_TOKEN='{CANARY}'",
        f"ReadOnlyCredentials(access_key='AKID', secret_key='{CANARY}')",
        f"{{'accessToken': '{CANARY}', 'clientSecret': '{CANARY}', 'refreshToken': '{CANARY}'}}",
        f"{{'x-amz-sso_bearer_token': '{CANARY}'}}",
        f"{{'WebIdentityToken': '{CANARY}'}}",
        f"X-aws-ec2-metadata-token: {CANARY}",
        f"x-amz-server-side-encryption-customer-key:{CANARY}",
        f"x-amz-copy-source-server-side-encryption-customer-key: {CANARY}",
        f"{{'SSECustomerKey': '{CANARY}', 'CopySourceSSECustomerKey': '{CANARY}'}}",
        f"ReadOnlyCredentials(access_key='AKID', secret_key='x', token='{CANARY}')",
        f"location=https%3A%2F%2Fb%2Fk%3FX-Amz-Security-Token%3D{CANARY}%26X-Amz-Date%3D1",
        f"Failed to connect to proxy URL: 'http://me:{CANARY}@proxy.example:3128'",
        f"GET /a?X-Amz-Credential={CANARY}&X-Amz-Signature={CANARY}&X-Amz-Security-Token={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"'Authorization': b'AWS4-HMAC-SHA256 Credential=AKID/x, Signature={CANARY}'",
        f"Proxy-Authorization: Basic {CANARY}",
        f"Signature:\n{'0123456789abcdef' * 4}",
        f"/a?AWSAccessKeyId=AKID&Signature={'0123456789abcdef' * 4}&Expires=1",
    ],
)
def test_a_secret_is_blotted_out_by_the_name_that_it_stands_under(text: str) -> None:
    shown = redact(text)

    assert CANARY not in shown
    assert "0123456789abcdef" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "upload done: key 'tokens/secret.txt', bucket 'unit-tests', 3 bytes",
        "access key id AKIDEXAMPLE",
        "x-aws-ec2-metadata-token-ttl-seconds: 21600",
        "the signature is not one that S3 expects",
        "ContinuationToken: abc",
        "upload done: key 'https://a.example/b:c@d', bucket 'unit-tests'",
        "https://s3.example.com:9000/a@b",
        "",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=8, max_size=40)


@given(st.lists(SECRETS, min_size=1, max_size=4), st.lists(st.text(max_size=9), min_size=5))
@example(["canary-s" + "x" * rest for rest in range(5)], ["", "", "", "", ""])
@example(["canary\nwith\tblanks", "canary'quoted\""], ["", "", "", "", ""])
def test_no_known_secret_and_no_rest_of_one_is_left(secrets: list[str], between: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_known_secrets", set())
        for secret in secrets:
            remember_secret(secret)

        shown = redact(
            "".join(f"{words}|{secret}|" for words, secret in zip(between, secrets, strict=False))
        )
        alone = [redact(f"|{secret}|") for secret in secrets]

    assert not [secret for secret in secrets if secret in shown]
    assert alone == ["|***|"] * len(secrets)


@pytest.mark.parametrize(
    "secret", ["canary\nsecret", "canary/secret+x", "canäry-secret", "canary\ud800secret"]
)
def test_a_known_secret_is_also_found_as_a_repr_or_a_url_writes_it(secret: str) -> None:
    remember_secret(secret)
    quoted = quote(secret, safe="", errors="replace")

    assert redact(f"Invalid header value {secret!r}") == "Invalid header value '***'"
    assert redact(f"/?x={quoted}&y") == "/?x=***&y"
    assert redact(f"Invalid header value {secret!a}") == "Invalid header value '***'"


@pytest.mark.parametrize("nothing", [None, "", "testkey"])
def test_nothing_and_short_words_of_test_servers_are_not_remembered(nothing: str | None) -> None:
    remember_secret(nothing)

    assert redact("a testkey stays") == "a testkey stays"


def test_a_record_is_redacted_with_its_arguments_and_its_traceback() -> None:
    remember_secret("canary-secret")
    try:
        raise ValueError("near canary-secret")  # noqa: TRY301 - a traceback is wanted
    except ValueError as error:
        record = logging.LogRecord(
            "s3_integration", logging.DEBUG, __file__, 1, "signed with %s", ("canary-secret",),
            (ValueError, error, error.__traceback__),
        )  # fmt: skip

    shown = RedactingFormatter("%(message)s").format(record)

    assert "canary" not in shown
    assert shown.startswith("signed with ***\nTraceback")
    assert shown.endswith("ValueError: near ***")


def test_the_packages_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()

    logging.getLogger("s3_integration.service").info("upload done")
    logging.getLogger("s3_integration.service").debug("not at this level")
    logging.getLogger("botocore").warning("not asked for")

    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("INFO s3_integration.service: upload done\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("level", ["WARNING", "INFO", "DEBUG"])
def test_the_level_is_the_least_that_is_printed(
    level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr(level)

    for each in ("DEBUG", "INFO", "WARNING"):
        logging.getLogger("s3_integration").log(getattr(logging, each), "a line of %s", each)

    wanted = ["DEBUG", "INFO", "WARNING"]
    shown = [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()]
    assert shown == wanted[wanted.index(level) :]


@pytest.mark.parametrize("level", ["TRACE", "debug", 10, None])
def test_a_level_that_does_not_exist_is_refused_and_changes_nothing(level: Any) -> None:
    before = list(logging.getLogger("s3_integration").handlers)

    with pytest.raises(S3ConfigError, match="no such level") as caught:
        log_to_stderr(level)

    assert caught.value.suggestion == "Use one of WARNING, INFO, DEBUG."
    assert logging.getLogger("s3_integration").handlers == before


@pytest.mark.parametrize("name", WIRE)
def test_the_wires_lines_are_printed_redacted_and_go_to_no_other_handler(
    name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)

    logging.getLogger(f"{name}.auth").debug("x-amz-security-token:%s", "canary-token")

    assert capsys.readouterr().err.endswith("x-amz-security-token:***\n")
    assert "canary" not in caplog.text


def test_calling_it_again_prints_each_line_once_and_at_the_new_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)
    log_to_stderr("DEBUG", include_botocore=True)
    log_to_stderr("WARNING", include_botocore=True)

    for name in ("s3_integration", "botocore"):
        logging.getLogger(name).warning("a line")
        logging.getLogger(name).info("no line any more")

    assert capsys.readouterr().err.count("\n") == 2


def test_calling_it_again_without_botocore_ends_botocores_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr("DEBUG", include_botocore=True)

    log_to_stderr("DEBUG")

    for name in WIRE:
        logging.getLogger(name).warning("a line of %s", name)
        assert logging.getLogger(name).propagate
        assert logging.getLogger(name).level == logging.NOTSET
    assert capsys.readouterr().err == ""


def test_handlers_of_a_persons_own_stay() -> None:
    own = logging.NullHandler()
    for name in ("s3_integration", "botocore"):
        logging.getLogger(name).addHandler(own)

    log_to_stderr("DEBUG", include_botocore=True)
    log_to_stderr("DEBUG")

    for name in ("s3_integration", "botocore"):
        assert own in logging.getLogger(name).handlers


def test_redacted_json_is_still_json() -> None:
    text = json.dumps({"SecretAccessKey": CANARY, "Expiration": "2026-01-01T00:00:00Z"})

    assert json.loads(redact(text)) == {
        "SecretAccessKey": "***",
        "Expiration": "2026-01-01T00:00:00Z",
    }
