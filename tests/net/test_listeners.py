"""Listening for a realserver that connects back: on real sockets over IPv4 and IPv6, and in the script."""

import contextlib
import resource
import socket

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net.sockets import SocketConnector
from lvsmon.testing.network import LISTENING, Close, Hang, Script, ScriptedConnector, Send, Wait, play
from reactors import armed, completed

HOSTS = ["127.0.0.1", "::1"]


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def on_sockets(host, talk):
    """Run ``talk(connector, stream, peer)``: a connection of ours and the other end of it."""

    async def main(engine):
        connector = SocketConnector(engine, PhaseTrace())
        with socket.create_server((host, 0), family=family(host)) as server:
            try:
                stream = await connector.connect(*server.getsockname()[:2])
                peer, _ = server.accept()
                with peer:
                    await talk(connector, stream, peer)
            finally:
                connector.close_all()

    completed(main)


@pytest.mark.parametrize("host", HOSTS)
def test_the_peer_connects_back(host):
    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        assert peer.getpeername()[0] == listener.address == host
        with socket.create_connection((listener.address, listener.port), source_address=(host, 0)) as back:
            data = await listener.accept(stream)
            assert data is not None
            back.sendall(b"listing")
            assert b"listing" == await data.read()
        assert b"" == await data.read()

    on_sockets(host, talk)


@pytest.mark.parametrize("host", HOSTS)
def test_a_word_on_the_connection_beside_ends_the_waiting_and_so_does_its_end(host):
    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        peer.sendall(b"425 no\r\n")
        assert await listener.accept(stream) is None
        assert b"425 no\r\n" == await stream.read()
        peer.close()
        assert await listener.accept(stream) is None
        assert b"" == await stream.read()

    on_sockets(host, talk)


@pytest.mark.parametrize("host", HOSTS)
def test_a_connection_that_is_there_comes_before_the_word_beside(host):
    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        with socket.create_connection((listener.address, listener.port)):
            peer.sendall(b"226 done\r\n")
            assert await listener.accept(stream) is not None

    on_sockets(host, talk)


def test_strangers_are_reset_and_change_nothing():
    """Another address of loopback connects first, many times; the peer is the one that is taken."""

    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        at = (listener.address, listener.port)
        with contextlib.ExitStack() as stack:
            strangers = [
                stack.enter_context(socket.create_connection(at, source_address=("127.0.0.2", 0))) for _ in range(5)
            ]
            back = stack.enter_context(socket.create_connection(at, source_address=("127.0.0.1", 0)))
            back.sendall(b"mine")
            data = await listener.accept(stream)
            assert b"mine" == await data.read()
            for stranger in strangers:
                with pytest.raises(ConnectionResetError):
                    stranger.recv(1)

    on_sockets("127.0.0.1", talk)


@pytest.mark.parametrize("host", HOSTS)
def test_a_range_of_ports_is_kept_to_and_told_when_it_is_full(host):
    async def talk(net, stream, peer):
        with socket.create_server((host, 0), family=family(host)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(LocalFault, match="every port of active_ports is in use") as caught:
                await net.listen(stream, (port, port))
        assert Reason.LOCAL_RESOURCES is caught.value.reason
        assert port == (await net.listen(stream, (port, port))).port

    on_sockets(host, talk)


def test_no_permission_and_no_descriptors_are_the_directors_fault():
    async def talk(net, stream, peer):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(LocalFault) as caught:
                await net.listen(stream)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert Reason.LOCAL_RESOURCES is caught.value.reason

    on_sockets("127.0.0.1", talk)


def test_what_the_run_opened_is_closed_with_it():
    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        at = (listener.address, listener.port)
        with socket.create_connection(at) as back:
            await listener.accept()
            net.close_all()
            assert b"" == back.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(at)

    on_sockets("127.0.0.1", talk)


def test_a_cancelled_wait_leaves_no_watch():
    async def talk(net, stream, peer):
        listener = await net.listen(stream)
        assert await net.within(0.0, listener.accept(stream)) is None
        assert not armed(net._engine)

    on_sockets("127.0.0.1", talk)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_the_script_does_the_same(host):
    """The peer connects at once, late, or not at all; a word beside ends the waiting, unless there is a connection."""
    control = Script(Wait(2), Send(b"a"), Wait(3), Send(b"b"), Hang())
    net = ScriptedConnector(control, Script(Send(b"one"), Close()), Script(Wait(4), Send(b"two")), None)

    async def talk():
        stream = await net.connect(host, 21)
        listener = await net.listen(stream)
        assert (LISTENING[":" in host], 40001) == (listener.address, listener.port)
        data = await listener.accept(stream)
        assert b"one" == await data.read()

        listener = await net.listen(stream)
        assert await listener.accept(stream) is None
        assert b"a" == await stream.read()
        data = await listener.accept(stream)
        assert b"two" == await data.read()

        listener = await net.listen(stream)
        assert await listener.accept(stream) is None
        assert b"b" == await stream.read()
        assert await net.within(99, listener.accept(stream)) is None

    play(talk())
    net.close_all()
    assert all(opened.ended for opened in net.opened)


def test_the_script_can_fail_to_listen():
    net = ScriptedConnector(Script(), LocalFault("no ports"))

    async def talk():
        await net.listen(await net.connect("192.0.2.1", 21))

    with pytest.raises(LocalFault, match="no ports"):
        play(talk())
