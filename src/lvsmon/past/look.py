"""Reads the store for a look back, beside a daemon that writes it; times and names as a person gave them."""

from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from lvsmon.errors import LvsmonError
from lvsmon.model.history import OF_DESTINATIONS, Entry, EntryKind, Session
from lvsmon.past.availability import VirtualFigures, availability
from lvsmon.past.events import Event, concerns, events, known_names
from lvsmon.store import Store

Answer = TypeVar("Answer")


class NothingKnown(LvsmonError):
    """Nothing is recorded of a name; the text suggests one."""


def look_at_events(
    directory: Path, since: float, until: float, *, now: float, names: Collection[str], kinds: Collection[EntryKind]
) -> list[Event]:
    """Return what happened from ``since`` to ``until`` with ``names``; raise NothingKnown or StateError.

    Without ``kinds`` lvsmon's own starts and ends are told too.
    """

    def read(sessions: list[Session], store: Store) -> list[Event]:
        entries = store.history.entries(kinds or EntryKind, since=since)
        _demand(names, entries, store)
        mine = [entry for entry in entries if concerns(entry, names)]
        return events(sessions, mine, since, until, now=now, own=not kinds)

    return _reading(directory, read)


def look_at_availability(
    directory: Path, since: float, until: float, *, now: float, names: Collection[str]
) -> list[VirtualFigures]:
    """Return the figures of what ``names`` select from ``since`` to ``until``; raise NothingKnown or StateError."""

    def read(sessions: list[Session], store: Store) -> list[VirtualFigures]:
        entries = store.history.entries(OF_DESTINATIONS)
        _demand(names, entries, store)
        return availability(sessions, entries, since, until, now=now, names=names)

    return _reading(directory, read)


def _reading(directory: Path, read: Callable[[list[Session], Store], Answer]) -> Answer:
    with Store.read(directory) as store:
        return read(store.history.sessions(), store)


def _demand(names: Collection[str], entries: Sequence[Entry], store: Store) -> None:
    """Raise NothingKnown for a name that is neither configured nor anywhere in ``entries``."""
    if not names:
        return
    known = known_names(entries) | {
        name
        for place in store.history.places()
        for name in (place.virtual, place.realserver, f"{place.virtual}/{place.realserver}")
    }
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(known)[:20]) or 'none'}"
            raise NothingKnown(f"nothing is recorded of {name}: {advice}")
