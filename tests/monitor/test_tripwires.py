"""Tripwires on virtual time and scripted connections: what they make run, and how politely they are kept."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Damping, Health, ProbeState, Target
from lvsmon.monitor.tripwires import FIRST_PAUSE, LONGEST_PAUSE, SOON, Manners, Tripwires
from lvsmon.net.holding import End, Held
from lvsmon.net.nested import NestedReactor
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.clock import run_virtual

UP, DOWN = ProbeState(health=Health.UP), ProbeState(health=Health.DOWN)


def spec(name, *, tripwire=True):
    return ProbeSpec(
        id=name,
        probe=TcpProbe(),
        target=Target(address="127.0.0.1", port=1),
        interval=1.0,
        timeout=1.0,
        damping=Damping(),
        tripwire=tripwire,
    )


class Server:
    """Ends connections after ``idle`` seconds with ``end``; remembers when each was opened, and who is connected."""

    def __init__(self, idle, end=End.PEER):
        self.reactor = None
        self.idle, self.end, self.opened, self.open, self.tripped = idle, end, [], 0, []

    async def hold(self, _spec, life):
        loop = asyncio.get_running_loop()
        self.opened.append(loop.time())
        self.open += 1
        try:
            over = life is not None and life < self.idle
            lasted = life if over else self.idle
            await self.reactor.pause(lasted)
            return Held(End.OVER if over else self.end, lasted)
        finally:
            self.open -= 1

    def trip(self, probe):
        self.tripped.append((asyncio.get_running_loop().time(), probe))


def kept(server, seconds):
    async def main():
        server.reactor = NestedReactor()
        wires = Tripwires(server.reactor, server.hold, server.trip, limit=10)
        one = spec("a")
        assert 1 == wires.update({"a": one})
        for _ in range(10):  # every outcome is told, only the first opens
            wires.outcome(one, UP)
        await asyncio.sleep(seconds)
        wires.stop()
        server.reactor.close()
        return wires

    return run_virtual(main())


def test_one_is_held_per_probe_that_asks_and_serves():
    async def main():
        server = Server(idle=1e6)
        server.reactor = NestedReactor()
        wires = Tripwires(server.reactor, server.hold, server.trip, limit=2)
        probes = {name: spec(name) for name in "abc"} | {"none": spec("none", tripwire=False)}
        assert 2 == wires.update(probes), "the limit"
        for one in probes.values():
            wires.outcome(one, ProbeState())
        await asyncio.sleep(1)
        seen = [server.open]
        for state in (UP, UP, DOWN, UP):
            for one in probes.values():
                wires.outcome(one, state)
            await asyncio.sleep(1)
            seen.append(server.open)
        wires.update({"b": probes["b"]})
        await asyncio.sleep(1)
        seen.append(server.open)
        wires.stop()
        server.reactor.close()
        return [*seen, server.open], server.tripped

    seen, tripped = run_virtual(main())
    assert [0, 2, 2, 0, 2, 1, 0] == seen
    assert [] == tripped, "closing it here is no event"


def test_its_end_makes_the_probe_run_and_it_is_opened_anew_after_a_pause():
    server = Server(idle=1000.0)
    kept(server, 1005)
    ((at, probe),) = server.tripped
    assert (pytest.approx(1000.0, abs=0.01), "a") == (at, probe)
    assert 2 == len(server.opened)
    assert 0.8 * FIRST_PAUSE <= server.opened[1] - at <= 1.01 * FIRST_PAUSE


def test_the_servers_idle_timeout_is_learnt():
    """A day with a server that ends idle connections after a minute: one in eleven is an event, not each."""
    server = Server(idle=60.0)
    wires = kept(server, 86400)
    assert 1 <= len(server.tripped) <= 180
    assert wires.counts[End.OVER] >= 9 * wires.counts[End.PEER]


@pytest.mark.parametrize("end", [End.PEER, End.TALKS, End.REFUSED, End.OURS])
def test_a_realserver_that_will_not_have_it_is_left_in_peace(end):
    server = Server(idle=0.0, end=end)
    kept(server, 86400)
    assert 86400 / LONGEST_PAUSE <= len(server.opened) <= 86400 / (0.8 * LONGEST_PAUSE) + 10
    assert bool(server.tripped) is (end is End.PEER), "nothing but an end says anything"


@given(st.lists(st.tuples(st.sampled_from(End), st.floats(0.0, 1e6)), max_size=60))
def test_no_stream_of_ends_makes_a_storm(ends):
    """Each end but that of a life that was over is followed by a pause; no life is shorter than `SOON` allows."""
    manners = Manners()
    for end, lasted in ends:
        if end is End.OVER and manners.life is None:
            continue
        pause = manners.ended(Held(end, lasted))
        assert pause == 0.0 if end is End.OVER else FIRST_PAUSE <= pause <= LONGEST_PAUSE
        assert manners.life is None or manners.life >= 0.8 * SOON


def test_a_fall_teaches_no_idle_timeout():
    manners = Manners()
    manners.ended(Held(End.PEER, 100.0))
    assert 80.0 == manners.life
    manners.ended(Held(End.PEER, 20.0))
    manners.fell()
    assert 80.0 == manners.life
