"""What botocore leaves out of S3's answers."""

from __future__ import annotations

import pytest

from s3_integration.aws.elements import note_unknown_elements, unknown_elements_of
from tests.fixtures.mock_responses import Answer, CannedS3, connection_to

RULE = (
    "<Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix>x</Prefix>"
    "<Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key><Value>w</Value></Tag></And></Filter>"
    "<Transition><Days>3</Days><StorageClass>GLACIER</StorageClass></Transition>{more}</Rule>"
)
LIFECYCLE = '<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rules}</LifecycleConfiguration>'
ENCRYPTION = (
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    "<BucketKeyEnabled>true</BucketKeyEnabled>{more}</Rule></ServerSideEncryptionConfiguration>"
)


def unknown(method: str, operation: str, body: str) -> tuple[str, ...]:
    client = connection_to(CannedS3(Answer(200, body.encode()))).client
    for _ in range(2):  # once more changes nothing
        note_unknown_elements(client, operation)
    return unknown_elements_of(getattr(client, method)(Bucket="b"))


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("", ()),
        ("<Sooner>1</Sooner>", ("Sooner",)),
        ("<Expiration><Days>3</Days><Hours>1</Hours></Expiration>", ("Hours",)),
    ],
)
def test_elements_of_a_rule_that_botocore_does_not_know_are_named(
    more: str, names: tuple[str, ...]
) -> None:
    body = LIFECYCLE.format(rules=RULE.format(more="") + RULE.format(more=more))
    call = ("get_bucket_lifecycle_configuration", "GetBucketLifecycleConfiguration")

    assert unknown(*call, body) == names


@pytest.mark.parametrize(("more", "names"), [("", ()), ("<Salted>1</Salted>", ("Salted",))])
def test_elements_within_an_answers_payload_are_named(more: str, names: tuple[str, ...]) -> None:
    body = ENCRYPTION.format(more=more)

    assert unknown("get_bucket_encryption", "GetBucketEncryption", body) == names


def test_an_answer_that_is_no_xml_has_no_elements() -> None:
    assert unknown("get_bucket_policy", "GetBucketPolicy", '{"Statement": []}') == ()
