"""Alerting at work in its thread, on real channels of the test's own: delivered, kept, and in nobody's way."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar

from alerts.streams import condition, route
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.facts import About
from lvsmon.alerts.setup import Heartbeat, Setup
from lvsmon.config.plan import Plan
from lvsmon.errors import ActionFailed, StateError
from lvsmon.monitor.alerting.thread import Alerting, Look
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.pool import Decided
from lvsmon.store.alerts import AlertStore

NOTHING = Snapshot(Plan(virtuals=(), probes={}), {}, {}, Decided(table={}))
DOWN = condition("web/rs1")


@dataclass
class Scripted:
    """Does what ``script`` says, one word for each try, then takes everything; ``event`` is set at ``awaited``."""

    kind: ClassVar[str] = "scripted"
    script: list = field(default_factory=list)
    taken: list = field(default_factory=list)
    awaited: int = 1
    timeout: float = 0.05
    done: threading.Event = field(default_factory=threading.Event)

    async def deliver(self, alert):
        word = self.script.pop(0) if self.script else "take"
        if word == "hang":
            await asyncio.get_running_loop().create_future()
        if word == "fail":
            raise ActionFailed("the relay is away")
        if word == "bug":
            raise KeyError("oops")
        self.taken.append(alert)
        if len(self.taken) >= self.awaited:
            self.done.set()


def alerting(channels, open_store=lambda: None, **more):
    routes = (route(to=tuple(channels)),)
    return Alerting(Setup(routes=routes, channels=channels, **more), open_store, About(director="lb1"))


def test_a_look_is_told_by_every_channel_though_one_hangs_and_one_has_a_bug():
    hanging, buggy, well = Scripted(["hang"] * 99), Scripted(["bug"] * 99), Scripted()
    one = alerting({"hanging": hanging, "buggy": buggy, "well": well})
    one.start()
    one.post(Look(NOTHING, own=(DOWN,)))
    assert well.done.wait(20)
    assert one.close(20)
    assert well.taken[0].stage is Stage.OPENED
    assert hanging.taken == buggy.taken == []


def test_what_was_not_delivered_is_delivered_by_the_next_process(tmp_path):
    away = Scripted(["fail"] * 99)
    other = Scripted()
    first = alerting({"mail": away, "other": other}, lambda: AlertStore.open(tmp_path))
    first.start()
    first.post(Look(NOTHING, own=(DOWN,)))
    assert other.done.wait(20)
    assert first.close(20)
    back = Scripted()
    second = alerting({"mail": back, "other": Scripted()}, lambda: AlertStore.open(tmp_path))
    second.start()
    assert back.done.wait(20)
    assert second.close(20)
    assert [alert.id for alert in back.taken] == [alert.id for alert in other.taken]


def test_a_state_directory_that_cannot_be_used_silences_nobody():
    def broken():
        raise StateError("the disk is gone")

    well = Scripted()
    one = alerting({"well": well}, broken)
    one.start()
    one.post(Look(NOTHING, own=(DOWN,)))
    assert well.done.wait(20)
    assert one.close(20)


def test_a_heartbeat_goes_out_without_any_trouble():
    well = Scripted()
    one = alerting({"well": well}, heartbeat=Heartbeat(to=("well",), every=3600.0))
    one.start()
    assert well.done.wait(20)
    assert one.close(20)
    assert (well.taken[0].stage, well.taken[0].subject) == (Stage.HEARTBEAT, "[lvsmon lb1] heartbeat")


def test_a_reload_changes_whom_it_is_told_to():
    before, after = Scripted(), Scripted()
    one = alerting({"mail": before})
    one.start()
    one.post(Look(NOTHING, own=(DOWN,)))
    assert before.done.wait(20)
    one.take(Setup(routes=(route(name="new", to=("mail",)),), channels={"mail": after}))
    assert after.done.wait(20)
    assert one.close(20)


def test_a_dead_channel_keeps_no_other_loop_waiting():
    """Turns of a loop beside alerting, while one channel hangs and another fails, all the time."""
    one = alerting({"hanging": Scripted(["hang"] * 999), "failing": Scripted(["fail"] * 999), "well": Scripted()})
    one.start()

    async def turns():
        longest, last = 0.0, time.perf_counter()
        for number in range(2000):
            if number % 200 == 0:
                one.post(Look(NOTHING, own=(DOWN,)))
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    longest = asyncio.run(turns())
    assert one.close(20)
    assert longest < 1.0  # a hang is for ever; a busy machine takes tens of milliseconds
