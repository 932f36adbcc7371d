"""Who waits for a run hears of the next one that begins, or that there will be none."""

import asyncio
from dataclasses import replace

from lvsmon.model import ProbeState
from lvsmon.monitor.run import Run
from lvsmon.monitor.waiting import Ran, Waiting, tell
from oneshot_support import outcome

BEFORE, AFTER = ProbeState(), ProbeState(passes=1)
RUN = Run(kind="tcp", target=None, timeout=1.0, at=0.0, outcome=outcome())


def test_a_run_that_is_under_way_is_not_the_one_waited_for():
    """What it saw was before the question."""

    async def main():
        waiting = Waiting()
        under_way = waiting.begin(["x"])
        wait = waiting.next_run("x")
        waiting.recorded("x", RUN.outcome, BEFORE, AFTER)
        assert (under_way, wait.done()) == ({}, False)
        waiting.ended("x", waiting.begin("x")["x"], RUN)
        waiting.recorded("x", RUN.outcome, BEFORE, AFTER)
        assert await wait == Ran(RUN, BEFORE, AFTER)

    asyncio.run(main())


def test_the_outcome_is_what_was_recorded():
    """Of a probe that is made of another's run it is not the outcome of the run."""

    async def main():
        waiting, judged = Waiting(), replace(RUN.outcome, detail="agreed")
        wait = waiting.next_run("x")
        waiting.ended("x", waiting.begin("x")["x"], RUN)
        waiting.recorded("x", judged, BEFORE, AFTER)
        assert await wait == Ran(replace(RUN, outcome=judged), BEFORE, AFTER)

    asyncio.run(main())


def test_of_a_probe_that_is_no_more_nothing_comes():
    """Whether its run had begun or not; and who has gone away is not told."""

    async def main():
        waiting = Waiting()
        ended, coming, gone = waiting.next_run("x"), waiting.next_run("y"), waiting.next_run("y")
        gone.cancel()
        waiting.ended("x", waiting.begin("x")["x"], RUN)
        waiting.retain({"z"})
        assert (await ended, await coming) == (None, None)
        cut_off = waiting.next_run("z")
        tell(waiting.begin("z")["z"], None)
        assert await cut_off is None

    asyncio.run(main())


def test_what_nobody_waits_for_is_nothing():
    waiting = Waiting()
    waiting.recorded("x", RUN.outcome, BEFORE, AFTER)
    assert waiting.begin("x") == {}
