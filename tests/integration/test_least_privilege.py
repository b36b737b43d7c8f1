"""Policies are enough, and no action of theirs is too much: proved by a server that enforces them.

The server is moto with IAM switched on and put right where it differs from AWS
(`tests/fixtures/iam_process.py`); the package takes it for AWS, and so sends it what AWS gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from s3_integration.aws import session
from s3_integration.aws.endpoints import AWS
from s3_integration.bucket.policy import NEEDS, Feature, actions_of, policy_document
from s3_integration.exceptions import S3AccessDeniedError, S3IntegrationError
from tests.fixtures.iam_process import CORRECTIONS, Correction, action_in_moto
from tests.fixtures.iam_server import IamServer, iam_server
from tests.fixtures.least_privilege import EXERCISES, GOES_ON, ON_TOP_OF, SMALL, Stage
from tests.fixtures.servers import chosen_servers

KILLED = "upload_file (killed before)"
FEATURES: tuple[Feature, ...] = get_args(Feature)


@pytest.fixture(scope="module")
def iam(request: pytest.FixtureRequest) -> Iterator[IamServer]:
    if "moto" not in chosen_servers(request.config):
        pytest.skip("needs moto")
    with iam_server() as started:
        yield started


@pytest.fixture(scope="module")
def shared_stage(iam: IamServer, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(iam, tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("state"))


@pytest.fixture
def stage(shared_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(session, "profile_of", lambda _: AWS)
    monkeypatch.setenv("XDG_STATE_HOME", str(shared_stage._state))
    return shared_stage


def policy_of(feature: Feature, stage: Stage) -> dict[str, Any]:
    bucket_name = "*" if feature == "create" else stage.bucket_name
    return policy_document(bucket_name, [*ON_TOP_OF.get(feature, ()), feature])


def without(policy: Mapping[str, Any], action: str) -> dict[str, Any]:
    statements = [
        {**each, "Action": [found for found in each["Action"] if found != action]}
        for each in policy["Statement"]
    ]
    left = [statement for statement in statements if statement["Action"]]
    return {**policy, "Statement": left or [NOTHING]}


NOTHING = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}


def test_every_call_of_every_feature_is_made() -> None:
    assert {call for calls in NEEDS.values() for call in calls} == set(EXERCISES)
    assert {call for call, _ in GOES_ON} <= set(EXERCISES)


@pytest.mark.parametrize("feature", FEATURES)
def test_the_policy_of_a_feature_is_enough_for_all_of_its_calls(
    feature: Feature, stage: Stage
) -> None:
    for call in NEEDS[feature]:
        if call == KILLED:
            stage.kill_uploads()
        stage.let_user(policy_of(feature, stage))

        EXERCISES[call](stage)

        assert stage.server.refused() == [], call
        assert [each for each in stage.unfinished() if not each["Key"].startswith("killed/")] == []


@pytest.mark.parametrize(
    ("feature", "action"),
    [(feature, action) for feature in FEATURES for action in actions_of([feature])],
)
@pytest.mark.promise(6)
def test_without_one_action_exactly_its_calls_are_refused_and_name_it(
    feature: Feature, action: str, stage: Stage
) -> None:
    policy = without(policy_of(feature, stage), action)
    for call, actions in NEEDS[feature].items():
        if call == KILLED:
            stage.kill_uploads()
        stage.let_user(policy)

        error = _outcome_of(call, stage)

        refused = dict(reversed(stage.server.refused()))
        if action not in actions:
            assert (error, refused) == (None, {}), call
        elif (call, action) in GOES_ON:
            assert (error, action in refused) == (None, True), call
        else:
            assert isinstance(error, S3AccessDeniedError), call
            assert action in error.suggestion
            assert refused[action] in error.suggestion


def _outcome_of(call: str, stage: Stage) -> S3IntegrationError | None:
    try:
        EXERCISES[call](stage)
    except S3IntegrationError as error:
        return error
    return None


# Prefixes

PREFIX = "agents/7/"


def test_with_a_prefix_everything_under_it_can_be_done(stage: Stage) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))
    client = stage.client(create_bucket=False)
    key = stage.new_key(PREFIX)

    client.upload_file(stage.file(), key)
    path = client.download_file(key, stage.folder / "fetched")

    assert Path(path).read_bytes() == SMALL
    assert client.file_exists(key)
    assert key in [file["key"] for file in client.list_files(PREFIX)]
    assert key in [file["key"] for file in client.list_files(key)]
    assert client.delete_file(key)
    assert stage.server.refused() == []


@pytest.mark.parametrize("outside", ["agents/8/x", "agents/7", "agents/70/x", "x"])
def test_with_a_prefix_nothing_beside_it_can_be_done(outside: str, stage: Stage) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))
    client = stage.client(create_bucket=False)
    stage.put(outside)

    for attempt in (
        lambda: client.upload_file(stage.file(b"another"), outside),
        lambda: client.download_file(outside, stage.folder / "fetched"),
        lambda: client.file_exists(outside),
        lambda: client.delete_file(outside),
        lambda: client.list_files(outside),
        client.list_files,
    ):
        with pytest.raises(S3AccessDeniedError):
            attempt()

    assert stage.get(outside) == SMALL


def test_with_a_prefix_a_missing_key_is_told_as_a_refusal_and_never_as_missing(
    stage: Stage,
) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))

    with pytest.raises(S3AccessDeniedError, match="s3:ListBucket on arn:aws:s3:::notes-"):
        stage.client().file_exists(stage.new_key(PREFIX))


# What the server was told of AWS


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda each: f"{each.method} {each.query}")
def test_moto_still_names_these_actions_otherwise(correction: Correction) -> None:
    found = action_in_moto(correction.level, correction.method, correction.query)

    assert found == correction.in_moto
    assert correction.in_aws != found
