"""The state file keeps what it was given, refuses what is not its own, and says what to do about the rest."""

import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon import recorded
from lvsmon.actions.ipvs.table import Owned
from lvsmon.errors import MAX_DETAIL, StateError
from lvsmon.model import (
    DestinationKey,
    Family,
    Health,
    Outcome,
    Pause,
    Phases,
    ProbeState,
    Protocol,
    Reason,
    Verdict,
    VirtualKey,
    Weight,
    Wish,
    WishKind,
)
from lvsmon.store import Store
from lvsmon.store.schema import APPLICATION_ID, MIGRATIONS
from oneshot_support import unprivileged

FAILED = Outcome(
    verdict=Verdict.FAIL,
    reason=Reason.EXPECTATION,
    detail="want ready\x1b, got \udcff",
    facts={"status": 503, "banner": "nginx", "fresh": False, "load": 0.5},
    phases=Phases(connect=0.001, first_byte=0.002, total=0.003),
    weight=Weight(7),
)
STATES = {
    "http 10.1.0.11:80 ab12": ProbeState(Health.UP, passes=2, since=12.5, weight=Weight(75, percent=True)),
    "http 10.1.0.12:80 cd34": ProbeState(Health.DOWN, fails=3, unknowns=1, since=99.0, last=FAILED),
}
OWNED = Owned(
    {
        VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443): frozenset({DestinationKey("10.1.0.11", 443)}),
        VirtualKey.of_fwmark(5, Family.INET6): frozenset(),
    }
)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """States with their last outcome, hostile bytes included, and what is ours in the kernel survive the process."""
    with Store.open(tmp_path / "deep" / "state") as store:
        store.save_states(STATES)
        store.save_owned(OWNED)
    with Store.open(tmp_path / "deep" / "state") as store:
        assert (store.load_states(), store.load_owned(), store.notes) == (STATES, OWNED, [])
    with Store.read(tmp_path / "deep" / "state") as store:
        assert (store.load_states(), store.load_owned(), store.notes) == (STATES, OWNED, [])


def test_a_state_of_before_weights_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    """Version 1 of the schema, as an earlier lvsmon left it."""
    with sqlite3.connect(tmp_path / "state.db") as file:
        for statement in MIGRATIONS[0]:
            file.execute(statement)
        file.execute("INSERT INTO probe_state VALUES ('x', 'UP', 2, 0, 0, 1.5, NULL)")
        file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        file.execute("PRAGMA user_version = 1")
    file.close()
    with Store.open(tmp_path) as store:
        assert store.load_states() == {"x": ProbeState(Health.UP, passes=2, since=1.5)}
        assert store.save_states({"x": ProbeState(Health.UP, passes=2, since=1.5, weight=Weight(3))}) == 1
    with Store.open(tmp_path) as store:
        assert store.load_states()["x"].weight == Weight(3)


@pytest.mark.parametrize("until", [None, 99.5])
def test_a_pause_outlives_the_process_and_ends_when_it_is_told(tmp_path: Path, until: float | None) -> None:
    """A later one replaces an earlier one."""
    pause = Pause(since=12.5, until=until, reason="kernel\x1b", by="root")
    with Store.open(tmp_path) as store:
        assert store.load_pause() is None
        store.save_pause(Pause(since=1.0))
        store.save_pause(pause)
    with Store.read(tmp_path) as store:
        assert store.load_pause() == pause
    with Store.open(tmp_path) as store:
        store.save_pause(None)
    with Store.open(tmp_path) as store:
        assert store.load_pause() is None


WISHES = st.builds(
    Wish,
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    kind=st.sampled_from([WishKind.DISABLE, WishKind.DRAIN]),
    realserver=st.sampled_from(["rs1", "rs2"]),
    virtual=st.none() | st.just("shop"),
    comment=st.sampled_from(["", "new disk\x1b"]),
    by=st.sampled_from(["", "alice"]),
    since=st.floats(0, 2e9),
    until=st.none() | st.floats(0, 2e9),
    remove=st.booleans(),
    deadline=st.none() | st.floats(0, 2e9),
) | st.builds(
    Wish, name=st.just("x"), kind=st.just(WishKind.WEIGHT), realserver=st.just("rs1"), weight=st.integers(0, 65535)
)


@pytest.mark.slow
@given(st.lists(WISHES, max_size=4), st.lists(WISHES, max_size=4))
def test_wishes_outlive_the_process_in_their_order(first: list[Wish], second: list[Wish]) -> None:
    """What is saved later takes the place of all that was saved before."""
    with TemporaryDirectory() as folder:
        for wishes in (first, second, []):
            with Store.open(Path(folder)) as store:
                store.save_wishes(tuple(wishes))
            with Store.read(Path(folder)) as store:
                assert store.load_wishes() == tuple(wishes)


