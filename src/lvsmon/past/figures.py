"""How much of a time something was up, and how often and how long it was not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lvsmon.past.timeline import State, Stretch


@dataclass(frozen=True, slots=True)
class Incident:
    """From the first moment DOWN to the next one up; ``end`` is None if it had not ended when the time was over.

    ``down`` are the seconds known to be DOWN: while nobody looked, or nothing was decided, an incident goes on without
    growing.
    """

    start: float
    end: float | None
    down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a timeline comes to; all in seconds. ``seconds`` has every state, and their sum is the whole time."""

    since: float
    until: float
    seconds: Mapping[State, float]
    incidents: tuple[Incident, ...]

    @property
    def up(self) -> float:
        return self.seconds[State.UP] + self.seconds[State.WARN]

    @property
    def available(self) -> float | None:
        """The share of up in the time that is known to be up or down; None if none is."""
        down = self.seconds[State.DOWN]
        return self.up / (self.up + down) if self.up + down > 0 else None

    @property
    def shares(self) -> Mapping[State, float]:
        """The share of each state in the whole time."""
        whole = self.until - self.since
        return {state: seconds / whole for state, seconds in self.seconds.items()}

    @property
    def longest(self) -> float | None:
        return max((incident.down for incident in self.incidents), default=None)

    @property
    def mean_repair(self) -> float | None:
        """Mean time to repair: of the incidents that have ended."""
        ended = [incident.down for incident in self.incidents if incident.end is not None]
        return sum(ended) / len(ended) if ended else None


def figures(stretches: Sequence[Stretch]) -> Figures:
    """Return the figures of a timeline, which must not be empty."""
    seconds = dict.fromkeys(State, 0.0)
    incidents: list[Incident] = []
    for one in stretches:
        seconds[one.state] += one.seconds
        going = bool(incidents) and incidents[-1].end is None
        if one.state is State.DOWN:
            last = incidents.pop() if going else Incident(one.start, None, 0.0)
            incidents.append(Incident(last.start, None, last.down + one.seconds))
        elif going and one.state in (State.UP, State.WARN):
            last = incidents.pop()
            incidents.append(Incident(last.start, one.start, last.down))
    return Figures(since=stretches[0].start, until=stretches[-1].end, seconds=seconds, incidents=tuple(incidents))
