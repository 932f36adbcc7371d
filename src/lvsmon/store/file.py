"""The state file as such: opened, written in transactions, set aside when it is damaged, opened anew.

SQLite in WAL mode with synchronous=NORMAL: a crash or a kill -9 of lvsmon loses nothing that was saved; a power cut
may lose the last moments but never the file, and then the kernel's table is gone as well: an fsync for each save would
buy nothing.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Self

from lvsmon.errors import StateDamaged, StateError, StateUnavailable
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
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_COMPANIONS: Final = ("-wal", "-shm")
_MOST_ASIDE: Final = 8
"""Damaged files that are kept: a disk that damages every file shall not be filled with them; the newest is kept too."""


class StateFile:
    """An open state file. Blocking; one thread at a time. Every method may raise `StateError`.

    ``notes`` says what a person should know of the opening.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, notes: Iterable[str] = ()) -> None:
        self.path = path
        self.notes = list(notes)
        self._connection = connection
        self._identity = _identity(path)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the file in ``directory`` for writing, making what is missing.

        A file that is no database, or a damaged one, is set aside under another name and a fresh one is made. Raise
        StateError, saying what to do, if the directory or the file cannot be used, or if a newer lvsmon wrote it.
        """
        make_directory(directory)
        path = directory / _NAME
        return cls(path, *_opened_or_replaced(path))

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Open the file in ``directory`` for a look that changes nothing; where there is none it is empty."""
        path = directory / _NAME
        try:
            if not path.exists():
                connection = sqlite3.connect(":memory:", isolation_level=None)
                migrate(connection)
                return cls(path, connection)
            uri = f"{path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)
            try:
                require_newest(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(path, error) from error
        except OSError as error:
            raise StateError(f"cannot read {path}: {error.strerror}") from error
        except StateError as error:
            raise StateError(f"cannot read {path}: {error}") from error
        return cls(path, connection)

    @classmethod
    def memory(cls, directory: Path) -> Self:
        """Return what can be read of the file in ``directory`` without writing anything, an empty one if nothing can.

        It is not in place: who wants to write has to `reopen` it first.
        """
        path = directory / _NAME
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)
            try:
                require_newest(connection)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.DatabaseError, StateError):
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            migrate(connection)
        made = cls(path, connection)
        made._identity = None
        return made

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Return what ``sql`` selects."""
        try:
            return self._connection.execute(sql, tuple(values)).fetchall()
        except sqlite3.DatabaseError as error:
            raise _explained(self.path, error) from error

    def write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do ``work`` in one transaction: all of it or nothing."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled back already
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(self.path, error) from error

    def examine(self) -> None:
        """Read the whole file, which SQLite otherwise seldom does; raise StateDamaged if it is damaged."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT)) as fresh:
                found = fresh.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise _explained(self.path, error) from error
        if found != "ok":
            raise StateDamaged(f"{self.path} is damaged: {found}")

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is written still has its name: somebody may have removed or replaced it."""
        return self._identity is not None and _identity(self.path) == self._identity

    def reopen(self, *, damaged: bool = False) -> None:
        """Close the file and open what is under its name now, which is set aside if it is ``damaged``."""
        self.close()
        make_directory(self.path.parent)
        self._connection, notes = _opened_or_replaced(self.path, damaged=damaged)
        self._identity = _identity(self.path)
        self.notes += notes

    def close(self) -> None:
        with suppress(sqlite3.Error):  # of a file that is given up anyway
            self._connection.close()


def _opened_or_replaced(path: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, list[str]]:
    """Return the open file; if it is damaged, a fresh one, and the note of where the damaged one is."""
    try:
        if not damaged:
            return _opened(path), []
    except sqlite3.DatabaseError as error:
        if _code(error) not in _BROKEN:
            raise _explained(path, error) from error
    aside = _set_aside(path)
    try:
        return _opened(path), [f"{path} is damaged or no database: set aside as {aside}, counters begin anew"]
    except sqlite3.DatabaseError as error:
        raise _explained(path, error) from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        version_of(connection)  # before anything is changed in a file that may not be ours
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection)
    except StateError as error:
        connection.close()
        raise StateError(f"cannot use {path}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code: extended ones carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _explained(path: Path, error: sqlite3.Error) -> StateError:
    if _code(error) in _BROKEN:
        return StateDamaged(f"cannot use {path}: it is damaged: {error}")
    kind = StateUnavailable if _code(error) in _PASSING else StateError
    return kind(f"cannot use {path}: {_ADVICE.get(_code(error)) or error}")


def _set_aside(path: Path) -> Path:
    """Rename the file and what SQLite keeps beside it; return the new name."""
    earlier = sum(1 for one in path.parent.glob(f"{path.name}.damaged-*") if not one.name.endswith(_COMPANIONS))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) if earlier < _MOST_ASIDE else "latest"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        path.rename(aside)
        for suffix in _COMPANIONS:
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StateError(f"cannot set the damaged {path} aside: {error.strerror}") from error
    return aside
