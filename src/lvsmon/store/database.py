"""What must outlive the process: health and counters of probes, what in the kernel's table is ours, the history."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lvsmon import recorded
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.errors import StateDamaged, StateError, StateUnavailable
from lvsmon.model import Health, Pause, ProbeState, Weight, Wish
from lvsmon.store import wishes
from lvsmon.store.file import StateFile
from lvsmon.store.history import History


class Store:
    """An open state file. Blocking; one thread at a time. Every method may raise `StateError`.

    ``notes`` says what a person should know of the opening: a damaged file was set aside, a record was unreadable. Who
    opens shows them.
    """

    def __init__(self, file: StateFile) -> None:
        self.history = History(file)
        self._file = file
        self._saved: dict[str, ProbeState] = {}
        self._owned = Owned()
        self._pause: Pause | None = None
        self._wishes: tuple[Wish, ...] = ()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the state of ``directory`` for writing, making what is missing; hold the `Lock` while it is open.

        A file that is no database, or a damaged one, is set aside under another name and a fresh one is made: health
        then begins as UNKNOWN, which keeps the kernel's weights. Raise StateError, saying what to do, if the directory
        or the file cannot be used, or if a newer lvsmon wrote it.
        """
        store = cls(StateFile.open(directory))
        try:
            try:
                store._load()
            except StateDamaged:
                store._file.reopen(damaged=True)
                store._load()
        except StateError:
            store.close()
            raise
        return store

    @classmethod
    def open_anyway(cls, directory: Path) -> Self:
        """Open as `open` does; where the disk is full or fails, go on from what can still be read, in memory.

        Then ``is_in_place`` is False, nothing can be saved before `reopen`, and a note says so.
        """
        try:
            return cls.open(directory)
        except StateUnavailable as error:
            store = cls(StateFile.memory(directory))
            with suppress(StateDamaged):
                store._load()
            store.notes.append(f"{error}; what is to be kept waits in memory")
            return store

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Open the state of ``directory`` for a look that changes nothing; where there is none it is empty.

        Raise StateError if it cannot be read.
        """
        store = cls(StateFile.read(directory))
        try:
            store._load()
        except StateError:
            store.close()
            raise
        return store

    @property
    def notes(self) -> list[str]:
        return self._file.notes

    def _load(self) -> None:
        for row in self._file.rows("SELECT id, health, passes, fails, unknowns, since, last, weight FROM probe_state"):
            name, health, passes, fails, unknowns, since, last, asked = row
            try:
                outcome = None if last is None else recorded.decode(last)
                weight = None if asked is None else Weight.parse(asked)
                self._saved[name] = ProbeState(Health(health), passes, fails, unknowns, since, outcome, weight)
            except (ValueError, KeyError, TypeError):
                self.notes.append(
                    f"{self._file.path}: the record of probe {name} is unreadable: its health begins as UNKNOWN"
                )
        try:
            rows = self._file.rows("SELECT virtual, destinations FROM owned")
            self._owned = Owned.from_json({virtual: json.loads(destinations) for virtual, destinations in rows})
        except ValueError as error:
            self.notes.append(
                f"{self._file.path}: what lvsmon put into the kernel is unreadable, so it deletes nothing: {error}"
            )
        for since, until, reason, by in self._file.rows("SELECT since, until, reason, by FROM pause"):
            self._pause = Pause(since=since, until=until, reason=reason, by=by)
        found = []
        for row in self._file.rows(wishes.SELECT):
            try:
                found.append(wishes.of_row(row))
            except ValueError as error:
                self.notes.append(f"{self._file.path}: what is wished for {row[0]} is unreadable and let go: {error}")
        self._wishes = tuple(found)

    def examine(self) -> None:
        """Read the whole file; raise StateDamaged if it is damaged, whether or not that part is used."""
        self._file.examine()

    @property
    def is_in_place(self) -> bool:
        """Whether what is written still goes to the file of that name: somebody may have removed or replaced it."""
        return self._file.is_in_place

    def reopen(self, *, damaged: bool = False) -> None:
        """Begin anew with what is under the file's name now, a ``damaged`` file being set aside.

        What was saved before counts as not saved: the next `save_states` and `save_owned` write everything.
        """
        self._saved, self._owned = {}, Owned()
        self._file.reopen(damaged=damaged)

    def load_states(self) -> dict[str, ProbeState]:
        """Return what is known of each probe, by its id."""
        return dict(self._saved)

    def save_states(self, states: Mapping[str, ProbeState]) -> int:
        """Save the states that differ from the saved ones, in one transaction; return how many.

        They differ where health, counters, weight, or the last verdict and reason do. A probe that goes on as
        before costs no write, so the stored detail and timings may be of an earlier run like the last one.
        """
        changed = {
            name: state
            for name, state in states.items()
            if (saved := self._saved.get(name)) is None or _essence(saved) != _essence(state)
        }
        if not changed:
            return 0
        rows = [_row(name, state) for name, state in changed.items()]
        sql = "INSERT OR REPLACE INTO probe_state VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._file.write(lambda connection: connection.executemany(sql, rows))
        self._saved.update(changed)
        return len(changed)

    def prune(self, known: Collection[str]) -> int:
        """Forget the probes whose ids are not in ``known``; return how many there were."""
        gone = [name for name in self._saved if name not in known]
        if gone:
            rows = [(name,) for name in gone]
            sql = "DELETE FROM probe_state WHERE id = ?"
            self._file.write(lambda connection: connection.executemany(sql, rows))
            for name in gone:
                del self._saved[name]
        return len(gone)

    def load_owned(self) -> Owned:
        """Return what lvsmon put into the kernel's table."""
        return self._owned

    def save_owned(self, owned: Owned) -> None:
        """Replace what lvsmon put into the kernel's table, in one transaction, if it differs from what is saved."""
        if owned == self._owned:
            return
        rows = [(virtual, json.dumps(destinations)) for virtual, destinations in owned.to_json().items()]

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM owned")
            connection.executemany("INSERT INTO owned VALUES (?, ?)", rows)

        self._file.write(replace)
        self._owned = owned

    def load_pause(self) -> Pause | None:
        """Return the pause of the whole monitor, also one whose time is over; None where there is none."""
        return self._pause

    def save_pause(self, pause: Pause | None) -> None:
        """Replace the pause of the whole monitor."""

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM pause")
            if pause is not None:
                row = pause.since, pause.until, pause.reason, pause.by
                connection.execute("INSERT INTO pause VALUES (1, ?, ?, ?, ?)", row)

        self._file.write(replace)
        self._pause = pause

    def load_wishes(self) -> tuple[Wish, ...]:
        """Return what operators wish for, also what is over."""
        return self._wishes

    def save_wishes(self, wished: tuple[Wish, ...]) -> None:
        """Replace what operators wish for, in one transaction."""
        rows = [wishes.row_of(wish) for wish in wished]

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM wish")
            connection.executemany(wishes.INSERT, rows)

        self._file.write(replace)
        self._wishes = wished

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _essence(state: ProbeState) -> tuple[object, ...]:
    last = None if state.last is None else (state.last.verdict, state.last.reason)
    return state.health, state.passes, state.fails, state.since, state.weight, last


def _row(name: str, state: ProbeState) -> tuple[object, ...]:
    last = None if state.last is None else recorded.encode(state.last)
    weight = None if state.weight is None else str(state.weight)
    return name, state.health, state.passes, state.fails, state.unknowns, state.since, last, weight
