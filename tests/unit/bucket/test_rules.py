"""Lifecycle rules: nothing of others is lost, and what is there already is seen."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.bucket.audit import lost
from s3_integration.bucket.rules import (
    days_until_aborted,
    days_until_expired,
    with_uploads_aborted,
    with_versions_expired,
)

actions = st.fixed_dictionaries(
    {},
    optional={
        "AbortIncompleteMultipartUpload": st.just({"DaysAfterInitiation": 30}),
        "NoncurrentVersionExpiration": st.sampled_from(
            [{"NoncurrentDays": 300}, {"NoncurrentDays": 1, "NewerNoncurrentVersions": 5}]
        ),
        "Expiration": st.just({"Days": 3}),
        "Transitions": st.just([{"Days": 30, "StorageClass": "GLACIER"}]),
    },
)
named = st.fixed_dictionaries(
    {"Status": st.sampled_from(["Enabled", "Disabled"])},
    optional={"ID": st.sampled_from(["a", "abort-unfinished-uploads", "expire-old-versions"])},
)
scopes: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "filters": st.sampled_from(
        [
            {"Filter": {}},
            {"Filter": {"Prefix": ""}},
            {"Filter": {"Prefix": "logs/"}},
            {"Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}]}}},
        ]
    ),
    "prefixes": st.sampled_from([{"Prefix": ""}, {"Prefix": "logs/"}]),
}


def rules(scope: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    rule = st.tuples(named, scopes[scope], actions).map(
        lambda parts: {**parts[0], **parts[1], **parts[2]}
    )
    return st.lists(rule, max_size=4)


configurations = st.one_of(rules("filters"), rules("prefixes")).flatmap(
    lambda found: st.sampled_from(
        [
            {"Rules": found},
            {"Rules": found, "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"},
        ]
    )
)


def rule(**members: Any) -> dict[str, Any]:
    return {"Rules": [{"ID": "r", "Status": "Enabled", **members}]}


@given(before=configurations)
def test_every_rule_of_others_survives(before: dict[str, Any]) -> None:
    original = copy.deepcopy(before)

    after = with_versions_expired(with_uploads_aborted(before, 7), 90)

    assert after["Rules"][:-2] == original["Rules"]
    assert lost("lifecycle", original, after) == []
    assert {**after, "Rules": 0} == {**original, "Rules": 0}
    assert before == original


@given(before=configurations)
def test_what_was_added_has_a_name_of_its_own_and_is_seen(before: dict[str, Any]) -> None:
    after = with_versions_expired(with_uploads_aborted(before, 7), 90)

    taken = {other.get("ID") for other in before["Rules"]}
    assert not taken & {other["ID"] for other in after["Rules"][-2:]}
    assert (days_until_aborted(after), days_until_expired(after)) == (7, 90)


@given(before=configurations)
def test_a_new_rule_has_the_form_of_the_others(before: dict[str, Any]) -> None:
    """S3 takes no configuration of both forms."""
    [*others, added] = with_uploads_aborted(before, 7)["Rules"]

    assert {"Filter" in other for other in others} <= {"Filter" in added}


@pytest.mark.parametrize(
    "scope", [{}, {"Filter": {}}, {"Filter": {"Prefix": ""}}, {"Prefix": ""}, {"Prefix": None}]
)
def test_a_rule_for_all_objects_is_seen_in_each_of_its_forms(scope: dict[str, Any]) -> None:
    lifecycle = rule(**scope, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 3})

    assert days_until_aborted(lifecycle) == 3


@pytest.mark.parametrize(
    "narrower",
    [
        {"Status": "Disabled"},
        {"Prefix": "logs/"},
        {"Filter": {"Prefix": "logs/"}},
        {"Filter": {"Tag": {"Key": "k", "Value": "v"}}},
        {"Filter": {"ObjectSizeGreaterThan": 5}},
        {"Filter": {"ObjectSizeGreaterThan": 0}},  # it leaves empty objects out
        {"Filter": {"And": {"Prefix": "", "Tags": []}}},
    ],
)
def test_a_rule_for_some_objects_is_not_enough(narrower: dict[str, Any]) -> None:
    lifecycle = rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 3}, **narrower)

    assert days_until_aborted(lifecycle) is None


def test_of_several_rules_the_soonest_counts() -> None:
    found = [rule(NoncurrentVersionExpiration={"NoncurrentDays": n})["Rules"][0] for n in (9, 4)]

    assert days_until_expired({"Rules": found}) == 4


def test_a_rule_that_keeps_the_newest_versions_for_ever_deletes_not_all() -> None:
    keeps = {"NoncurrentDays": 9, "NewerNoncurrentVersions": 2}

    assert days_until_expired(rule(NoncurrentVersionExpiration=keeps)) is None
