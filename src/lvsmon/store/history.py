"""What happened, as rows: entries, the sessions of lvsmon they belong to, and which destinations are configured."""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from lvsmon.errors import clip
from lvsmon.model import Health
from lvsmon.model.history import (
    CAME,
    MAX_WHAT,
    OF_DESTINATIONS,
    WENT,
    Configured,
    Entry,
    EntryKind,
    Moment,
    Place,
    Session,
)
from lvsmon.store.file import StateFile

_COLUMNS: Final = (
    "session, at, clock, kind, virtuals, realservers, destination, probe,"
    " before, after, weight_before, weight_after, rule, what, planned"
)
_MOST_NAMES: Final = 50
"""Names in one entry: a probe that more virtual services share is found by the first of them."""

_BEYOND: Final = "SELECT number FROM history WHERE kind = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
_PLACED: Final = "clock + (SELECT seen_at - seen_clock FROM session WHERE session.number = history.session)"
_PRUNE: Final = f"DELETE FROM history WHERE kind = ?1 AND (number <= ?3 OR {_PLACED} < ?2)"  # noqa: S608  no input in it
_STILL_HOLDS: Final = (
    " AND (after = '' OR number NOT IN"
    " (SELECT max(number) FROM history WHERE kind IN ('health', 'decision') GROUP BY virtuals, destination))"
)
_PRUNE_SESSIONS: Final = (
    "DELETE FROM session WHERE seen_at < ? AND number < (SELECT max(number) FROM session)"
    " AND number NOT IN (SELECT session FROM history)"
)


class History:
    """The history in an open state file. Blocking; every method may raise `StateError`."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    def next_session(self) -> int:
        """Return the number for a session that begins now."""
        return int(self._file.rows("SELECT coalesce(max(number), 0) + 1 FROM session")[0][0])

    def add(self, session: Session, told: Iterable[Entry | Configured]) -> None:
        """Write the session as it stands and what happened in it, in one transaction.

        Who came into the configuration and who left it is found by comparing with what is known.
        """

        def work(connection: sqlite3.Connection) -> None:
            values = (session.number, session.version, *session.started, *session.seen, session.stopped)
            connection.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            rows = [
                _row(session.number, entry)
                for one in told
                for entry in (_moves(connection, one) if isinstance(one, Configured) else (one,))
            ]
            marks = ", ".join("?" * (_COLUMNS.count(",") + 1))
            connection.executemany(f"INSERT INTO history ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608

        self._file.write(work)

    def sessions(self) -> list[Session]:
        """Return every session that is known, the first one first."""
        columns = "number, version, started_at, started_clock, seen_at, seen_clock, stopped"
        return [
            Session(number=n, version=v, started=Moment(sa, sc), seen=Moment(ea, ec), stopped=bool(stopped))
            for n, v, sa, sc, ea, ec, stopped in self._file.rows(f"SELECT {columns} FROM session ORDER BY number")  # noqa: S608
        ]

    def places(self) -> set[Place]:
        """Return the destinations that are configured, or were when lvsmon last ran."""
        return {Place(*row) for row in self._file.rows("SELECT virtual, destination, realserver FROM place")}

    def entries(self, kinds: Iterable[EntryKind] = EntryKind, *, since: float = 0.0) -> list[Entry]:
        """Return the entries of ``kinds`` in the order in which they happened.

        Those of before ``since`` are left out, in wall-clock seconds as the clock was set in the end.
        """
        wanted = list(kinds)
        marks = ", ".join("?" * len(wanted))
        sql = f"SELECT {_COLUMNS} FROM history WHERE kind IN ({marks}) AND {_PLACED} >= ? ORDER BY number"  # noqa: S608
        return [_entry(row) for row in self._file.rows(sql, [*wanted, since])]

    def latest(self, most: int) -> list[Entry]:
        """Return the last ``most`` entries in the order in which they happened."""
        sql = f"SELECT {_COLUMNS} FROM history ORDER BY number DESC LIMIT ?"  # noqa: S608  no input in it
        return [_entry(row) for row in reversed(self._file.rows(sql, [most]))]

    def prune(self, before: float, rows: int) -> int:
        """Forget what is older than the wall-clock time ``before``, and of each kind all but ``rows``; return how many.

        The last thing that is known of a destination is kept however old it is: it still holds. How old a row is, is
        told by the clock of its session as it was last read: a director that begins each boot in 1970 loses nothing.
        """
        gone = 0

        def work(connection: sqlite3.Connection) -> None:
            nonlocal gone
            for kind in EntryKind:
                beyond = connection.execute(_BEYOND, (kind, rows)).fetchone()
                gone += connection.execute(
                    _PRUNE + (_STILL_HOLDS if kind in OF_DESTINATIONS else ""),
                    (kind, before, 0 if beyond is None else beyond[0]),
                ).rowcount
            connection.execute(_PRUNE_SESSIONS, (before,))

        self._file.write(work)
        return gone


def _moves(connection: sqlite3.Connection, configured: Configured) -> list[Entry]:
    """Bring the table of places up to date; return who came and who went. A new name alone is neither."""
    known = {Place(*row) for row in connection.execute("SELECT virtual, destination, realserver FROM place")}
    went, came = sorted(known - configured.places), sorted(configured.places - known)
    connection.executemany("DELETE FROM place WHERE virtual = ? AND destination = ?", [place[:2] for place in went])
    connection.executemany("INSERT INTO place VALUES (?, ?, ?)", came)
    left, new = {place[:2] for place in went}, {place[:2] for place in came}
    return [
        *(_move(place, configured.moment, WENT) for place in went if place[:2] not in new),
        *(_move(place, configured.moment, CAME) for place in came if place[:2] not in left),
    ]


def _move(place: Place, moment: Moment, rule: str) -> Entry:
    return Entry(
        moment=moment,
        kind=EntryKind.HEALTH,
        virtuals=(place.virtual,),
        realservers=(place.realserver,),
        destination=place.destination,
        after=Health.UNKNOWN if rule == CAME else "",
        rule=rule,
    )


def _row(session: int, entry: Entry) -> tuple[Any, ...]:
    return (
        session,
        *entry.moment,
        entry.kind,
        " ".join(entry.virtuals[:_MOST_NAMES]),  # names have no spaces: lvsmon.config.values
        " ".join(entry.realservers[:_MOST_NAMES]),
        entry.destination,
        entry.probe,
        entry.before,
        entry.after,
        entry.weight_before,
        entry.weight_after,
        entry.rule,
        clip(entry.what, MAX_WHAT).encode("utf-8", "backslashreplace").decode(),
        entry.planned,
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    session, at, clock, kind, virtuals, realservers, destination, probe, *told = row
    before, after, was, weight, rule, what, planned = told
    return Entry(
        moment=Moment(at, clock),
        kind=EntryKind(kind),
        virtuals=tuple(virtuals.split()),
        realservers=tuple(realservers.split()),
        destination=destination,
        probe=probe,
        before=before,
        after=after,
        weight_before=was,
        weight_after=weight,
        rule=rule,
        what=what,
        planned=bool(planned),
        session=session,
    )
