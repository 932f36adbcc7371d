"""What whoever decides hears of whoever probes, and may ask: the whole interface between the two."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lvsmon.model import ProbeState, Transition
from lvsmon.monitor.stretches import Stretch
from lvsmon.monitor.transcript import Transcript
from lvsmon.monitor.vitals import ProbingVitals
from lvsmon.monitor.waiting import Ran
from lvsmon.probes.part import Part


@dataclass(frozen=True, slots=True)
class News:
    """How a probe is now.

    ``transition`` is there where it has just changed its health; with one to DOWN there is the ``dialogue`` of the run
    that made it so, secrets masked.
    """

    probe: str
    state: ProbeState
    transition: Transition | None = None
    dialogue: Transcript = ()


@dataclass(frozen=True, slots=True)
class Look:
    """One probe at the moment of asking: its state, and its last outcomes, the oldest first."""

    state: ProbeState
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Processes:
    """Who probes, beside the daemon: a document of each worker, and in sentences what could not be taken from them."""

    workers: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = ()


class Hear(Protocol):
    """Takes news, whenever there are any; must not wait.

    Health, a weight that is asked for and whatever of a watched probe are told at once; counters and the last verdict
    within `prober.BEAT`; everything else, such as details and timings, within `prober.REFRESH`.
    """

    def __call__(self, news: Iterable[News], /) -> None: ...


class Probing(Protocol):
    """Whoever probes."""

    def update(self, part: Part) -> None:
        """Go on with ``part``: probes whose definition is the same keep their counters and their times."""
        ...

    def watch(self, probes: Collection[str]) -> None:
        """Tell every outcome of ``probes`` from now on, and of no others; of new ones also how they are now."""
        ...

    async def run_now(self, probe: str) -> Ran | None:
        """Run ``probe`` besides its times: an ordinary run that counts, with its dialogue. None if it is no more."""
        ...

    async def look(self, probes: Iterable[str]) -> Mapping[str, Look]:
        """Return how ``probes`` are now; those that are no more, or cannot be asked, are left out."""
        ...

    def processes(self) -> "Processes":
        """Return what probes, for people."""
        ...

    def vitals(self) -> ProbingVitals:
        """Return how whoever probes is doing: of this moment, or as it has told last."""
        ...

    async def stop(self) -> None:
        """End all runs; their outcomes are not told."""
        ...
