"""Runs every probe once, concurrently, within one overall deadline."""

import resource
from collections import Counter, defaultdict, deque
from collections.abc import Collection
from functools import partial
from typing import Final

from lvsmon.model import Outcome, Phases, Reason, Verdict
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.runner import run
from lvsmon.net.reactor import Reactor
from lvsmon.net.runs import Run
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


def run_all(specs: Collection[ProbeSpec], deadline: float, limit: int) -> dict[str, Outcome]:
    """Run each probe once and return its outcome by id, within ``deadline`` seconds.

    At most ``limit`` run at once, at most `PER_REALSERVER` of them against one address. A probe that the deadline cut
    off or that had no turn is UNKNOWN: our time was short, which says nothing about the realserver.
    """
    with Reactor() as reactor:
        outcomes = _Round(reactor, specs, deadline, limit).run()
    return {spec.id: outcomes.get(spec.id) or _not_run(deadline) for spec in specs}


class _Round:
    """Runs that wait for a place, first come first served; who waits for an address is in nobody else's way."""

    def __init__(self, reactor: Reactor, specs: Collection[ProbeSpec], deadline: float, limit: int) -> None:
        self._reactor = reactor
        self._waiting = deque(specs)
        self._deadline = deadline
        self._limit = limit
        self._held: defaultdict[str, deque[ProbeSpec]] = defaultdict(deque)  # by the address that they wait for
        self._busy = Counter[str]()
        self._shared = Shared()
        self._lag = LagMeter(reactor)
        self._outcomes: dict[str, Outcome] = {}

    def run(self) -> dict[str, Outcome]:
        end = self._reactor.time() + self._deadline
        self._reactor.call_at(end, lambda: None)  # so that it is noticed
        self._fill()
        try:
            self._reactor.turn_until(lambda: not self._reactor.runs or self._reactor.time() >= end)
        finally:
            self._shared.doors.close()
        return self._outcomes

    def _fill(self) -> None:
        """Start those whose turn it is, as far as there are places."""
        while self._waiting and len(self._reactor.runs) < self._limit:
            spec = self._waiting.popleft()
            if self._busy[spec.target.host] >= PER_REALSERVER:
                self._held[spec.target.host].append(spec)
            else:
                self._start(spec)

    def _start(self, spec: ProbeSpec) -> None:
        self._busy[spec.target.host] += 1
        work = run(
            spec.probe, spec.target, spec.timeout, self._reactor, self._lag.stalled,
            shared=self._shared, interval=self._deadline,
        )  # fmt: skip
        self._reactor.start(work, partial(self._ended, spec))

    def _ended(self, spec: ProbeSpec, ended: Run[Outcome]) -> None:
        self._busy[spec.target.host] -= 1
        if ended.result is not None:
            self._outcomes[spec.id] = ended.result
        if held := self._held[spec.target.host]:
            self._waiting.appendleft(held.popleft())
        if not ended.cancelled:
            self._fill()
        if ended.error is not None:
            raise ended.error


def _not_run(deadline: float) -> Outcome:
    return Outcome(
        verdict=Verdict.UNKNOWN,
        reason=Reason.STARVED,
        detail=f"not run in time: the whole look had {deadline:g} s (--deadline)",
        phases=Phases(total=0.0),
    )
