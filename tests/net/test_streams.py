"""The scripted network and real sockets behave alike, over IPv4 and IPv6."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from certificates import issue
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net.sockets import SocketConnector
from lvsmon.testing.network import Close, DeadlinePassed, Expect, Reset, Secure, Send, Staple, Until, UntilEnd, Wait
from lvsmon.testing.stream_conformance import CHECKS, ScriptedWorld
from net.tls_servers import server_context
from reactors import completed


class SocketWorld:
    """Real sockets on loopback; the peers run in a thread."""

    def __init__(self, address):
        self.address = address
        self.context = None

    def run(self, talk, *scripts):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family) as listener:
            listener.bind((self.address, 0))
            done = threading.Event()
            if scripts:
                listener.listen()
            peers = threading.Thread(target=_serve, args=(listener, scripts, done, self.context))
            peers.start()
            try:
                self._converse(talk, listener.getsockname()[1])
            finally:
                done.set()
                peers.join()

    def _converse(self, talk, port):
        async def whole(engine):
            connector = SocketConnector(engine, PhaseTrace())
            try:
                await talk(connector, self.address, port)
            finally:
                connector.close_all()

        try:
            # A silent peer is given 50 ms; every other conversation has all the time it needs.
            completed(whole, 0.05 if "silent" in talk.__qualname__ else 20)
        except TimeoutError:
            raise DeadlinePassed from None


def _serve(listener, scripts, done, context):
    with contextlib.ExitStack() as stack:
        for script in scripts:
            peer = stack.enter_context(listener.accept()[0])
            peer.settimeout(20)
            _follow(peer, script, stack, context)
        done.wait()


def _follow(peer, script, stack, context):
    got = bytearray()
    for step in script.steps:
        match step:
            case Expect(data):
                while len(got) < len(data):
                    got += peer.recv(len(data) - len(got))  # no more: what follows may be a TLS handshake
                assert got == data
                got.clear()
            case Until(data):
                while data not in got:
                    got += peer.recv(65536)
                got.clear()
            case Send(data, chunk):
                for start in range(0, len(data), chunk):
                    peer.sendall(data[start : start + chunk])
            case Wait(seconds):
                time.sleep(seconds)
            case Secure() | Staple():
                peer = stack.enter_context(context.wrap_socket(peer, server_side=True))
            case UntilEnd():
                assert peer.recv(1) == b""
            case Close():
                peer.close()
            case Reset():
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return server_context(folder, issue(names=["www.example.org"]))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "world", [ScriptedWorld(), SocketWorld("127.0.0.1"), SocketWorld("::1")], ids=["scripted", "ipv4", "ipv6"]
)
def test_a_stream_conforms(world, check, context):
    world.context = context
    check(world)
