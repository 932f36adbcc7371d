"""What happened in a time, in its order: entries, and between them what lvsmon itself did."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model.history import Entry, Session
from lvsmon.past.timeline import going_on, place


class Own(StrEnum):
    """What lvsmon itself did."""

    STARTED = "started"
    STOPPED = "stopped"
    GONE = "gone"
    """It was there, and then not: killed, or the power was cut. The time is that of the last sign of life."""


@dataclass(frozen=True, slots=True)
class Event:
    """``at`` is when, in wall-clock seconds as the clock was set in the end; ``recorded`` is what it said then."""

    at: float
    recorded: float
    what: Entry | Own
    version: str = ""


def events(
    sessions: Sequence[Session], entries: Sequence[Entry], since: float, until: float, *, now: float, own: bool = True
) -> list[Event]:
    """Return what happened from ``since`` to ``until``, the first first; with ``own`` what lvsmon itself did too."""
    of_session: dict[int, list[Entry]] = {}
    for entry in entries:
        of_session.setdefault(entry.session, []).append(entry)
    found = []
    for number, session in enumerate(sessions):
        mine = [
            Event(place(entry.moment, session), entry.moment.at, entry) for entry in of_session.get(session.number, ())
        ]
        if own:
            mine = [
                Event(place(session.started, session), session.started.at, Own.STARTED, session.version),
                *mine,
                *([] if number == len(sessions) - 1 and going_on(session, now) else [_end(session)]),
            ]
        found += [event for event in mine if since <= event.at < until]
    return found


def _end(session: Session) -> Event:
    return Event(session.seen.at, session.seen.at, Own.STOPPED if session.stopped else Own.GONE, session.version)


def concerns(entry: Entry, names: Collection[str]) -> bool:
    """Say whether ``entry`` is about one of ``names``; no names are all.

    They are of virtual services and realservers, or VIRTUAL/REALSERVER.
    """
    return not names or any(
        name in (*entry.virtuals, *entry.realservers) or (virtual in entry.virtuals and realserver in entry.realservers)
        for name in names
        for virtual, _, realserver in [name.partition("/")]
    )


def known_names(entries: Sequence[Entry]) -> set[str]:
    """Return the names of virtual services and realservers, and of those of one in the other."""
    found = {name for entry in entries for name in (*entry.virtuals, *entry.realservers)}
    return found | {f"{virtual}/{realserver}" for virtual, realserver in _pairs(entries)}


def _pairs(entries: Sequence[Entry]) -> set[tuple[str, str]]:
    return {
        (virtual, realserver) for entry in entries for virtual in entry.virtuals for realserver in entry.realservers
    }
