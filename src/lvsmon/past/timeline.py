"""From what was written down to who was in which state when. Pure.

Sessions and entries carry two clocks (`lvsmon.model.history`). Within a session only the clock that nobody sets counts,
and its last known pair of readings says where the session lies on the wall clock: a director that began in 1970 and was
set right a minute later is placed right, with all that happened in that minute. Where two sessions then overlap,
because the wall clock was set back between them, the later one has the word from its beginning on. So a timeline has
no gap, no overlap and no negative time, whatever clocks did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from lvsmon.model import Health
from lvsmon.model.history import HEARTBEAT, Entry, Moment, Session


class State(StrEnum):
    """What a destination or a virtual service was at a time; the order is the one in which people are shown them."""

    UP = "up"
    WARN = "warn"
    DOWN = "down"
    PLANNED = "planned"
    """Taken out by an operator or a maintenance window, or down in a window that said so."""
    UNKNOWN = "unknown"
    """lvsmon was there and had not decided."""
    NOT_RUNNING = "not_running"
    """lvsmon was not there: nobody looked."""
    NO_RECORD = "no_record"
    """Not configured then, or of a time of which nothing is kept."""


_OF_HEALTH: Final[Mapping[str, State]] = {
    Health.UP: State.UP,
    Health.WARN: State.WARN,
    Health.DOWN: State.DOWN,
    Health.UNKNOWN: State.UNKNOWN,
    "": State.NO_RECORD,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``start`` to ``end``, in wall-clock seconds, all of it in one state."""

    start: float
    end: float
    state: State

    @property
    def seconds(self) -> float:
        return self.end - self.start


def place(moment: Moment, session: Session) -> float:
    """Return where ``moment`` of ``session`` lies, in wall-clock seconds."""
    return session.seen.at - (session.seen.clock - moment.clock)


def going_on(session: Session, now: float) -> bool:
    """Say whether ``session``, the last one, still goes on: it was not ended, and its last sign of life is not old."""
    return not session.stopped and now - session.seen.at <= 2 * HEARTBEAT


def timeline(
    sessions: Sequence[Session], entries: Iterable[Entry], since: float, until: float, *, now: float
) -> list[Stretch]:
    """Return the stretches of one destination that fill the time from ``since`` to ``until`` without a gap.

    ``sessions`` are all that are known, in their order; ``entries`` are the destination's, of health and of decisions.
    Times are wall-clock seconds; of the time after ``now`` nothing is known.
    """
    of_session: dict[int, list[Entry]] = {}
    for entry in entries:
        of_session.setdefault(entry.session, []).append(entry)
    happened: list[Stretch] = []
    there = False
    for number, session in enumerate(sessions):
        last = number == len(sessions) - 1
        end = max(now, session.seen.at) if last and going_on(session, now) else session.seen.at
        state = State.UNKNOWN if there else State.NO_RECORD
        at = place(session.started, session)
        for entry in sorted(of_session.get(session.number, ()), key=lambda one: one.moment.clock):
            when = min(max(at, place(entry.moment, session)), end)
            happened.append(Stretch(at, when, state))
            at, state = when, _state(entry)
        happened.append(Stretch(at, end, state))
        there = state is not State.NO_RECORD
        following = now if last else place(sessions[number + 1].started, sessions[number + 1])
        happened.append(Stretch(end, following, State.NOT_RUNNING if there else State.NO_RECORD))
    return _filled(_laid(happened), since, until)


def _state(entry: Entry) -> State:
    if entry.planned:
        return State.PLANNED
    return _OF_HEALTH.get(entry.after, State.UNKNOWN)


def combined(timelines: Sequence[Sequence[Stretch]]) -> list[Stretch]:
    """Return the stretches of a virtual service from those of its destinations, which all fill the same time."""
    edges = sorted({edge for one in timelines for stretch in one for edge in (stretch.start, stretch.end)})
    places = [0] * len(timelines)
    made = []
    for start, end in pairwise(edges):
        states = set()
        for number, one in enumerate(timelines):
            while one[places[number]].end <= start:
                places[number] += 1
            states.add(one[places[number]].state)
        made.append(Stretch(start, end, _together(states)))
    return merged(made)


_BEST_FIRST: Final = (
    State.UP,
    State.WARN,
    State.UNKNOWN,
    State.DOWN,
    State.PLANNED,
    State.NOT_RUNNING,
    State.NO_RECORD,
)


def _together(states: set[State]) -> State:
    """A virtual service is up while a destination serves, and down only if nobody knows of one that may serve."""
    return next(state for state in _BEST_FIRST if state in states)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join neighbours of one state; leave out what has no length."""
    made: list[Stretch] = []
    for one in stretches:
        if one.end <= one.start:
            continue
        if made and made[-1].state is one.state and made[-1].end == one.start:
            made[-1] = Stretch(made[-1].start, one.end, one.state)
        else:
            made.append(one)
    return made


def _laid(happened: Iterable[Stretch]) -> list[Stretch]:
    """Put ``happened``, in the order in which it happened, onto the wall clock: where two overlap the later one is."""
    made: list[Stretch] = []
    for one in happened:
        if one.end <= one.start:
            continue
        while made and made[-1].end > one.start:
            covered = made.pop()
            if covered.start < one.start:
                made.append(Stretch(covered.start, one.start, covered.state))
        made.append(one)
    return made


def _filled(laid: Iterable[Stretch], since: float, until: float) -> list[Stretch]:
    """Cut at both ends, and say of every gap that nothing is known."""
    made, at = [], since
    for one in laid:
        start, end = max(one.start, since), min(one.end, until)
        if end <= start:
            continue
        made += [Stretch(at, start, State.NO_RECORD), Stretch(start, end, one.state)]
        at = end
    return merged([*made, Stretch(at, until, State.NO_RECORD)])
