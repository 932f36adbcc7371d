"""Runs on virtual time: no overlap, a limit, a plan that changes."""

import asyncio
import itertools
from collections import Counter

import pytest

from lvsmon.model import Damping, Outcome, Reason, Target, Verdict
from lvsmon.monitor.schedule import Schedule
from lvsmon.net.nested import NestedReactor
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.clock import run_virtual

PASS = Outcome(verdict=Verdict.PASS, reason=Reason.OK)


def spec(name, interval=1.0, address="127.0.0.1"):
    return ProbeSpec(
        id=name,
        probe=TcpProbe(),
        target=Target(address=address, port=1),
        interval=interval,
        timeout=interval,
        damping=Damping(),
    )


def plan(*names):
    return {name: spec(name) for name in names}


class Recorder:
    """Takes ``takes`` seconds for each run and remembers who ran beside whom."""

    def __init__(self, takes):
        self.reactor = NestedReactor()
        self.takes, self.started, self.running, self.most, self.reported = takes, Counter(), Counter(), 0, []

    async def execute(self, probe):
        self.started[probe.id] += 1
        self.running[probe.id] += 1
        assert self.running[probe.id] == 1, "a probe ran beside itself"
        self.most = max(self.most, self.running.total())
        try:
            await self.reactor.pause(self.takes)
        finally:
            self.running[probe.id] -= 1
        return PASS

    def report(self, probe, outcome):
        self.reported.append(probe.id)


def test_every_probe_runs_once_per_interval():
    async def main():
        seen = Recorder(takes=0.1)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("a", "b"))
        await asyncio.sleep(100)
        schedule.stop()
        seen.reactor.close()
        return seen

    seen = run_virtual(main())
    for name in ("a", "b"):
        assert 99 <= seen.started[name] <= 101
        assert 99 <= seen.reported.count(name) <= 101


def test_a_slow_probe_is_not_started_beside_itself():
    async def main():
        seen = Recorder(takes=3.5)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("a"))
        await asyncio.sleep(100)
        schedule.stop()
        seen.reactor.close()
        return seen, schedule.still_running

    seen, late = run_virtual(main())
    assert 28 <= seen.started["a"] <= 29
    assert late > 50


def test_a_probe_that_takes_the_whole_interval_misses_no_turn():
    """A silent realserver is found within interval x fall + timeout also where the timeout is the interval."""

    async def main():
        seen = Recorder(takes=1.0)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("a"))
        await asyncio.sleep(100)
        schedule.stop()
        seen.reactor.close()
        return seen

    seen = run_virtual(main())
    assert 98 <= seen.started["a"] <= 100


def test_being_late_is_made_up_for_once():
    """After one run of many intervals the probe starts at once, and then goes on with its slots."""

    async def main():
        seen = Recorder(takes=10.0)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("a"))
        await asyncio.sleep(5)
        seen.takes = 0.01
        await asyncio.sleep(15)
        schedule.stop()
        seen.reactor.close()
        return seen

    seen = run_virtual(main())
    assert 10 <= seen.started["a"] <= 12


def test_the_limit_holds_and_everybody_gets_a_turn():
    async def main():
        seen = Recorder(takes=0.3)
        schedule = Schedule(seen.reactor, seen.execute, seen.report, limit=3)
        schedule.update(plan(*"abcdefgh"))
        await asyncio.sleep(50)
        schedule.stop()
        seen.reactor.close()
        return seen

    seen = run_virtual(main())
    assert 3 == seen.most
    assert min(seen.started[name] for name in "abcdefgh") >= 40


def test_a_change_of_plan_leaves_unchanged_probes_alone():
    async def main():
        seen = Recorder(takes=0.5)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("stays", "goes"))
        for second in range(40):
            await asyncio.sleep(0.25)
            schedule.update(plan("stays", "comes") if second >= 20 else plan("stays", "goes"))
        running = seen.running.copy()
        schedule.stop()
        seen.reactor.close()
        return seen, running

    seen, running = run_virtual(main())
    assert 9 <= seen.started["stays"] <= 11
    assert 0 == running["goes"]
    assert seen.started["goes"] <= 6
    assert seen.started["comes"] >= 4


