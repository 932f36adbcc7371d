"""The state file: health and counters of every probe, and what in the kernel's table is ours.

SQLite in WAL mode with synchronous=NORMAL: a crash or a kill -9 of lvsmon loses nothing that was saved; a power cut
may lose the last moments but never the file, and then the kernel's table is gone as well: an fsync for each save would
buy nothing.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lvsmon.actions.ipvs.owned import Owned
from lvsmon.errors import StateError
from lvsmon.model import Health, ProbeState, Weight
from lvsmon.store import codec
from lvsmon.store.directory import make_directory
from lvsmon.store.schema import migrate, require_newest, version_of

_NAME: Final = "state.db"
_BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for a reader or a checkpoint: the longest write takes milliseconds."""

_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, then run again",
    sqlite3.SQLITE_READONLY: "it is read-only here: check the permissions of the file and its directory, and the mount",
    sqlite3.SQLITE_PERM: "permission denied: run as root, or set state_directory to a directory of this user's",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: run as root, or set state_directory to a directory of this user's",
    sqlite3.SQLITE_AUTH: "permission denied: run as root, or set state_directory to a directory of this user's",
    sqlite3.SQLITE_IOERR: "input/output error: look at the disk and the kernel's log",
    sqlite3.SQLITE_BUSY: "another program keeps it locked: end that program, then run again",
}
_BROKEN: Final = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Store:
    """An open state file. Blocking; one thread at a time. Every method may raise `StateError`.

    ``notes`` says what a person should know of the opening: a damaged file was set aside, a record was unreadable. Who
    opens shows them.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.notes: list[str] = []
        self._path = path
        self._connection = connection
        self._saved: dict[str, ProbeState] = {}
        self._owned = Owned()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the state of ``directory`` for writing, making what is missing; hold the `Lock` while it is open.

        A file that is no database, or a damaged one, is set aside under another name and a fresh one is made: health
        then begins as UNKNOWN, which keeps the kernel's weights. Raise StateError, saying what to do, if the directory
        or the file cannot be used, or if a newer lvsmon wrote it.
        """
        make_directory(directory)
        path = directory / _NAME
        try:
            return cls._opened(path)
        except sqlite3.DatabaseError as error:
            if _code(error) not in _BROKEN:
                raise _explained(path, error) from error
        aside = _set_aside(path)
        try:
            store = cls._opened(path)
        except sqlite3.DatabaseError as error:
            raise _explained(path, error) from error
        store.notes.insert(0, f"{path} is damaged or no database: set aside as {aside}, counters begin anew")
        return store

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Open the state of ``directory`` for a look that changes nothing; where there is none it is empty.

        Raise StateError if it cannot be read.
        """
        path = directory / _NAME
        try:
            if not path.exists():
                connection = sqlite3.connect(":memory:", isolation_level=None)
                migrate(connection)
                return cls(path, connection)
            uri = f"{path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)
            store = cls(path, connection)
            try:
                require_newest(connection)
                store._load()
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(path, error) from error
        except OSError as error:
            raise StateError(f"cannot read {path}: {error.strerror}") from error
        except StateError as error:
            raise StateError(f"cannot read {path}: {error}") from error
        return store

    @classmethod
    def _opened(cls, path: Path) -> Self:
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            version_of(connection)  # before anything is changed in a file that may not be ours
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            migrate(connection)
            store = cls(path, connection)
            store._load()
        except StateError as error:
            connection.close()
            raise StateError(f"cannot use {path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        return store

    def _load(self) -> None:
        columns = "id, health, passes, fails, unknowns, since, last, weight"
        for row in self._connection.execute(f"SELECT {columns} FROM probe_state"):  # noqa: S608  no input in it
            name, health, passes, fails, unknowns, since, last, asked = row
            try:
                outcome = None if last is None else codec.decode(last)
                weight = None if asked is None else Weight.parse(asked)
                self._saved[name] = ProbeState(Health(health), passes, fails, unknowns, since, outcome, weight)
            except (ValueError, KeyError, TypeError):
                self.notes.append(
                    f"{self._path}: the record of probe {name} is unreadable: its health begins as UNKNOWN"
                )
        try:
            rows = self._connection.execute("SELECT virtual, destinations FROM owned")
            self._owned = Owned.from_json({virtual: json.loads(destinations) for virtual, destinations in rows})
        except ValueError as error:
            self.notes.append(
                f"{self._path}: what lvsmon put into the kernel is unreadable, so it deletes nothing: {error}"
            )

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
        self._write(lambda: self._connection.executemany(sql, rows))
        self._saved.update(changed)
        return len(changed)

    def prune(self, known: Collection[str]) -> int:
        """Forget the probes whose ids are not in ``known``; return how many there were."""
        gone = [name for name in self._saved if name not in known]
        if gone:
            rows = [(name,) for name in gone]
            self._write(lambda: self._connection.executemany("DELETE FROM probe_state WHERE id = ?", rows))
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

        def replace() -> None:
            self._connection.execute("DELETE FROM owned")
            self._connection.executemany("INSERT INTO owned VALUES (?, ?)", rows)

        self._write(replace)
        self._owned = owned

    def _write(self, work: Callable[[], object]) -> None:
        """Do ``work`` in one transaction."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                work()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled back already
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(self._path, error) from error

    def close(self) -> None:
        self._connection.close()

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
    last = None if state.last is None else codec.encode(state.last)
    weight = None if state.weight is None else str(state.weight)
    return name, state.health, state.passes, state.fails, state.unknowns, state.since, last, weight


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code: extended ones carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _explained(path: Path, error: sqlite3.Error) -> StateError:
    return StateError(f"cannot use {path}: {_ADVICE.get(_code(error)) or error}")


def _set_aside(path: Path) -> Path:
    """Rename the file and what SQLite keeps beside it; return the new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StateError(f"cannot set the damaged {path} aside: {error.strerror}") from error
    return aside
