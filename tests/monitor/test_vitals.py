"""What the director knows of itself is what happened to it, and what is older than a minute is forgotten."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.monitor.director import Director
from lvsmon.monitor.vitals import Figures, LastMinute, ProbingVitals, together

DURATIONS = st.lists(st.floats(min_value=0.0, max_value=1e5), min_size=1, max_size=300)


@given(DURATIONS)
def test_ninety_nine_of_a_hundred_are_at_most_the_p99_and_it_is_hardly_more(durations):
    lately = LastMinute(0.0)
    for seconds in durations:
        lately.add(seconds)
    figures = lately.figures()
    exact = sorted(durations)[math.ceil(len(durations) * 0.99) - 1]
    assert (figures.count, figures.longest) == (len(durations), max(durations))
    assert exact <= figures.p99 <= exact * 1.26 + 2e-6


def test_a_minute_later_nothing_is_left_and_meanwhile_everything_counts():
    lately = LastMinute(0.0)
    for second in range(100):
        lately.turn(second)
        lately.add(second)
    assert 50 <= lately.figures().count <= 61
    assert 0.9 < lately.per_second(100.0) < 1.1
    lately.turn(200.0)
    assert lately.figures() == Figures()


def test_of_several_who_probe_counts_are_summed_and_the_worst_is_told():
    one = ProbingVitals(lag=Figures(10, 0.5, 0.1), runs=3, outcomes={"PASS": 2, "FAIL": 1}, starved=1)
    other = ProbingVitals(lag=Figures(20, 0.2, 0.2), runs=4, outcomes={"PASS": 4}, tripwires_held=2)
    both = ProbingVitals(
        lag=Figures(30, 0.5, 0.2), runs=7, outcomes={"PASS": 6, "FAIL": 1}, starved=1, tripwires_held=2
    )
    assert together([one, other]) == both
    assert together([one]) == one
    assert together([]) == ProbingVitals()


TEXT = """
[director]
backend = "memory"
[defaults]
interval = "100ms"
timeout = "100ms"
fall = 2
[[realserver]]
name = "rs1"
address = "127.0.0.1"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = {port}
realservers = ["rs1"]
[[virtual.probe]]
kind = "tcp"
tripwire = true
"""


def test_a_realserver_that_ends_is_seen_in_every_count(tmp_path):
    """A real one on loopback: probed, held by a tripwire, and gone."""

    async def main():
        connections = []
        server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
        path = tmp_path / "lvsmon.toml"
        path.write_text(TEXT.format(port=server.sockets[0].getsockname()[1]))
        director = Director(load(path), MemoryIpvs)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(director.run())

            async def until(true):
                async with asyncio.timeout(20):
                    while not true(director.vitals()):  # noqa: ASYNC110  it tells nobody
                        await asyncio.sleep(0)

            await asyncio.sleep(0)
            await until(lambda vitals: vitals.probing.outcomes["PASS"] > 1 and vitals.probing.tripwires_held == 1)
            server.close()
            for writer in connections:
                writer.close()
            await until(lambda vitals: vitals.written.count == 2)  # up, and down
            vitals = director.vitals()
            running.cancel()
        return vitals

    vitals = asyncio.run(main())
    probing = vitals.probing
    assert probing.tripwires_tripped == 1
    assert probing.outcomes["FAIL"] >= 2
    assert probing.runs - sum(probing.outcomes.values()) in (0, 1)
    assert (probing.waiting, probing.waiting_for_address, probing.starved) == (0, 0, 0)
    assert probing.lag.count >= 2
    assert 0.0 < probing.starts.longest < 5.0
    assert 0.0 < vitals.written.longest < 5.0
    assert vitals.reconciled.count >= 2
    assert 3 < vitals.descriptors < vitals.descriptors_limit
