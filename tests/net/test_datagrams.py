"""Datagrams on real sockets, over IPv4 and IPv6, and what limits a wait for one."""

import itertools
import socket

import pytest

from lvsmon.errors import ConnectFailed
from lvsmon.model import Reason
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net.clock import SystemClock
from lvsmon.net.reactor import Reactor
from lvsmon.net.sockets import SocketConnector
from lvsmon.testing.network import Script, ScriptedClock, ScriptedConnector, Send, Wait, play
from reactors import completed

HOSTS = ["127.0.0.1", "::1"]


def bound(host):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def on_sockets(talk):
    async def main(engine):
        connector = SocketConnector(engine, PhaseTrace())
        try:
            return await talk(connector)
        finally:
            connector.close_all()

    return completed(main)


@pytest.mark.parametrize("host", HOSTS)
def test_a_datagram_is_answered(host):
    with bound(host) as peer:

        async def talk(net):
            datagram = await net.datagram(*peer.getsockname()[:2])
            await datagram.send(b"ping")
            data, sender = peer.recvfrom(100)
            peer.sendto(data + b" pong", sender)
            return await datagram.receive()

        assert b"ping pong" == on_sockets(talk)


@pytest.mark.parametrize("host", HOSTS)
def test_a_closed_port_is_told_by_receiving_and_by_sending_again(host):
    with bound(host) as peer:
        address = peer.getsockname()[:2]

    async def receiving(net):
        datagram = await net.datagram(*address)
        await datagram.send(b"x")
        await datagram.receive()

    async def sending(net):
        datagram = await net.datagram(*address)
        await datagram.send(b"x")
        await datagram.send(b"x")

    for talk in (receiving, sending):
        with pytest.raises(ConnectFailed) as caught:
            on_sockets(talk)
        assert Reason.REFUSED is caught.value.reason


def test_a_flood_does_not_keep_others_from_running():
    """Reading what is always there gives way: of two runs that are flooded, each gets its turn after a few reads."""
    turns = []

    async def flooded(engine, name):
        net = SocketConnector(engine, PhaseTrace())
        datagram = await net.datagram(*peer.getsockname()[:2])
        await datagram.send(b"x")
        _, sender = peer.recvfrom(100)
        while len(turns) < 200:
            peer.sendto(b"flood", sender)
            await datagram.receive()
            turns.append(name)
        net.close_all()

    with bound("127.0.0.1") as peer, Reactor() as reactor:
        reactor.complete(flooded(reactor, "a"), flooded(reactor, "b"))
    streaks = [len(list(streak)) for _, streak in itertools.groupby(turns)]
    assert max(streaks) < 10


def test_a_part_is_ended_after_its_time_or_returns():
    """The same on real sockets and in the script."""

    async def returns():
        return "answer"

    async def real(net):
        assert "answer" == await net.within(20, returns())
        assert await net.within(0.001, net.pause(3600)) is None

    on_sockets(real)

    clock = ScriptedClock()
    connector = ScriptedConnector(Script(Wait(2.5), Send(b"late")))

    async def scripted():
        datagram = await connector.datagram("192.0.2.1", 53)
        assert await connector.within(1, datagram.receive()) is None
        assert await connector.within(1, datagram.receive()) is None
        assert b"late" == await connector.within(1, datagram.receive())

    play(scripted(), clock=clock)
    assert 2.5 == clock.monotonic()


def test_a_timeout_of_the_part_itself_is_not_the_end_of_its_time():
    async def fails():
        raise TimeoutError("of its own")

    async def talk(net):
        await net.within(20, fails())

    with pytest.raises(TimeoutError, match="of its own"):
        on_sockets(talk)


def test_the_clocks_of_the_director():
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.utc() > 1_700_000_000
    assert isinstance(clock.synchronised(), bool)
