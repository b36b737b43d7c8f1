"""When a request is sent again, and after how long. Ours, so that no botocore default decides.

botocore's default mode and number of attempts have changed between minor releases
(`legacy`, 5 attempts in 1.43; `standard`, 3 attempts in 1.44), and no mode of it knows
S3's clock. Its own retries are switched off in `session.py`; this handler does them all.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.exceptions import HTTPClientError, ProxyConnectionError, SSLError

from s3_integration.aws import tally
from s3_integration.aws.clock import TOLERANCE, ServerClock, offset_of
from s3_integration.aws.proxies import is_final
from s3_integration.logs import in_one_line, redact
from s3_integration.utils import MAX_BACKOFF_SECONDS, backoff_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_s3.client import S3Client as Boto3Client

    from s3_integration.aws.credentials import RenewableCredentials

logger = logging.getLogger(__name__)

TRANSIENT_BASE_SECONDS = 0.1
THROTTLED_BASE_SECONDS = 1.0
"""The longest first wait where S3 asks for less (AWS General Reference, "SDK retry behavior")."""

_THROTTLED_CODES = frozenset(
    {
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "ServiceUnavailable",
    }
)
# 400s and 409s that mean "the same again, please". BadDigest: the body was damaged on
# its way, since what is sent is a copy in memory whose checksum does not change.
_TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "RequestTimeout",
        "RequestTimeoutException",
        "PriorRequestNotComplete",
        "BadDigest",
        "InvalidDigest",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "OperationAborted",
        "ConditionalRequestConflict",
    }
)
_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_NEVER_AGAIN_STATUSES = frozenset({501, 505})  # "not implemented" does not become implemented


_KEY_ID = "s3_integration_key_id"
_IS_SWITCHED_OFF = contextvars.ContextVar("_IS_SWITCHED_OFF", default=False)


@contextlib.contextmanager
def no_retries() -> Iterator[None]:
    """Let every request of the block, in this thread, be sent once: a refusal is its answer."""
    before = _IS_SWITCHED_OFF.set(True)
    try:
        yield
    finally:
        _IS_SWITCHED_OFF.reset(before)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one attempt."""

    status: int = 0
    code: str = ""
    headers: Mapping[str, str] | None = None
    exception: Exception | None = None

    @classmethod
    def from_botocore(
        cls, response: tuple[Any, dict[str, Any]] | None, exception: Exception | None
    ) -> Answer:
        """Take the facts out of what botocore's `needs-retry` event passes."""
        if response is None:
            return cls(exception=exception)
        http, parsed = response
        headers = {name.lower(): value for name, value in http.headers.items()}
        # The parsed status counts, not http's: botocore turns a 200 that holds an error into a 500.
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", http.status_code)
        return cls(status, parsed.get("Error", {}).get("Code", ""), headers, exception)

    def header(self, name: str) -> str:
        """The header's value, "" where there is none."""
        return (self.headers or {}).get(name, "")


def retry_base_seconds(answer: Answer) -> float | None:
    """The longest first wait before `answer`'s request is sent again; None: never again."""
    if answer.exception is not None:
        return TRANSIENT_BASE_SECONDS if _is_passing(answer.exception) else None
    if answer.status == 429 or answer.code in _THROTTLED_CODES:
        return THROTTLED_BASE_SECONDS
    if answer.code in _TRANSIENT_CODES:
        return TRANSIENT_BASE_SECONDS
    if answer.status >= 500 and answer.status not in _NEVER_AGAIN_STATUSES:
        return THROTTLED_BASE_SECONDS if answer.status == 503 else TRANSIENT_BASE_SECONDS
    return None


def _is_passing(exception: Exception) -> bool:
    """Whether a connection that failed so may work the next time."""
    if isinstance(exception, SSLError):  # a certificate that is refused stays refused
        return False
    if isinstance(exception, ProxyConnectionError) and is_final(exception):
        return False
    return isinstance(exception, BotocoreConnectionError | HTTPClientError | ProxyConnectionError)


def clock_is_off(answer: Answer) -> bool:
    """Whether S3 refused the request for its time.

    HEAD answers have no body, hence no code: there the answer's own date tells.
    """
    if answer.code == "RequestTimeTooSkewed":
        return True
    if answer.status != 403 or answer.code not in {"", "403", "Forbidden"}:
        return False
    ahead = offset_of(answer.header("date"))
    return ahead is not None and abs(ahead) > TOLERANCE


def may_be_expired(answer: Answer) -> bool:
    """Whether S3 refused the credentials for their age.

    HEAD answers have no body, hence no code: there a bare 400 is what that looks like.
    """
    return answer.code in _EXPIRED_CODES or (answer.status == 400 and answer.code in {"", "400"})


def delay_seconds(answer: Answer, attempt: int, *, base_seconds: float, jitter: float) -> float:
    """The wait before the next attempt; S3's `Retry-After` is respected up to 20 s."""
    delay = backoff_seconds(attempt, base_seconds=base_seconds, jitter=jitter)
    try:
        asked_for = float(answer.header("retry-after"))
    except ValueError:
        return delay
    return max(delay, min(asked_for, MAX_BACKOFF_SECONDS)) if asked_for > 0 else delay


def full_jitter() -> float:
    """A number between 0 and 1, so that clients that failed together do not return together."""
    return random.random()  # noqa: S311 - nothing to guess here


