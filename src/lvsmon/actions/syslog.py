"""syslog: one message to this host's log or to a log server (RFC 5424, 3164; over UDP 5426, TCP 6587, TLS 5425)."""

import asyncio
import errno
import os
import re
import socket
import ssl
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from lvsmon.actions.connecting import connect
from lvsmon.actions.failing import failed, why
from lvsmon.actions.local_socket import refuse_path, send
from lvsmon.actions.places import Place, PlaceSetting
from lvsmon.actions.secure import TlsSettings
from lvsmon.actions.syslog_format import rfc3164, rfc5424
from lvsmon.alerts.alert import Alert
from lvsmon.model.settings import Duration, Size, shown

_PORTS: Final = {"udp": 514, "tcp": 514, "tls": 6514}
"""Ports of the RFCs; that of TCP is nobody's, and everybody's habit."""

Facility: TypeAlias = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip

_LEAST: Final = 480
_MOST: Final = 60_000
"""Bytes: what every receiver takes (RFC 5424 section 6.1), and what fits a datagram."""

_NAME: Final = re.compile(r"[!-~]{1,32}", re.ASCII)
_SD_ID: Final = re.compile(r"[!#-<>-\\^-~]{1,32}", re.ASCII)
"""SD-NAME: printable ASCII without ``=``, ``]``, ``"`` and the space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogChannel(TlsSettings):
    """Write each alert as one line to a syslog socket of this host, or send it to a log server."""

    kind: ClassVar[str] = "syslog"

    transport: Literal["unix", "udp", "tcp", "tls"] = "unix"
    """"unix" for this host's own log, or how the log server is spoken to."""
    server: PlaceSetting | None = None
    """Log server; the port is 514, with TLS 6514."""
    path: str = "/dev/log"
    """Socket of this host's log."""
    format: Literal["rfc5424", "rfc3164"] | None = None
    """Form of the messages; if not given, rfc3164 for "unix", as syslog(3) writes it, else rfc5424."""
    framing: Literal["octet-counting", "newline"] = "octet-counting"
    """How messages are told apart over TCP (RFC 6587); over TLS always by octet counting."""
    facility: Facility = "daemon"
    """Facility of the messages."""
    app_name: str = "lvsmon"
    """Name of the program in the messages (APP-NAME, TAG)."""
    sd_id: str = "lvsmon@32473"
    """Name of the structured data; 32473 is the number that RFC 5612 keeps for examples: write your own here."""
    max_size: Size = 2048
    """Bytes of a message, from 480B to 60kB; what is longer is cut."""
    timeout: Duration = 10.0
    """Time that one try may take."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or that nothing uses."""
        TlsSettings.__post_init__(self)
        if self.transport == "unix":
            if self.server is not None:
                raise ValueError('server: has no effect with transport = "unix"; write "udp", "tcp" or "tls"')
            refuse_path(self.path)
        elif self.server is None:
            raise ValueError('server: missing: write the log server, such as "log.example.org:514"')
        elif self.path != "/dev/log":
            raise ValueError('path: has no effect without transport = "unix"')
        if self.transport != "tls":
            self.refuse_tls_settings('transport = "tls"')
        if self.transport != "tcp" and self.framing != "octet-counting":
            raise ValueError('framing: has no effect without transport = "tcp"')
        if not _NAME.fullmatch(self.app_name):
            raise ValueError(f"app_name: write at most 32 printable ASCII characters, not {shown(self.app_name)}")
        if not _SD_ID.fullmatch(self.sd_id):
            raise ValueError(
                'sd_id: write a name and the number of an enterprise, such as "lvsmon@32473", at most 32 characters,'
                f" not {shown(self.sd_id)}"
            )
        if not _LEAST <= self.max_size <= _MOST:
            raise ValueError(f"max_size: write a size from {_LEAST}B to {_MOST // 1000}kB")
        if not self.timeout > 0:
            raise ValueError("timeout: write a time that is not 0")

    async def deliver(self, alert: Alert, /) -> None:
        """Send it; over TCP and TLS, wait until the other side has read all and closed."""
        message = self.message(alert)
        if self.server is None:
            await send(self, self.path, message)
        elif self.transport == "udp":
            await self._send_datagram(message, self.server)
        else:
            await self._send_stream(message, self.server)

    def message(self, alert: Alert) -> bytes:
        """Return the message, as it is framed."""
        local = self.transport == "unix"
        if (self.format or ("rfc3164" if local else "rfc5424")) == "rfc3164":
            message = rfc3164(alert, self.facility, self.app_name, self.max_size, local=local)
        else:
            message = rfc5424(alert, self.facility, self.app_name, self.sd_id, self.max_size)
        if local or self.transport == "udp":
            return message
        return message + b"\n" if self.framing == "newline" else b"%d " % len(message) + message

    async def _send_datagram(self, message: bytes, server: Place) -> None:
        with await connect(self, server, _PORTS["udp"], socket.SOCK_DGRAM) as sock:
            try:
                await asyncio.get_running_loop().sock_sendall(sock, message)
            except OSError as error:
                raise failed(self, f"{server.write()}: {why(error)}", final=error.errno == errno.EMSGSIZE) from None
            if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # a host near by has refused it already
                raise failed(self, f"{server.write()}: {os.strerror(number).lower()}")

    async def _send_stream(self, message: bytes, server: Place) -> None:
        context = await self.tls_context() if self.transport == "tls" else None
        sock = await connect(self, server, _PORTS[self.transport])
        writer: asyncio.StreamWriter | None = None
        try:
            name = (self.tls_name or server.host) if context else None
            reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
            if context:
                self.judge(writer.get_extra_info("ssl_object"), server.host)
            writer.write(message)
            await writer.drain()
            await self._close(reader, writer, server)
        except ssl.SSLError as error:
            raise self.tls_failed(error, server.write()) from None
        except OSError as error:
            raise failed(self, f"{server.write()}: {why(error)}") from None
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _close(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Place) -> None:
        """Say that this was all, and wait for the end of the other side.

        Syslog has no answers. But who closes after us has read what we sent, and who has gone away or stands still does
        not: the only word that there is, and a server that talks instead is no log server.
        """
        if writer.can_write_eof():
            writer.write_eof()
            if said := await reader.read(100):
                words = said.decode(errors="backslashreplace")
                raise failed(self, f"{server.write()} does not speak syslog: it says {words}")
        else:  # TLS: close_notify, which the other side has to answer (RFC 5425 section 4.4)
            writer.close()
            await writer.wait_closed()
