"""Sockets for pings come from the supervisor where the worker may make none, each for one run."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lvsmon.errors import LocalFault
from lvsmon.monitor.workers import pings
from lvsmon.monitor.workers.pings import Stock
from lvsmon.net import icmp
from lvsmon.probes.ping import PingProbe
from oneshot_support import spec

PINGS = [replace(spec(address, 0), probe=PingProbe()) for address in ("192.0.2.1", "2001:db8::1")]


@pytest.fixture
def made(monkeypatch):
    """Stand-ins for raw sockets, which only root can make; `icmp` asks whoever it did before afterwards."""
    monkeypatch.setattr(icmp, "_make_raw", icmp._make_raw)
    monkeypatch.setattr(pings, "_ping_sockets", lambda: False)
    wanted = []

    def make(family):
        wanted.append(family)
        return socket.socket(family, socket.SOCK_DGRAM)

    monkeypatch.setattr(icmp, "make_raw", make)
    return wanted


async def stocked(main):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        stock = Stock(theirs)
        try:
            await main(stock, ours)
        finally:
            loop.remove_reader(theirs.fileno())
            for kept in stock._kept.values():
                for each in kept:
                    each.close()


async def turn():
    """Let readers of this loop have their turn."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_each_run_gets_one_of_its_own_of_the_right_family_and_the_stock_is_filled_up(made):
    async def main(stock, ours):
        stock.update(PINGS)
        for _ in range(2):
            assert pings.answer(ours)
        await turn()
        first, second = stock.one(socket.AF_INET6), stock.one(socket.AF_INET6)
        with first, second:
            assert first.fileno() != second.fileno()
            assert {first.family, second.family} == {socket.AF_INET6}
        before = len(made)
        assert pings.answer(ours)
        assert len(made) > before, "it was asked for more before there were none"

    asyncio.run(stocked(main))


def test_a_run_that_finds_none_is_no_news_about_the_realserver(made):
    async def main(stock, ours):
        with pytest.raises(LocalFault):
            stock.one(socket.AF_INET)

    asyncio.run(stocked(main))


def test_where_the_supervisor_may_not_either_it_is_told_what_to_grant(made, monkeypatch):
    def refuse(family):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(icmp, "make_raw", refuse)

    async def main(stock, ours):
        stock.update(PINGS[:1])
        assert pings.answer(ours)
        await turn()
        with pytest.raises(PermissionError):
            stock.one(socket.AF_INET)

    asyncio.run(stocked(main))


@pytest.mark.parametrize("request_", [b"4", b"4\1\1", b"\1\1", b"\x05\x01", b"x" * 100])
def test_a_request_that_is_none_is_refused(request_, made):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(request_)
        assert not pings.answer(ours)
    assert made == []


def test_no_more_than_the_most_come_at_once_and_none_is_left_open(made):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        before = set(Path("/proc/self/fd").iterdir())
        theirs.send(bytes((4, 255)))
        assert pings.answer(ours)
        assert len(made) == pings.MOST
        assert set(Path("/proc/self/fd").iterdir()) == before
