"""What is handed to the keeper comes to the disk; whatever the disk does, nobody waits and memory stays bounded."""

import sqlite3
import threading
import time

import pytest

from lvsmon.actions.ipvs.owned import Owned
from lvsmon.errors import StateError
from lvsmon.model import Health, ProbeState
from lvsmon.model.history import CAME, Configured, Entry, EntryKind, Moment, Place, Retention, Session
from lvsmon.store import Store
from lvsmon.store.state_keeper import StateKeeper

PATIENCE = 15
SHOP = Place("shop", "10.1.0.11:80", "rs1")
CONFIGURED = Configured(Moment(1000.0, 0.0), frozenset({SHOP}))
STATES = {"tcp 10.1.0.11:80": ProbeState(Health.UP, passes=2)}


def session(number=1):
    return Session(number=number, version="1", started=Moment(1000.0, 0.0), seen=Moment(1000.0, 0.0))


def entry(clock, after=Health.DOWN, kind=EntryKind.HEALTH):
    return Entry(
        moment=Moment(1000.0 + clock, clock),
        kind=kind,
        virtuals=("shop",),
        realservers=("rs1",),
        destination=SHOP.destination,
        before=Health.UNKNOWN,
        after=after,
        what=f"at {clock:g}",
    )


def keeper(tmp_path, **settings):
    return StateKeeper(Store.open(tmp_path), session(), retry=0.01, **settings)


def on_disk(tmp_path):
    with Store.read(tmp_path) as store:
        return store.history.entries()


def settled(made):
    return made.settled().result(PATIENCE)


def until_settled(made):
    """Wait through the failures."""
    deadline = time.monotonic() + PATIENCE
    while not settled(made):
        assert time.monotonic() < deadline


class Disk:
    """Stands between the keeper and its store: fails or hangs on demand."""

    def __init__(self, store):
        self._store = store
        self.history = self
        self.error = None
        self.free = threading.Event()
        self.free.set()
        self.attempts = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def reopen(self, *, damaged=False):
        self._meet()
        self._store.reopen(damaged=damaged)

    def add(self, *written):
        self._meet()
        self._store.history.add(*written)

    def next_session(self):
        return self._store.history.next_session()

    def sessions(self):
        return self._store.history.sessions()

    def _meet(self):
        self.attempts += 1
        self.free.wait()
        if self.error is not None:
            raise self.error


def test_all_that_is_handed_over_is_on_the_disk_in_its_order(tmp_path):
    made = keeper(tmp_path)
    made.tell(CONFIGURED)
    for clock in (1.0, 2.0, 3.0):
        made.tell(entry(clock))
    made.keep(STATES, Owned())
    assert settled(made)
    assert [CAME, "", "", ""] == [one.rule for one in on_disk(tmp_path)]
    assert ["", "at 1", "at 2", "at 3"] == [one.what for one in on_disk(tmp_path)]
    assert made.close(PATIENCE)
    with Store.read(tmp_path) as store:
        assert (STATES, {SHOP}) == (store.load_states(), store.history.places())
        assert [(1, True)] == [(one.number, one.stopped) for one in store.history.sessions()]


def test_nobody_waits_for_a_disk_that_hangs_not_even_the_end(tmp_path):
    disk = Disk(Store.open(tmp_path))
    disk.free.clear()
    made = StateKeeper(disk, session())
    made.tell(entry(1.0))
    made.keep(STATES, Owned())
    future = made.settled()
    assert not made.close(0.05)
    assert not future.done()
    disk.free.set()
    assert future.result(PATIENCE)


def test_who_asks_and_goes_away_harms_nobody(tmp_path):
    disk = Disk(Store.open(tmp_path))
    disk.free.clear()
    made = StateKeeper(disk, session())
    made.tell(entry(1.0))
    assert made.settled().cancel()
    disk.free.set()
    assert settled(made)
    assert made.close(PATIENCE)


