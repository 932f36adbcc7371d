"""Servers that misbehave, in a process of their own: `python -m lvsmon.testing.misbehaving`.

Each behaviour listens on a free port of loopback, once for IPv4 and once for IPv6. The process prints one line of JSON,
``{"silent": {"127.0.0.1": 40001, "::1": 40002}, ...}``, and ends when its standard input is closed.
"""

import asyncio
import contextlib
import gzip
import itertools
import json
import random
import socket
import ssl
import struct
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lvsmon.testing import misbehaving_ftp
from lvsmon.testing.misbehaving_floods import FLOODS

LOOPBACKS: Final = ("127.0.0.1", "::1")
_RESET: Final = struct.pack("ii", 1, 0)
_OK: Final = b"HTTP/1.1 200 OK\r\n"
_SETTINGS: Final = b"\0\0\0\4\0\0\0\0\0"
_HEADERS: Final = b"\0\0\1\1\4\0\0\0\1\x88"  # ":status: 200", entry 8 of the static table (RFC 7541 appendix A)
_BOMB: Final = gzip.compress(bytes(1 << 26))
_LOGIN: Final = b"\xff\xfd\x18\xff\xfb\x01Debian GNU/Linux\r\nmail login: "
_GARBAGE: Final = random.Random(7).randbytes(4096)  # noqa: S311  the same garbage each time
# A ServerHello of TLS 1.2 and the head of a Certificate that says to be 16 MB.
_SERVER_HELLO: Final = bytes.fromhex(
    "16 0303 0036 02 000032 0303" + "07" * 32 + "00 c02b 00 000a 0017 0000 ff01 0001 00" + "16 0303 0004 0b ffffff"
)

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


