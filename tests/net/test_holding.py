"""Held connections on loopback: every way in which one ends."""

import asyncio
import contextlib
import socket
import struct

import pytest

from lvsmon.model import Target
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net.holding import TALK_LIMIT, End, hold
from lvsmon.net.nested import in_reactor


def held(act, family=socket.AF_INET, life=None):
    """Hold a connection to a listener; ``act(connection)`` is done to the accepted one. Return how it ended."""
    host = "::1" if family is socket.AF_INET6 else "127.0.0.1"

    async def main():
        with socket.create_server((host, 0), family=family) as listener:
            listener.setblocking(False)
            port = listener.getsockname()[1]
            work = asyncio.create_task(
                in_reactor(
                    lambda engine: hold(Target(address=host, port=port), engine, PhaseTrace(), patience=5.0, life=life)
                )
            )
            loop = asyncio.get_running_loop()
            connection, _ = await loop.sock_accept(listener)
            with connection:
                acting = asyncio.create_task(act(loop, connection))
                async with asyncio.timeout(10):
                    found = await work
                acting.cancel()
                await asyncio.gather(acting, return_exceptions=True)
                return found

    return asyncio.run(main())


async def close(_loop, connection):
    connection.close()


async def reset(_loop, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def greet_and_close(loop, connection):
    await loop.sock_sendall(connection, b"220 mail.example.org ESMTP\r\n")
    connection.close()


async def flood(loop, connection):
    with contextlib.suppress(OSError):
        while True:
            await loop.sock_sendall(connection, bytes(TALK_LIMIT))


async def stay(_loop, _connection):
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
@pytest.mark.parametrize("act", [close, reset, greet_and_close])
def test_the_peers_end_is_seen(act, family):
    assert End.PEER is held(act, family).end


def test_a_peer_that_talks_on_is_left():
    assert End.TALKS is held(flood).end


def test_a_life_that_is_over_is_closed_here():
    found = held(stay, life=0.05)
    assert (End.OVER, True) == (found.end, 0.05 <= found.lasted < 5.0)


def test_what_cannot_be_opened_is_told_apart():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        refused = await in_reactor(
            lambda engine: hold(Target(address="127.0.0.1", port=port), engine, PhaseTrace(), patience=5.0)
        )
        ours = await in_reactor(
            lambda engine: hold(Target(address="255.255.255.255", port=port), engine, PhaseTrace(), patience=5.0)
        )
        return refused.end, ours.end

    assert (End.REFUSED, End.OURS) == asyncio.run(main())
