"""The state of things at one moment, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.config.plan import Plan
from lvsmon.model import Destination, Health, Pause, ProbeState, Table, VirtualKey, VirtualService, Wish
from lvsmon.monitor.drifts import Mended
from lvsmon.pool import Decided


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The plan, the health of its probes, the table as last seen, and what
    was last decided from these. ``last`` is what the last reconcile did, or why IPVS could not be reached.
    """

    plan: Plan
    states: Mapping[str, ProbeState]
    observed: Table
    decided: Decided
    wishes: tuple[Wish, ...] = ()
    pause: Pause | None = None
    last: Report | str = ""
    trouble: tuple[str, ...] = ()
    """What is wrong with the table itself: IPVS cannot be reached, or refuses, or holds what is not ours."""
    mended: Mapping[VirtualKey, Mended] = field(default_factory=dict)
    """What others changed lately, and was put right."""

    def health_of(self, virtual: VirtualService, destination: Destination) -> Health:
        """Return the health that was decided on; UNKNOWN while nothing is decided yet."""
        choice = self.decided.choices.get((virtual.key, destination.key))
        return Health.UNKNOWN if choice is None else choice.health
