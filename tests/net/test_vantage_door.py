"""Runs wait for the thread that makes their sockets: its trouble is the director's, and not tried again at once."""

import socket
import threading

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Forward, Reason, Target, Through, Verdict
from lvsmon.monitor import runner
from lvsmon.net.shared import Shared
from lvsmon.net.vantage import door
from lvsmon.net.vantage.door import Door
from lvsmon.probes.tcp import TcpProbe
from reactors import completed

THROUGH = Through(rip="10.1.0.11", forward=Forward.ROUTE, interface="eth1", source="10.1.0.250")


class Space:
    """Stands in for the namespace: makes plain sockets, when it is let."""

    def __init__(self, interface):
        self.made = []
        self.closed = threading.Event()
        self.let = threading.Event()

    def socket(self, through, family, kind):
        self.let.wait(15)
        self.made.append(socket.socket(family, kind | socket.SOCK_NONBLOCK))
        return self.made[-1]

    def close(self):
        self.closed.set()


@pytest.fixture
def space(monkeypatch):
    space = Space("eth1")
    monkeypatch.setattr(door, "Space", lambda _: space)
    yield space
    space.let.set()


def ask(one, engine):
    return one.socket(THROUGH, socket.AF_INET, socket.SOCK_STREAM, engine)


def test_what_cannot_be_built_is_told_to_everybody_and_tried_again_only_later(monkeypatch):
    tried = []

    def refuse(interface):
        tried.append(interface)
        raise LocalFault("no such interface", Reason.LOCAL_NETWORK)

    monkeypatch.setattr(door, "Space", refuse)
    one = Door("eth1")

    async def scenario(engine):
        for _ in range(3):
            with pytest.raises(LocalFault, match="no such interface"):
                await ask(one, engine)
        one.close()

    completed(scenario)
    assert tried == ["eth1"]


def test_a_deadline_that_ends_while_the_way_is_made_is_not_the_realservers_fault(space):
    """And the socket that comes too late is closed."""
    shared = Shared()
    target = Target(address="192.0.2.10", port=80, through=THROUGH)

    async def scenario(engine):
        return await runner.run(TcpProbe(), target, 0.1, engine, shared=shared)

    outcome = completed(scenario)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNKNOWN, Reason.LOCAL_RESOURCES)
    assert "had not made a way through the VIP" in outcome.detail
    space.let.set()
    shared.doors.close()
    assert space.closed.wait(15)
    assert [sock.fileno() for sock in space.made] == [-1]


def test_what_had_no_way_out_is_built_anew_once_it_is_old(space, monkeypatch):
    """As when the interface that it hung on went away and came back."""
    space.let.set()
    one = Door("eth1")

    async def scenario(engine):
        (await ask(one, engine)).close()
        one.doubt()
        (await ask(one, engine)).close()
        assert not space.closed.is_set()
        monkeypatch.setattr(door, "AGAIN", 0.0)
        one.doubt()
        assert space.closed.wait(15)
        (await ask(one, engine)).close()
        one.close()

    completed(scenario)
    assert len(space.made) == 3
