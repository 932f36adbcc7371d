"""A small realserver as a process of its own, so that it can really be killed.

    python -m lvsmon.demo.realserver ADDRESS HTTP_PORT TELNET_PORT SMTP_PORT

Port 0 takes a free one. Prints the three ports, then serves until it is killed or its standard input ends.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

Talk: TypeAlias = Callable[[StreamReader, StreamWriter], Awaitable[None]]

_LINE: Final = 1000
_WILL_ECHO: Final = b"\xff\xfb\x01"


async def _http(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b"ready\n"
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
    await writer.drain()


async def _telnet(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(_WILL_ECHO + b"\r\nDebian GNU/Linux 12\r\nlogin: ")
    await reader.read(_LINE)


async def _smtp(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"220 mail.example.org ESMTP\r\n")
    while line := await reader.readline():
        quitting = line.upper().startswith(b"QUIT")
        writer.write(b"221 bye\r\n" if quitting else b"250 mail.example.org\r\n")
        if quitting:
            break


def _politely(talk: Talk) -> Talk:
    """Close when ``talk`` is over; a probe that hangs up early is no trouble of the server's."""

    async def client(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    return client


async def _serve(address: str, ports: list[int]) -> None:
    bound = []
    for talk, port in zip((_http, _telnet, _smtp), ports, strict=True):
        server = await asyncio.start_server(_politely(talk), address, port, limit=_LINE)
        bound.append(server.sockets[0].getsockname()[1])
    print(*bound, flush=True)  # noqa: T201  the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], [int(port) for port in sys.argv[2:5]]))
