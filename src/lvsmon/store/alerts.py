"""What alerting remembers, in the state file: incidents, threads, accounts of routes, and the outbox.

A step of the engine and the alerts that it makes are written in one transaction, before any of them is tried: whatever
kills the process, an alert was either not yet decided on, or it is in the outbox.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from lvsmon.alerts.alert import Alert
from lvsmon.alerts.engine import State
from lvsmon.alerts.failing import Failing
from lvsmon.alerts.holding import Account
from lvsmon.alerts.incidents import Acknowledgement, Incident
from lvsmon.alerts.outbox import Entry
from lvsmon.alerts.threads import Thread
from lvsmon.store.file import StateFile

_INCIDENT: Final = TypeAdapter(Incident)
_THREAD: Final = TypeAdapter(Thread)
_ACCOUNT: Final = TypeAdapter(Account)
_FAILING: Final = TypeAdapter(Failing)
_ALERT: Final = TypeAdapter(Alert)
_ACKNOWLEDGEMENT: Final = TypeAdapter(Acknowledgement)
_BEAT: Final = "beat"

_BETWEEN: Final = "\n"
"""Stands between a route's name and a group's, and the parts of a subject: none has a line end in it."""


class AlertStore:
    """A connection of its own to the state file. Blocking; one thread at a time; methods raise `StateError`."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._saved: dict[tuple[str, str], str] = {}
        self._values: dict[tuple[str, str], object] = {}

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the state of ``directory`` for writing; hold the `Lock` while it is open."""
        return cls(StateFile.open(directory))

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Open it for a look that changes nothing; where there is none it is empty."""
        return cls(StateFile.read(directory))

    @property
    def notes(self) -> list[str]:
        """What a person should know of what was read."""
        return self._file.notes

    def load(self) -> tuple[State, list[Entry]]:
        """Return what was remembered; what cannot be read is left out, with a note."""
        incidents, threads, accounts, failing = {}, {}, {}, {}
        for kind, key, record in self._file.rows("SELECT kind, key, record FROM alerting"):
            if kind == _BEAT:
                continue
            self._saved[kind, key] = record
            try:
                if kind == "incident":
                    incident = _INCIDENT.validate_json(record)
                    incidents[incident.condition.id] = incident
                elif kind == "thread":
                    route, _, group = key.partition(_BETWEEN)
                    threads[route, group] = _THREAD.validate_json(record)
                elif kind == "account":
                    accounts[key] = _ACCOUNT.validate_json(record)
                elif kind == "failing":
                    found = _FAILING.validate_json(record)
                    failing[found.severity, found.subject] = found
            except ValidationError:
                self.notes.append(f"{self._file.path}: the record of {kind} {key!r} is unreadable: it begins anew")
        return State(incidents, threads, accounts, failing), self._entries()

    def _entries(self) -> list[Entry]:
        found = []
        sql = "SELECT number, channel, put_at, until, alert, tries, asked FROM outbox ORDER BY number"
        for number, channel, put_at, until, record, tries, asked in self._file.rows(sql):
            try:
                alert = _ALERT.validate_json(record)
            except ValidationError:
                self.notes.append(f"{self._file.path}: alert {number} to {channel} is unreadable and is not delivered")
                continue
            entry = Entry(number=number, channel=channel, alert=alert, put_at=put_at, until=until)
            found.append(replace(entry, tries=tries, asked=asked))
        return found

    def save(self, state: State, new: Iterable[Entry] = (), gone: Iterable[Entry] = ()) -> None:
        """Write what differs from what is saved, the entries that are ``new`` or were tried, and that others are
        ``gone``: all or nothing.
        """
        records = self._records(state)
        changed = [(*key, record) for key, record in records.items() if self._saved.get(key) != record]
        dropped = [key for key in self._saved if key not in records]
        entries = [
            (one.number, one.channel, one.put_at, one.until, _ALERT.dump_json(one.alert).decode(), one.tries, one.asked)
            for one in new
        ]
        left = [(one.number,) for one in gone]
        if not (changed or dropped or entries or left):
            return

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO alerting VALUES (?, ?, ?)", changed)
            connection.executemany("DELETE FROM alerting WHERE kind = ? AND key = ?", dropped)
            connection.executemany("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)", entries)
            connection.executemany("DELETE FROM outbox WHERE number = ?", left)

        self._file.write(work)
        self._saved = records

    def ask(self, incident: str, ack: Acknowledgement | None) -> None:
        """Leave word that ``incident`` is acknowledged by ``ack``, or by nobody any more: for whoever runs alerting."""
        record = "" if ack is None else _ACKNOWLEDGEMENT.dump_json(ack).decode()
        sql = "INSERT INTO acknowledgement (incident, record) VALUES (?, ?)"
        self._file.write(lambda connection: connection.execute(sql, (incident, record)))

    def asked(self) -> list[tuple[int, str, Acknowledgement | None]]:
        """Return what was asked for since, in order; `answered` it afterwards."""
        rows = self._file.rows("SELECT number, incident, record FROM acknowledgement ORDER BY number")
        return [
            (number, name, _ACKNOWLEDGEMENT.validate_json(record) if record else None) for number, name, record in rows
        ]

    def answered(self, numbers: Iterable[int]) -> None:
        rows = [(number,) for number in numbers]
        self._file.write(lambda one: one.executemany("DELETE FROM acknowledgement WHERE number = ?", rows))

    def beat(self) -> float:
        """Return when the last sign of life was sent by a process that ended, in wall-clock seconds; 0 is never."""
        rows = self._file.rows("SELECT record FROM alerting WHERE kind = ?", (_BEAT,))
        return float(rows[0][0]) if rows else 0.0

    def save_beat(self, at: float) -> None:
        row = (_BEAT, "", str(at))
        self._file.write(lambda one: one.execute("INSERT OR REPLACE INTO alerting VALUES (?, ?, ?)", row))

    @property
    def is_in_place(self) -> bool:
        return self._file.is_in_place

    def reopen(self) -> None:
        """Begin anew with what is under the file's name now: the next `save` writes everything."""
        self._file.reopen()
        self._saved = {}

    def close(self) -> None:
        self._file.close()

    def _records(self, state: State) -> dict[tuple[str, str], str]:
        """Return every record of ``state``; of what is the same object as at the last time, the same one."""
        found: dict[tuple[str, str], str] = {}
        values: dict[tuple[str, str], object] = {}
        for key, value, adapter in _values(state):
            values[key] = value
            if key in self._saved and self._values.get(key) is value:
                found[key] = self._saved[key]
            else:
                found[key] = adapter.dump_json(value).decode()
        self._values = values
        return found


def _values(state: State) -> Iterator[tuple[tuple[str, str], object, TypeAdapter[Any]]]:
    for incident in state.incidents.values():
        yield ("incident", incident.id), incident, _INCIDENT
    for thread_key, thread in state.threads.items():
        yield ("thread", _BETWEEN.join(thread_key)), thread, _THREAD
    for route, account in state.accounts.items():
        yield ("account", route), account, _ACCOUNT
    for (severity, subject), failing in state.failing.items():
        yield ("failing", _BETWEEN.join([severity, *astuple(subject)])), failing, _FAILING
