"""What goes with every request about objects: how S3 is to encrypt, and who pays."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from s3_integration.encryption import base64_of
from s3_integration.logs import remember_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel
    from mypy_boto3_s3.client import S3Client as Boto3Client

    from s3_integration.config import Settings
    from s3_integration.encryption import Encryption

_METHODS = {"SSE-S3": "AES256", "SSE-KMS": "aws:kms"}

_SECRET = "SSECustomerKey"  # noqa: S105 - the name of a parameter

_OF_COPY_SOURCE = "CopySource"
"""What the names of parameters begin with that tell how a copy's source is encrypted."""


class Terms:
    """The parameters that the settings add to one client's calls."""

    def __init__(self, settings: Settings, client: Boto3Client) -> None:
        self.encryption = settings.encryption
        self._parameters: dict[str, Any] = {}
        if settings.encryption:
            self._parameters |= _parameters_of(settings.encryption)
        if settings.request_payer:
            self._parameters["RequestPayer"] = settings.request_payer
        self._model = client.meta.service_model
        if self._parameters:
            client.meta.events.register("before-parameter-build.s3", self._add)

    def of(self, operation: str) -> Mapping[str, Any]:
        """What they add to calls of that name: what S3's model knows there."""
        return self._known_by(self._model.operation_model(operation))

    @property
    def of_storing(self) -> Mapping[str, Any]:
        """What tells apart objects that are stored by different terms; no secret."""
        return {
            name: text
            for name, text in self._parameters.items()
            if name != _SECRET and not name.startswith(_OF_COPY_SOURCE)
        }

    def headers_of(self, operation: str) -> dict[str, str]:
        """The same as headers, for who sends a request without botocore."""
        model = self._model.operation_model(operation)
        members = model.input_shape.members if model.input_shape else {}
        return {
            str(members[name].serialization["name"]).lower(): _header_text(value)
            for name, value in self._known_by(model).items()
        }

    def _known_by(self, model: OperationModel) -> dict[str, Any]:
        members = model.input_shape.members if model.input_shape else {}
        return {name: value for name, value in self._parameters.items() if name in members}

    def _add(self, params: dict[str, Any], model: OperationModel, **_: object) -> None:
        for name, value in self._known_by(model).items():
            params.setdefault(name, value)


def _header_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameters_of(encryption: Encryption) -> dict[str, Any]:
    """In the words of PutObject."""
    if encryption.customer_key is not None:
        key = base64_of(encryption.customer_key)
        remember_secret(key)
        digest = hashlib.md5(encryption.customer_key, usedforsecurity=False).digest()
        # With the MD5 beside it, botocore takes the key for encoded already. It would encode it
        # itself for some calls, and forget others (ListParts).
        of_object = {
            "SSECustomerAlgorithm": "AES256",
            _SECRET: key,
            "SSECustomerKeyMD5": base64_of(digest),
        }
        # A client reads only what is encrypted with its key, so a copy's source is, too.
        of_source = {f"{_OF_COPY_SOURCE}{name}": text for name, text in of_object.items()}
        return of_object | of_source
    parameters: dict[str, Any] = {"ServerSideEncryption": _METHODS[encryption.method]}
    if encryption.kms_key_id is not None:
        parameters["SSEKMSKeyId"] = encryption.kms_key_id
    if encryption.bucket_key is not None:
        parameters["BucketKeyEnabled"] = encryption.bucket_key
    return parameters
