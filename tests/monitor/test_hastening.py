"""Runs besides the times, on virtual time: what comes at once, what does not, and that nothing makes a storm."""

import asyncio
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Damping, Health, Outcome, Reason, Target, Verdict
from lvsmon.monitor.board import Board
from lvsmon.monitor.hastening import SECOND_LOOK, SPREAD, Hastener
from lvsmon.monitor.schedule import Schedule
from lvsmon.net.nested import NestedReactor
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.clock import run_virtual

PASS = Outcome(verdict=Verdict.PASS, reason=Reason.OK)
FAIL = Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED)
UNKNOWN = Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_RESOURCES)
LETTERS = {"P": PASS, "F": FAIL, "?": UNKNOWN}


def spec(name, address="10.1.0.11", *, interval=1.0, confirm=0, fall=3):
    return ProbeSpec(
        id=name,
        probe=TcpProbe(),
        target=Target(address=address, port=1),
        interval=interval,
        timeout=interval,
        damping=Damping(rise=2, fall=fall),
        confirm=confirm,
    )


class Bench:
    """The board, the hastener and the schedule as the director joins them; ``answer(probe)`` gives each outcome."""

    def __init__(self, specs, answer, *, takes=0.001, of_address=64):
        self.answer, self.takes, self.hastener, self.board = answer, takes, Hastener(seed=1), Board()
        self.reactor = NestedReactor()
        self.starts, self.busy, self.most = {one.id: [] for one in specs}, Counter(), Counter()
        plan = {one.id: one for one in specs}
        self.board.update(plan)
        self.hastener.update(plan)
        self.schedule = Schedule(self.reactor, self.execute, self.report, limit_of_address=of_address)
        self.schedule.update(plan)

    async def execute(self, one):
        address = one.target.address
        self.starts[one.id].append(self.reactor.time())
        self.busy[address] += 1
        self.most[address] = max(self.most[address], self.busy[address])
        try:
            await self.reactor.pause(self.takes)
        finally:
            self.busy[address] -= 1
        return self.answer(one.id)

    def report(self, one, outcome):
        before = self.board.state(one.id)
        self.board.record(one, outcome, 0.0)
        after = self.board.state(one.id)
        self.hastener.hasten(one, before, after, self.board.state, self.schedule, now=self.reactor.time())

    def stop(self):
        self.schedule.stop()
        self.reactor.close()

    def trip(self, name):
        self.hastener.tripped(name, self.board.state(name), self.schedule)

    def health(self, name):
        return self.board.state(name).health


def between(starts, since, until):
    return [at - since for at in starts if since <= at < until]


def test_three_failures_take_a_tenth_of_a_second_with_two_confirmations():
    """From the first failure on: two more runs, each 50 ms after the one before; then its own times again."""

    async def main():
        bench = Bench([spec("a", confirm=2)], lambda _: PASS)
        await asyncio.sleep(10)
        bench.answer = lambda _: FAIL
        died = bench.reactor.time()
        await asyncio.sleep(20)
        bench.stop()
        return between(bench.starts["a"], died, died + 20), bench.health("a")

    starts, health = run_virtual(main())
    assert health is Health.DOWN
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert [0.051, 0.051] == pytest.approx(gaps[:2], abs=0.003)
    assert len(starts) <= 23
    assert min(gaps[2:]) > 0.8


@pytest.mark.parametrize(("stream", "quick"), [("FP", 1), ("F?", 1), ("FFP", 2), ("FF?", 2), ("FFF", 2), ("?", 0)])
def test_what_is_no_failure_ends_the_confirmations(stream, quick):
    async def main():
        bench = Bench([spec("a", confirm=3, fall=5 if stream != "FFF" else 3)], lambda _: PASS)
        await asyncio.sleep(10)
        letters = iter(stream)
        bench.answer = lambda _: LETTERS[next(letters, "P")]
        begun = bench.reactor.time()
        await asyncio.sleep(1.2)
        bench.stop()
        return between(bench.starts["a"], begun, begun + 1.2)

    starts = run_virtual(main())
    assert quick == sum(after - before < 0.5 for before, after in itertools.pairwise(starts))


