"""Bucket policies: nothing of others is lost, and what is there already is seen."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.bucket.audit import lost
from s3_integration.bucket.statements import (
    denies_plain_http,
    lets_everybody_in,
    statements_of,
    takes_logs,
    with_logs_let_in,
    with_plain_http_denied,
)

BUCKET = "unit-tests"
ARN = f"arn:aws:s3:::{BUCKET}"
ACCOUNT = "111122223333"

words = st.text(max_size=8)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": st.sampled_from(["", "A", "DenyPlainHttp", "DenyPlainHttp2", "AllowAccessLogs"]),
        "Principal": st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["111122223333"]}]),
        "Action": st.one_of(st.just("s3:*"), st.lists(words, max_size=2)),
        "Resource": st.one_of(words, st.just(ARN), st.just([f"{ARN}/*"])),
        "Condition": st.dictionaries(words, st.dictionaries(words, words, max_size=2), max_size=2),
        "NotAction": words,
    },
)
policies = st.fixed_dictionaries(
    {"Statement": st.one_of(statements, st.lists(statements, max_size=4))},
    optional={"Version": st.sampled_from(["2008-10-17", "2012-10-17"]), "Id": words},
)


def deny(**changes: Any) -> dict[str, Any]:
    """The statement that denies plain http, but for `changes`; None takes a member away."""
    [statement] = with_plain_http_denied({}, BUCKET)["Statement"]
    changed = {**statement, **changes}
    return {"Statement": [{name: value for name, value in changed.items() if value is not None}]}


# Adding


@given(policy=policies)
def test_every_statement_of_others_survives(policy: dict[str, Any]) -> None:
    before = copy.deepcopy(policy)

    for after in (
        with_plain_http_denied(policy, BUCKET),
        with_logs_let_in(policy, BUCKET, "source", ACCOUNT),
    ):
        kept = statements_of(before)
        assert statements_of(after)[: len(kept)] == kept
        assert lost("policy", before, after) == []
        others = {name: value for name, value in after.items() if name != "Statement"}
        assert others == {name: value for name, value in before.items() if name != "Statement"}
    assert policy == before


@given(policy=policies)
def test_what_was_added_has_a_name_of_its_own_and_is_seen(policy: dict[str, Any]) -> None:
    after = with_plain_http_denied(policy, BUCKET)

    added = statements_of(after)[-1]
    assert denies_plain_http(after, BUCKET)
    assert added["Sid"].startswith("DenyPlainHttp")
    assert added["Sid"] not in {other.get("Sid") for other in statements_of(policy)}


@given(policy=policies)
def test_logs_are_let_in_once(policy: dict[str, Any]) -> None:
    once = with_logs_let_in(policy, BUCKET, "source", ACCOUNT)

    assert with_logs_let_in(once, BUCKET, "source", ACCOUNT) == once
    assert takes_logs(once)


def test_logs_of_each_source_have_a_statement_of_their_own() -> None:
    once = with_logs_let_in({}, BUCKET, "first", ACCOUNT)

    twice = with_logs_let_in(once, BUCKET, "second", ACCOUNT)

    assert [statement["Sid"] for statement in statements_of(twice)] == [
        "AllowAccessLogs",
        "AllowAccessLogs2",
    ]


def test_logs_are_let_in_from_one_bucket_of_one_account_only() -> None:
    [statement] = with_logs_let_in({}, BUCKET, "source", ACCOUNT)["Statement"]

    assert statement == {
        "Sid": "AllowAccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{ARN}/source/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:s3:::source"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }


def test_a_new_policy_denies_plain_http_to_everybody_on_bucket_and_objects() -> None:
    assert with_plain_http_denied({}, BUCKET) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyPlainHttp",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [ARN, f"{ARN}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def test_in_another_of_aws_worlds_arns_begin_with_its_name() -> None:
    policy = with_plain_http_denied({}, BUCKET, "aws-cn")

    assert policy["Statement"][0]["Resource"][0] == f"arn:aws-cn:s3:::{BUCKET}"
    assert denies_plain_http(policy, BUCKET, "aws-cn")
    assert not denies_plain_http(policy, BUCKET)


# Seeing


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Sid": "Another"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["*"]}},
        {"Action": ["s3:*"]},
        {"Action": "S3:*"},
        {"Action": "*"},
        {"Resource": "*"},
        {"Resource": [f"{ARN}*"]},
        {"Resource": ["arn:aws:s3:::*"]},
        {"Condition": {"Bool": {"aws:SecureTransport": False}}},
        {"Condition": {"Bool": {"AWS:SECURETRANSPORT": ["false"]}}},
        {"Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}},
    ],
)
def test_the_same_in_other_words_is_seen(changes: dict[str, Any]) -> None:
    assert denies_plain_http(deny(**changes), BUCKET)


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "111122223333"}},
        {"Principal": {"Service": "*"}},
        {"Principal": None, "NotPrincipal": "*"},
        {"Action": "s3:GetObject"},
        {"Action": [3, None]},
        {"Action": None, "NotAction": "s3:GetObject"},
        {"Resource": ARN},
        {"Resource": [f"{ARN}/*"]},
        {"Resource": [ARN, f"{ARN}/reports/*"]},
        {"Resource": [ARN, f"{ARN}/?"]},
        {"Resource": None, "NotResource": "x"},
        {"Resource": [f"{ARN}2", f"{ARN}2/*"]},
        {"Condition": None},
        {"Condition": "false"},
        {"Condition": {}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": ["true", "false"]}}},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}},
        {
            "Condition": {
                "Bool": {"aws:SecureTransport": "false"},
                "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
            }
        },
    ],
)
def test_less_is_not_taken_for_it(changes: dict[str, Any]) -> None:
    assert not denies_plain_http(deny(**changes), BUCKET)


def test_bucket_and_objects_may_be_denied_by_two_statements() -> None:
    [bucket], [objects] = deny(Resource=ARN)["Statement"], deny(Resource=f"{ARN}/*")["Statement"]

    assert denies_plain_http({"Statement": [bucket, objects]}, BUCKET)


def test_one_statement_without_a_list_is_seen() -> None:
    [statement] = deny()["Statement"]

    assert denies_plain_http({"Statement": statement}, BUCKET)


@pytest.mark.parametrize(
    ("statement", "is_public"),
    [
        ({"Effect": "Allow", "Principal": "*"}, True),
        ({"Effect": "Allow", "Principal": {"AWS": ["*"]}}, True),
        ({"Effect": "Allow", "Principal": {"AWS": "111122223333"}}, False),
        ({"Effect": "Deny", "Principal": "*"}, False),
        ({"Effect": "Allow", "Principal": "*", "Condition": {"Bool": {}}}, False),
    ],
)
def test_a_statement_for_everybody_is_public(statement: dict[str, Any], *, is_public: bool) -> None:
    assert lets_everybody_in({"Statement": statement}) is is_public


def test_whoever_lets_in_all_but_some_lets_everybody_in() -> None:
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*"}

    assert lets_everybody_in({"Statement": [statement]})
    assert not lets_everybody_in({"Statement": [{**statement, "Effect": "Deny"}]})
