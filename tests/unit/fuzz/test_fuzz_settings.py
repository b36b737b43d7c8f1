"""What settings of a bucket, refusals and the command line's words say, whatever it is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import ProxyConnectionError
from hypothesis import example, given
from hypothesis import strategies as st

import s3_integration
from s3_integration.aws.permissions import refusal_of
from s3_integration.aws.proxies import is_final, refusal_status, refusal_told
from s3_integration.bucket.arguments import check_account, check_kms_key
from s3_integration.bucket.bucket import Bucket
from s3_integration.bucket.rules import days_until_aborted, with_uploads_aborted
from s3_integration.bucket.secure import _check_key_is_near
from s3_integration.bucket.settings import SETTINGS, reading_of
from s3_integration.bucket.statements import (
    denies_plain_http,
    lets_everybody_in,
    statements_of,
    takes_logs,
    with_logs_let_in,
    with_plain_http_denied,
)
from s3_integration.checks import refuse
from s3_integration.cli.bucket import Age
from s3_integration.cli.contents import _byte_range
from s3_integration.cli.wording import in_words_of_the_shell, message_of_the_shell
from s3_integration.exceptions import S3ConfigError, S3IntegrationError
from s3_integration.utils import is_visible_ascii
from tests.fixtures.fuzzing import fuzzed
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, Sent, connection_to

_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_IAM_WORDS = st.sampled_from(
    ["*", "s3:*", "Allow", "Deny", "AWS", "Service", "Bool", "aws:SecureTransport", "false"]
)
_JSON = st.recursive(
    _LEAVES | _IAM_WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_IAM_WORDS | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_STATEMENTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("Sid", "Effect", "Principal", "Action", "Resource", "Condition", "NotAction"), _JSON
    ),
)
_POLICIES = st.fixed_dictionaries(
    {}, optional={"Version": _JSON, "Statement": _JSON | st.lists(_STATEMENTS, max_size=3)}
)


@fuzzed
@given(_POLICIES)
@example({"Statement": [{"Sid": ["a"], "Effect": "Deny", "Principal": "*", "Action": [1]}]})
@example({"Statement": {"Sid": {}, "Effect": "Allow", "Principal": {"AWS": {"*": []}}}})
@example({"Statement": "all"})
def test_a_policy_is_understood_and_added_to_whatever_it_says(policy: dict[str, Any]) -> None:
    for judged in (denies_plain_http(policy, "notes"), lets_everybody_in(policy)):
        assert judged in {True, False}

    denied = with_plain_http_denied(policy, "notes")
    opened = with_logs_let_in(denied, "notes", "other", "111122223333")

    assert denies_plain_http(opened, "notes")
    assert takes_logs(opened)
    assert all(statement in statements_of(opened) for statement in statements_of(policy))


@fuzzed
@given(st.text(max_size=60) | _JSON.map(json.dumps))
@example("[" * 100_000)
@example('{"Statement":' * 100_000)
@example("NaN")
@example("9" * 5000)
def test_a_text_is_a_policy_or_none(text: str) -> None:
    reading = reading_of(SETTINGS["policy"], {"Policy": text})

    assert isinstance(reading.document, dict)
    assert reading.state in {"set", "unset", "unsupported"}


_TAGS = st.sampled_from(
    [
        *("LifecycleConfiguration", "Rule", "Filter", "Prefix", "Status", "ID", "And", "Tag"),
        *("AbortIncompleteMultipartUpload", "DaysAfterInitiation", "NoncurrentVersionExpiration"),
        *("NoncurrentDays", "BucketLoggingStatus", "LoggingEnabled", "TargetBucket"),
        *("AccessControlPolicy", "Owner", "AccessControlList", "Grant", "Grantee", "URI"),
        *("ServerSideEncryptionConfiguration", "ApplyServerSideEncryptionByDefault"),
        *("SSEAlgorithm", "BlockedEncryptionTypes", "EncryptionType", "BucketKeyEnabled"),
        *("VersioningConfiguration", "MfaDelete", "PolicyStatus", "IsPublic"),
        *("PublicAccessBlockConfiguration", "BlockPublicAcls", "OwnershipControls"),
        *("ObjectOwnership", "ObjectLockConfiguration", "DefaultRetention", "Days", "New"),
    ]
)
_XML = st.recursive(
    st.sampled_from(["", "true", "Enabled", "-1", "7", "9" * 30, "a&amp;b"]),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", _TAGS, st.lists(inner, max_size=3)
    ),
    max_leaves=12,
).map(str.encode)


@pytest.fixture(scope="module")
def asked() -> tuple[Bucket, CannedS3]:
    s3 = CannedS3()
    connection = connection_to(s3, replace(CONFIG, total_attempts=1))
    return Bucket("unit-tests", lambda: connection), s3


@fuzzed
@given(st.dictionaries(st.integers(0, len(SETTINGS) - 1), _XML | st.binary(max_size=60)))
@example(dict.fromkeys(range(10), b"<a>" * 5000))
@example({4: b"\x80"})  # of a policy, which is no XML
@example(dict.fromkeys(range(10), b"<LifecycleConfiguration><Rule><Filter/></Rule>"))
def test_settings_are_told_or_an_error(
    asked: tuple[Bucket, CannedS3], answers: dict[int, bytes]
) -> None:
    bucket, s3 = asked
    counted = iter(range(1000))

    def answer(_: Sent) -> Answer:
        return Answer(200, answers.get(next(counted), b"<a/>"))

    s3.otherwise = answer
    with suppress(S3IntegrationError):
        report = bucket.audit()

        assert len(report.findings) == 13
        assert json.dumps(report.to_dict())


_RULES = st.fixed_dictionaries(
    {},
    optional={
        "ID": st.text(max_size=5),
        "Prefix": st.text(max_size=5),
        "Status": st.sampled_from(["Enabled", "Disabled"]),
        "Filter": st.dictionaries(st.sampled_from(["Prefix", "Tag", "And", "New"]), _LEAVES),
        "AbortIncompleteMultipartUpload": st.dictionaries(
            st.just("DaysAfterInitiation"), st.integers(0, 2**31)
        ),
    },
)


@fuzzed
@given(st.lists(_RULES, max_size=4), st.integers(1, 2**31 - 1))
def test_a_lifecycle_is_understood_and_added_to_whatever_it_says(
    rules: list[dict[str, Any]], days: int
) -> None:
    mended = with_uploads_aborted({"Rules": rules}, days)

    found = days_until_aborted(mended)
    assert found is not None
    assert found <= days
    assert all(rule in mended["Rules"] for rule in rules)


@fuzzed
@given(st.text(max_size=80), st.text(max_size=10))
@example("is not authorized to perform: s3:GetObject on resource: " + "arn:" * 5000, "k")
@example('is not authorized to perform: s3:A on resource: "' + "a" * 5000, "k")
def test_a_refusal_names_an_action_whatever_it_says(said: str, key: str) -> None:
    refusal = refusal_of(
        "GetObject", f"User: not authorized to perform: {said}", bucket="b", key=key
    )

    assert re.fullmatch(r"[a-z0-9-]+:\w+", refusal.action)
    assert refusal.resource


@fuzzed
@given(st.text(max_size=30), st.text(max_size=30))
@example("Tunnel connection failed: 599", "http://a:b@c@d//e")
@example("Tunnel connection failed: 407", "http://user:canary@proxy:1")
def test_a_proxys_words_tell_a_status_or_nothing(said: str, url: str) -> None:
    error = ProxyConnectionError(proxy_url=url, error=OSError(said))

    assert refusal_status(error) == 0 or 100 <= refusal_status(error) <= 599
    assert is_final(error) in {True, False}
    assert "canary" not in " ".join(refusal_told(error))


@fuzzed
@given(st.text(max_size=12) | st.from_regex(r"\d{1,12}[smhdwx]?", fullmatch=True))
@example("9" * 5000 + "d")
@example("999999999w")
@example("\u0661h")
def test_an_age_is_a_time_or_refused(word: str) -> None:
    with suppress(click.BadParameter):
        assert Age().convert(word, None, None).total_seconds() >= 0


@fuzzed
@given(st.text(max_size=12) | st.from_regex(r"\d{1,20}-\d{0,20}", fullmatch=True))
@example("0-" + "9" * 5000)
@example("1\u0661-")
def test_a_byte_range_is_one_or_refused(word: str) -> None:
    parameter = click.Option(["--range"])
    with suppress(click.BadParameter):
        start, stop = _byte_range(click.Context(click.Command("a")), parameter, word)

        assert 0 <= start < 10**18
        assert stop is None or stop >= start


@fuzzed
@given(st.text(max_size=60))
@example("The argument a=" * 2000)
@example("Call again with another x.\0")
def test_anything_can_be_said_in_the_words_of_the_shell(text: str) -> None:
    assert isinstance(in_words_of_the_shell(text), str)
    assert isinstance(message_of_the_shell(text), str)


@fuzzed
@given(st.text(max_size=20) | st.from_regex(r"\d{11,13}", fullmatch=True), st.text(max_size=30))
@example("\u0661" * 12, "arn:aws:kms:" + ":" * 5000)
@example("1" * 12 + "\n", "arn:aws:kms:eu-west-1\n:")
def test_an_account_and_a_key_are_taken_or_refused(number: str, key: str) -> None:
    with suppress(S3ConfigError):
        check_account(number)

        assert len(number.encode()) == 12
    with suppress(S3ConfigError):
        check_kms_key(key)
        _check_key_is_near(key, "notes", "eu-west-1")

        assert is_visible_ascii(key)


@given(st.text(max_size=60))
@example("https://user:canary@host/" + "@" * 1000)
@example("//canary@")
def test_a_refusal_shows_no_password(value: str) -> None:
    with pytest.raises(S3ConfigError) as caught:
        refuse("endpoint_url", value, "it is nonsense")

    assert "canary" not in caught.value.message


# Whether all of them are tried

_READS = re.compile(
    r"re\.compile\(|re\.fullmatch\(|json\.loads\(|fromstring\(|dotenv_values\(|parsedate|urlsplit\("
)
_NOT_IMPORTED = {
    "s3_integration.aws.elements": "the audit of anything above goes through it",
    "s3_integration.bulk.comparing": "asks whether an ETag is base 16, and keeps nothing",
    "s3_integration.transfer.crt": "reads names of awscrt's errors, and ranges of our own",
    "s3_integration.transfer.permissions": "reads what the kernel says of this process",
}


def _modules_with_parsers() -> Iterator[str]:
    package = Path(s3_integration.__file__).parent
    for path in package.rglob("*.py"):
        if _READS.search(path.read_text(encoding="utf-8")):
            inside = path.relative_to(package.parent).with_suffix("")
            yield ".".join(inside.parts)


def _imported_by_tests_that_try_much() -> Iterator[str]:
    for path in Path(__file__).parents[2].rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if "@given(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{name.name}" for name in node.names)


def test_every_module_that_reads_what_others_wrote_is_tried_with_anything() -> None:
    untried = set(_modules_with_parsers()) - set(_imported_by_tests_that_try_much())

    assert untried == set(_NOT_IMPORTED)
