"""Copies and moves within S3, against an S3 in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import pytest

from s3_integration import (
    Encryption,
    S3AccessDeniedError,
    S3ConflictError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.aws.errors import translated
from s3_integration.transfer.copying import CopySizes
from s3_integration.transfer.engine import CopyJob, ObjectId
from tests.fixtures.copies import (
    JOB,
    SMALL_SIZES,
    SOURCE,
    TARGET,
    CopyingS3,
    Stored,
    copier_to,
)
from tests.fixtures.mock_responses import CHECKSUM, Answer, Sent, checksum_of, error_answer
from tests.fixtures.transfers import lost_connection, xml_answer

CONTENT: Final = b"0123456789"
HEADERS: Final = {
    "content-type": "text/x-note",
    "cache-control": "no-cache",
    "content-disposition": "attachment",
    "content-encoding": "identity",
    "content-language": "de",
    "expires": "Thu, 29 Feb 2024 12:00:00 GMT",
    "x-amz-meta-colour": "blue",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-website-redirect-location": "/there",
}
NOTE: Final = Stored(CONTENT, HEADERS, "a=b")
FAIL: Final = dataclasses.replace(JOB, if_exists="fail")
BOTH_WAYS: Final = pytest.mark.parametrize(
    "sizes", [None, SMALL_SIZES], ids=["one request", "parts"]
)
ELSEWHERE: Final = "https://s3.example.org"


def holding(stored: Stored = NOTE, where: ObjectId = SOURCE, **options: object) -> CopyingS3:
    s3 = CopyingS3(**options)  # type: ignore[arg-type]  # faults and habits by their names
    s3.store(where, stored)
    return s3


def rewriting(s3: CopyingS3, where: ObjectId = SOURCE) -> Callable[[Sent], None]:
    """Let somebody else store something there, before the request that is answered."""

    def rewrite(sent: Sent) -> None:
        del sent
        s3.store(where, Stored(b"9876543210", HEADERS, stored_at="Fri, 01 Mar 2024 12:00:00 GMT"))

    return rewrite


def translating(call: Callable[[], object]) -> object:
    """The call, with the errors that the service makes of others."""
    with translated("copy", TARGET.bucket, TARGET.key):
        return call()


@BOTH_WAYS
def test_a_copy_has_all_that_its_source_has(sizes: CopySizes | None) -> None:
    s3 = holding()
    copier, _ = copier_to(s3, sizes=sizes)

    found = copier.copy(JOB)

    copy = s3.stored(TARGET)
    assert copy
    assert (copy.content, copy.tags) == (CONTENT, "a=b" if sizes else NOTE.tags)
    assert {name: copy.headers.get(name) for name in HEADERS} == HEADERS
    assert (found.key, found.size, found.content_type) == ("target", 10, "text/x-note")
    assert (found.storage_class, dict(found.metadata)) == ("STANDARD_IA", {"colour": "blue"})


def test_what_one_request_may_copy_is_copied_by_one() -> None:
    s3 = holding()
    copier, _ = copier_to(s3, sizes=CopySizes(one_request_bytes=len(CONTENT)))

    copier.copy(JOB)

    assert s3.sent == ["HeadObject", "CopyObject", "HeadObject"]
    assert s3.requests["CopyObject"].headers["x-amz-copy-source"] == "unit-tests/a%20b/%C3%B6"


def test_what_is_larger_is_copied_in_parts_that_are_proved_by_checksums() -> None:
    s3 = holding()
    copier, _ = copier_to(s3, sizes=SMALL_SIZES)

    found = copier.copy(JOB)

    assert s3.sent.count("UploadPartCopy") == 3
    assert s3.sent[0:2] == ["HeadObject", "GetObjectTagging"]
    assert s3.sent[-2:] == ["CompleteMultipartUpload", "HeadObject"]
    assert s3.requests["CompleteMultipartUpload"].headers.get(CHECKSUM, "") == checksum_of(CONTENT)
    assert found.etag.endswith("-3")


def test_an_object_of_5_gib_is_the_largest_for_one_request() -> None:
    assert CopySizes().one_request_bytes == 5_368_709_120


@BOTH_WAYS
def test_a_source_that_changes_meanwhile_is_copied_by_no_half(sizes: CopySizes | None) -> None:
    s3 = holding()
    operation = "UploadPartCopy" if sizes else "CopyObject"
    s3.faults[operation] = [rewriting(s3)]
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3ConflictError, match="changed meanwhile") as caught:
        copier.copy(JOB)

    assert caught.value.retryable
    assert s3.stored(TARGET) is None
    assert ("AbortMultipartUpload" in s3.sent) == (sizes is not None)


def test_a_server_that_overlooks_conditions_is_asked_before_parts_are_joined() -> None:
    s3 = holding(overlooks_conditions=True)
    copier, _ = copier_to(s3, sizes=SMALL_SIZES, endpoint_url=ELSEWHERE)
    s3.faults["UploadPartCopy"] = [lambda _: None, rewriting(s3)]

    with pytest.raises(S3ConflictError, match="changed meanwhile"):
        copier.copy(JOB)

    assert s3.stored(TARGET) is None
    assert s3.sent[-1] == "AbortMultipartUpload"


@pytest.mark.parametrize("code", ["InvalidRange", "InvalidArgument"])
def test_a_source_that_became_shorter_is_told_as_changed(code: str) -> None:
    s3 = holding(overlooks_conditions=True)
    copier, _ = copier_to(s3, sizes=SMALL_SIZES, endpoint_url=ELSEWHERE)

    def shorten(sent: Sent) -> Answer:
        del sent
        s3.store(SOURCE, Stored(b"0", HEADERS))
        return error_answer(416 if code == "InvalidRange" else 400, code)

    s3.faults["UploadPartCopy"] = [shorten]

    with pytest.raises(S3ConflictError, match="changed meanwhile"):
        copier.copy(JOB)

    assert s3.sent[-1] == "AbortMultipartUpload"


def test_a_range_that_is_refused_although_nothing_changed_is_no_conflict() -> None:
    s3 = holding()
    copier, _ = copier_to(s3, sizes=SMALL_SIZES)
    s3.faults["UploadPartCopy"] = [error_answer(416, "InvalidRange")] * 9

    with pytest.raises(S3IntegrationError) as caught:
        translating(lambda: copier.copy(JOB))

    assert not isinstance(caught.value, S3ConflictError)


def test_a_copy_of_another_version_than_was_looked_at_is_told() -> None:
    s3 = holding(overlooks_conditions=True)
    s3.faults["CopyObject"] = [rewriting(s3)]
    copier, _ = copier_to(s3, endpoint_url=ELSEWHERE)

    with pytest.raises(S3ConflictError, match="changed meanwhile"):
        copier.copy(JOB)


@BOTH_WAYS
def test_a_source_that_vanishes_is_not_found_under_its_own_name(sizes: CopySizes | None) -> None:
    s3 = holding()

    def vanish(sent: Sent) -> None:
        del sent
        s3.objects.clear()

    s3.faults["UploadPartCopy" if sizes else "CopyObject"] = [vanish]
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3FileNotFoundError) as caught:
        copier.copy(JOB)

    assert caught.value.key == SOURCE.key


def test_an_error_in_an_answer_that_began_well_is_an_error(slept: list[float]) -> None:
    s3 = holding(CopyObject=[error_answer(200, "InternalError")] * 5)
    copier, _ = copier_to(s3)

    with pytest.raises(S3IntegrationError, match="internal failure"):
        translating(lambda: copier.copy(JOB))

    assert s3.sent.count("CopyObject") == 5
    assert len(slept) == 4


@BOTH_WAYS
def test_an_error_in_an_answer_that_began_well_is_tried_again(
    sizes: CopySizes | None, slept: list[float]
) -> None:
    operation = "UploadPartCopy" if sizes else "CopyObject"
    s3 = holding()
    s3.faults[operation] = [error_answer(200, "SlowDown"), lost_connection()]
    copier, _ = copier_to(s3, sizes=sizes)

    assert copier.copy(JOB).size == 10
    assert len(slept) == 2


@pytest.mark.parametrize("answer", [Answer(200), xml_answer("html", "<body>Log in</body>")])
@BOTH_WAYS
def test_an_answer_that_is_not_s3s_is_no_copy(
    sizes: CopySizes | None, answer: Answer, slept: list[float]
) -> None:
    operation = "UploadPartCopy" if sizes else "CopyObject"
    s3 = holding()
    s3.faults[operation] = [answer] * 99
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3IntegrationError, match="not S3's") as caught:
        copier.copy(JOB)

    assert caught.value.retryable
    assert s3.stored(TARGET) is None


@BOTH_WAYS
def test_nothing_is_overwritten_where_that_is_not_wanted(sizes: CopySizes | None) -> None:
    s3 = holding()
    s3.store(TARGET, Stored(b"mine"))
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3ConflictError, match="exists already"):
        copier.copy(FAIL)

    assert s3.stored(TARGET) == Stored(b"mine")


@BOTH_WAYS
def test_what_appears_at_the_target_meanwhile_is_not_overwritten(sizes: CopySizes | None) -> None:
    s3 = holding()
    s3.faults["CompleteMultipartUpload" if sizes else "CopyObject"] = [rewriting(s3, TARGET)]
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3ConflictError):
        translating(lambda: copier.copy(FAIL))

    target = s3.stored(TARGET)
    assert target
    assert target.content == b"9876543210"
    assert ("AbortMultipartUpload" in s3.sent) == (sizes is not None)


@pytest.mark.parametrize("endpoint_url", [None, ELSEWHERE], ids=["aws", "elsewhere"])
def test_who_may_not_look_at_the_target_copies_where_the_condition_is_sure_to_be_obeyed(
    endpoint_url: str | None,
) -> None:
    s3 = holding()
    looks = [lambda _: None, lambda _: Answer(403)]
    s3.faults["HeadObject"] = looks  # type: ignore[assignment]  # a list of faults
    copier, _ = copier_to(s3, endpoint_url=endpoint_url)

    if endpoint_url is None:
        copier.copy(FAIL)
        assert s3.requests["CopyObject"].headers["if-none-match"] == "*"
    else:
        with pytest.raises(S3AccessDeniedError):
            translating(lambda: copier.copy(FAIL))
        assert "CopyObject" not in s3.sent


def copying_without_a_word(s3: CopyingS3, operation: str) -> Callable[[Sent], Answer]:
    """Do what is asked for, and lose the answer."""

    def copy(sent: Sent) -> Answer:
        getattr(s3, f"_{operation}")(sent)
        raise lost_connection()

    return copy


@BOTH_WAYS
def test_a_copy_whose_answer_was_lost_is_no_conflict_with_itself(
    sizes: CopySizes | None, slept: list[float]
) -> None:
    s3 = holding()
    operation = "CompleteMultipartUpload" if sizes else "CopyObject"
    s3.faults[operation] = [copying_without_a_word(s3, operation)]
    copier, _ = copier_to(s3, sizes=sizes)

    assert copier.copy(FAIL).size == 10
    assert len(slept) == 1


def test_somebody_elses_object_is_not_taken_for_a_copy_whose_answer_was_lost(
    slept: list[float],
) -> None:
    s3 = holding()
    rewrite = rewriting(s3, TARGET)

    def lose(sent: Sent) -> Answer:
        rewrite(sent)
        raise lost_connection()

    s3.faults["CopyObject"] = [lose]
    copier, _ = copier_to(s3)

    with pytest.raises(S3ConflictError, match="exists already"):
        copier.copy(FAIL)


@BOTH_WAYS
def test_a_copy_that_is_overwritten_at_once_is_told(sizes: CopySizes | None) -> None:
    s3 = holding()
    looks = [lambda _: None, rewriting(s3, TARGET)]
    s3.faults["HeadObject"] = looks  # type: ignore[assignment]  # a list of faults
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3ConflictError, match="overwritten at once"):
        copier.copy(JOB)


@BOTH_WAYS
def test_a_copy_that_is_deleted_at_once_is_told_as_such(sizes: CopySizes | None) -> None:
    s3 = holding()

    def delete_copy(sent: Sent) -> None:
        del sent
        del s3.objects[TARGET.bucket, TARGET.key]

    s3.faults["HeadObject"] = [lambda _: None, delete_copy]
    copier, _ = copier_to(s3, sizes=sizes)

    with pytest.raises(S3ConflictError, match="deleted at once") as caught:
        copier.copy(JOB)

    assert not isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("operation", ["UploadPartCopy", "CompleteMultipartUpload"])
def test_a_copy_in_parts_that_fails_leaves_no_upload(operation: str) -> None:
    s3 = holding()
    s3.faults[operation] = [error_answer(403, "AccessDenied")] * 9
    copier, _ = copier_to(s3, sizes=SMALL_SIZES)

    with pytest.raises(S3AccessDeniedError):
        translating(lambda: copier.copy(JOB))

    assert s3.sent[-1] == "AbortMultipartUpload"
    assert s3.stored(TARGET) is None


@pytest.mark.parametrize("operation", ["UploadPartCopy", "CompleteMultipartUpload"])
def test_a_copy_in_parts_that_is_interrupted_leaves_no_upload(operation: str) -> None:
    def interrupt(sent: Sent) -> Answer:
        del sent
        raise KeyboardInterrupt

    s3 = holding()
    s3.faults[operation] = [interrupt]
    copier, _ = copier_to(s3, sizes=SMALL_SIZES)

    with pytest.raises(KeyboardInterrupt):
        copier.copy(JOB)

    assert s3.sent[-1] == "AbortMultipartUpload"


def test_parts_that_are_not_the_sources_are_not_joined() -> None:
    s3 = holding(Stored(CONTENT, {CHECKSUM: checksum_of(b"something else")}))
    copier, _ = copier_to(s3, sizes=SMALL_SIZES)

    with pytest.raises(S3IntegrationError, match="CRC64NVME"):
        copier.copy(JOB)

    assert "CompleteMultipartUpload" not in s3.sent
    assert s3.sent[-1] == "AbortMultipartUpload"


@pytest.mark.parametrize("key", ["a%20b", "a?versionId=1"])
def test_a_server_that_may_decode_a_key_twice_copies_no_parts_of_it(key: str) -> None:
    source = ObjectId("unit-tests", key)
    s3 = holding(where=source)
    elsewhere, _ = copier_to(s3, sizes=SMALL_SIZES, endpoint_url=ELSEWHERE)
    aws, _ = copier_to(s3, sizes=SMALL_SIZES)

    with pytest.raises(S3IntegrationError, match="another object") as caught:
        elsewhere.copy(CopyJob(source, TARGET))

    assert not caught.value.retryable
    assert s3.sent == ["HeadObject"]
    assert aws.copy(CopyJob(source, TARGET)).size == 10


def test_another_bucket_is_copied_from_and_the_own_one_made_sure_of() -> None:
    elsewhere = ObjectId("another-bucket", "k")
    s3 = holding(where=elsewhere)
    copier, prepared = copier_to(s3)

    copier.copy(CopyJob(elsewhere, TARGET))

    assert s3.requests["CopyObject"].headers["x-amz-copy-source"] == "another-bucket/k"
    assert prepared == ["unit-tests"]


def test_a_copy_within_one_bucket_asks_for_no_bucket() -> None:
    copier, prepared = copier_to(holding())

    copier.copy(JOB)

    assert prepared == []


def test_one_version_is_copied_where_one_is_named() -> None:
    s3 = holding(Stored(CONTENT, {"x-amz-version-id": "v/1"}))
    copier, _ = copier_to(s3)

    copier.copy(CopyJob(dataclasses.replace(SOURCE, version_id="v/1"), TARGET))

    source = s3.requests["CopyObject"].headers["x-amz-copy-source"]
    assert source == "unit-tests/a%20b/%C3%B6?versionId=v/1"


def test_another_version_than_the_one_that_was_named_is_not_copied() -> None:
    s3 = holding(Stored(CONTENT))
    copier, _ = copier_to(s3, endpoint_url=ELSEWHERE)

    with pytest.raises(S3FileNotFoundError, match="list_versions"):
        copier.copy(CopyJob(dataclasses.replace(SOURCE, version_id="v1"), TARGET))

    assert s3.sent == ["HeadObject"]


KMS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:us-east-1:1:key/k",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
}


@pytest.mark.parametrize(
    ("source_bucket", "encryption", "wanted"),
    [
        ("unit-tests", None, KMS),
        ("another-bucket", None, {}),
        ("unit-tests", Encryption(method="SSE-S3"), {"x-amz-server-side-encryption": "AES256"}),
    ],
    ids=["at home", "from another bucket", "as the settings say"],
)
@BOTH_WAYS
def test_a_copy_is_encrypted_by_its_sources_key_at_home_alone(
    sizes: CopySizes | None,
    source_bucket: str,
    encryption: Encryption | None,
    wanted: dict[str, str],
) -> None:
    source = ObjectId(source_bucket, "k")
    s3 = holding(Stored(CONTENT, KMS), where=source)
    copier, _ = copier_to(s3, sizes=sizes, encryption=encryption)

    copier.copy(CopyJob(source, TARGET))

    copy = s3.stored(TARGET)
    assert copy
    prefix = "x-amz-server-side-encryption"
    found = {name: text for name, text in copy.headers.items() if name.startswith(prefix)}
    assert found == wanted


# Moves


def test_a_move_leaves_the_copy_alone() -> None:
    s3 = holding()
    copier, _ = copier_to(s3)

    assert copier.move(JOB).key == "target"
    assert s3.stored(SOURCE) is None
    assert s3.stored(TARGET)
    assert s3.sent == ["HeadObject", "CopyObject", "HeadObject", "HeadObject", "DeleteObject"]


def test_a_source_that_changes_after_it_was_copied_is_not_deleted() -> None:
    s3 = holding()
    s3.faults["DeleteObject"] = [rewriting(s3)]
    copier, _ = copier_to(s3)

    with pytest.raises(
        S3ConflictError, match=r"The copy of it is stored: 's3://unit-tests/target'"
    ):
        copier.move(JOB)

    source = s3.stored(SOURCE)
    assert source
    assert source.content == b"9876543210"
    assert s3.stored(TARGET)


@pytest.mark.parametrize(
    "change",
    [
        {"content": b"9876543210"},
        {"stored_at": "Fri, 01 Mar 2024 12:00:00 GMT"},
        {"headers": {**HEADERS, "x-amz-version-id": "v2"}},
    ],
    ids=["content", "time", "version"],
)
def test_a_source_that_looks_otherwise_than_before_is_not_deleted(
    change: dict[str, object],
) -> None:
    s3 = holding(overlooks_conditions=True)
    copier, _ = copier_to(s3, endpoint_url=ELSEWHERE)
    changed = dataclasses.replace(NOTE, **change)  # type: ignore[arg-type]  # one of its fields

    def store(sent: Sent) -> None:
        del sent
        s3.store(SOURCE, changed)

    s3.faults["HeadObject"] = [lambda _: None, lambda _: None, store]

    with pytest.raises(S3ConflictError, match="changed after it was copied"):
        copier.move(JOB)

    assert s3.stored(SOURCE) == changed
    assert "DeleteObject" not in s3.sent


def test_a_source_that_somebody_else_deleted_is_moved() -> None:
    s3 = holding()

    def vanish(sent: Sent) -> None:
        del sent
        del s3.objects[SOURCE.bucket, SOURCE.key]

    s3.faults["DeleteObject"] = [vanish]
    copier, _ = copier_to(s3)

    assert copier.move(JOB).key == "target"


def test_a_source_that_may_not_be_deleted_is_told_of_with_its_copy() -> None:
    s3 = holding(DeleteObject=[error_answer(403, "AccessDenied")])
    copier, _ = copier_to(s3)

    with pytest.raises(S3AccessDeniedError, match="s3:DeleteObject") as caught:
        copier.move(JOB)

    assert "s3://unit-tests/target" in caught.value.message
    assert s3.stored(SOURCE)


def test_a_copy_that_fails_deletes_nothing() -> None:
    s3 = holding(CopyObject=[error_answer(403, "AccessDenied")])
    copier, _ = copier_to(s3)

    with pytest.raises(S3AccessDeniedError):
        translating(lambda: copier.move(JOB))

    assert "DeleteObject" not in s3.sent
