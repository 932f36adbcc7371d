"""The wall clock is set by an hour, either way: no probe is late, no verdict wrong, no length of the past negative."""

import re
import time

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.monitor import WEIGHTS, Virtual
from kernel.lab.waiting import PERIOD, until
from lvsmon.model.history import Entry
from lvsmon.past.look import look_at_availability, look_at_events
from lvsmon.past.timeline import State

HOUR = 3600.0
WEB = Virtual(name="web", probe="http", port=80)
ROUNDS = 3
SLOW_GUEST = 0.5
"""Seconds on top of an interval, for the guest's slow programs and the test's own looks."""


@pytest.fixture
def wall_clock():
    """Sets the guest's clock by so many seconds; puts it right in the end."""
    before, began = time.time(), time.monotonic()
    yield lambda step: time.clock_settime(time.CLOCK_REALTIME, time.time() + step)
    time.clock_settime(time.CLOCK_REALTIME, before + time.monotonic() - began)


def gaps(monitor, rounds):
    """Watch outcomes come in, by a clock that nobody sets; return the longest wait of any probe, in seconds."""
    last, longest, seen = {}, 0.0, len(monitor.events("outcome"))
    counts = {}
    deadline = time.monotonic() + 60
    while len(counts) < len(WEIGHTS) or min(counts.values()) <= rounds:
        assert time.monotonic() < deadline, f"outcomes have ended: {counts}"
        outcomes = monitor.events("outcome")
        for line in outcomes[seen:]:
            probe, now = re.search(r"probe=(\S+)", line)[1], time.monotonic()
            longest = max(longest, now - last.get(probe, now))
            last[probe], counts[probe] = now, counts.get(probe, 0) + 1
        seen = len(outcomes)
        time.sleep(PERIOD)
    return longest


@only_nat
@pytest.mark.timeout(240)
def test_a_clock_set_an_hour_either_way_changes_no_verdict_and_delays_no_probe(network, monitor, wall_clock, tell):
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    began = time.time()
    for number, step in enumerate((HOUR, -HOUR, -HOUR, HOUR), 1):
        transitions = len(monitor.events("transition"))
        wall_clock(step)
        longest = gaps(monitor, ROUNDS)
        tell(f"clock set by {step:+.0f} s: a probe waited {longest:.2f} s at most, its interval is {WEB.interval:g} s")
        assert longest <= WEB.interval + SLOW_GUEST
        assert transitions == len(monitor.events("transition")), monitor.log()
        assert WEIGHTS == network.director.weights(WEB.shown)
        until("it is told", lambda: len(monitor.events("clock_set")), lambda told, number=number: told == number, 15.0)
    died = time.monotonic()
    network.realservers[0].kill("nginx")
    monitor.until_out(WEB, WEIGHTS | {"rs1": 0}, SLOW_GUEST)
    tell(f"down {time.monotonic() - died:.2f} s after the steps")
    assert 0 == monitor.terminate()
    now = time.time()
    state = monitor.folder / "state"
    (web,) = look_at_availability(state, began - HOUR / 2, now, now=now, names=["web"])
    seconds = web.figures.seconds
    assert abs(sum(seconds.values()) - (now - began + HOUR / 2)) < 0.001
    assert (0.0, True) == (seconds[State.DOWN], seconds[State.UP] > 0)
    seen = look_at_events(state, began - HOUR / 2, now, now=now, names=[], kinds=[])
    told = [event.what.what for event in seen if isinstance(event.what, Entry) and event.what.rule == "clock"]
    assert [f"the clock was set {how} by 1h" for how in ("forward", "back", "back", "forward")] == told
