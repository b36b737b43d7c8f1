"""The direct wire: requests written, signed and read here, without botocore's work on each.

Where a bucket is, and in which region, is asked of botocore (`places.py`), so that every
setting that it knows (addressing style, dual stack, FIPS, access points) holds here as well.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import create_parser

from s3_integration.aws.locator import Refusal, UnusualRequestError
from s3_integration.aws.permissions import note_partition
from s3_integration.aws.retries import Answer, understandable
from s3_integration.cancellation import wait_while_wanted
from s3_integration.transfer.http import HttpConnection
from s3_integration.transfer.places import Place, Places
from s3_integration.transfer.turns import end_turn
from s3_integration.transfer.wire import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from s3_integration.aws.pace import Limits
    from s3_integration.aws.session import Connection
    from s3_integration.transfer.answers import HttpAnswer
    from s3_integration.transfer.wire import Wire

logger = logging.getLogger(__name__)

_MOST_ERROR_BYTES = 65536
_WRONG_PLACE_CODES = frozenset(
    {"PermanentRedirect", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed"}
)
_HAS_MOVED = "s3_integration_has_moved"

_HEADERS = {
    "ContentType": "content-type",
    "ContentMD5": "content-md5",
    "Tagging": "x-amz-tagging",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "Range": "range",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumAlgorithm": "x-amz-sdk-checksum-algorithm",
    "ChecksumCRC64NVME": "x-amz-checksum-crc64nvme",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "SSECustomerKey": "x-amz-server-side-encryption-customer-key",
    "SSECustomerKeyMD5": "x-amz-server-side-encryption-customer-key-md5",
    "RequestPayer": "x-amz-request-payer",
}
_QUERY = {"PartNumber": "partNumber", "UploadId": "uploadId", "VersionId": "versionId"}
"""In the order that signatures want."""

_ANSWERS = {
    "etag": "ETag",
    "date": "Date",
    "content-range": "ContentRange",
    "x-amz-version-id": "VersionId",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-server-side-encryption-bucket-key-enabled": "BucketKeyEnabled",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-type": "ChecksumType",
}


class Asked(NamedTuple):
    """A request, before it is signed."""

    operation: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: Buffer


class Answering(Body, Protocol):
    """An answer of HTTP whose body is still on its way."""

    status: int
    headers: dict[str, str]
    """Their names in lower case."""

    def read(self, most_bytes: int) -> bytes:
        """The body as bytes, `most_bytes` of it at most."""


class Sent:
    """A request whose answer nobody has waited for yet."""

    def __init__(
        self,
        place: Place,
        asked: Asked,
        parameters: Mapping[str, Any],
        context: dict[str, Any],
        outcome: HttpConnection | BotoCoreError,
    ) -> None:
        self.place = place
        self.asked = asked
        self.parameters = parameters
        """What the caller asked for."""
        self.context = context
        self._outcome: HttpConnection | HttpAnswer | BotoCoreError = outcome

    def answer(self) -> HttpAnswer | BotoCoreError:
        """What came of it; it is waited for once."""
        if isinstance(self._outcome, HttpConnection):
            try:
                connections = self.place.connections
                self._outcome = connections.answer_to(self._outcome, self.asked.method)
            except BotoCoreError as error:
                self._outcome = error
        return self._outcome

    def give_up(self) -> None:
        """Need no answer any more."""
        if not isinstance(self._outcome, BotoCoreError):
            self._outcome.close()


class DirectWire:
    """The calls by a connection of our own; see `Wire`."""

    can_send_ahead: ClassVar[bool] = True
    """Whether several requests of one thread may be under way."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._places = Places(connection, limits)
        self._terms = {
            operation: connection.terms.of(operation)
            for operation in ("PutObject", "UploadPart", "GetObject")
        }

    def put_object(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        return self._call("PutObject", "PUT", content, parameters)[0]

    def upload_part(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        return self._call("UploadPart", "PUT", content, parameters)[0]

    def get_object(self, **parameters: Any) -> tuple[Mapping[str, Any], Body]:
        """See `Wire`."""
        return self._call("GetObject", "GET", b"", parameters)

    def send_get_object(self, **parameters: Any) -> Sent:
        """Ask for an object, and wait for nothing; see `after`."""
        return self._send("GetObject", "GET", b"", parameters)

    def send_put_object(self, content: Buffer, **parameters: Any) -> Sent:
        """Send an object, and wait for nothing; see `after`."""
        return self._send("PutObject", "PUT", content, parameters)

    def _send(
        self, operation: str, method: str, content: Buffer, parameters: dict[str, Any]
    ) -> Sent:
        place = self._places.of(parameters["Bucket"])
        context: dict[str, Any] = {}
        all_parameters = {**parameters, **self._terms[operation]}
        asked = Asked(operation, method, *_request_of(place, all_parameters), content)
        head = self._signed_head(place, asked, context)
        try:
            return Sent(place, asked, parameters, context, place.connections.send(head, content))
        except BotoCoreError as error:
            return Sent(place, asked, parameters, context, error)

    def after(self, sent: Sent) -> Wire:
        """This wire, but that the first call, if it is the one that was sent, takes its answer."""
        return _AfterSent(self, sent)

    def answer_to(self, sent: Sent) -> tuple[Mapping[str, Any], Answering]:
        """What its call would have returned; it is sent again where that is worth while."""
        asked = sent.asked
        return self._call(asked.operation, asked.method, asked.content, {**sent.parameters}, sent)

    def can_speak_to(self, bucket: str) -> bool:
        """Whether the bucket is somewhere where this wire leads."""
        try:
            self._places.of(bucket)
        except UnusualRequestError as error:
            logger.debug("bucket %r needs botocore: %s", bucket, error)
            return False
        return True

    def _call(
        self,
        operation: str,
        method: str,
        content: Buffer,
        parameters: dict[str, Any],
        sent: Sent | None = None,
    ) -> tuple[Mapping[str, Any], Answering]:
        """Send a request until it is answered, or has failed for good."""
        bucket = parameters["Bucket"]
        place = sent.place if sent else self._places.of(bucket)
        parameters |= self._terms[operation]
        context: dict[str, Any] = sent.context if sent else {}
        attempt = 1
        while True:
            if sent is not None:
                (answer, failure), sent = _outcome_of(sent), None
            else:
                asked = Asked(operation, method, *_request_of(place, parameters), content)
                answer, failure = self._try(place, asked, attempt, context)
            if answer is not None and answer.status < 300:
                return as_botocores(answer, attempt), answer
            refusal = _refusal_of(answer) if answer is not None else None
            parsed: Any = _parsed(refusal, attempt) if refusal is not None else {}
            told = _told(refusal, parsed, failure)
            if moved := self._elsewhere(place, refusal, told, bucket, context):
                place = moved
                continue
            delay = self._connection.retries.delay_after(operation, told, attempt, context)
            if delay is None:
                raise failure or self._error_of(parsed, operation)
            end_turn()
            wait_while_wanted(delay)
            attempt += 1

    def _error_of(self, parsed: Any, operation: str) -> ClientError:
        note_partition(parsed, self._connection.client.meta.partition)
        return ClientError(parsed, operation)

    def _try(
        self, place: Place, asked: Asked, attempt: int, context: dict[str, Any]
    ) -> tuple[Answering | None, BotoCoreError | None]:
        """Send a request once; an answer or a failure comes back."""
        del attempt
        head = self._signed_head(place, asked, context)
        try:
            return place.connections.exchange(asked.method, head, asked.content), None
        except BotoCoreError as error:
            return None, error

    def _signed_head(self, place: Place, asked: Asked, context: dict[str, Any]) -> bytes:
        credentials = self._connection.credentials.get_frozen_credentials()
        self._connection.retries.note_key_id(context, str(credentials.access_key))
        offset = self._connection.clock.offset.total_seconds()
        sent = dict(asked.headers)
        place.signer.sign(asked.method, asked.path, asked.query, sent, credentials, offset)
        if asked.method == "PUT":
            sent["content-length"] = str(memoryview(asked.content).nbytes)
        sent.update(place.further_headers)
        question = f"?{asked.query}" if asked.query else ""
        target = f"{place.connections.origin.target_prefix}{asked.path}{question}"
        lines = "".join([f"{name}: {value}\r\n" for name, value in sent.items()])
        return f"{asked.method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")

    def _elsewhere(
        self,
        place: Place,
        refusal: Refusal | None,
        told: Answer,
        bucket: str,
        context: dict[str, Any],
    ) -> Place | None:
        """Where to send the request instead, once, if the bucket is not where it was thought."""
        if refusal is None or context.get(_HAS_MOVED) or not _may_be_elsewhere(told):
            return None
        context[_HAS_MOVED] = True
        return self._places.instead_of(place, bucket, refusal)


class _AfterSent:
    """See `DirectWire.after`."""

    def __init__(self, wire: DirectWire, sent: Sent) -> None:
        self._wire = wire
        self._sent: Sent | None = sent

    def put_object(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        sent = self._taken(parameters)
        if sent is None:
            return self._wire.put_object(content, **parameters)
        return self._wire.answer_to(sent)[0]

    def upload_part(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        return self._wire.upload_part(content, **parameters)

    def get_object(self, **parameters: Any) -> tuple[Mapping[str, Any], Body]:
        """See `Wire`."""
        sent = self._taken(parameters)
        return self._wire.get_object(**parameters) if sent is None else self._wire.answer_to(sent)

    def _taken(self, parameters: Mapping[str, Any]) -> Sent | None:
        sent, self._sent = self._sent, None
        if sent is None or sent.parameters == parameters:
            return sent
        sent.give_up()
        return None


def _outcome_of(sent: Sent) -> tuple[Answering | None, BotoCoreError | None]:
    outcome = sent.answer()
    return (None, outcome) if isinstance(outcome, BotoCoreError) else (outcome, None)


def _request_of(place: Place, parameters: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Path, query and headers of a call that boto3 would make with `parameters`."""
    path = place.path + quote(parameters["Key"], safe="/~")
    query = "&".join(
        [
            f"{word}={quote(str(parameters[name]), safe='~')}"
            for name, word in _QUERY.items()
            if name in parameters
        ]
    )
    headers = {"host": place.host}
    for name, value in parameters.items():
        if name == "Metadata":
            headers.update({f"x-amz-meta-{word.lower()}": text for word, text in value.items()})
        elif name not in _QUERY and name not in {"Bucket", "Key"}:
            headers[_HEADERS[name]] = str(value).lower() if isinstance(value, bool) else value
    return path, query, headers


def as_botocores(answer: Answering, attempt: int) -> dict[str, Any]:
    """What boto3's client would return, as far as transfers look at it."""
    headers = answer.headers
    told: dict[str, Any] = {
        "ResponseMetadata": {
            "HTTPStatusCode": answer.status,
            "RetryAttempts": attempt - 1,
            "RequestId": headers.get("x-amz-request-id", ""),
        }
    }
    for header, name in _ANSWERS.items():
        if header in headers:
            told[name] = headers[header]
    if "BucketKeyEnabled" in told:
        told["BucketKeyEnabled"] = told["BucketKeyEnabled"].lower() == "true"
    if headers.get("content-length", "").isdigit():
        told["ContentLength"] = int(headers["content-length"])
    return told


def _refusal_of(answer: Answering) -> Refusal:
    return Refusal(answer.status, answer.headers, answer.read(_MOST_ERROR_BYTES))


def _parsed(refusal: Refusal, attempt: int) -> Any:
    """A refusal as botocore would raise it."""
    parser: Any = create_parser("rest-xml")
    body = understandable(refusal.body)
    response = {"status_code": refusal.status, "headers": refusal.headers, "body": body}
    parsed = parser.parse(response, None)
    parsed["ResponseMetadata"] |= {"HTTPStatusCode": refusal.status, "RetryAttempts": attempt - 1}
    return parsed


def _told(
    refusal: Refusal | None, parsed: Mapping[str, Any], failure: BotoCoreError | None
) -> Answer:
    """One attempt's outcome, for those who decide about the next."""
    if refusal is None:
        return Answer(exception=failure)
    code = parsed.get("Error", {}).get("Code", "")
    return Answer(refusal.status, code, refusal.headers)


def _may_be_elsewhere(told: Answer) -> bool:
    """Whether S3 may mean that the bucket is in another region; botocore knows for sure."""
    return told.status in {301, 302, 307, 308} or told.code in _WRONG_PLACE_CODES
