"""One HTTP request of a channel: a URL, TLS with whom it names, and what the answer means.

No redirect is followed: what is signed and what holds a token goes where the configuration says, and nowhere else.
The codec is that of the probe http. A client library would cost more at the first alert than an alert does: importing
aiohttp takes half a second and 15 MB, httpx builds a client in 96 ms.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from lvsmon.actions.connecting import connect
from lvsmon.actions.failing import failed, why
from lvsmon.actions.places import Place, place
from lvsmon.actions.secure import TlsSettings
from lvsmon.errors import ActionFailed, ProtocolViolation
from lvsmon.wire.http1 import Body, Event, Head, ResponseReader, request

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"[!-~]+")
_READ: Final = 16384
_ALPN: Final = ("http/1.1",)

_QUOTED: Final = 1000
"""Bytes of an answer's body that are looked at: what it says is wrong stands at its beginning."""

_LONGEST_WAIT: Final = 86400.0
"""Seconds of a Retry-After that are believed: an alert of the day before yesterday helps nobody."""


@dataclass(frozen=True, slots=True)
class Url:
    """Where a request goes."""

    secure: bool
    where: Place
    target: str

    @classmethod
    def read(cls, text: str) -> "Url":
        """Return the parts of ``text``; raise ValueError saying what to write, without repeating a token in it."""
        if not _URL.fullmatch(text):
            raise ValueError("write a URL in ASCII, spaces and other characters as %20 and so on")
        try:
            parts = urlsplit(text)
            scheme, netloc = parts.scheme, parts.netloc
        except ValueError:
            scheme, netloc = "", ""
        if scheme not in _PORTS or not netloc:
            raise ValueError('write a whole URL, such as "https://alerts.example.org/hook"')
        if "@" in netloc:
            raise ValueError("no user and password in a URL: use the settings username and password")
        if parts.fragment:
            raise ValueError("leave out # and what follows it: it is never sent")
        try:
            where = place(netloc)
        except ValueError:
            raise ValueError(
                "the host of the URL is none: write a name or an address, with a port or without"
            ) from None
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(scheme == "https", where, target)

    @property
    def host(self) -> str:
        """The Host header: no port where it is the scheme's own (RFC 9110 section 7.2)."""
        own = self.where.port in (None, _PORTS["https" if self.secure else "http"])
        return (Place(self.where.host) if own else self.where).write()

    @property
    def port(self) -> int:
        return self.where.port or _PORTS["https" if self.secure else "http"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, how long it asks to wait (seconds), and how its body begins."""

    status: int
    reason: str
    retry_after: float | None
    said: str


async def ask(channel: TlsSettings, url: Url, method: str, headers: dict[str, str], body: bytes) -> Answer:
    """Send the request and return the answer; raise `ActionFailed` where there is none."""
    sock = await connect(channel, url.where, url.port)
    try:
        context = await channel.tls_context(_ALPN) if url.secure else None
        name = url.where.host if url.secure else None
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
    except ssl.SSLError as error:
        sock.close()
        raise channel.tls_failed(error, url.where.host) from None
    except OSError as error:
        sock.close()
        raise failed(channel, f"no TLS with {url.where.host}: {why(error)}") from None
    except BaseException:
        sock.close()
        raise
    try:
        if url.secure:
            channel.judge(writer.get_extra_info("ssl_object"), url.where.host)
        sent = {"Host": url.host, **headers, "Content-Length": str(len(body)), "Connection": "close"}
        writer.write(request(method, url.target, "1.1", sent.items()) + body)
        await writer.drain()
        return await _answer(reader, method)
    except ProtocolViolation as error:
        raise failed(channel, f"{url.where.host} does not answer in HTTP/1.1: {error}") from None
    except OSError as error:
        asked = getattr(writer.get_extra_info("ssl_object"), "asked_for_certificate", False)
        hint = ", after it had asked for a certificate of ours (tls_client_certificate)" if asked else ""
        raise failed(channel, f"{url.where.host} broke the connection off{hint}: {why(error)}") from None
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """Read the head, and of the body of an answer that is no success as much as is told."""
    codec = ResponseReader(method)
    head = await _next(reader, codec)
    if not isinstance(head, Head):
        raise ProtocolViolation(f"it closed the connection {codec.where}")
    said = b""
    if not 200 <= head.status < 300:
        try:
            while len(said) < _QUOTED and isinstance(part := await _next(reader, codec), Body):
                said += part.data
        except (ProtocolViolation, OSError):  # the status is what counts; a body that breaks off says what it has said
            said += b"..."
    words = " ".join(said[:_QUOTED].decode("utf-8", "backslashreplace").split())
    return Answer(head.status, head.reason.decode("utf-8", "backslashreplace"), _wait(head), words)


async def _next(reader: asyncio.StreamReader, codec: ResponseReader) -> Event | None:
    while (event := codec.next_event()) is None:
        data = await reader.read(_READ)
        if not data:
            codec.feed_eof()
            return codec.next_event()
        codec.feed(data)
    return event


def _wait(head: Head) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 section 10.2.3): a number, or a date."""
    said = head.get(b"retry-after")
    if said is None:
        return None
    text = said.decode("latin-1").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), _LONGEST_WAIT)
    try:
        then = parsedate_to_datetime(text)
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT)


def judge(channel: object, url: Url, answer: Answer, retry: tuple[int, ...]) -> None:
    """Raise `ActionFailed` unless the answer is a success: final for a 4xx that is not in ``retry``."""
    if 200 <= answer.status < 300:
        return
    text = f"{url.where.host} answered {answer.status} {answer.reason}".rstrip()
    if 300 <= answer.status < 400:
        text += ", a redirect, which is not followed: write the URL that it names"
    if answer.said:
        text += f": {answer.said}"
    error: ActionFailed = failed(channel, text, final=400 <= answer.status < 500 and answer.status not in retry)
    error.retry_after = None if error.final else answer.retry_after
    raise error
