"""Which wire carries a transfer: what the settings want, where it can work."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_integration.perprocess import PerProcess
from s3_integration.transfer.direct import DirectWire
from s3_integration.transfer.wire import Boto3Wire, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Connection
    from s3_integration.config import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """The way to S3 that one transfer takes."""

    connection: Connection
    wire: Wire


@dataclass(frozen=True, slots=True)
class _Routes:
    """What one process can take."""

    through_boto3: Route
    direct: tuple[Route, DirectWire] | None


class Wires:
    """The wires of one client, made on first use and anew in a forked child."""

    def __init__(self, connect: Callable[[], Connection], settings: Settings) -> None:
        self._connect = connect
        self._settings = settings
        self._routes = PerProcess(self._make_routes)

    def choose(self, bucket: str) -> Route:
        """The wire for a transfer that begins now."""
        routes = self._routes.get()
        if routes.direct is None or routes.through_boto3.connection.hooks.has_others():
            return routes.through_boto3
        route, wire = routes.direct
        return route if wire.can_speak_to(bucket) else routes.through_boto3

    def _make_routes(self) -> _Routes:
        connection = self._connect()
        through_boto3 = Route(connection, Boto3Wire(connection))
        if self._settings.engine == "boto3":
            return _Routes(through_boto3, None)
        wire = self._direct(connection)
        return _Routes(through_boto3, (Route(connection, wire), wire))

    def _direct(self, connection: Connection) -> DirectWire:
        limits = connection.limits  # with the cap that boto3's requests have a share in
        if self._settings.engine != "crt":
            return DirectWire(connection, limits)
        # Imported here, since awscrt may be missing, and nobody else should wait for it.
        from s3_integration.transfer import crt  # noqa: PLC0415 - see above

        if crt.was_left_by_a_fork():
            logger.info("awscrt does not work in forked processes; engine 'direct' does its work")
            return DirectWire(connection, limits)
        return crt.CrtWire(connection, limits)
