"""An ONC RPC server on loopback that answers as a test says: `serve` runs it beside a probe, in one event loop.

What it writes is put together here, not by the codec under test.
"""

import asyncio
import struct

from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def text(data):
    return words(len(data)) + data + bytes(-len(data) % 4)


def xid(call):
    return struct.unpack_from(">I", call)[0]


def asked(call):
    """Return program, version and procedure of a call."""
    return struct.unpack_from(">III", call, 12)


def accepted(call, status=0, body=b""):
    return words(xid(call), 1, 0, 0, 0, status) + body


def denied(call, *rest):
    return words(xid(call), 1, 1, *rest)


def record(*fragments):
    last = len(fragments) - 1
    return b"".join(struct.pack(">I", ((at == last) << 31) | len(data)) + data for at, data in enumerate(fragments))


class Datagrams(asyncio.DatagramProtocol):
    """Sends back each of what ``answer`` gives for a call."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.calls.append(data)
        for reply in self.answer(data):
            self.transport.sendto(reply, peer)


class Server:
    """``answer(call)`` gives the replies to a call: datagrams over UDP, bytes of the stream over TCP."""

    def __init__(self, address, tcp=None, udp=None):
        self.address = address
        self.tcp = tcp
        self.udp = udp
        self.calls = []
        self.connections = 0

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        while True:
            self._stream = await asyncio.start_server(self._serve, self.address, 0)
            self.port = self._stream.sockets[0].getsockname()[1]
            try:
                self._datagram, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(self._udp), (self.address, self.port)
                )
            except OSError:  # somebody else's for UDP: take another
                self._stream.close()
                continue
            if self.tcp is None:
                self._stream.close()
            if self.udp is None:
                self._datagram.close()
            return self

    def _udp(self, call):
        self.calls.append(call)
        return self.udp(call)

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big") & 0x7FFFFFFF
                call = await reader.readexactly(length)
                self.calls.append(call)
                for piece in self.tcp(call):
                    if piece is None:
                        return
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def __aexit__(self, *error):
        self._stream.close()
        self._datagram.close()

    async def probe(self, probe, timeout=0.3):  # noqa: ASYNC109  the run's
        return await in_reactor(
            lambda engine: run(probe, Target(address=self.address, port=self.port), timeout, engine)
        )


def outcome_of(probe, *, tcp=None, udp=None, address="127.0.0.1", timeout=0.3):
    """Return the outcome of one run against a server, and the server to be looked at."""

    async def main():
        async with Server(address, tcp, udp) as server:
            return await server.probe(probe, timeout), server

    return asyncio.run(main())


def portmapper(registered, version=2):
    """Return an answer function of a portmapper of one version with these (program, version, network, port)."""

    def answer(call):
        program, asked_version, procedure = asked(call)
        if program != 100000:
            return accepted(call, 1)
        if asked_version != version:
            return accepted(call, 2, words(version, version))
        if procedure == 4:
            return accepted(call, 0, b"".join(_entry(one, version) for one in registered) + words(0))
        body = call[40:]
        wanted, wanted_version = struct.unpack_from(">II", body)
        network = {6: "tcp", 17: "udp"}.get(struct.unpack_from(">I", body, 8)[0])
        if version > 2:
            length = struct.unpack_from(">I", body, 8)[0]
            network = body[12 : 12 + length].decode()
        port = next((one[3] for one in registered if (wanted, wanted_version, network) == one[:3]), 0)
        if version == 2:
            return accepted(call, 0, words(port))
        return accepted(call, 0, text(_universal(port) if port else b""))

    return answer


def _entry(one, version):
    program, program_version, network, port = one
    if version == 2:
        return words(1, program, program_version, {"tcp": 6, "udp": 17}[network], port)
    return words(1, program, program_version) + text(network.encode()) + text(_universal(port)) + text(b"superuser")


def _universal(port):
    return b"0.0.0.0.%d.%d" % (port // 256, port % 256)