def _says(*words: bytes | None, then: str = "hang", every: float = 0.0) -> Handler:
    """Say ``words``; None waits for something from the client first. ``then`` hang, close, reset or go on."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        for word in words:
            if word is None:
                await reader.read(4096)
            else:
                await _flood([word], writer)
            await asyncio.sleep(every)
        await _end(then, writer)

    return serve


async def _end(how: str, writer: StreamWriter) -> None:
    if how == "hang":
        await asyncio.sleep(3600)
    elif how == "reset" and (sock := writer.get_extra_info("socket")) is not None:  # None: the client is gone
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


async def _flood(words: Iterable[bytes], writer: StreamWriter) -> None:
    for word in words:
        writer.write(word)
        await writer.drain()
        await asyncio.sleep(0)  # the other conversations get their turn


def _floods(head: bytes, word: bytes, *, wait: bool = False) -> Handler:
    """Say ``head`` (after the client has said something, with ``wait``) and then ``word`` for ever."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        if wait:
            await reader.read(4096)
        await _flood(itertools.chain([head], itertools.repeat(word * (32768 // len(word) + 1))), writer)

    return serve


def _says_then_floods(words: Iterable[bytes | None], word: bytes) -> Handler:
    """Say ``words``, as `_says` does, and then ``word`` for ever."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await _says(*words, then="go on")(reader, writer)
        await _floods(b"", word)(reader, writer)

    return serve


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(4096):
        await _flood([data], writer)


HANDLERS: Final[Mapping[str, Handler]] = {
    # Whatever the protocol.
    "reset_on_accept": _says(then="reset"),
    "reset_after_request": _says(None, then="reset"),
    "close_on_accept": _says(then="close"),
    "close_after_request": _says(None, then="close"),
    "silent": _says(),
    "silent_after_request": _says(None),
    "echo": _echo,
    "drip": _says(*[b"2"] * 60, every=1.0),
    "drip_after_request": _says(None, *[b"H"] * 60, every=1.0),
    "garbage": _says(_GARBAGE),
    "garbage_then_close": _says(_GARBAGE, then="close"),
    "garbage_after_request": _says(None, _GARBAGE, then="close"),
    "endless_line": _floods(b"", b"x"),
    "endless_lines": _floods(b"", b"hello there\r\n"),
    "endless_zeros": _floods(b"", b"\0"),
    # Other protocols than the one asked for.
    "is_ssh": _says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "is_ftp": _says(b"220 ProFTPD Server ready.\r\n", None, b"500 EHLO not understood\r\n", None, b"500 HELO?\r\n"),
    "is_smtp": _says(b"220 mail.example.org ESMTP\r\n", None, b"502 what\r\n", None, b"221 bye\r\n", then="close"),
    "is_pop3": _says(b"+OK ready\r\n", None, b"-ERR what\r\n"),
    "is_http": _says(None, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", then="close"),
    "is_tls": _says(None, b"\x15\x03\x01\x00\x02\x02\x46", then="close"),
    "is_mysql": _says(b"\x4a\x00\x00\x00\x0a8.0.36\x00" + bytes(60)),
    "is_telnet": _says(_LOGIN),
    # TLS that goes wrong in the handshake.
    "tls_half_record": _says(None, b"\x16\x03\x03\x00\x50\x02\x00"),
    "tls_endless_records": _floods(b"", b"\x16\x03\x03\x40\x00" + b"\x02" * 16384, wait=True),
    "tls_endless_empty_records": _floods(b"", b"\x16\x03\x03\x00\x00", wait=True),
    "tls_endless_warnings": _floods(b"", b"\x15\x03\x03\x00\x02\x01\x70", wait=True),
    "tls_endless_certificate": _floods(_SERVER_HELLO, b"\x16\x03\x03\x40\x00" + bytes(16384), wait=True),
    # SMTP that goes wrong on its way.
    "smtp_refuses": _says(b"554 5.7.1 no service\r\n", then="close"),
    "smtp_half_banner": _says(b"220-mail.example.org\r\n"),
    "smtp_endless_banner": _floods(b"", b"220-mail.example.org\r\n"),
    "smtp_silent_after_banner": _says(b"220 mail\r\n", None),
    "smtp_closes_after_banner": _says(b"220 mail\r\n", None, then="close"),
    "smtp_endless_ehlo": _floods(b"220 mail\r\n", b"250-SIZE\r\n"),
    "smtp_silent_after_ehlo": _says(b"220 mail\r\n", None, b"250 mail\r\n", None),
    "smtp_resets_after_ehlo": _says(b"220 mail\r\n", None, b"250 mail\r\n", None, then="reset"),
    # POP3, IMAP and NNTP that go wrong on their way.
    "pop3_refuses": _says(b"-ERR [SYS/TEMP] later\r\n", then="close"),
    "pop3_endless_capabilities": _says_then_floods([b"+OK hi\r\n", None], b"+OK\r\n"),
    "pop3_resets_at_quit": _says(b"+OK hi\r\n", None, b"+OK\r\nTOP\r\n.\r\n", None, then="reset"),
    "pop3_silent_at_quit": _says(b"+OK hi\r\n", None, b"+OK\r\nTOP\r\n.\r\n", None),
    "imap_says_bye": _says(b"* BYE too many\r\n", then="close"),
    "imap_endless_chatter": _says_then_floods([b"* OK hi\r\n", None], b"* 1 EXISTS\r\n"),
    "imap_endless_literal": _says_then_floods([b"* OK hi\r\n", None], b"* LIST {99999}\r\n"),
    "imap_endless_literals": _says_then_floods([b"* OK hi\r\n", None], b" {1}\r\nx"),
    "imap_resets_after_capability": _says(
        b"* OK hi\r\n", None, b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n", None, then="reset"
    ),
    "imap_wrong_tag": _says(b"* OK hi\r\n", None, b"* CAPABILITY IMAP4rev1\r\na9 OK\r\n"),
    "nntp_refuses": _says(b"502 not you\r\n", then="close"),
    "nntp_endless_capabilities": _says_then_floods([b"200 hi\r\n", None], b"101 x\r\n"),
    "nntp_closes_at_quit": _says(b"200 hi\r\n", None, b"101 x\r\nVERSION 2\r\n.\r\n", None, then="close"),
    # HTTP that goes wrong on its way.
    "http_half_status": _says(None, b"HTTP/1.1 20"),
    "http_half_head": _says(None, _OK + b"Server: x\r\n", then="close"),
    "http_half_body": _says(None, _OK + b"Content-Length: 10\r\n\r\nhello", then="close"),
    "http_half_body_hangs": _says(None, _OK + b"Content-Length: 10\r\n\r\nhello"),
    "http_half_chunk": _says(None, _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", then="close"),
    "http_half_body_resets": _says(None, _OK + b"Content-Length: 10\r\n\r\nhello", then="reset"),
    "http_body_never_closed": _says(None, _OK + b"\r\nhello"),
    "http_endless_head": _floods(_OK, b"Set-Cookie: x=y\r\n", wait=True),
    "http_endless_1xx": _floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n", wait=True),
    "http_endless_chunk_line": _floods(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", wait=True),
    "http_endless_trailers": _floods(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", wait=True),
    "http_endless_body": _floods(_OK + b"\r\n", b"x", wait=True),
    "http_endless_chunks": _floods(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", wait=True),
    "http_gzip_bomb": _says(
        None, _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB), _BOMB, then="close"
    ),
    "http_status_500": _says(None, b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", then="close"),
    "http_then_reset": _says(None, _OK + b"Content-Length: 5\r\n\r\nhello", then="reset"),
    # SIP and RTSP that go wrong on their way.
    "sip_endless_head": _floods(b"SIP/2.0 200 OK\r\n", b"Via: SIP/2.0/TCP h\r\n", wait=True),
    "sip_endless_responses": _floods(b"", b"SIP/2.0 100 Trying\r\nl: 0\r\n\r\n", wait=True),
    "rtsp_endless_head": _floods(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n", b"Public: OPTIONS\r\n", wait=True),
    "rtsp_endless_media": _floods(b"", b"$\0\xff\xff" + bytes(65535), wait=True),
    # HTTP/2 that goes wrong on its way: SETTINGS, and then.
    "http2_half_body": _says(None, _SETTINGS + _HEADERS + b"\0\0\5\0\0\0\0\0\1hello", then="close"),
    "http2_endless_pings": _floods(_SETTINGS, b"\0\0\10\6\0\0\0\0\0lvsmon42", wait=True),
    "http2_endless_continuation": _floods(_SETTINGS + b"\0\0\1\1\0\0\0\0\1\x88", b"\0\0\0\x09\0\0\0\0\1", wait=True),
    "http2_endless_body": _floods(_SETTINGS + _HEADERS, b"\0\0\5\0\0\0\0\0\1hello", wait=True),
    # Telnet that goes wrong on its way.
    "telnet_negotiates_only": _says(b"\xff\xfd\x18\xff\xfd\x1f", None, b"\xff\xfb\x03\xff\xfb\x01"),
    "telnet_endless_negotiation": _floods(b"", b"\xff\xfd\x18"),
    "telnet_endless_subnegotiation": _floods(b"\xff\xfa\x18", b"x"),
    "telnet_half_prompt": _says(b"Debian GNU/Linux\r\nmail log"),
    # FTP that goes wrong on its way; with its data connections, in a room of their own.
    "ftp_refuses": _says(b"421 too many users\r\n", then="close"),
    "ftp_half_banner": _says(b"220-hello\r\n230 look\r\n"),
    "ftp_endless_banner": _floods(b"220-hello\r\n", b"220-220 more\r\n"),
    "ftp_silent_after_banner": _says(b"220 hello\r\n", None),
    "ftp_silent_after_login": _says(b"220 hello\r\n", None, b"230 in\r\n", None),
    "ftp_421_after_login": _says(b"220 hello\r\n", None, b"230 in\r\n", None, b"421 shutting down\r\n", then="close"),
    **{name: misbehaving_ftp.serve(listing) for name, listing in misbehaving_ftp.LISTINGS.items()},
    **{name: _says_then_floods(*flood) for name, flood in FLOODS.items()},
    "telnet_closes_before_prompt": _says(b"Too many users, try later\r\n", then="close"),
}

TLS_HANDLERS: Final[Mapping[str, Handler]] = {
    # A handshake that succeeds, with a certificate that nobody trusts, and then.
    "tls_silent": _says(),
    "tls_closes": _says(then="close"),
    "tls_closes_after_request": _says(None, then="close"),
    "tls_resets_after_request": _says(None, then="reset"),
    "tls_endless_lines": _floods(b"", b"hello there\r\n"),
    "tls_http_half_head": _says(None, _OK + b"Server: x\r\n"),
    "tls_http_half_body": _says(None, _OK + b"Content-Length: 10\r\n\r\nhello", then="close"),
    "tls_http_endless_head": _floods(_OK, b"Set-Cookie: x=y\r\n", wait=True),
    "tls_http_endless_body": _floods(_OK + b"\r\n", b"x", wait=True),
    "tls_http_whole": _says(None, _OK + b"Content-Length: 5\r\n\r\nhello", then="close"),
    "tls_http_status_500": _says(None, b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", then="close"),
}

DATAGRAM_HANDLERS: Final[Mapping[str, Callable[[bytes], Iterable[bytes]]]] = {
    "udp_silent": lambda _: (),
    "udp_empty": lambda _: (b"",),
    "udp_echo": lambda data: (data,),
    "udp_echoes_as_answer": lambda data: (data[:2] + bytes((data[2] | 0x80,)) + data[3:] if len(data) > 2 else data,),
    "udp_garbage": lambda _: (_GARBAGE[:512],),
    "udp_garbage_with_the_id": lambda data: (data[:2] + b"\x84" + _GARBAGE[:512],),
    "udp_largest": lambda _: (_GARBAGE * 15,),
    "udp_endless": lambda data: itertools.repeat(data[:2] + b"\x84" + _GARBAGE[:512], 500),
}
"""What is sent back for a datagram; nothing listens on the same port over TCP."""

BEHAVIOURS: Final = ("refuse", "full_backlog", *HANDLERS, *TLS_HANDLERS, *DATAGRAM_HANDLERS)
"""Every behaviour's name. Over UDP the ports of all but the last group are closed."""

OVER_UDP: Final = frozenset(DATAGRAM_HANDLERS)
"""Names of those that answer over UDP alone."""


async def _serve() -> None:
    async with contextlib.AsyncExitStack() as stack:
        ports: dict[str, dict[str, int]] = {}
        context = _self_signed()
        for name, address in itertools.product(BEHAVIOURS, LOOPBACKS):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            over_udp = name in DATAGRAM_HANDLERS
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM if over_udp else socket.SOCK_STREAM))
            sock.bind((address, 0))
            ports.setdefault(name, {})[address] = sock.getsockname()[1]
            if over_udp:
                _serve_datagrams(DATAGRAM_HANDLERS[name], sock)
            elif name in HANDLERS:
                await stack.enter_async_context(await asyncio.start_server(_polite(HANDLERS[name]), sock=sock))
            elif name in TLS_HANDLERS:
                handler = _polite(TLS_HANDLERS[name])
                await stack.enter_async_context(await asyncio.start_server(handler, sock=sock, ssl=context))
            elif name == "full_backlog":
                sock.listen(0)
                filler = stack.enter_context(socket.socket(family))
                filler.connect(sock.getsockname())
        print(json.dumps(ports), flush=True)  # noqa: T201  the answer to whoever started the process
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


def _serve_datagrams(handler: Callable[[bytes], Iterable[bytes]], sock: socket.socket) -> None:
    """Answer datagrams until the process ends."""

    def answer() -> None:
        with contextlib.suppress(OSError):  # the client has gone, or its buffer is full
            data, sender = sock.recvfrom(65536)
            for datagram in handler(data):
                sock.sendto(datagram, sender)

    sock.setblocking(False)
    asyncio.get_running_loop().add_reader(sock, answer)


def _self_signed() -> ssl.SSLContext:
    """Return a server's context with a certificate made for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "misbehaving.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        file.write(certificate.public_bytes(pem))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _polite(handler: Handler) -> Handler:
    """End a conversation quietly when the client has had enough."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()

    return serve


class MisbehavingServers:
    """Starts and ends the process; ``port(name, address)`` says where a behaviour listens."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lvsmon.testing.misbehaving"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._ports: dict[str, dict[str, int]] = json.loads(self._process.stdout.readline())
        return self

    def port(self, name: str, address: str) -> int:
        return self._ports[name][address]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve())
