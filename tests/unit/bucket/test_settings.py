"""What answers say of settings, and which answers say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from s3_integration.bucket.settings import (
    SETTINGS,
    Reading,
    SettingName,
    believable,
    not_set,
    reading_of,
)

LISTING = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult/>'


@pytest.mark.parametrize(
    ("name", "answer", "document"),
    [
        (
            "public access block",
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            {"BlockPublicAcls": True},
        ),
        ("ownership", {"OwnershipControls": {"Rules": []}}, {"Rules": []}),
        ("encryption", {"ServerSideEncryptionConfiguration": {"Rules": []}}, {"Rules": []}),
        ("versioning", {"Status": "Enabled", "ResponseMetadata": {}}, {"Status": "Enabled"}),
        ("policy", {"Policy": '{"Statement": []}'}, {"Statement": []}),
        ("policy status", {"PolicyStatus": {"IsPublic": False}}, {"IsPublic": False}),
        ("acl", {"Owner": {"ID": "o"}, "Grants": []}, {"Owner": {"ID": "o"}, "Grants": []}),
        ("lifecycle", {"Rules": []}, {"Rules": []}),
        ("logging", {"LoggingEnabled": {}, "ResponseMetadata": {}}, {"LoggingEnabled": {}}),
        (
            "object lock",
            {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
            {"ObjectLockEnabled": "Enabled"},
        ),
    ],
)
def test_an_answer_is_understood(
    name: SettingName, answer: dict[str, Any], document: dict[str, Any]
) -> None:
    assert reading_of(SETTINGS[name], answer) == Reading("set", document)


@pytest.mark.parametrize("name", ["versioning", "logging"])
def test_of_some_settings_an_empty_answer_says_that_they_are_not_set(name: SettingName) -> None:
    assert reading_of(SETTINGS[name], {"ResponseMetadata": {}}) == Reading("unset")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("public access block", {"PublicAccessBlockConfiguration": {}}),
        ("ownership", {"OwnershipControls": {}}),
        ("encryption", {"ServerSideEncryptionConfiguration": {}}),
        ("policy", {"Policy": LISTING}),
        ("policy", {"Policy": "[]"}),
        ("policy", {}),
        ("policy status", {"PolicyStatus": {}}),
        ("acl", {}),
        ("lifecycle", {}),
        ("object lock", {"ObjectLockConfiguration": {}}),
    ],
)
def test_an_answer_to_another_question_is_no_setting(
    name: SettingName, answer: dict[str, Any]
) -> None:
    """As rclone's server and Ceph 16 give them."""
    assert reading_of(SETTINGS[name], answer).state == "unsupported"


def test_where_a_listing_is_told_for_a_policy_empty_answers_mean_nothing() -> None:
    readings = dict(not_set("b").readings)
    readings["policy"] = reading_of(SETTINGS["policy"], {"Policy": LISTING})
    readings["encryption"] = Reading("set", {"Rules": []})

    found = believable(readings)

    assert found["versioning"].state == found["logging"].state == "unsupported"
    assert found["encryption"].state == "set"


def test_where_there_is_just_no_policy_empty_answers_are_believed() -> None:
    readings = not_set("b").readings

    assert believable(readings) == readings
