"""Quiesce 10,000 destinations in the kernel; CPU seconds, and the ratio to pyroute2 in the same run.

Flushes the IPVS table of its network namespace, so it asks for LVSMON_LAB=1. Without it, only the comparison of two
tables is measured, which needs no kernel.

    LVSMON_LAB=1 python benchmarks/bulk_weights.py [virtual services] [destinations in each]
    LVSMON_LAB=1 python benchmarks/bulk_weights.py --figures

The second quiesces 1,000 destinations several times, in turns with pyroute2, and prints one line for `run.py`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from lvsmon.actions.ipvs.base import AddDestination, AddVirtual, Command, DeleteVirtual, EditDestination
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.actions.ipvs.reconcile import Reconciler
from lvsmon.actions.ipvs.table import Owned, diff
from lvsmon.model import (
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Table,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)

T = TypeVar("T")

SAMPLE = 300
REPEATS = 20
"""Times that all weights go to 0 and back: the lab's clock of CPU time ticks every 10 ms."""

LIMIT = 1.0
"""CPU seconds for all weights on the lab's kernel."""


def table(virtuals: int, destinations: int, weight: int) -> Table:
    settings = DestinationSettings(weight=weight, forward=Forward.ROUTE)
    return {
        VirtualKey.of_fwmark(mark, Family.INET): VirtualEntry(
            VirtualSettings(scheduler="rr"),
            {
                DestinationKey(f"10.1.{at // 250}.{at % 250 + 1}", 0): DestinationEntry(settings)
                for at in range(destinations)
            },
        )
        for mark in range(1, virtuals + 1)
    }


def adds(wanted: Table) -> Iterator[Command]:
    for key, entry in wanted.items():
        yield AddVirtual(key, entry.settings)
        for to, at in entry.destinations.items():
            yield AddDestination(key, to, at.settings)


def edits(wanted: Table, weight: int) -> list[Command]:
    return [
        EditDestination(key, to, replace(at.settings, weight=weight))
        for key, entry in wanted.items()
        for to, at in entry.destinations.items()
    ]


def measured(what: str, count: int, call: Callable[[], T]) -> tuple[T, float]:
    """Return what ``call`` gives and its CPU seconds, kernel time included."""
    started, wall = time.process_time(), time.perf_counter()
    result = call()
    cpu, wall = time.process_time() - started, time.perf_counter() - wall
    print(f"{what:46} {cpu:7.3f} s CPU  {wall:7.3f} s wall  {cpu / count * 1e6:8.1f} µs each")
    return result, cpu


def figures() -> int:
    """Print what `run.py` reads: five turns of many weights by us and a sample of them by pyroute2."""
    full, ours, theirs = table(100, 10, 1), open_ipvs("netlink"), open_ipvs("pyroute2")
    ours.apply([DeleteVirtual(key) for key in ours.dump(counters=False)])
    ours.apply(list(adds(full)))
    theirs.apply(edits(full, 1)[:1])  # opens
    quiet, back, turns = edits(full, 0), edits(full, 1), []
    for _ in range(5):
        wall = time.perf_counter()
        assert not any(ours.apply(quiet))
        wall = time.perf_counter() - wall
        cpu = time.process_time()
        for _ in range(REPEATS):
            assert not any(ours.apply(back))
            assert not any(ours.apply(quiet))
        cpu = time.process_time() - cpu
        slow = time.process_time()
        theirs.apply(back[:SAMPLE])
        slow = time.process_time() - slow
        turns.append({"ours": cpu / (2 * REPEATS * len(quiet)), "wall": wall, "pyroute2": slow / SAMPLE})
    ours.apply([DeleteVirtual(key) for key in full])
    print("FIGURES", json.dumps(turns))
    return 0


def main() -> int:
    if sys.argv[1:] == ["--figures"] and os.environ.get("LVSMON_LAB") == "1":
        return figures()
    virtuals, destinations = (int(word) for word in [*sys.argv[1:], "1000", "10"][:2])
    count = virtuals * destinations
    full, quiet = table(virtuals, destinations, 1), table(virtuals, destinations, 0)
    seen, owned = table(virtuals, destinations, 1), Owned.of(full)
    print(f"{virtuals} virtual services with {destinations} destinations each")
    measured("diff, nothing to do", count, lambda: diff(full, seen, owned))
    measured("diff, every weight to change", count, lambda: diff(quiet, seen, owned))
    if os.environ.get("LVSMON_LAB") != "1":
        print("the kernel's part is left out: it flushes the IPVS table; set LVSMON_LAB=1 where that is wanted")
        return 0
    ipvs = open_ipvs("netlink")
    ipvs.apply([DeleteVirtual(key) for key in ipvs.dump(counters=False)])
    measured("netlink: add all", count + virtuals, lambda: ipvs.apply(list(adds(full))))
    commands = edits(full, 0)
    errors, cpu = measured(f"netlink: quiesce {count}", count, lambda: ipvs.apply(commands))
    assert not any(errors)
    dumped, _ = measured("netlink: dump without counters", count, lambda: ipvs.dump(counters=False))
    assert all(at.settings.weight == 0 for entry in dumped.values() for at in entry.destinations.values())
    measured("netlink: dump with counters", count, ipvs.dump)
    reconciler = Reconciler(ipvs)
    report, _ = measured("reconcile: bring all back", count, lambda: reconciler.reconcile(lambda _: full, owned))
    assert len(report.written) == count
    report, _ = measured("reconcile: nothing to do", count, lambda: reconciler.reconcile(lambda _: full, owned))
    assert report.written == ()
    other = open_ipvs("pyroute2")
    sample = commands[:SAMPLE]
    other.apply(sample[:1])  # opens
    _, slow = measured(f"pyroute2: quiesce {len(sample)}", len(sample), lambda: other.apply(sample))
    print(f"netlink / pyroute2, CPU of one weight: 1/{slow / len(sample) / (cpu / count):.0f}")
    verdict = "within" if cpu < LIMIT else "OVER"
    print(f"{cpu:.2f} s CPU for {count} weights: {verdict} the limit of {LIMIT:g} s")
    ipvs.apply([DeleteVirtual(key) for key in full])
    ipvs.close()
    other.close()
    return 0 if cpu < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