def test_what_a_failing_disk_did_not_take_is_written_when_it_is_back_and_both_are_said_once(tmp_path, caplog):
    disk = Disk(Store.open(tmp_path))
    made = StateKeeper(disk, session(), retry=0.01)
    assert settled(made)
    disk.error = StateError("the disk is full")
    for clock in (1.0, 2.0, 3.0):
        made.tell(entry(clock))
        assert not settled(made)
    made.keep(STATES, Owned())
    disk.error = None
    until_settled(made)
    assert made.close(PATIENCE)
    told = on_disk(tmp_path)
    assert ["at 1", "at 2", "at 3"] == [one.what for one in told if one.kind is EntryKind.HEALTH]
    assert ["nothing was lost" in one.what for one in told if one.kind is EntryKind.NOTICE] == [True]
    assert ["state_not_saved"] == [one.message for one in caplog.records if one.levelname == "ERROR"]
    with Store.read(tmp_path) as store:
        assert store.load_states() == STATES


def test_memory_is_bounded_the_oldest_goes_and_its_loss_is_told(tmp_path, caplog):
    """What still holds (who is configured, the last health of each) is told again where it was among the lost."""
    disk = Disk(Store.open(tmp_path))
    made = StateKeeper(disk, session(), retry=0.01, most=10)
    assert settled(made)
    disk.error = StateError("the disk is full")
    assert not settled(made)
    made.tell(CONFIGURED)
    made.tell(entry(1.0))
    for clock in range(2, 100):
        made.tell(entry(float(clock), kind=EntryKind.WRITE))
        assert len(made._waiting.told) <= 10
    assert not settled(made)
    disk.error = None
    until_settled(made)
    assert made.close(PATIENCE)
    told = on_disk(tmp_path)
    assert [f"at {clock}" for clock in range(90, 100)] == [one.what for one in told if one.kind is EntryKind.WRITE]
    assert [CAME, ""] == [one.rule for one in told if one.kind is EntryKind.HEALTH]
    assert "90 entries of the history were lost" in next(one.what for one in told if one.kind is EntryKind.NOTICE)
    assert "state_saved_again" in [one.message for one in caplog.records if one.levelname == "WARNING"]


def test_a_bug_while_writing_is_said_and_survived(tmp_path, caplog):
    disk = Disk(Store.open(tmp_path))
    made = StateKeeper(disk, session(), retry=0.01)
    disk.error = ZeroDivisionError("a bug")
    made.tell(entry(1.0))
    assert not settled(made)
    disk.error = None
    until_settled(made)
    assert made.close(PATIENCE)
    assert "state_bug" in [one.message for one in caplog.records]


@pytest.mark.parametrize("where", ["everything", "behind the header"])
def test_bytes_overwritten_under_an_open_file_cost_the_past_and_nothing_of_the_present(tmp_path, where, caplog):
    """The hourly look finds it; the file is kept aside, and what holds now is in the fresh one."""
    made = keeper(tmp_path)
    made.tell(CONFIGURED)
    made.tell(entry(1.0))
    for clock in range(2, 300):
        made.tell(entry(float(clock), kind=EntryKind.WRITE))
    made.keep(STATES, Owned())
    assert settled(made)
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with (tmp_path / "state.db").open("r+b") as file:
        start = 0 if where == "everything" else 4096
        file.seek(start)
        file.write(b"\xee" * ((tmp_path / "state.db").stat().st_size - start))
    made.prune(Retention(age=1e9, rows=1000))
    until_settled(made)
    made.tell(entry(500.0, kind=EntryKind.NOTICE))
    assert settled(made)
    assert made.close(PATIENCE)
    assert "state_damaged" in [one.message for one in caplog.records]
    assert 1 == len([one for one in tmp_path.glob("state.db.damaged-*") if one.suffix != ".db-wal"][:1])
    with Store.read(tmp_path) as store:
        assert (STATES, {SHOP}) == (store.load_states(), store.history.places())
        assert ["", "at 1", "at 500"] == [one.what for one in store.history.entries()]


def test_a_file_that_somebody_removed_is_begun_anew(tmp_path, caplog):
    """Else everything would be written into a file without a name, and be gone at the end."""
    made = keeper(tmp_path)
    made.tell(CONFIGURED)
    made.tell(entry(1.0))
    made.keep(STATES, Owned())
    assert settled(made)
    for file in tmp_path.glob("state.db*"):
        file.unlink()
    made.tell(entry(2.0, kind=EntryKind.WRITE))
    assert settled(made)
    assert made.close(PATIENCE)
    assert "state_not_in_place" in [one.message for one in caplog.records]
    with Store.read(tmp_path) as store:
        assert (STATES, {SHOP}) == (store.load_states(), store.history.places())
        assert {"", "at 1", "at 2"} == {one.what for one in store.history.entries()}
