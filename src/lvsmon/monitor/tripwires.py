"""Tripwires: idle connections whose end makes a probe run at once. They never decide anything.

One is held for each probe that asks for it, while that probe is UP or WARN. When it ends, the probe runs; it is
opened anew after a pause that doubles while ends come soon. A realserver that ends idle connections after a time of
its own teaches that time: from then on the connection is renewed before.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lvsmon.logs import event
from lvsmon.model import Health, ProbeState
from lvsmon.net.holding import End, Held
from lvsmon.net.reactor import Reactor
from lvsmon.net.runs import Run
from lvsmon.probes.base import ProbeSpec

Hold: TypeAlias = Callable[[ProbeSpec, float | None], Coroutine[Any, Any, Held]]

FIRST_PAUSE: Final = 1.0
"""Seconds before a tripwire that ended is opened anew."""

LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries where every one comes to nothing: twelve connections an hour trouble nobody."""

SOON: Final = 5.0
"""Seconds: what ends sooner is no idle timeout worth learning, but a realserver that will not have it."""

RENEWED_AT: Final = 0.8
"""Share of the learnt time at which a connection is renewed."""

FORGOTTEN_AFTER: Final = 10
"""Renewals in a row after which the learnt time is doubled: it may have been a restart that taught it."""

JITTER: Final = 0.2
"""Share of a pause or of a life: connections that ended together are not opened together."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Manners:
    """How one tripwire is kept politely. Pure."""

    life: float | None = None
    """Seconds after which it is renewed; None while nobody has ended it for being idle."""
    _before: float | None = None
    _soon: int = 0
    _renewed: int = 0

    def ended(self, held: Held) -> float:
        """Take how the connection ended; return the seconds until it is opened anew, without jitter."""
        if held.end is End.OVER:
            self._soon, self._renewed = 0, self._renewed + 1
            if self._renewed >= FORGOTTEN_AFTER and self.life is not None:
                self.life, self._renewed = 2 * self.life, 0
            return 0.0
        self._renewed = 0
        if held.end is End.PEER and held.lasted >= SOON:
            self._soon, self._before, self.life = 0, self.life, RENEWED_AT * held.lasted
            return FIRST_PAUSE
        self._soon += 1
        return min(FIRST_PAUSE * 2.0 ** min(self._soon, 20), LONGEST_PAUSE)

    def fell(self) -> None:
        """Unlearn what the last end taught: the realserver fell, so it was no idle timeout."""
        self.life = self._before


class Tripwires:
    """Holds the tripwires of the plan, at most ``limit`` of them; calls ``tripped`` with the probe of one that ends.

    ``counts`` are ends of connections since the start, by kind; ``reopened`` how many were opened anew after one.
    """

    def __init__(self, reactor: Reactor, hold: Hold, tripped: Callable[[str], None], *, limit: int) -> None:
        self._reactor = reactor
        self._hold = hold
        self._tripped = tripped
        self._limit = limit
        self._manners: dict[str, Manners] = {}
        self._running: dict[str, Run[None]] = {}
        self._random = random.Random()  # noqa: S311  spreads load, guards nothing
        self.counts = Counter[End]()
        self.reopened = 0

    def update(self, probes: Mapping[str, ProbeSpec]) -> int:
        """Take ``probes`` as the whole plan; return how many connections it may come to."""
        wanted = {probe for probe, spec in probes.items() if spec.tripwire}
        for gone in self._manners.keys() - wanted:
            del self._manners[gone]
            self._let_go(gone)
        self._manners = {probe: self._manners.get(probe) or Manners() for probe in wanted}
        if len(wanted) > self._limit:
            event(
                _log, logging.WARNING, "tripwires",
                wanted=len(wanted), held=self._limit, why="half of the descriptors are for probes",
            )  # fmt: skip
        return min(len(wanted), self._limit)

    def outcome(self, spec: ProbeSpec, state: ProbeState) -> None:
        """Hear what an outcome has made of the probe: a tripwire is held while it serves."""
        if not spec.tripwire:
            return
        manners = self._manners.get(spec.id)
        if manners is None:
            return
        if not state.health.serves:
            if state.health is Health.DOWN and self._let_go(spec.id):
                manners.fell()
        elif spec.id not in self._running and len(self._running) < self._limit:
            self._running[spec.id] = self._reactor.start(self._keep(spec, manners))

    @property
    def held(self) -> int:
        """How many are held, or about to be opened anew."""
        return len(self._running)

    def stop(self) -> None:
        """Close them all."""
        self.update({})

    def _let_go(self, probe: str) -> bool:
        run = self._running.pop(probe, None)
        if run is None:
            return False
        run.cancel()
        return True

    async def _keep(self, spec: ProbeSpec, manners: Manners) -> None:
        while True:
            held = await self._hold(spec, None if manners.life is None else self._jittered(manners.life))
            self.counts[held.end] += 1
            if held.end is End.PEER:
                event(_log, logging.DEBUG, "tripwire", probe=spec.id, lasted=held.lasted)
                self._tripped(spec.id)
            await self._reactor.pause(self._jittered(manners.ended(held)))
            self.reopened += 1

    def _jittered(self, seconds: float) -> float:
        return seconds * (1.0 - JITTER * self._random.random())
