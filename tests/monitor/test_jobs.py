"""Coarse jobs: each stands for one time, whatever the wall clock does."""

import asyncio

from lvsmon.model.history import Moment
from lvsmon.monitor.jobs import Jobs

PATIENCE = 15


class Clock:
    """The real clocks, the wall clock among them wrong by ``step``."""

    def __init__(self):
        self.step = 0.0

    def __call__(self):
        at, clock = Moment.now()
        return Moment(at + self.step, clock)


def with_jobs(test):
    async def run():
        clock = Clock()
        jobs = Jobs(clock)
        try:
            async with asyncio.timeout(PATIENCE):
                return await test(jobs, clock)
        finally:
            jobs.close()

    return asyncio.run(run())


def test_a_job_runs_when_it_is_due_and_again_and_again():
    async def test(jobs, clock):
        runs, done = [], asyncio.Event()

        def work():
            runs.append(1)
            if len(runs) == 3:
                done.set()

        jobs.add("a", lambda now: now + 0.02, work)
        await done.wait()

    with_jobs(test)


def test_a_job_that_has_no_next_time_runs_no_more():
    async def test(jobs, clock):
        first, second = asyncio.Event(), asyncio.Event()
        times = iter([0.01])
        jobs.add("a", lambda now: next((now + wait for wait in times), None), first.set)
        await first.wait()
        jobs.add("b", lambda now: now + 0.01, second.set)
        await second.wait()
        assert jobs._scheduler.get_job("a") is None

    with_jobs(test)


def test_a_bug_in_a_job_ends_neither_it_nor_another(caplog):
    async def test(jobs, clock):
        runs, done = [], asyncio.Event()

        def work():
            runs.append(1)
            if len(runs) == 2:
                done.set()
            raise ZeroDivisionError

        jobs.add("a", lambda now: now + 0.01, work)
        await done.wait()

    with_jobs(test)
    assert "a bug in the job a" in [record.getMessage() for record in caplog.records]


def test_a_clock_that_is_set_is_noticed_once_and_every_job_is_asked_anew(caplog):
    async def test(jobs, clock):
        asked = []
        jobs.add("a", lambda now: asked.append(now) or now + 3600.0, lambda: None)
        assert 0.0 == jobs.clock_set()
        for step in (3600.0, -3600.0):
            clock.step += step
            assert 1.0 > abs(step - jobs.clock_set())
            assert 0.0 == jobs.clock_set()
        assert [1, 3] == [len(asked[:1]), len(asked)]
        assert 3500 < asked[1] - asked[0]
        assert 3500 < asked[1] - asked[2]

    with_jobs(test)
    assert ["clock_set", "clock_set"] == [record.message for record in caplog.records]


def test_a_clock_that_is_set_forward_by_fifty_years_costs_one_run():
    """APScheduler's own intervals would count through every run that was missed, for minutes."""

    async def test(jobs, clock):
        runs, done = [], asyncio.Event()
        jobs.add("a", lambda now: now + 0.01 if not runs else None, lambda: runs.append(1) or done.set())
        clock.step += 50 * 365 * 86400.0
        jobs.clock_set()
        jobs.add("a", lambda now: now - 50 * 365 * 86400.0 if not runs else None, lambda: runs.append(1) or done.set())
        await done.wait()
        assert [1] == runs

    with_jobs(test)
