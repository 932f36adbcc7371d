"""Real worker processes: they probe; one that dies, hangs, floods or lies is replaced, and the supervisor goes on."""

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path

import pytest

from lvsmon.model import Health, ProbeState
from lvsmon.monitor.workers import starting, worker
from lvsmon.monitor.workers.crew import Crew
from lvsmon.probes.part import Part
from oneshot_support import spec

PATIENCE = 50.0


class Told:
    """What a crew told; ``until`` waits for something to become true, looking whenever there is news."""

    def __init__(self):
        self.news, self.notices, self.more = [], [], asyncio.Event()

    def hear(self, news):
        self.news += news
        self.more.set()

    def notice(self, text):
        self.notices.append(text)
        self.more.set()

    async def until(self, true):
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.more.clear()
                await self.more.wait()

    def health(self, probe):
        return next((each.state.health for each in reversed(self.news) if each.probe == probe), None)

    async def until_up(self, *probes):
        await self.until(lambda: all(self.health(probe) is Health.UP for probe in probes))


def run(main, *, addresses=("127.0.0.1",), **settings):
    """Run ``main(crew, told, ids)`` with a crew that probes an open port of each address."""

    async def whole():
        told = Told()
        with socket.create_server(("0.0.0.0", 0), backlog=1000) as listening:
            specs = [spec(address, listening.getsockname()[1]) for address in addresses]
            crew = Crew(
                told.hear, user=None, descriptors=200, notice=told.notice, **{"number": 1, "remembered": {}, **settings}
            )
            crew.update(Part(probes={each.id: each for each in specs}))
            try:
                await main(crew, told, [each.id for each in specs])
            finally:
                await crew.stop()
        return told

    return asyncio.run(whole())


def pids(crew):
    return [each["pid"] for each in crew.processes().workers]


def is_there(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_two_workers_probe_what_one_would_and_may_do_nothing():
    async def main(crew, told, ids):
        await told.until_up(*ids)
        processes = crew.processes().workers
        assert [each["probes"] for each in processes] == [1, 1]
        assert os.getpid() not in pids(crew)
        assert all((each["capabilities"], each["no_new_privileges"]) == ("none", True) for each in processes)
        looks = await crew.look([*ids, "no more"])
        assert {probe: look.stretches[0].detail for probe, look in looks.items()} == dict.fromkeys(ids, "connected")
        ran = await crew.run_now(ids[1])
        assert (ran.after.health, ran.run.transcript[-1].step) == (Health.UP, "connected")
        assert await crew.run_now("no more") is None
        gone = pids(crew)
        await crew.stop()
        assert not any(map(is_there, gone))

    told = run(main, addresses=("127.0.0.1", "127.0.0.2"), number=2)
    assert told.notices == []
    assert sorted(each.transition.after for each in told.news if each.transition) == [Health.UP, Health.UP]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_one_that_dies_or_hangs_is_replaced_and_its_probes_are_unknown_meanwhile(number, monkeypatch):
    monkeypatch.setattr(worker, "SILENCE", 3)

    async def main(crew, told, ids):
        await told.until_up(*ids)
        first, second = pids(crew)
        mine, others = (next(iter(post.part.probes)) for post in crew._posts)
        os.kill(first, number)
        await told.until(lambda: told.notices)
        assert (told.health(mine), told.health(others)) == (Health.UNKNOWN, Health.UP)
        assert not is_there(first)
        await told.until_up(*ids)
        assert pids(crew)[1] == second
        assert [each["restarts"] for each in crew.processes().workers] == [1, 0]

    told = run(main, addresses=("127.0.0.1", "127.0.0.2"), number=2)
    assert sum(each.transition is not None for each in told.news) == 2, "it was found as it was left"
    (notice,) = told.notices
    assert ("said nothing for" if number == signal.SIGSTOP else "signal 9") in notice


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("hurry", "not ready yet"),
        ("noise", "Invalid JSON"),
        ("foreign", "not its own"),
        ("long", "at most"),
        ("flood", "more bytes than"),
        ("programs", "more bytes than"),
        ("crash", "exit status 1"),
    ],
)
def test_one_that_says_what_it_may_not_is_replaced(mode, why, monkeypatch, caplog):
    monkeypatch.setattr(starting, "COMMAND", ("-P", "-m", "workers.hostile", mode))

    async def main(crew, told, ids):
        await told.until(lambda: len(told.notices) >= 2)
        assert {told.health(probe) for probe in ids} == {Health.UNKNOWN}

    with caplog.at_level(logging.ERROR):
        told = run(main, remembered={f"tcp 127.0.0.1:{n}": ProbeState(health=Health.UP) for n in range(65536)})
    assert why in told.notices[0]
    ended = next(record for record in caplog.records if record.message == "worker_ended")
    if mode == "crash":
        assert "a realserver made me do it" in ended.fields["last_words"]


def test_a_probe_that_moves_to_another_worker_keeps_its_counters():
    async def main(crew, told, ids):
        await told.until_up(*ids)
        crew._number = 2
        crew.update(crew._posts[0].part)
        ran = [await crew.run_now(probe) for probe in ids]
        assert [each.before.health for each in ran] == [Health.UP] * 2

    told = run(main, addresses=("127.0.0.1", "127.0.0.2"), number=1)
    assert sum(each.transition is not None for each in told.news) == 2
