"""The wire of awscrt: its native S3 client makes the first attempt at a request.

What that client does not tell, the sockets of the direct wire do: it gives a body only whole,
nothing of how far one has come, and of an overloaded server neither answer nor headers. So
each attempt of it has a limit of time as a whole, and every further attempt is a direct one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import time
import weakref
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from awscrt import auth, io, s3
from awscrt.http import HttpHeaders, HttpRequest
from botocore import exceptions as botocore_errors
from botocore.httpsession import get_cert_path

from s3_integration.cancellation import check_is_wanted
from s3_integration.overrides import override
from s3_integration.transfer import quiet
from s3_integration.transfer.direct import Answering, Asked, DirectWire
from s3_integration.transfer.turns import end_turn
from s3_integration.transfer.wire import Pieces

if TYPE_CHECKING:
    from concurrent.futures import Future

    from botocore.exceptions import BotoCoreError

    from s3_integration.aws.credentials import RenewableCredentials
    from s3_integration.aws.pace import Limits
    from s3_integration.aws.session import Connection
    from s3_integration.transfer.places import Place

logger = logging.getLogger(__name__)

_MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""awscrt holds whole bodies in memory, beside the copy here; larger ones go directly."""

_TARGET_GBPS: Final = 25.0
"""How many connections awscrt opens follows from it."""

_CANCEL_SECONDS: Final = 5.0
"""How long an attempt that is given up may take to end."""

_STEP_SECONDS: Final = 0.5
"""How soon an attempt of which nobody waits for the end is given up."""

_AVOIDED_SECONDS: Final = 300.0
"""How long a server is asked directly after an attempt of awscrt's has lasted too long: on
a slow line, the same would befall every part."""

_NO_LENGTH: Final = "awscrt does not read bodies whose length was not told"

_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")

_started_in: int | None = None
"""The process whose threads awscrt runs in."""


def was_left_by_a_fork() -> bool:
    """Whether awscrt was at work in a process that this one was forked from.

    Its threads are not in this one, and its locks may be held for ever.
    """
    return _started_in not in {None, os.getpid()}


class CrtWire(DirectWire):
    """The calls by awscrt where it can do right; see `Wire`."""

    can_send_ahead = False  # awscrt does the first attempts

    def __init__(self, connection: Connection, limits: Limits) -> None:
        super().__init__(connection, limits)
        self._retries_are_left = connection.total_attempts > 1
        self._limit_seconds = limits.connect_seconds + limits.answer_seconds + limits.stall_seconds
        self._is_capped = limits.bandwidth is not None
        self._clients = _Clients(connection, limits)
        # All by the origin's URL.
        self._proven: set[str] = set()
        self._obeys_ranges: dict[str, bool] = {}
        self._avoided_until: dict[str, float] = {}

    @override
    def _try(
        self, place: Place, asked: Asked, attempt: int, context: dict[str, Any]
    ) -> tuple[Answering | None, BotoCoreError | None]:
        if attempt == 1 and self._is_for_awscrt(place, asked):
            answer, failure = self._try_awscrt(place, asked, context)
        else:
            answer, failure = super()._try(place, asked, attempt, context)
        if answer is not None and answer.status < 300:
            self._learn(place.connections.origin.url, asked, answer)
        return answer, failure

    def _learn(self, url: str, asked: Asked, answer: Answering) -> None:
        self._proven.add(url)
        if "range" in asked.headers:
            # Only then is it sure that awscrt will not take in an object of any size.
            self._obeys_ranges[url] = answer.status == 206

    def _is_for_awscrt(self, place: Place, asked: Asked) -> bool:
        # It moves bytes as fast as it can, whatever the cap on bandwidth. Its signer takes no
        # other time than this machine's.
        if self._is_capped or not self._retries_are_left or self._connection.clock.offset:
            return False
        if not self._leads_to(place):
            return False
        if asked.method == "PUT":
            return memoryview(asked.content).nbytes <= _MOST_BODY_BYTES
        found = _RANGE.fullmatch(asked.headers.get("range", ""))
        if found is None or not self._obeys_ranges.get(place.connections.origin.url, False):
            return False
        return int(found[2]) - int(found[1]) < _MOST_BODY_BYTES

    def _leads_to(self, place: Place) -> bool:
        """Whether awscrt comes there, by the way that the direct wire goes, and in time."""
        origin = place.connections.origin
        if self._avoided_until.get(origin.url, 0.0) > time.monotonic():
            return False
        # awscrt takes up to half a minute, at random, to say that a certificate is not trusted.
        if origin.scheme == "https" and origin.url not in self._proven:
            return False
        # awscrt has no setting for proxies; it reads the variables for them itself, without
        # botocore's exceptions to them.
        name = f"{origin.scheme}_proxy"
        return origin.proxy_url is None and not {name, name.upper()} & os.environ.keys()

    def _try_awscrt(
        self, place: Place, asked: Asked, context: dict[str, Any]
    ) -> tuple[Answering | None, BotoCoreError | None]:
        # Asked for here, since awscrt would tell nothing of why there are none.
        credentials = self._connection.credentials.get_frozen_credentials()
        self._connection.retries.note_key_id(context, str(credentials.access_key))
        url = place.connections.origin.url
        with quiet.beginning() as busy:
            if busy is None:
                return super()._try(place, asked, 1, context)
            attempt = _Attempt(self._clients.of(place), asked)
            busy.add(attempt.has_ended)
        try:
            outcome = attempt.outcome_within(self._limit_seconds)
        except TimeoutError as error:
            logger.warning("awscrt took too long; %s is asked directly for a while", place.host)
            self._avoided_until[url] = time.monotonic() + _AVOIDED_SECONDS
            return None, botocore_errors.ReadTimeoutError(endpoint_url=url, error=error)
        if not isinstance(outcome, CrtAnswer):
            return told_by(outcome, url)
        if asked.method == "GET" and not outcome.is_whole():
            return None, botocore_errors.HTTPClientError(error=_NO_LENGTH)
        return outcome, None


