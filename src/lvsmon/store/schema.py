"""The schema of the state file, as the steps that lead to it."""

import sqlite3
from typing import Final

from lvsmon.errors import StateError

APPLICATION_ID: Final = 0x4C56534D
"""SQLite's mark of whose file it is: "LVSM"."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE probe_state (
            id TEXT PRIMARY KEY,
            health TEXT NOT NULL,
            passes INTEGER NOT NULL,
            fails INTEGER NOT NULL,
            unknowns INTEGER NOT NULL,
            since REAL NOT NULL,
            last TEXT
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE owned (virtual TEXT PRIMARY KEY, destinations TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    ("ALTER TABLE probe_state ADD COLUMN weight TEXT",),
    (
        """CREATE TABLE session (
            number INTEGER PRIMARY KEY,
            version TEXT NOT NULL,
            started_at REAL NOT NULL,
            started_clock REAL NOT NULL,
            seen_at REAL NOT NULL,
            seen_clock REAL NOT NULL,
            stopped INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE history (
            number INTEGER PRIMARY KEY,
            session INTEGER NOT NULL,
            at REAL NOT NULL,
            clock REAL NOT NULL,
            kind TEXT NOT NULL,
            virtuals TEXT NOT NULL,
            realservers TEXT NOT NULL,
            destination TEXT NOT NULL,
            probe TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            weight_before INTEGER,
            weight_after INTEGER,
            rule TEXT NOT NULL,
            what TEXT NOT NULL,
            planned INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX history_by_kind ON history (kind, at)",
        """CREATE TABLE place (
            virtual TEXT NOT NULL,
            destination TEXT NOT NULL,
            realserver TEXT NOT NULL,
            PRIMARY KEY (virtual, destination)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE pause (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            since REAL NOT NULL,
            until REAL,
            reason TEXT NOT NULL,
            by TEXT NOT NULL
        ) STRICT""",
    ),
    (
        """CREATE TABLE wish (
            number INTEGER PRIMARY KEY,
            realserver TEXT NOT NULL,
            virtual TEXT,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            weight INTEGER,
            comment TEXT NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL,
            remove INTEGER NOT NULL,
            deadline REAL
        ) STRICT""",
    ),
    (
        """CREATE TABLE alerting (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            record TEXT NOT NULL,
            PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE outbox (
            number INTEGER PRIMARY KEY,
            channel TEXT NOT NULL,
            put_at REAL NOT NULL,
            until REAL NOT NULL,
            alert TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE acknowledgement (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            incident TEXT NOT NULL,
            record TEXT NOT NULL
        ) STRICT""",
    ),
    (
        "ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN asked REAL NOT NULL DEFAULT 0",
    ),
)
"""Step n leads from version n to n + 1. Steps are only ever added: a released one is never changed."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open file: 0 for a fresh one.

    Raise StateError if the file belongs to another program or to a newer lvsmon, sqlite3.DatabaseError if it is no
    database.
    """
    version = _pragma(connection, "user_version")
    owner = _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or tables):
        raise StateError("it is a database of another program: set state_directory to a directory of lvsmon's own")
    if version > len(MIGRATIONS):
        raise StateError(
            f"it was written by a newer lvsmon (schema {version}, this one knows {len(MIGRATIONS)}): "
            "install that version again, or move the file away to begin without stored counters"
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an open file to the newest schema, in one transaction: after a crash it has the old one or the new one."""
    if version_of(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version_of(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # an interrupt may come between the COMMIT and the next line
            connection.execute("ROLLBACK")
        raise


def require_newest(connection: sqlite3.Connection) -> None:
    """Raise StateError if an open file is not of the newest schema."""
    if version_of(connection) < len(MIGRATIONS):
        raise StateError("it is of an older schema, which the next run that writes brings up to date")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value = connection.execute(f"PRAGMA {name}").fetchone()[0]
    assert isinstance(value, int)  # noqa: S101  SQLite keeps both as numbers
    return value
