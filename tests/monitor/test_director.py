"""The loop outlives whatever goes wrong between deciding and the kernel."""

import asyncio
import logging
from pathlib import Path

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import Wish, WishKind
from lvsmon.monitor.director import Director

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
