"""A name server that answers as a test wants: right, wrong, late, forged, cut."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import dns.flags
import dns.message
import dns.rrset
import dns.tsig

from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.nested import NestedReactor

ZONE = "example.org."
KEY = dns.tsig.Key("check.", "c2VjcmV0", "hmac-sha256.")


def soa(serial, name=ZONE):
    return dns.rrset.from_text(name, 60, "IN", "SOA", f"ns.example.org. admin.example.org. {serial} 3600 600 86400 60")


def respond(query, *answer, aa=True, rcode=0, **sections):
    """Return a right response with these record sets."""
    message = dns.message.make_response(query)
    message.flags |= dns.flags.AA if aa else 0
    message.set_rcode(rcode)
    message.answer = list(answer)
    for section, records in sections.items():
        setattr(message, section, records)
    return message


class NameServer(asyncio.DatagramProtocol):
    """Answers by ``udp`` and ``tcp``: functions from a query to the bytes, messages or lists of them to send.

    A number in a list is a wait in seconds; None over TCP closes the connection.
    """

    def __init__(self, udp=None, tcp=None):
        self.udp, self.tcp = udp, tcp
        self.asked = []

    async def start(self, host="127.0.0.1"):
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        datagrams, stream = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family)
        stream.bind((host, 0))
        self.port = stream.getsockname()[1]
        datagrams.bind((host, self.port))
        self._tasks = set()
        if self.tcp is None:
            stream.close()
            self._server = None
        else:
            self._server = await asyncio.start_server(self._serve, sock=stream)
        self._transport = None
        if self.udp is None:
            datagrams.close()
        else:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=datagrams)
        return self

    def datagram_received(self, data, sender):
        self.asked.append("udp")
        task = asyncio.ensure_future(self._reply(data, sender))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data, sender):
        for piece in pieces(self.udp(parse(data))):
            if isinstance(piece, int | float):
                await asyncio.sleep(piece)
            else:
                self._transport.sendto(piece, sender)

    async def _serve(self, reader, writer):
        self.asked.append("tcp")
        try:
            length = int.from_bytes(await reader.readexactly(2))
            for piece in pieces(self.tcp(parse(await reader.readexactly(length)))):
                if piece is None:
                    break
                if isinstance(piece, int | float):
                    await asyncio.sleep(piece)
                    continue
                writer.write(piece)
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    def stop(self):
        for task in self._tasks:
            task.cancel()
        if self._transport:
            self._transport.close()
        if self._server:
            self._server.close()


def parse(data):
    return dns.message.from_wire(data, keyring=KEY)


def pieces(given):
    for piece in given if isinstance(given, list) else [given]:
        yield piece.to_wire() if isinstance(piece, dns.message.Message) else piece


def framed(message):
    """Return what TCP carries for a message or its bytes."""
    wire = message.to_wire() if isinstance(message, dns.message.Message) else message
    return len(wire).to_bytes(2) + wire


@contextlib.asynccontextmanager
async def serving(probe, server, *primaries, host="127.0.0.1"):
    """Start the servers; give the probe, told of its primaries, and its target."""
    for one in (server, *primaries):
        await one.start(host)
    if primaries:
        probe = replace(probe, primaries=tuple(f"127.0.0.1:{one.port}" for one in primaries))
    try:
        yield probe, Target(address=host, port=server.port)
    finally:
        for one in (server, *primaries):
            one.stop()
        await asyncio.sleep(0)  # a transport closes in the loop's next turn


def outcome_of(probe, server, *primaries, timeout=5, host="127.0.0.1", runs=1, **more):
    """Return the outcome (or those of several runs at once) of ``probe`` against ``server``."""

    async def main():
        async with serving(probe, server, *primaries, host=host) as (told, target):
            with NestedReactor() as engine:
                works = [engine.finish(run(told, target, timeout, engine, **more)) for _ in range(runs)]
                outcomes = await asyncio.gather(*works)
            return outcomes[0] if runs == 1 else outcomes

    return asyncio.run(main())


def silent(query):
    return []
