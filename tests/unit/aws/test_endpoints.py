"""What is known of a server by its name."""

from __future__ import annotations

import pytest

from s3_integration.aws.endpoints import (
    AWS,
    CLOUDFLARE_R2,
    UNKNOWN,
    EndpointProfile,
    profile_of,
)


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        ("https://s3.amazonaws.com", AWS),
        ("https://s3.us-east-1.amazonaws.com", AWS),
        ("https://S3.EU-WEST-1.AMAZONAWS.COM:443/", AWS),
        ("https://s3.cn-north-1.amazonaws.com.cn", AWS),
        ("https://s3.eusc-de-east-1.amazonaws.eu", AWS),
        ("https://s3.dualstack.us-east-1.api.aws", AWS),
        ("https://0123456789abcdef.r2.cloudflarestorage.com", CLOUDFLARE_R2),
        ("https://0123.eu.r2.cloudflarestorage.com", CLOUDFLARE_R2),
        ("https://amazonaws.com", UNKNOWN),
        ("https://evil-amazonaws.com", UNKNOWN),
        ("https://s3.amazonaws.com.evil.example", UNKNOWN),
        ("https://evil.example/s3.amazonaws.com", UNKNOWN),
        ("http://127.0.0.1:9000", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_server_is_known_by_the_end_of_its_hosts_name_alone(
    url: str, profile: EndpointProfile
) -> None:
    assert profile_of(url) is profile


def test_of_an_unknown_server_nothing_is_taken_for_granted() -> None:
    assert UNKNOWN.conditional_writes == "unproven"
    assert UNKNOWN.etags != "md5"
