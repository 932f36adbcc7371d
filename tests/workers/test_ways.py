"""Sockets by way of the VIP come from the supervisor, and only for ways that the worker's own probes go."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Forward, Reason, Through
from lvsmon.monitor.workers import ways
from lvsmon.monitor.workers.ways import NotOurs, Porter, RemoteDoor, ways_of
from lvsmon.net.nested import NestedReactor
from oneshot_support import spec

WAY = Through(rip="10.1.0.11", forward=Forward.ROUTE, interface="eth1", source="10.1.0.250")
OTHER = replace(WAY, rip="10.1.0.12")
SPEC = spec("192.0.2.10", 80)
KNOWN = ways_of([replace(SPEC, target=replace(SPEC.target, through=WAY)), SPEC])


class Doors:
    """Stands for doors of the kernel; ``fault`` is what they raise."""

    def __init__(self, interface):
        self.interface = interface

    made, doubted, fault = [], [], None

    async def socket(self, through, family, kind, engine):
        if Doors.fault is not None:
            raise Doors.fault
        Doors.made.append(through)
        return socket.socket(family, kind)

    def doubt(self):
        Doors.doubted.append(self.interface)

    def close(self):
        pass


@pytest.fixture(autouse=True)
def doors(monkeypatch):
    monkeypatch.setattr(ways, "Door", Doors)
    monkeypatch.setattr(Doors, "made", [])
    monkeypatch.setattr(Doors, "doubted", [])
    monkeypatch.setattr(Doors, "fault", None)


@asynccontextmanager
async def both():
    """Give the worker's door, a reactor for it, and the supervisor's end; what is refused there is in the last one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    porter, reactor, refused, loop = Porter(), NestedReactor(), [], asyncio.get_running_loop()

    def answer():
        try:
            porter.answer(ours, KNOWN)
        except NotOurs as error:
            refused.append(error)

    with ours, theirs:
        ours.setblocking(False)
        loop.add_reader(ours.fileno(), answer)
        try:
            async with asyncio.timeout(20):
                yield RemoteDoor(theirs, "eth1"), reactor, theirs, refused
        finally:
            loop.remove_reader(ours.fileno())
            reactor.close()
            porter.close()


async def turns():
    """Let readers of this loop have theirs."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_socket_of_the_family_and_kind_comes_over():
    async def main():
        async with both() as (door, reactor, _, _):
            with await reactor.finish(door.socket(WAY, socket.AF_INET6, socket.SOCK_DGRAM, reactor)) as made:
                assert (made.family, made.type, made.gettimeout()) == (socket.AF_INET6, socket.SOCK_DGRAM, 0.0)

    asyncio.run(main())
    assert Doors.made == [WAY]


def test_why_there_is_none_is_told_as_if_it_had_been_tried_here():
    Doors.fault = LocalFault("no interface eth1", Reason.LOCAL_NETWORK)

    async def main():
        async with both() as (door, reactor, _, _):
            with pytest.raises(LocalFault, match="no interface eth1") as caught:
                await reactor.finish(door.socket(WAY, socket.AF_INET, socket.SOCK_STREAM, reactor))
            assert caught.value.reason is Reason.LOCAL_NETWORK

    asyncio.run(main())


def test_a_way_of_somebody_else_is_refused_and_the_run_says_nothing_of_the_realserver():
    async def main():
        async with both() as (door, reactor, theirs, refused):
            with pytest.raises(LocalFault, match="made no socket"):
                await reactor.finish(door.socket(OTHER, socket.AF_INET, socket.SOCK_STREAM, reactor))
            for request in (b"x", b"[]", b"{}", b'{"way":[]}', b'{"way":"x","family":2,"kind":3}', b"[" * 4000):
                theirs.send(request)
            await turns()
            assert len(refused) == 7

    asyncio.run(main())
    assert Doors.made == []


def test_a_raw_socket_is_no_kind_that_probes_use():
    request = json.dumps({"way": repr(WAY), "family": 2, "kind": int(socket.SOCK_RAW)}).encode()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        before = set(Path("/proc/self/fd").iterdir())
        for descriptors in ([theirs.fileno()], [0], []):  # the second is no socket
            socket.send_fds(theirs, [request], descriptors)
            with pytest.raises(NotOurs):
                Porter().answer(ours, KNOWN)
        assert set(Path("/proc/self/fd").iterdir()) == before


def test_doubt_is_passed_on_where_something_was_built():
    async def main():
        async with both() as (door, reactor, _, _):
            door.doubt()
            (await reactor.finish(door.socket(WAY, socket.AF_INET, socket.SOCK_STREAM, reactor))).close()
            door.doubt()
            await turns()

    asyncio.run(main())
    assert Doors.doubted == ["eth1"]