def test_what_a_run_of_its_own_times_decides_is_not_confirmed_any_more():
    """A run that was going to be asked for is taken back when another one, meanwhile, ends what it was to confirm."""

    async def main():
        bench = Bench([spec("a", interval=60.0, confirm=4, fall=5)], lambda _: PASS)
        await asyncio.sleep(200)
        counts = []
        for last in "P?":
            letters = iter(f"F{last}")
            bench.answer = lambda _, letters=letters: LETTERS[next(letters, "P")]
            before = len(bench.starts["a"])
            bench.schedule.now("a")
            await asyncio.sleep(0.02)
            bench.schedule.now("a")
            await asyncio.sleep(1)
            counts.append(len(bench.starts["a"]) - before)
            bench.schedule.now("a")
            await asyncio.sleep(1)
        bench.stop()
        return counts

    assert [2, 2] == run_virtual(main())


def test_one_failure_makes_the_neighbours_run_within_fifty_milliseconds_and_nobody_else():
    """Each of them once; not the probes of another address, and not those that are known to be down."""
    host = [spec(name, interval=60.0) for name in ("b", "c", "down")]

    async def main():
        bench = Bench([spec("a"), *host, spec("else", "10.1.0.12", interval=60.0)], lambda _: PASS)
        bench.answer = lambda name: FAIL if name == "down" else PASS
        await asyncio.sleep(200)
        bench.answer = lambda name: FAIL if name in ("a", "down") else PASS
        died = bench.reactor.time()
        await asyncio.sleep(1.2)
        ran = {name: between(bench.starts[name], died, died + 1.2) for name in bench.starts}
        bench.stop()
        return ran

    ran = run_virtual(main())
    first = ran["a"][0]
    for name in ("b", "c"):
        assert [pytest.approx(first + SPREAD / 2, abs=SPREAD / 2 + 0.005)] == ran[name]
    assert [] == ran["down"] == ran["else"]


def test_a_flapping_neighbour_costs_each_probe_one_run_more_per_interval_at_most():
    async def main():
        flips = itertools.cycle([PASS, PASS, FAIL])
        bench = Bench(
            [*(spec(f"f{n}", interval=0.1) for n in range(10)), spec("quiet", interval=10.0)],
            lambda name: PASS if name == "quiet" else next(flips),
        )
        await asyncio.sleep(200)
        bench.stop()
        return len(bench.starts["quiet"])

    assert 30 < run_virtual(main()) <= 42


def test_a_tripwire_runs_its_probe_at_once_and_once_more_where_that_passed():
    async def main():
        bench = Bench([spec("a", interval=60.0)], lambda _: PASS)
        await asyncio.sleep(200)
        at = bench.reactor.time()
        bench.trip("a")
        await asyncio.sleep(5)
        passed = between(bench.starts["a"], at, at + 5)
        bench.answer = lambda _: FAIL
        bench.trip("a")
        await asyncio.sleep(5)
        failed = between(bench.starts["a"], at + 5, at + 10)
        bench.trip("a")
        await asyncio.sleep(5)
        bench.stop()
        return passed, failed, between(bench.starts["a"], at + 10, at + 15)

    passed, failed, later = run_virtual(main())
    assert [0.0, pytest.approx(0.001 + SECOND_LOOK, abs=0.003)] == passed
    assert [0.0] == failed
    assert [] == later, "it has begun to fail: its own times see to it"


@given(
    st.lists(st.text("PPF?", min_size=1, max_size=12), min_size=2, max_size=6),
    st.integers(1, 4),
    st.integers(0, 5),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.01, 0.3, 0.9]),
)
def test_whatever_the_outcomes_the_cap_holds_and_there_is_no_storm(streams, fall, confirm, cap, takes):
    """A probe runs at most (its slot, one for its neighbours) x (1 + its confirmations) times per interval."""

    async def main():
        answers = {f"p{n}": itertools.cycle(stream) for n, stream in enumerate(streams)}
        specs = [spec(name, confirm=confirm, fall=fall) for name in answers]
        bench = Bench(specs, lambda name: LETTERS[next(answers[name])], takes=takes, of_address=cap)
        await asyncio.sleep(30)
        bench.stop()
        return bench

    bench = run_virtual(main())
    assert bench.most["10.1.0.11"] <= cap
    bound = 2 * (1 + min(confirm, fall - 1))
    for starts in bench.starts.values():
        assert len(starts) <= bound * 31
        for first in starts:
            assert len(between(starts, first, first + 1.0)) <= 2 * bound, "two intervals meet in it at most"
