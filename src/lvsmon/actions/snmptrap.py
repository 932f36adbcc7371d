"""snmptrap: an alert as an SNMPv2c inform, which is acknowledged, or as a trap, of which nobody knows."""

import asyncio
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from socket import SOCK_DGRAM, socket
from typing import ClassVar, Final

from lvsmon.actions.connecting import connect
from lvsmon.actions.failing import failed, why
from lvsmon.actions.places import PlaceSetting
from lvsmon.actions.words import words
from lvsmon.alerts.alert import Alert, Stage
from lvsmon.model.settings import Duration, Secret
from lvsmon.wire import snmp
from lvsmon.wire.snmp import ERRORS, Oid, Variable

_PORT: Final = 162

NOTIFICATIONS: Final[Mapping[Stage, int]] = {
    Stage.OPENED: 1,
    Stage.CHANGED: 2,
    Stage.REPEATED: 3,
    Stage.ACKNOWLEDGED: 4,
    Stage.RESOLVED: 5,
    Stage.DIGEST: 6,
    Stage.HELD_BACK: 7,
    Stage.TEST: 8,
    Stage.HEARTBEAT: 9,
}
"""The last number of each notification, below ``enterprise``.0."""

OBJECTS: Final[Mapping[str, tuple[int, int]]] = {
    "id": (1, 64),
    "incident": (2, 64),
    "stage": (3, 32),
    "severity": (4, 32),
    "route": (5, 64),
    "subject": (6, 160),
    "text": (7, 512),
    "director": (8, 64),
    "virtual": (9, 64),
    "realserver": (10, 64),
    "destination": (11, 64),
}
"""The texts: their numbers below ``enterprise``.1, and bytes at most: all together fit a packet that nobody divides."""

_NUMBER, _SINCE = 12, 13

_AGAIN: Final = 1.0
"""Seconds after which an inform is sent again; RFC 3416 leaves that to whoever sends."""

_SHARE: Final = 0.9
"""Of the time of one try: what is left is for saying why it failed."""

_RECEIVED: Final = 2048
"""Bytes of an answer that are looked at: what is looked for stands at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmptrapChannel:
    """Send each alert as an SNMPv2c notification."""

    kind: ClassVar[str] = "snmptrap"

    server: PlaceSetting
    """Who receives it; the port is 162."""
    community: Secret
    """Community; it is sent in clear text, as SNMPv2c does."""
    inform: bool = True
    """Send informs, which the receiver acknowledges; false sends traps, of whose loss nobody hears."""
    enterprise: str = "1.3.6.1.4.1.32473.1"
    """Where the MIB begins; 32473 is the number that RFC 5612 keeps for examples: write one below your own here."""
    timeout: Duration = 10.0
    """How long one try may take; an inform is sent again every second meanwhile."""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be sent."""
        try:
            numbers = snmp.oid(self.enterprise)
        except ValueError as error:
            raise ValueError(f"enterprise: {error}") from None
        if len(numbers) > 64:
            raise ValueError("enterprise: more than 64 numbers: SNMP takes 128, and the MIB adds its own")
        if not 1 <= len(self.community.reveal().encode()) <= 255:
            raise ValueError("community: write a text of 1 to 255 bytes")
        if not 0.1 <= self.timeout <= 600:
            raise ValueError("timeout: write a duration from 100ms to 10m")

    async def deliver(self, alert: Alert, /) -> None:
        number = zlib.crc32(alert.id.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF  # the same in each try
        message = self.message(alert, number, int(time.monotonic() * 100))
        sock = await connect(self, self.server, _PORT, SOCK_DGRAM)
        try:
            if self.inform:
                async with asyncio.timeout(self.timeout * _SHARE):
                    error = await _acknowledged(sock, message, number)
            else:
                await asyncio.get_running_loop().sock_sendall(sock, message)
                error = 0
        except TimeoutError:
            text = "does not acknowledge it: nobody is there, or the community is not right"
            raise failed(self, f"{self.server.write()} {text}") from None
        except OSError as trouble:
            raise failed(self, f"{self.server.write()} cannot be told: {why(trouble)}") from None
        finally:
            sock.close()
        if error:
            raise failed(self, f"{self.server.write()} answered {ERRORS.get(error, f'error {error}')}")

    def message(self, alert: Alert, number: int, ticks: int) -> bytes:
        """Return the notification: one datagram of at most 1472 bytes where ``enterprise`` is short."""
        base = snmp.oid(self.enterprise)
        facts = words(alert)
        variables = [Variable(_object(base, last), _cut(facts[name], most)) for name, (last, most) in OBJECTS.items()]
        variables += [
            Variable(_object(base, _NUMBER), min(max(alert.number, 0), 2**32 - 1)),
            Variable(_object(base, _SINCE), _date_and_time(alert.since)),
        ]
        trap = (*base, 0, NOTIFICATIONS[alert.stage])
        community = self.community.reveal().encode()
        return snmp.notification(community, number, ticks, trap, variables, inform=self.inform)


async def _acknowledged(sock: socket, message: bytes, number: int) -> int:
    """Send ``message`` every second until it is answered; return the error of the answer."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(sock, message)
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN):
                while True:
                    answer = snmp.response(await loop.sock_recv(sock, _RECEIVED))
                    if answer is not None and answer.number == number:
                        return answer.error
                    await asyncio.sleep(0)  # a flood of other datagrams must not keep the loop


def _object(base: Oid, last: int) -> Oid:
    return (*base, 1, last, 0)


def _cut(text: str, limit: int) -> bytes:
    """Return ``text`` in UTF-8, cut between characters to ``limit`` bytes."""
    data = text.encode()
    return data if len(data) <= limit else data[: limit - 3].decode("utf-8", "ignore").encode() + "…".encode()


def _date_and_time(seconds: float) -> bytes:
    """Return DateAndTime of RFC 2579: year, month, day, hour, minute, second, tenths, and UTC's offset."""
    then = datetime.fromtimestamp(seconds, UTC)
    parts = (then.month, then.day, then.hour, then.minute, then.second, then.microsecond // 100000)
    return then.year.to_bytes(2, "big") + bytes(parts) + b"+\0\0"