class _Clients:
    """awscrt's clients, one for each origin: it would confuse two ports of one host."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()
        _all_clients.add(self)

    def of(self, place: Place) -> Any:
        """The client for a place; made, with awscrt's threads, on first use."""
        scope = place.signer.scope
        key = (place.connections.origin.url, scope.region, scope.service)
        client = self._clients.get(key)
        if client is None:
            with self._lock:
                client = self._clients.get(key) or self._make(place)
                self._clients[key] = client
        return client

    def _make(self, place: Place) -> Any:
        global _started_in  # noqa: PLW0603 - awscrt's threads are the process' own, too
        _started_in = os.getpid()
        is_tls = place.connections.origin.scheme == "https"
        return s3.S3Client(
            bootstrap=_bootstrap(),
            region=place.signer.scope.region,
            tls_mode=s3.S3RequestTlsMode.ENABLED if is_tls else s3.S3RequestTlsMode.DISABLED,
            tls_connection_options=self._tls() if is_tls else None,
            signing_config=self._signing(place),
            throughput_target_gbps=_TARGET_GBPS,
            retry_config=s3.S3RetryConfig(retry_mode=s3.S3RetryMode.NONE),
            connect_timeout_ms=max(1, int(self._limits.connect_seconds * 1000)),
        )

    def _tls(self) -> Any:
        options = io.TlsContextOptions()
        cafile = self._connection.ca_bundle or get_cert_path(verify=True)
        options.override_default_trust_store_from_path(ca_filepath=str(cafile))
        return io.ClientTlsContext(options).new_connection_options()

    def _signing(self, place: Place) -> Any:
        scope = place.signer.scope
        return auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=_provider(self._connection.credentials),
            region=scope.region,
            service=scope.service,
            signed_body_value=auth.AwsSignedBodyValue.UNSIGNED_PAYLOAD,
            signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
        )


def _provider(credentials: RenewableCredentials) -> Any:
    """What gives awscrt the keys of the moment.

    It must not know of the clients: awscrt keeps it, and so nothing would end them.
    """

    def give() -> Any:
        frozen = credentials.get_frozen_credentials()
        return auth.AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token)

    return auth.AwsCredentialsProvider.new_delegate(give)


_all_clients: weakref.WeakSet[_Clients] = weakref.WeakSet()
_kept_over_forks: list[_Clients] = []


def _keep_over_fork() -> None:
    """Let no child end its parent's clients: that takes locks which nobody may release there."""
    _kept_over_forks[:] = list(_all_clients)


os.register_at_fork(before=_keep_over_fork, after_in_parent=_kept_over_forks.clear)

_bootstraps: dict[int, Any] = {}


def _bootstrap() -> Any:
    """The threads of awscrt in this process: forked children would inherit its default, too."""
    made = _bootstraps.get(os.getpid())
    if made is None:
        group = io.EventLoopGroup()
        made = io.ClientBootstrap(group, io.DefaultHostResolver(group))
    return _bootstraps.setdefault(os.getpid(), made)


