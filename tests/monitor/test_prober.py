"""What a prober tells, and when: what the table hangs on at once, the rest in its time, and nothing of no interest."""

import asyncio
from dataclasses import replace

from lvsmon.errors import ProbeFailed
from lvsmon.model import Health, ProbeState, Reason, Verdict
from lvsmon.monitor import prober
from lvsmon.monitor.prober import Prober
from lvsmon.probes.base import passed
from lvsmon.probes.part import Part
from oneshot_support import spec


class Scripted:
    """A kind whose runs end as the test says; the last verdict goes on."""

    kind = "scripted"

    def __init__(self, *fails):
        self.fails = list(fails)

    async def check(self, target, ctx):
        failing = self.fails.pop(0) if len(self.fails) > 1 else self.fails[0]
        if failing:
            raise ProbeFailed("no", Reason.REFUSED)
        return passed("yes")


def probe(*fails, interval=60.0, rise=2, fall=2):
    one = spec("127.0.0.1", 80, rise=rise, fall=fall)
    return replace(one, probe=Scripted(*fails), interval=interval)


class Told:
    """What was told; ``until`` waits for news that satisfy."""

    def __init__(self):
        self.news, self._more = [], asyncio.Event()

    def __call__(self, news):
        self.news += news
        self._more.set()

    async def until(self, satisfied):
        async with asyncio.timeout(20):
            while not any(map(satisfied, self.news)):
                await self.more()

    async def more(self):
        self._more.clear()
        await self._more.wait()


def run(main, one, **settings):
    async def whole():
        told = Told()
        made = Prober(told, **settings)
        made.update(Part(probes={one.id: one}))
        try:
            await main(made, told)
        finally:
            await made.stop()
        return told.news

    return asyncio.run(whole())


def test_a_transition_is_told_at_once_with_the_run_that_made_it(monkeypatch):
    monkeypatch.setattr(prober, "BEAT", 3600.0)
    one = probe(False, False, True)

    async def main(made, told):
        for _ in range(4):
            await made.run_now(one.id)

    up, down = run(main, one)
    assert (up.transition.after, up.dialogue) == (Health.UP, ())
    assert (down.transition.before, down.state.health, down.state.fails) == (Health.UP, Health.DOWN, 2)
    assert down.transition.outcome.reason is Reason.REFUSED


def test_what_an_earlier_process_left_is_told_without_a_transition(monkeypatch):
    monkeypatch.setattr(prober, "BEAT", 3600.0)
    one = probe(False, rise=1)

    async def main(made, told):
        await made.run_now(one.id)

    (news,) = run(main, one, remembered={one.id: ProbeState(health=Health.UP, since=5.0)})
    assert (news.transition, news.state.health, news.state.since) == (None, Health.UP, 5.0)


def test_counters_are_told_with_the_next_beat_and_a_probe_that_goes_on_as_before_is_not(monkeypatch):
    monkeypatch.setattr(prober, "BEAT", 0.01)
    monkeypatch.setattr(prober, "REFRESH", float("inf"))
    one = probe(False, rise=2)

    async def main(made, told):
        await made.run_now(one.id)
        await told.until(lambda news: news.state.passes == 1)
        await made.run_now(one.id)
        for _ in range(5):
            await made.run_now(one.id)
        for _ in range(2):
            await told.more()

    counted = [news.state.passes for news in run(main, one)]
    assert counted == [1, 2]


def test_every_outcome_of_a_watched_probe_is_told_and_at_first_how_it_is(monkeypatch):
    monkeypatch.setattr(prober, "BEAT", 3600.0)
    one = probe(False, rise=1)

    async def main(made, told):
        await made.run_now(one.id)
        made.watch({one.id, "no more"})
        for _ in range(3):
            await made.run_now(one.id)
        made.watch(())
        await made.run_now(one.id)

    news = run(main, one)
    assert [each.state.health for each in news] == [Health.UP] * 5, "risen, as it is, and three outcomes"
    assert news[1].state == news[0].state
    assert len({each.state.passed for each in news[1:]}) == 4


def test_everything_is_told_again_within_the_time_of_a_refresh(monkeypatch):
    monkeypatch.setattr(prober, "BEAT", 0.01)
    monkeypatch.setattr(prober, "REFRESH", 0.02)
    one = probe(False, rise=1)

    async def main(made, told):
        await told.until(lambda news: news.state.health is Health.UP)
        seen = len(told.news)
        await told.until(lambda _: len(told.news) > seen + 2)

    run(main, one)


def test_a_look_has_the_last_outcomes_and_leaves_out_what_is_not_there():
    one = probe(False, True)

    async def main(made, told):
        await made.run_now(one.id)
        await made.run_now(one.id)
        looks = await made.look([one.id, "no more"])
        (look,) = looks.values()
        assert [each.verdict for each in look.stretches] == [Verdict.PASS, Verdict.FAIL]
        assert look.state.last.verdict is Verdict.FAIL
        assert await made.run_now("no more") is None

    run(main, one)
