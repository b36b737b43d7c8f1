"""Lifecycle rules: what they do to a whole bucket, and adding one without losing another.

Pure: configurations go in as S3 tells them and come out whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.bucket.statements import free_name

if TYPE_CHECKING:
    from s3_integration.bucket.settings import Document

Rule = dict[str, Any]


def days_until_aborted(lifecycle: Document) -> int | None:
    """After how many days every unfinished upload is aborted; None where some never are."""
    return _least_days(lifecycle, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")


def days_until_expired(lifecycle: Document) -> int | None:
    """After how many days old versions of every object are deleted; None where some never are.

    A rule that keeps the newest of them forever does not count: those never are.
    """
    return _least_days(lifecycle, "NoncurrentVersionExpiration", "NoncurrentDays")


def with_uploads_aborted(lifecycle: Document, days: int) -> Document:
    """The configuration with a rule that aborts what is unfinished after so many days."""
    action = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days}}
    return _with_rule(lifecycle, "abort-unfinished-uploads", action)


def with_versions_expired(lifecycle: Document, days: int) -> Document:
    """The configuration with a rule that deletes versions so many days after the next one."""
    action = {"NoncurrentVersionExpiration": {"NoncurrentDays": days}}
    return _with_rule(lifecycle, "expire-old-versions", action)


def _least_days(lifecycle: Document, action: str, unit: str) -> int | None:
    found = [
        int(rule[action][unit])
        for rule in lifecycle.get("Rules", [])
        if _is_of_all_objects(rule)
        and unit in rule.get(action, {})
        and "NewerNoncurrentVersions" not in rule[action]
    ]
    return min(found, default=None)


def _is_of_all_objects(rule: Rule) -> bool:
    filtered = rule.get("Filter", {})
    narrowed_by = (filtered.get("Prefix"), rule.get("Prefix"), *(filtered.keys() - {"Prefix"}))
    return rule.get("Status") == "Enabled" and not any(narrowed_by)


def _with_rule(lifecycle: Document, name: str, action: Rule) -> Document:
    rules = lifecycle.get("Rules", [])
    rule = {
        "ID": free_name(name, [other.get("ID") for other in rules]),
        "Status": "Enabled",
        **_scope_beside(rules),
        **action,
    }
    return {**lifecycle, "Rules": [*rules, rule]}


def _scope_beside(rules: list[Rule]) -> Rule:
    """All objects, in the form of the other rules.

    S3 takes no configuration in which some rules have a `Filter` and others the older
    `Prefix` of their own ("Filter element can only be used in Lifecycle V2").
    """
    is_old_form = bool(rules) and all("Filter" not in rule for rule in rules)
    return {"Prefix": ""} if is_old_form else {"Filter": {"Prefix": ""}}