def test_stop_reports_nothing_more():
    async def main():
        seen = Recorder(takes=10)
        schedule = Schedule(seen.reactor, seen.execute, seen.report)
        schedule.update(plan("a"))
        await asyncio.sleep(5)
        schedule.stop()
        seen.reactor.close()
        await asyncio.sleep(60)
        return seen

    seen = run_virtual(main())
    assert [] == seen.reported
    assert 1 == seen.started["a"]


def test_a_probe_changes_its_pace_from_its_last_start_on():
    """Faster while something changes, slower while it stays down; the others go on as they were."""

    async def main():
        seen, loop, starts = Recorder(takes=0.0), asyncio.get_running_loop(), []

        async def execute(probe):
            if probe.id == "a":
                starts.append(loop.time())
            return await seen.execute(probe)

        paces, enough = iter([1.0, 0.25, 0.25, 4.0, 4.0, 1.0]), asyncio.Event()

        def report(probe, _outcome):
            if probe.id == "a" and (pace := next(paces, None)):
                schedule.pace("a", pace)
            elif probe.id == "a":
                enough.set()

        schedule = Schedule(seen.reactor, execute, report)
        schedule.update(plan("a", "b"))
        await enough.wait()
        schedule.stop()
        seen.reactor.close()
        return seen, starts

    seen, starts = run_virtual(main())
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert [1.0, 0.25, 0.25, 4.0, 4.0, 1.0] == pytest.approx(gaps, abs=0.25)
    assert 10 <= seen.started["b"] <= 12


def test_a_run_that_is_asked_for_comes_at_once_and_moves_no_other():
    """Also where the probe is running: after that run; and where all places are taken: in its turn."""

    async def main():
        seen = Recorder(takes=0.5)
        schedule = Schedule(seen.reactor, seen.execute, seen.report, limit=1)
        schedule.update({"a": spec("a", 1000.0)})
        await asyncio.sleep(10)
        assert seen.started["a"] == 1
        schedule.now("a")
        await asyncio.sleep(0.1)
        assert seen.started["a"] == 2
        schedule.now("a")
        schedule.now("a")
        await asyncio.sleep(10)
        assert seen.started["a"] == 3
        schedule.update({"a": spec("a", 1000.0), "b": spec("b", 1000.0)})
        schedule.now("b")
        schedule.now("a")
        await asyncio.sleep(0.1)
        assert (seen.started["b"], seen.started["a"]) == (1, 3)
        await asyncio.sleep(0.9)
        assert seen.started["a"] == 4
        await asyncio.sleep(1100)
        assert seen.started["a"] == 5
        schedule.stop()
        seen.reactor.close()

    run_virtual(main())


def test_a_busy_address_is_in_nobody_elses_way():
    """Ten probes of an address that takes two at once, and takes long, wait for it; those of another go on."""

    async def main():
        seen = Recorder(takes=5.0)
        schedule = Schedule(seen.reactor, seen.execute, seen.report, limit=4, limit_of_address=2)
        others = {f"o{n}": spec(f"o{n}", 10.0, "127.0.0.2") for n in range(2)}
        schedule.update({f"b{n}": spec(f"b{n}", 1.0) for n in range(10)} | others)
        await asyncio.sleep(100)
        first = seen.started.copy()
        schedule.limit(4, 1)
        await asyncio.sleep(100)
        schedule.limit(4, 4)
        await asyncio.sleep(100)
        schedule.now("b0")  # also one that waits for its address
        schedule.update(others)
        await asyncio.sleep(20)
        schedule.stop()
        seen.reactor.close()
        return first, seen

    first, seen = run_virtual(main())
    assert all(9 <= first[f"o{n}"] <= 11 for n in range(2))
    assert all(3 <= first[f"b{n}"] <= 5 for n in range(10)), "in turn"
    assert seen.most == 4


def test_those_that_wait_for_their_address_are_not_overtaken_by_one_that_is_overdue():
    """One at a time to an address whose runs take three intervals: each of four gets every fourth place."""

    async def main():
        seen = Recorder(takes=3.0)
        schedule = Schedule(seen.reactor, seen.execute, seen.report, limit_of_address=1)
        schedule.update(plan(*"abcd"))
        await asyncio.sleep(120)
        schedule.stop()
        seen.reactor.close()
        return seen

    assert all(9 <= run <= 11 for run in run_virtual(main()).started.values())