def test_a_wish_that_nobody_understands_is_let_go_and_said(tmp_path: Path) -> None:
    """A later lvsmon's, or a hand's: the others stay."""
    kept = Wish(name="x", kind=WishKind.DISABLE, realserver="rs2")
    with Store.open(tmp_path) as store:
        store.save_wishes((kept,))
    with sqlite3.connect(tmp_path / "state.db") as file:
        for kind, weight in (("erase", None), ("weight", None), ("weight", 70000), ("drain", 3)):
            sql = "INSERT INTO wish (realserver, name, kind, weight, comment, by, since, remove) VALUES "
            file.execute(f"{sql} ('rs1', 'x', ?, ?, '', '', 1.0, 0)", (kind, weight))
    file.close()
    with Store.read(tmp_path) as store:
        assert store.load_wishes() == (kept,)
        assert len(store.notes) == 4
        assert all("what is wished for rs1 is unreadable and let go" in note for note in store.notes)


def test_the_directory_is_closed_to_others(tmp_path: Path) -> None:
    """What a probe saw is not everybody's business."""
    Store.open(tmp_path / "state").close()
    assert (tmp_path / "state").stat().st_mode & 0o7 == 0


def test_only_changed_states_are_written(tmp_path: Path) -> None:
    """A probe that goes on as before costs no write; a counter, a health, a verdict or a reason does."""
    with Store.open(tmp_path) as store:
        assert store.save_states(STATES) == 2
        assert store.save_states(STATES) == 0
        name, state = "http 10.1.0.12:80 cd34", STATES["http 10.1.0.12:80 cd34"]
        slower = replace(state, unknowns=9, last=replace(FAILED, detail="again", phases=Phases(total=9.0)))
        assert store.save_states({name: slower}) == 0
        assert store.save_states({name: replace(state, fails=2)}) == 1
        assert store.save_states({name: replace(state, fails=2, last=replace(FAILED, reason=Reason.REFUSED))}) == 1


def test_prune_forgets_what_the_plan_dropped(tmp_path: Path) -> None:
    """States of probes that are no longer configured go, for good."""
    kept = "http 10.1.0.11:80 ab12"
    with Store.open(tmp_path) as store:
        store.save_states(STATES)
        assert store.prune({kept}) == 1
        assert store.prune({kept}) == 0
    with Store.read(tmp_path) as store:
        assert store.load_states().keys() == {kept}


def test_reading_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    """A look leaves no trace: neither directory nor file."""
    with Store.read(tmp_path / "state") as store:
        assert (store.load_states(), store.load_owned()) == ({}, Owned())
    assert list(tmp_path.iterdir()) == []


def test_a_reader_does_not_hinder_the_writer(tmp_path: Path) -> None:
    """`lvsmon check` beside the daemon: both work, and the reader sees a consistent state."""
    with Store.open(tmp_path) as writer:
        writer.save_states(STATES)
        with Store.read(tmp_path) as reader:
            reader._file._connection.execute("BEGIN")
            reader._file._connection.execute("SELECT * FROM probe_state").fetchall()  # it reads for as long as it likes
            writer.save_owned(OWNED)
            assert reader.load_states() == STATES


@pytest.mark.parametrize("junk", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, junk: bytes) -> None:
    """The junk is kept under another name, a person is told, and a fresh file works."""
    (tmp_path / "state.db").write_bytes(junk)
    with Store.open(tmp_path) as store:
        assert store.load_states() == {}
        assert "set aside as" in store.notes[0]
        store.save_states(STATES)
    (aside,) = tmp_path.glob("state.db.damaged-*")
    assert aside.read_bytes() == junk
    assert Store.open(tmp_path).load_states() == STATES


