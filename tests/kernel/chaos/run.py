"""One chaos run: build the lab, do the planned faults, watch, and say what came of it."""

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from heapq import heappop, heappush
from pathlib import Path
from typing import Final

from kernel.chaos import faults, plan, setting, witness
from kernel.chaos.history import Violation
from kernel.chaos.world import Ledger, World
from kernel.lab.monitor import STARTED_WITHIN, Monitor
from kernel.lab.spaces import run as run_program
from kernel.lab.topology import built

BEFORE: Final = 30.0
AFTER: Final = 3.0
"""Seconds of history that are shown around a violation."""

MOST_SHOWN: Final = 10
"""Violations shown with their history."""


def run(seed: int, seconds: float, forward: str | None, *, history: bool) -> int:
    """Return 0 if nothing was violated."""
    forward = forward or ("masq", "route")[seed % 2]
    steps = plan.drawn(seed, seconds)
    _say(f"chaos: seed {seed}, {seconds:g} s, {len(steps)} faults planned, forward = {forward}")
    run_program("modprobe", "-a", "sch_netem")
    with built(forward) as network, tempfile.TemporaryDirectory() as folder:
        world = World(network, Monitor(network, Path(folder)), Ledger())
        try:
            _prepare(world)
            with _watched(world):
                done = _carry_out(world, steps)
        except BaseException:
            _say_violations(world.ledger)
            _say("\nthe run itself broke; what was before:")
            _say_history(world.ledger, time.monotonic() - 2 * BEFORE, time.monotonic())
            raise
        finally:
            if world.monitor.status() is None:
                world.monitor.kill()
            run_program("umount", str(world.state))
    if history:
        _say_history(world.ledger, world.ledger.started, time.monotonic())
    return _report(world.ledger, done, seed, seconds, forward)


def _prepare(world: World) -> None:
    for daemon in setting.PROBES:
        world.network.launch(daemon)
    faults.mount_state(world)
    world.monitor.configure([], setting.MAIN)
    world.configure()
    world.start_monitor()
    assert not world.ledger.violations, world.ledger.violations
    for virtual in world.virtuals:
        world.network.director.until_weights(virtual.shown, dict(virtual.weights), 2 * STARTED_WITHIN)
    world.told_rules()
    faults.put_foreign(world)


@contextmanager
def _watched(world: World) -> Iterator[None]:
    """Look at everything from threads of their own while the block lasts."""
    stop = threading.Event()
    watchers = [witness.TableWatcher(world, stop), witness.LogWatcher(world, stop), witness.WeightWatcher(world, stop)]
    watchers += [witness.Asker(world, virtual, stop) for virtual in setting.VIRTUALS]
    with ExitStack() as stack:
        for watcher in watchers:
            watcher.start()
            stack.callback(watcher.join)
        stack.callback(stop.set)
        yield
    for watcher in watchers:
        if watcher.broken is not None:
            raise watcher.broken


def _carry_out(world: World, steps: list[plan.Step]) -> Counter[str]:
    """Do each step at its time and undo it at its end, then let everything come due; return what was done."""
    done: Counter[str] = Counter()
    start = time.monotonic()
    waiting = sorted(steps, key=lambda step: step.begins, reverse=True)
    going: list[tuple[float, int, plan.Step, Iterator[None]]] = []
    while waiting or going:
        if going and (not waiting or going[0][0] <= waiting[-1].begins):
            ends, _, step, fault = heappop(going)
            _until(world, start + ends)
            world.ledger.note(f"--- ends {step}")
            with suppress(StopIteration):
                next(fault)
        else:
            step = waiting.pop()
            _until(world, start + step.begins)
            world.ledger.note(f"--- {step}")
            fault = faults.FAULTS[step.kind](world, step)
            next(fault)
            done[step.kind] += 1
            heappush(going, (step.ends, step.number, step, fault))
    _until(world, time.monotonic() + plan.TAIL)
    if not world.ledger.oracle.all_is_well():
        world.ledger.violations.append(Violation(time.monotonic(), "at the end not everything is in"))
    return done


def _until(world: World, moment: float) -> None:
    world.do_waiting()
    while (left := moment - time.monotonic()) > 0:
        if world.monitor.status() is not None and not world.ledger.oracle.hindered:
            world.ended(f"ended by itself with {world.monitor.status()}")
            world.start_monitor()
        time.sleep(min(left, 0.25))


def _report(ledger: Ledger, done: Counter[str], seed: int, seconds: float, forward: str) -> int:
    tally = ledger.oracle.tally
    _say_violations(ledger)
    _say(f"\ninjected: {done.total()} faults of {len(done)} kinds")
    for kind in sorted(done):
        _say(f"  {done[kind]:5}  {kind}")
    _say(
        f"observed: {tally.observations} looks at the table, the guest stood still for {tally.stalled:.1f} s, "
        f"and was overrun for {tally.starved / len(setting.VIRTUALS):.1f} s"
    )
    for virtual in sorted(tally.answers | tally.troubles):
        _say(
            f"  {virtual:6} {tally.answers.get(virtual, 0):6} exchanges of clients, "
            f"{tally.troubles.get(virtual, 0)} more had trouble"
        )
    _say(f"  {tally.clean} exchanges while only healthy realservers were in: none of these may fail")
    _say("kept, with seconds taken (median, longest) and the least that was left of what was allowed:")
    for kind, times in sorted(tally.met.items()):
        taken = sorted(seconds for seconds, _ in times)
        left = min(allowed - seconds for seconds, allowed in times)
        _say(f"  {len(times):5}  {kind:20} {taken[len(taken) // 2]:5.1f} {taken[-1]:5.1f}   left {left:.1f}")
    _say(f"  {len(tally.uncalled)} times a destination went wrong though nothing had been done to it for long:")
    for what in tally.uncalled:
        at, where = what.split(maxsplit=1)
        _say(f"  {float(at) - ledger.started:8.1f}  {where}")
    _say(f"lvsmon at its heaviest: {', '.join(f'{number} {name}' for name, number in tally.heaviest.items())}")
    _say(f"violations: {len(ledger.violations)}")
    if ledger.violations:
        _say(f"again: make chaos ARGS='--minutes {seconds / 60:g} --seed {seed} --forward {forward}'")
    return 1 if ledger.violations else 0


def _say_violations(ledger: Ledger) -> None:
    for violation in ledger.violations[:MOST_SHOWN]:
        _say(f"\nVIOLATION at {violation.at - ledger.started:.1f} s: {violation.what}\n  history:")
        _say_history(ledger, violation.at - BEFORE, violation.at + AFTER)


def _say_history(ledger: Ledger, since: float, until: float) -> None:
    for at, line in ledger.lines:
        if since <= at <= until:
            _say(f"  {at - ledger.started:8.2f}  {line[:400]}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
