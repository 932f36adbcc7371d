"""Runs every probe once, concurrently, within one overall deadline."""

import asyncio
import resource
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Final

from lvsmon.model import Outcome, Phases, Reason, Verdict
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.runner import run
from lvsmon.net.aio import AsyncioEngine
from lvsmon.net.shared import Shared
from lvsmon.probes.base import ProbeSpec

LIMIT: Final = 250
"""Runs at once: more finish no sooner on one processor."""

PER_REALSERVER: Final = 10
"""Runs at once against one address, so that a look is no burst for a small host."""

SLACK: Final = 1.0
"""Seconds that the default deadline leaves for starting and for a busy director."""

TELLING: Final = 20.0
"""Seconds for telling people, after probing: a relay that is well takes one or two."""

_TELLING_SHARE: Final = 3
"""1 of so many parts of a deadline is kept for telling people, where that is less."""

_OWN_DESCRIPTORS: Final = 40
"""Kept free for standard streams, the store, netlink, the event loop and what libraries hold."""


def concurrency() -> int:
    """Return how many probes may run at once: `LIMIT`, or what the limit of open files (ulimit -n) leaves."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return LIMIT if soft == resource.RLIM_INFINITY else max(1, min(LIMIT, soft - _OWN_DESCRIPTORS))


def default_deadline(specs: Collection[ProbeSpec], limit: int) -> float:
    """Return the seconds in which all runs end even if every one of them takes its whole timeout."""
    per_address: Counter[str] = Counter()
    for spec in specs:
        per_address[spec.target.host] += 1
    longest = max((spec.timeout for spec in specs), default=0.0)
    rounds = max((-(-count // PER_REALSERVER) for count in per_address.values()), default=0)
    return longest * (rounds + len(specs) // limit) + SLACK


def kept_for_telling(deadline: float) -> float:
    """Return the seconds of ``deadline`` in which nothing is probed any more, because people are to be told."""
    return min(TELLING, deadline / _TELLING_SHARE)


async def run_all(specs: Collection[ProbeSpec], deadline: float, limit: int) -> dict[str, Outcome]:
    """Run each probe once and return its outcome by id, within ``deadline`` seconds.

    At most ``limit`` run at once, at most `PER_REALSERVER` of them against one address. A probe that the deadline cut
    off or that had no turn is UNKNOWN: our time was short, which says nothing about the realserver.
    """
    everywhere = asyncio.Semaphore(limit)
    per_address: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_REALSERVER))
    engine, shared = AsyncioEngine(), Shared()
    lag = LagMeter()
    outcomes: dict[str, Outcome] = {}

    async def one(spec: ProbeSpec) -> None:
        async with per_address[spec.target.host], everywhere:
            outcomes[spec.id] = await run(
                spec.probe, spec.target, spec.timeout, engine, lag.stalled, shared=shared, interval=deadline
            )

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for spec in specs:
                group.create_task(one(spec))
    except TimeoutError:
        pass  # the probes without an outcome are dealt with below
    finally:
        lag.close()
        shared.doors.close()
    return {spec.id: outcomes.get(spec.id) or _not_run(deadline) for spec in specs}


def _not_run(deadline: float) -> Outcome:
    return Outcome(
        verdict=Verdict.UNKNOWN,
        reason=Reason.STARVED,
        detail=f"not run in time: the whole look had {deadline:g} s (--deadline)",
        phases=Phases(total=0.0),
    )