_CODE = re.compile(rb"<Code\b")
_ERROR = re.compile(rb"\s*(<\?xml[^>]*>)?\s*<Error\b")
_PLAIN_CODE = re.compile(rb"<Code>[^<]*</Code>")


def understandable(body: bytes) -> bytes:
    """The body of an error, or nothing in place of one that S3 would never send.

    botocore looks the code up in a dict: it would raise a TypeError of its own over one that
    comes twice, or consists of elements.
    """
    codes = len(_CODE.findall(body))
    return body if codes == 0 or (codes == 1 and _PLAIN_CODE.search(body)) else b""


def _make_error_understandable(*, response_dict: dict[str, Any], **_: object) -> None:
    body = response_dict["body"]
    # CompleteMultipartUpload and CopyObject may answer 200 to what failed after all.
    if isinstance(body, bytes) and (response_dict["status_code"] >= 300 or _ERROR.match(body)):
        response_dict["body"] = understandable(body)


def _follow_no_redirect_to_nowhere(
    *,
    response: tuple[Any, dict[str, Any]] | None,
    operation: Any,
    request_dict: dict[str, Any],
    **_: object,
) -> None:
    """Spare botocore an endless search: it asks for a bucket's region by HeadBucket.

    Where that is redirected as well, without a region, it asks again, until the stack ends.
    Gateways that redirect everything, say to https, do so.
    """
    if response is None or operation.name != "HeadBucket":
        return
    if "x-amz-bucket-region" not in response[0].headers:
        request_dict["context"].setdefault("s3_redirect", {})["redirected"] = True


class Retries:
    """The retries of one client."""

    def __init__(
        self,
        total_attempts: int,
        credentials: RenewableCredentials,
        clock: ServerClock,
        *,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self._total_attempts = total_attempts
        self._credentials = credentials
        self._clock = clock
        self._jitter = jitter or full_jitter

    def install(self, client: Boto3Client) -> None:
        """Let `client` ask this object after every attempt."""
        events: Any = client.meta.events
        events.register("before-sign.s3", self._note_credentials)
        events.register("needs-retry.s3", self.needs_retry)
        events.register("before-parse.s3", _make_error_understandable)
        events.register_first("needs-retry.s3", _follow_no_redirect_to_nowhere)

    def _note_credentials(self, *, request: Any, **_: object) -> None:
        frozen = self._credentials.get_frozen_credentials()
        self.note_key_id(request.context, str(frozen.access_key))

    def note_key_id(self, context: dict[str, Any], access_key_id: str) -> None:
        """Keep, in a request's context, whose signature it bears.

        Another thread may have renewed the credentials by the time that the answer comes.
        """
        context[_KEY_ID] = access_key_id

    def needs_retry(
        self,
        *,
        response: tuple[Any, dict[str, Any]] | None,
        operation: Any,
        attempts: int,
        caught_exception: Exception | None,
        request_dict: dict[str, Any],
        **_: object,
    ) -> float | None:
        """Answer botocore: the seconds to wait before the next attempt, None for no more."""
        answer = Answer.from_botocore(response, caught_exception)
        return self.delay_after(operation.name, answer, attempts, request_dict["context"])

    def delay_after(
        self, operation: str, answer: Answer, attempt: int, context: dict[str, Any]
    ) -> float | None:
        """The seconds to wait before a request is sent again; None: never again.

        Args:
            operation: S3's name of what was asked for.
            answer: what came back.
            attempt: how often it has been sent.
            context: what is remembered of the request from attempt to attempt.
        """
        if attempt >= self._total_attempts or _IS_SWITCHED_OFF.get():
            return None
        delay = self._delay(answer, attempt, context)
        if delay is not None:
            tell_of_retry(operation, answer, attempt, self._total_attempts, delay)
        return delay

    def _delay(self, answer: Answer, attempt: int, context: dict[str, Any]) -> float | None:
        if self._can_be_mended(answer, context):
            return 0.0
        base_seconds = retry_base_seconds(answer)
        if base_seconds is None:
            return None
        return delay_seconds(answer, attempt, base_seconds=base_seconds, jitter=self._jitter())

    def _can_be_mended(self, answer: Answer, context: dict[str, Any]) -> bool:
        """Mend clock or credentials, each once per request; tell whether there was something."""
        if clock_is_off(answer) and not context.get("s3_integration_clock_set"):
            context["s3_integration_clock_set"] = True
            return self._clock.set_from(answer.header("date"))
        if may_be_expired(answer) and not context.get("s3_integration_renewed"):
            context["s3_integration_renewed"] = True
            return self._credentials.renew(context.get(_KEY_ID, ""))
        return False


def tell_of_retry(
    operation: str, answer: Answer, attempt: int, total_attempts: int, delay: float
) -> None:
    """Log and count that something is about to be sent again."""
    tally.count_retry()
    cause = in_one_line(answer.code) or (f"HTTP {answer.status}" if answer.status else "")
    if answer.exception is not None:
        cause = in_one_line(redact(f"{type(answer.exception).__name__}: {answer.exception}"))
    logger.warning(
        "%s failed (%s), attempt %d of %d; trying again in %.2f s",
        operation,
        cause,
        attempt,
        total_attempts,
        delay,
    )