def test_a_damaged_page_is_noticed(tmp_path: Path) -> None:
    """Damage behind an intact header sets the file aside as well."""
    with Store.open(tmp_path) as store:
        store.save_states({f"tcp {number}": ProbeState(last=FAILED) for number in range(200)})
    content = bytearray((tmp_path / "state.db").read_bytes())
    content[4096:] = b"\xee" * (len(content) - 4096)
    (tmp_path / "state.db").write_bytes(content)
    with Store.open(tmp_path) as store:
        assert "set aside as" in store.notes[0]


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    """After a downgrade nothing is lost by guessing."""
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = (tmp_path / "state.db").read_bytes()
    for opening in (Store.open, Store.read):
        with pytest.raises(StateError, match="newer lvsmon"):
            opening(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A state directory that points at somebody else's file does not cost them their data."""
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("CREATE TABLE precious (value)")
    connection.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(StateError, match="another program"):
        Store.open(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_look_at_an_unfinished_file_says_so(tmp_path: Path) -> None:
    """A file that no run has finished making is read by no look."""
    sqlite3.connect(tmp_path / "state.db").close()
    (tmp_path / "state.db").touch()
    with pytest.raises(StateError, match="older schema"):
        Store.read(tmp_path)


def test_an_unreadable_record_costs_only_itself(tmp_path: Path) -> None:
    """A state or an ownership that cannot be read is told of; the rest is used."""
    with Store.open(tmp_path) as store:
        store.save_states(STATES)
        store.save_owned(OWNED)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE probe_state SET last = '{' WHERE health = 'DOWN'")
        connection.execute("UPDATE owned SET destinations = '{'")
    connection.close()
    with Store.open(tmp_path) as store:
        assert store.load_states().keys() == {"http 10.1.0.11:80 ab12"}
        assert store.load_owned() == Owned()
        assert ["unreadable" in note for note in store.notes] == [True, True]


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """The path goes through a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StateError, match="a part of the path is a file: move it away, or set state_directory elsewhere"
    ):
        Store.open(tmp_path / "file" / "state")


def test_a_file_that_is_a_directory_is_an_error_with_advice(tmp_path: Path) -> None:
    """SQLite's own words would help nobody."""
    (tmp_path / "state.db").mkdir()
    with pytest.raises(StateError, match=r"cannot use .*state\.db: it cannot be opened"):
        Store.open(tmp_path)


def test_a_full_disk_keeps_the_last_state(tmp_path: Path) -> None:
    """A save that does not fit is refused whole, with advice; what was saved before stays, and saving works again."""
    with Store.open(tmp_path) as store:
        store.save_states(STATES)
        pages = store._file._connection.execute("PRAGMA page_count").fetchone()[0]
        store._file._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = {f"tcp {number}": ProbeState(last=FAILED) for number in range(200)}
        with pytest.raises(StateError, match="the disk is full: make room"):
            store.save_states(many)
        store._file._connection.execute("PRAGMA max_page_count = 100000")
        assert store.save_states(many) == 200
    with Store.read(tmp_path) as store:
        assert store.load_states() == STATES | many


def test_an_unwritable_directory_says_what_to_do(tmp_path: Path) -> None:
    """Where a user has no right, the advice is root or another directory."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with unprivileged(), pytest.raises(StateError, match="run as root, or set state_directory"):
        Store.open(tmp_path / "closed" / "state")


def test_a_state_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    """A look by a user without rights gets an error that the look can pass on."""
    Store.open(tmp_path / "state").close()
    (tmp_path / "state").chmod(0)
    with unprivileged(), pytest.raises(StateError, match=r"(?i)permission denied"):
        Store.read(tmp_path / "state")


_FACTS = st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans()))


@given(st.text(), _FACTS)
def test_stored_outcomes_are_bounded_and_read_back(detail: str, facts: dict[str, str | int | bool]) -> None:
    """Whatever a realserver says, its record stays under the limit and comes back as an outcome."""
    text = recorded.encode(replace(FAILED, detail=detail, facts=facts))
    back = recorded.decode(text)
    assert len(text) <= recorded.MAX_OUTCOME
    assert back.detail == detail[:MAX_DETAIL] or back.detail.endswith("…")
    assert back.facts.items() <= facts.items()


def test_an_outcome_of_nothing_but_escapes_is_bounded() -> None:
    """The worst detail and the worst facts together."""
    worst = replace(FAILED, detail="\U0010ffff" * 9000, facts={f"{n}\0": "\0" * 900 for n in range(90)})
    assert len(recorded.encode(worst)) <= recorded.MAX_OUTCOME


def test_an_interrupt_after_any_statement_of_the_opening_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is no trouble of the state file, not even right behind a COMMIT; the next opening finds it whole."""
    connect = sqlite3.connect
    left = 0

    class Interrupted(sqlite3.Connection):
        def execute(self, *words: Any) -> sqlite3.Cursor:
            nonlocal left
            cursor = super().execute(*words)
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
            return cursor

    for number in range(1, 100):
        left = number
        with monkeypatch.context() as patched:
            patched.setattr(sqlite3, "connect", partial(connect, factory=Interrupted))
            try:
                Store.open(tmp_path / str(number)).close()
                break
            except KeyboardInterrupt:
                pass
        with Store.open(tmp_path / str(number)) as store:
            assert (store.load_states(), store.notes) == ({}, [])
    assert 12 < number < 99
