"""A listing's objects are read as botocore reads them, only faster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from botocore import handlers
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws import listings
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, connection_to

CHILDREN: Final = {
    "Key": st.sampled_from(["a", "a%20b/%C3%A4", "&lt;&amp;&#x9;", "&amp;quot;", "a+b", ""]),
    "LastModified": st.sampled_from(["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z"]),
    "ETag": st.sampled_from(["&quot;0cc175b9c0f1b6a831c399e269772661&quot;", "x-2", ""]),
    "Size": st.integers(0, 2**43).map(str),
    "StorageClass": st.sampled_from(["STANDARD", "GLACIER"]),
    "ChecksumAlgorithm": st.just("CRC64NVME"),
    "Owner": st.just("<ID>1</ID><DisplayName>Key</DisplayName>"),
}
AS_AWS: Final = (
    *("Key", "LastModified", "ETag", "ChecksumAlgorithm", "Size", "Owner", "StorageClass"),
)
ASKED_ONCE: Final = replace(CONFIG, total_attempts=1)
OBJECT: Final = (
    "<Contents><Key>a</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """One object of a page, its elements in any order: most often that of AWS."""
    values = draw(st.fixed_dictionaries(CHILDREN))
    names = draw(st.just(AS_AWS) | st.permutations(AS_AWS))
    return "".join(f"<{name}>{values[name]}</{name}>" for name in names)


def page_of(content: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    further = "<Name>b</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    name = "ListBucketResult"
    return f"{head}<{name} xmlns='http://s3/'>{further}{content}</{name}>".encode()


def answer_to(body: bytes, *, reads_quickly: bool) -> dict[str, Any]:
    """What boto3's client returns, or raises."""
    client: Any = connection_to(CannedS3(Answer(200, body)), ASKED_ONCE).client
    if not reads_quickly:
        client.meta.events.unregister(listings._EVENT, listings._read)
    try:
        told: dict[str, Any] = client.list_objects_v2(Bucket="unit-tests")
    except Exception as error:  # noqa: BLE001 - that both raise the same is what is asked
        return {"raised": repr(error)}
    files = listings.files_of(told)
    return {name: told[name] for name in told.keys() - {"Contents", listings._READ}} | {
        "files": files
    }


@given(st.lists(objects().map("<Contents>{}</Contents>".format), max_size=4))
def test_objects_are_read_as_botocore_does(contents: list[str]) -> None:
    body = page_of("".join(contents) + "<CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes>")

    quickly = answer_to(body, reads_quickly=True)

    assert quickly == answer_to(body, reads_quickly=False)
    assert len(quickly["files"]) == len(contents)
    assert quickly["CommonPrefixes"] == [{"Prefix": "f/"}]


UNUSUAL: Final = {
    "no objects": page_of(""),
    "prefixes among the objects": page_of(
        f"{OBJECT}<CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes>{OBJECT}"
    ),
    "a size that is none": page_of(OBJECT.replace("5", "five")),
    "a time that is none": page_of(OBJECT.replace("2026", "year")),
    "no key": page_of(OBJECT.replace("Key", "Name")),
    "another encoding": page_of(OBJECT, '<?xml version="1.0" encoding="ISO-8859-1"?>').replace(
        b"<Key>a", b"<Key>\xe4"
    ),
    "bytes that are no UTF-8": page_of(OBJECT).replace(b"<Key>a", b"<Key>\xe4"),
    "cut off": page_of(OBJECT)[:-30],
    "an entity": page_of(OBJECT.replace("<Key>a", "<Key>&x;"), '<!DOCTYPE x [<!ENTITY x "long">]>'),
    "a document within": page_of(OBJECT.replace("<Key>a", "<Key><![CDATA[</Contents>]]>")),
    "a character that is none": page_of(OBJECT.replace("<Key>a", "<Key>&#xB;")),
    "a control character": page_of(OBJECT.replace("<Key>a", "<Key>\x0b")),
    "a line end": page_of(OBJECT.replace("<Key>a", "<Key>\r\n")),
    "an ampersand": page_of(OBJECT.replace("<Key>a", "<Key>a&b")),
    "a time with a zone": page_of(OBJECT.replace("000Z", "000+01:00")),
    "no such day": page_of(OBJECT.replace("01-31", "02-31")),
    "an end within text": page_of(OBJECT.replace("<Key>a", "<Key>]]>")),
    "a comment": page_of(f"{OBJECT}<!-- {OBJECT} -->"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_not_as_usual_is_left_to_botocore(name: str) -> None:
    body = UNUSUAL[name]

    assert answer_to(body, reads_quickly=True) == answer_to(body, reads_quickly=False)


def test_an_error_is_an_error_whatever_it_holds() -> None:
    body = f"<Error><Code>AccessDenied</Code>{OBJECT}</Error>".encode()
    client: Any = connection_to(CannedS3(Answer(403, body))).client

    with pytest.raises(ClientError) as denied:
        client.list_objects_v2(Bucket="unit-tests")

    assert denied.value.response["Error"]["Code"] == "AccessDenied"


def test_nobody_reads_the_objects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    looks_like_an_error = handlers._looks_like_special_case_error  # type: ignore[attr-defined] # botocore's stubs leave it out

    def noted(status: int, body: bytes) -> bool:
        seen.append(body)
        return bool(looks_like_an_error(status, body))

    monkeypatch.setattr(handlers, "_looks_like_special_case_error", noted)

    told = answer_to(page_of(OBJECT), reads_quickly=True)

    assert [file.key for file in told["files"]] == ["a"]
    assert seen == [page_of("")]


@pytest.mark.parametrize(
    "page",
    {
        "AWS": OBJECT,
        "AWS, with checksums": OBJECT.replace(
            "<Size>",
            "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
            "<ChecksumType>FULL_OBJECT</ChecksumType><Size>",
        ),
        "Ceph": OBJECT.replace(
            "</Contents>",
            "<Owner><ID>u</ID><DisplayName>u</DisplayName></Owner><Type>Normal</Type></Contents>",
        ),
        "indented": OBJECT.replace("><", ">\n  <"),
        "no storage class": OBJECT.replace("<StorageClass>STANDARD</StorageClass>", ""),
    }.values(),
)
def test_the_usual_pages_are_not_left_to_botocore(page: str) -> None:
    client: Any = connection_to(CannedS3(Answer(200, page_of(page * 2))), ASKED_ONCE).client

    told = client.list_objects_v2(Bucket="unit-tests")

    assert "Contents" not in told
    assert [file.etag for file in listings.files_of(told)] == ["e", "e"]
