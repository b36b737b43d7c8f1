"""How S3 is to encrypt what is stored, as a setting."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import Literal, get_args

from s3_integration.checks import check_choice, check_for_header, check_type, refuse
from s3_integration.logs import remember_secret

EncryptionMethod = Literal["SSE-S3", "SSE-KMS", "SSE-C"]
"""Whose key encrypts: S3's own, one of AWS KMS, or one that the caller keeps."""

CUSTOMER_KEY_BYTES = 32
"""AES-256 has keys of 256 bits (User Guide, "Using server-side encryption with customer-provided
keys")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """Asks S3 to encrypt each object that is stored; a server that does not is an error.

    It may hold a secret, `customer_key`: its `repr` leaves it out, a pickle of it does not.
    """

    method: EncryptionMethod

    kms_key_id: str | None = None
    """Which key of AWS KMS: its id, alias or ARN; None means the account's own for S3."""

    bucket_key: bool | None = None
    """Whether S3 may spare calls of KMS by a key for the bucket; None leaves it to the bucket."""

    customer_key: bytes | None = field(default=None, repr=False)
    """The 32 bytes of a key for SSE-C. S3 forgets it: without it the objects are lost. Reads
    send it too, so one client reads only what is encrypted with it."""

    def __post_init__(self) -> None:
        check_choice("method", self.method, get_args(EncryptionMethod))
        for name, kind, method in _BELONGS_TO:
            value = getattr(self, name)
            if value is not None:
                check_type(name, value, (kind,))
                if self.method != method:
                    refuse(name, value, f"it belongs to {method}, not to {self.method}")
        if self.kms_key_id is not None:
            _check_kms_key_id(self.kms_key_id)
        if self.method == "SSE-C":
            _check_customer_key(self.customer_key)


_BELONGS_TO: tuple[tuple[str, type, EncryptionMethod], ...] = (
    ("kms_key_id", str, "SSE-KMS"),
    ("bucket_key", bool, "SSE-KMS"),
    ("customer_key", bytes, "SSE-C"),
)


def base64_of(customer_key: bytes) -> str:
    """A customer key as headers carry it."""
    return binascii.b2a_base64(customer_key, newline=False).decode("ascii")


def key_from_base64(name: str, text: str) -> bytes:
    """The customer key that a variable holds.

    Raises:
        S3ConfigError: it is not base64.
    """
    remember_secret(text)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        refuse(name, text, "it is not base64")


def _check_kms_key_id(key_id: str) -> None:
    if not key_id:
        refuse("kms_key_id", key_id, "it is empty")
    check_for_header("kms_key_id", key_id)


def _check_customer_key(key: bytes | None) -> None:
    if key is None:
        refuse("customer_key", key, "SSE-C needs a key")
    if len(key) != CUSTOMER_KEY_BYTES:
        refuse("customer_key", key, f"it has {len(key)} bytes, not {CUSTOMER_KEY_BYTES}")
    remember_secret(base64_of(key))
