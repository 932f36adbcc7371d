"""Opening connections for channels, so that no dead name server and no dead address delays another channel.

A lookup is a call that cannot be interrupted (getaddrinfo(3)): each has a thread of its own. Addresses are tried one
after another, the next one a little later whether or not the one before has failed (RFC 8305, "happy eyeballs").
"""

import asyncio
import errno
import socket
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from lvsmon.actions.apart import Apart, Full
from lvsmon.actions.failing import failed, why
from lvsmon.actions.places import Place

MAX_LOOKUPS: Final = 8
"""Lookups at a time: a resolver that does not answer keeps each of them for half a minute."""

_MAX_ADDRESSES: Final = 8
_STAGGER: Final = 0.25
"""Seconds that an address has for itself before the next one is tried too (RFC 8305 section 5)."""

_Address: TypeAlias = tuple[socket.AddressFamily, Any]

_lookups: Final[Apart[list[_Address]]] = Apart("lvsmon-lookup", MAX_LOOKUPS)


async def connect(
    channel: object, where: Place, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """Return a connected, non-blocking socket to ``where``, at ``port`` unless it names one itself.

    Raise `ActionFailed`, worded for ``channel``.
    """
    addresses = await look_up(channel, where.host, where.port or port, kind)
    try:
        return await _first(addresses, kind)
    except OSError as error:
        raise failed(
            channel, f"no connection to {Place(where.host, where.port or port).write()}: {why(error)}"
        ) from None


async def look_up(channel: object, host: str, port: int, kind: socket.SocketKind) -> list[_Address]:
    """Return the addresses of ``host``, in the order in which they are to be tried; raise `ActionFailed`."""
    with suppress(OSError):
        return _found(host, port, kind, socket.AI_NUMERICHOST)
    try:
        return await _lookups.run(lambda: _found(host, port, kind))
    except Full:
        text = f"{host} cannot be looked up: {MAX_LOOKUPS} lookups before it are not answered yet"
        raise failed(channel, text) from None
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        raise failed(channel, f"{host} cannot be looked up: {words or error}") from None


def _found(host: str, port: int, kind: socket.SocketKind, flags: int = 0) -> list[_Address]:
    found = socket.getaddrinfo(host, port, type=kind, flags=flags)
    addresses: list[_Address] = [(family, address) for family, _, _, _, address in found]
    return addresses[:_MAX_ADDRESSES]


async def _first(addresses: list[_Address], kind: socket.SocketKind) -> socket.socket:
    """Return the first connection there is; raise the first OSError where there is none."""
    tries: list[asyncio.Task[socket.socket]] = []
    won: socket.socket | None = None
    try:
        for address in addresses:
            tries.append(asyncio.create_task(_one(address, kind)))
            if won := await _ready(tries, _STAGGER):
                return won
        if won := await _ready(tries, None):
            return won
        raise next((error for task in tries if (error := task.exception())), OSError(errno.ENOENT, ""))
    finally:  # without waiting: who is cancelled meanwhile would lose the one that won
        for task in tries:
            task.cancel()
            task.add_done_callback(partial(_let_go, won=won))


def _let_go(task: "asyncio.Task[socket.socket]", won: socket.socket | None) -> None:
    """Close what a try has come to, unless it won."""
    if not task.cancelled() and task.exception() is None and task.result() is not won:
        task.result().close()


async def _ready(tries: list["asyncio.Task[socket.socket]"], patience: float | None) -> socket.socket | None:
    """Return a connection as soon as there is one; None where all have failed, or after so many seconds."""
    while waiting := [task for task in tries if not task.done()]:
        ended, _ = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not ended:
            return None
        for task in ended:
            if task.exception() is None:
                return task.result()
    return None


async def _one(address: _Address, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(address[0], kind)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock
