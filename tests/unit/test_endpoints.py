"""Which endpoints may be spoken to."""

from __future__ import annotations

import pytest
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.endpoints import endpoint_problem


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.example.com",
        "HTTPS://S3.EXAMPLE.COM:443/base",
        "https://s3.example.com.",
        "https://10.0.0.1:9000",
        "https://[2001:db8::1]:9000",
        "http://localhost:9000",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:9000",
        "http://[::ffff:127.0.0.1]",
    ],
)
def test_https_or_this_very_machine_may_be_an_endpoint(url: str) -> None:
    assert endpoint_problem(url, plain_http_allowed=False) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.example.com",
        "http://10.0.0.1:9000",
        "http://0.0.0.0",
        "http://[::ffff:10.0.0.1]",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
    ],
)
def test_plain_http_beyond_this_machine_needs_permission(url: str) -> None:
    assert "in the clear" in endpoint_problem(url, plain_http_allowed=False)
    assert endpoint_problem(url, plain_http_allowed=True) == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3.example.com", "look like"),
        ("ftp://s3.example.com", "look like"),
        ("https://", "look like"),
        ("https:///bucket", "look like"),
        ("https://[::1", "not a URL"),
        ("https://host:port", "not a URL"),
        ("https://host:99999", "not a URL"),
        ("https://user@host", "no user name"),
        ("https://:password@host", "no user name"),
        ("https://@host", "no user name"),
        ("https://host?x=1", "no user name"),
        ("https://host#x", "no user name"),
        (" https://host", "blank"),
        ("https://ho st", "blank"),
        ("https://ho\nst", "blank"),
        ("https://höst", "beyond ASCII"),
        ("https://my_host", "letters, digits"),
        ("https://-host", "letters, digits"),
        ("https://a..b", "letters, digits"),
        ("https://" + "a" * 64, "letters, digits"),
        ("https://" + "a.b" * 100, "letters, digits"),
    ],
)
def test_what_is_no_plain_url_of_a_host_is_no_endpoint(url: str, problem: str) -> None:
    assert problem in endpoint_problem(url, plain_http_allowed=True)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:c1::a9fe:a9fe]",
        "[fd00:42::42]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[::ffff:169.254.1.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[::169.254.169.254]",
        "192.0.0.192",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_a_metadata_service_is_never_an_endpoint(host: str) -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}"
        assert "link-local" in endpoint_problem(url, plain_http_allowed=True)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata",
        "instance-data",
        "METADATA.goog:80",
    ],
)
def test_a_name_of_a_metadata_service_is_never_an_endpoint(scheme: str, host: str) -> None:
    problem = endpoint_problem(f"{scheme}://{host}", plain_http_allowed=True)

    assert "metadata service" in problem


@pytest.mark.parametrize(
    "host", ["[2001:db8::1]", "[64:ff9b::808:808]", "10.0.0.1", "metadata.example"]
)
def test_other_addresses_and_names_may_be_endpoints(host: str) -> None:
    assert endpoint_problem(f"https://{host}", plain_http_allowed=False) == ""


@pytest.mark.parametrize(
    "host",
    [
        "2852039166",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.254.169.254.",
        "a.1",
        "0x",
    ],
)
def test_an_address_in_disguise_is_never_an_endpoint(host: str) -> None:
    problem = endpoint_problem(f"http://{host}", plain_http_allowed=True)

    assert "four numbers" in problem


@given(st.from_regex(r"https?://[A-Za-z0-9._\-\[\]:]{1,80}(/[!-~]*)?", fullmatch=True))
def test_botocore_takes_every_endpoint_that_is_accepted(url: str) -> None:
    if endpoint_problem(url, plain_http_allowed=True):
        return

    assert is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)
