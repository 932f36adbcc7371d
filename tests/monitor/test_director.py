"""The loop outlives whatever goes wrong between deciding and the kernel."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from lvsmon.actions.ipvs.base import EditDestination
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.actions.ipvs.table import Drift, DriftKind
from lvsmon.alerts.condition import Severity
from lvsmon.config import load
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import Protocol, VirtualKey, Wish, WishKind
from lvsmon.monitor.conditions import drifts
from lvsmon.monitor.director import Director
from lvsmon.monitor.drifts import MOST_NAMED, REMEMBERED, Drifts

TEXT = """
[director]
backend = "memory"
[[realserver]]
name = "rs1"
address = "127.0.0.1"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
weight = 3
realservers = ["rs1"]
"""


def weights(ipvs):
    return [to.settings.weight for entry in MemoryIpvs.dump(ipvs).values() for to in entry.destinations.values()]


class Broken(MemoryIpvs):
    """Fails with an error that nobody expects, so many times; ``failed`` is set then."""

    def __init__(self, error, times):
        super().__init__()
        self.error, self.times, self.failed, self.worked = error, times, 0, asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def dump(self, *, counters=True):
        if self.failed < self.times:
            self.failed += 1
            raise self.error
        self.loop.call_soon_threadsafe(self.worked.set)
        return super().dump(counters=counters)


def plan_of(tmp_path):
    path = Path(tmp_path, "lvsmon.toml")
    path.write_text(TEXT)
    return load(path)


async def running(director, until):
    work = asyncio.create_task(director.run())
    async with asyncio.timeout(20):
        await until
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def test_neither_a_bug_nor_a_missing_module_ends_the_loop(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("lvsmon.monitor.director.RETRY", 0.01)
    for error in (ZeroDivisionError("a bug"), IpvsUnavailable(2, "", "no module")):

        async def main(error=error):
            ipvs = Broken(error, times=3)
            await running(Director(plan_of(tmp_path), lambda: ipvs), ipvs.worked.wait())
            return ipvs

        with caplog.at_level(logging.ERROR):
            ipvs = asyncio.run(main())
        assert weights(ipvs) == [3]
    assert [record.message for record in caplog.records] == [
        "a bug in deciding or reconciling: the table is left as it is"
    ] * 3


def test_a_wish_is_written_at_once_and_one_whose_time_is_over_is_not(tmp_path):
    async def main():
        ipvs = Broken(None, times=0)
        director = Director(plan_of(tmp_path), lambda: ipvs)

        async def wished():
            await ipvs.worked.wait()
            seen = []
            for until in (None, 1.0):
                ipvs.worked.clear()
                director.wish([Wish(name="disk", kind=WishKind.DISABLE, realserver="rs1", until=until)])
                await ipvs.worked.wait()
                await asyncio.to_thread(director._keeper._thread.submit(lambda: None).result)
                seen.append(weights(ipvs))
            return seen

        made = asyncio.create_task(wished())
        await running(director, made)
        return made.result()

    assert asyncio.run(main()) == [[0], [3]]


def test_what_somebody_else_changed_is_told_of_once_with_what_it_was_and_is_over_when_it_stays_right(
    tmp_path, monkeypatch
):
    """Put right in the same round, and told all the same; made again and again it is one incident."""
    monkeypatch.setattr("lvsmon.monitor.drifts.REMEMBERED", 0.2)

    async def main():
        ipvs, seen, over = Broken(None, times=0), [], asyncio.Event()

        def observe(snapshot):
            seen.append(drift(snapshot))
            (over.clear if seen[-1] else over.set)()

        director = Director(plan_of(tmp_path), lambda: ipvs, observe=observe)

        async def meddled():
            await director.reconciled()
            for _ in range(2):
                (key, entry), *_ = MemoryIpvs.dump(ipvs).items()
                (to, at), *_ = entry.destinations.items()
                ipvs.apply([EditDestination(key, to, replace(at.settings, weight=7))])
                await director.reconciled()
                assert weights(ipvs) == [3]
            await over.wait()

        await running(director, asyncio.create_task(meddled()))
        return seen

    seen = asyncio.run(main())
    told = [each for number, each in enumerate(seen) if each and each != seen[number - 1]]
    first, second = (
        (
            "shop: somebody else made a change in the kernel's table; put right",
            ("put right: {} weight 7 instead of 3",),
        ),
        (
            "shop: somebody else made 2 changes in the kernel's table; put right",
            ("2 changes in all", "put right: {} weight 7 instead of 3"),
        ),
    )
    where = "127.0.0.1:80:"
    assert told == [
        [(Severity.DRIFT, text, tuple(line.format(where) for line in done))] for text, done in (first, second)
    ]
    assert seen[-1] == []


def drift(snapshot):
    return [(one.severity, one.summary, one.done) for one in drifts.conditions(snapshot)]


def test_of_thousands_of_changes_some_are_named_and_after_a_while_none_is_known():
    book = Drifts()
    key = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)
    book.take([Drift(DriftKind.WEIGHT, key, None, f"weight {number}") for number in range(5000)], 100.0, 1.0)
    (mended,) = book.mended().values()
    assert (mended.count, len(mended.what), mended.since) == (5000, MOST_NAMED, 100.0)
    book.take([], 200.0, 1.0 + REMEMBERED - 0.1)
    assert book.next_end() == 1.0 + REMEMBERED
    book.take([], 200.0, 1.0 + REMEMBERED)
    assert (book.mended(), book.next_end()) == ({}, None)
