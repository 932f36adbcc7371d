"""redis: push each alert on a list, from which a program of yours takes it (RESP, the protocol of Redis)."""

import asyncio
import json
from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.actions.connecting import connect
from lvsmon.actions.failing import failed, why
from lvsmon.actions.places import PlaceSetting
from lvsmon.actions.words import as_json
from lvsmon.alerts.alert import Alert
from lvsmon.model.settings import Duration, Secret

_PORT: Final = 6379
_LONGEST: Final = 4096  # bytes of an answer: what is asked is answered with a number or an error


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisChannel:
    """Push each alert, as JSON, on a list of a Redis server."""

    kind: ClassVar[str] = "redis"

    server: PlaceSetting
    """Where the server is; the port is 6379."""
    key: str = "lvsmon"
    """Name of the list."""
    password: Secret | None = None
    """Password to log in with (AUTH)."""
    timeout: Duration = 10.0
    """Time that one try may take."""

    def __post_init__(self) -> None:
        """Raise ValueError, in words for users, for settings that cannot work."""
        if not self.key:
            raise ValueError("key: write the name of a list")
        if not self.timeout > 0:
            raise ValueError("timeout: write a time that is not 0")

    async def deliver(self, alert: Alert, /) -> None:
        sock = await connect(self, self.server, _PORT)
        reader, writer = await asyncio.open_connection(sock=sock, limit=_LONGEST)
        try:
            if self.password is not None:
                await self._ask(b"+OK", reader, writer, "AUTH", self.password.reveal())
            await self._ask(b":", reader, writer, "LPUSH", self.key, json.dumps(as_json(alert)))
        except OSError as error:
            raise failed(self, f"{self.server.write()} broke the connection off: {why(error)}") from None
        finally:
            writer.transport.abort()

    async def _ask(
        self, wanted: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str
    ) -> None:
        """Send a command and read the answer; raise `ActionFailed` unless it begins with ``wanted``."""
        parts = [word.encode("utf-8", "surrogateescape") for word in words]
        writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        await writer.drain()
        try:
            answer = await reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError:
            raise failed(self, f"{self.server.write()} closed the connection without an answer") from None
        except asyncio.LimitOverrunError:
            raise failed(self, f"{self.server.write()} does not answer as Redis does") from None
        said = answer[1:-2].decode("utf-8", "backslashreplace")
        if answer.startswith(b"-"):  # a list that is none stays none: trying again cannot help
            raise failed(self, f"{self.server.write()} refused: {said}", final=said.startswith("WRONGTYPE"))
        if not answer.startswith(wanted):
            raise failed(self, f"{self.server.write()} does not answer as Redis does")