class _Attempt:
    """One request on its way through awscrt, whose threads call this."""

    def __init__(self, client: Any, asked: Asked) -> None:
        self._answer = CrtAnswer()
        self._request = client.make_request(
            type=s3.S3RequestType.DEFAULT,  # one request, and none of its own beside it
            operation_name=asked.operation,
            request=_http_request(asked),
            # Not methods of this: awscrt keeps both, and nothing would end that circle.
            on_headers=self._answer.on_headers,
            on_body=self._answer.on_body,
        )
        self._finished: Future[None] = self._request.finished_future
        self.has_ended: threading.Event = self._request.shutdown_event
        """awscrt calls Python no more for it; comes after nobody knows the request any more."""

    def outcome_within(self, seconds: float) -> CrtAnswer | BaseException:
        """What came, or why nothing came that would be an answer.

        Raises:
            TimeoutError: neither in time.
        """
        try:
            end_turn()
            error = self._failure_within(seconds)
        except BaseException:  # too late, or Ctrl-C
            self._cancel()
            raise
        if isinstance(error, s3.S3ResponseError):
            self._answer.on_headers(error.status_code, error.headers)
            self._answer.chunks[:] = [error.body or b""]
            return self._answer
        return error or self._answer

    def _failure_within(self, seconds: float) -> BaseException | None:
        """How it ended; asked in short steps, since its transfer may end without it."""
        until = time.monotonic() + seconds
        while True:
            check_is_wanted()
            try:
                # Asked for, not raised: awscrt keeps the error, and all that its traceback knows.
                return self._finished.exception(min(seconds, _STEP_SECONDS))
            except TimeoutError:
                if time.monotonic() >= until:
                    raise

    def _cancel(self) -> None:
        self._request.cancel()
        # What is sent until then must not overtake what is sent afterwards.
        with contextlib.suppress(TimeoutError, CancelledError):
            self._finished.exception(_CANCEL_SECONDS)


def _http_request(asked: Asked) -> Any:
    headers = HttpHeaders(list(asked.headers.items()))
    body = None
    if asked.method == "PUT":
        headers.add("content-length", str(memoryview(asked.content).nbytes))
        body = Pieces(asked.content)
    target = f"{asked.path}?{asked.query}" if asked.query else asked.path
    return HttpRequest(asked.method, target, headers, body)


class CrtAnswer:
    """An answer that has come as a whole; see `Answering`."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self._offset = 0

    def on_headers(self, status_code: int, headers: list[tuple[str, str]], **_: object) -> None:
        """Take its head from awscrt."""
        self.status = status_code
        self.headers = {name.lower(): value for name, value in headers}

    def on_body(self, chunk: bytes, **_: object) -> None:
        """Take its body, or some of it, from awscrt."""
        self.chunks.append(chunk)

    def is_whole(self) -> bool:
        """Whether it has the length that was told."""
        size_bytes = sum(len(chunk) for chunk in self.chunks)
        return self.status >= 300 or self.headers.get("content-length") == str(size_bytes)

    def readinto(self, buffer: memoryview) -> int:
        """Put some of it into `buffer`; 0 at the end."""
        while self.chunks:
            piece = memoryview(self.chunks[0])[self._offset : self._offset + len(buffer)]
            if piece:
                buffer[: len(piece)] = piece
                self._offset += len(piece)
                return len(piece)
            del self.chunks[0]
            self._offset = 0
        return 0

    def read(self, most_bytes: int) -> bytes:
        """The body as bytes, `most_bytes` of it at most."""
        return b"".join(self.chunks)[:most_bytes]

    def close(self) -> None:
        """Need no more of it."""
        self.chunks.clear()


@dataclass(frozen=True, slots=True)
class _Row:
    """What some of awscrt's errors are to botocore."""

    names: re.Pattern[str]
    error_class: type[BotoCoreError]


_STATUSES: Final = {"AWS_ERROR_S3_SLOW_DOWN": 503, "AWS_ERROR_S3_INTERNAL_ERROR": 500}
"""Answers of which awscrt keeps nothing but that they came."""

_ERRORS: Final = (
    _Row(re.compile("AWS_IO_TLS_NEGOTIATION_TIMEOUT"), botocore_errors.ConnectTimeoutError),
    _Row(re.compile("AWS_IO_(TLS_|CERTIFICATE_)"), botocore_errors.SSLError),
    _Row(re.compile("AWS_IO_(DNS_|SOCKET_(CONNECTION_REFUSED|NO_ROUTE|NETWORK_DOWN|CONNECT_ABORTED))"),
         botocore_errors.EndpointConnectionError),
    _Row(re.compile("AWS_IO_SOCKET_TIMEOUT"), botocore_errors.ConnectTimeoutError),
    _Row(re.compile("AWS_ERROR_HTTP_(CHANNEL_THROUGHPUT_FAILURE|RESPONSE_FIRST_BYTE_TIMEOUT)"),
         botocore_errors.ReadTimeoutError),
    _Row(re.compile("AWS_IO_SOCKET_CLOSED|AWS_IO_BROKEN_PIPE|AWS_ERROR_HTTP_CONNECTION_CLOSED"
                    "|AWS_ERROR_HTTP_SERVER_CLOSED"),
         botocore_errors.ConnectionClosedError),
)  # fmt: skip


def told_by(error: BaseException, url: str) -> tuple[CrtAnswer | None, BotoCoreError | None]:
    """What an error of awscrt's means: an answer without words, or botocore's exception."""
    name = str(getattr(error, "name", ""))
    if name in _STATUSES:
        return CrtAnswer(_STATUSES[name]), None
    for row in _ERRORS:
        if row.names.match(name):
            failure: BotoCoreError = row.error_class(endpoint_url=url, error=error)
            return None, failure
    return None, botocore_errors.HTTPClientError(error=error)
