"""The history as rows: what is told comes back, what is old goes, what still holds stays."""

from dataclasses import replace

import pytest

from lvsmon.model.history import CAME, MAX_WHAT, WENT, Configured, Entry, EntryKind, Moment, Place, Session
from lvsmon.store import Store

RS1, RS2 = Place("shop", "10.1.0.11:80", "rs1"), Place("shop", "[fd00::12]:80", "rs2")


def session(number=1, *, at=1000.0, seen=2000.0):
    return Session(number=number, version="1", started=Moment(at, 0.0), seen=Moment(seen, seen - at))


def entry(clock, kind=EntryKind.HEALTH, place=RS1, **fields):
    return Entry(
        moment=Moment(1000.0 + clock, clock),
        kind=kind,
        virtuals=(place.virtual,),
        realservers=(place.realserver,),
        destination=place.destination,
        **fields,
    )


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path) as store:
        yield store


def test_what_was_told_comes_back_in_its_order(store):
    told = [
        Entry(moment=Moment(1.5, 0.5), kind=EntryKind.PROBE, virtuals=("a", "b"), realservers=("rs1",), probe="tcp#1"),
        entry(2.0, before="UP", after="DOWN", weight_before=3, weight_after=0, rule="down", what="said so"),
        entry(3.0, EntryKind.DECISION, weight_before=0, weight_after=None),
    ]
    store.history.add(session(), told)
    assert [replace(one, session=1) for one in told] == store.history.entries()
    assert told[2:] == [replace(one, session=0) for one in store.history.entries([EntryKind.DECISION])]
    assert [session()] == store.history.sessions()


def test_a_session_is_brought_up_to_date(store):
    store.history.add(session(), [])
    store.history.add(replace(session(seen=3000.0), stopped=True), [])
    assert [replace(session(seen=3000.0), stopped=True)] == store.history.sessions()
    assert 2 == store.history.next_session()


def test_hostile_text_is_bounded_and_kept(store):
    store.history.add(session(), [entry(1.0, what="\udcff\0" + "x" * 9000)])
    (back,) = store.history.entries()
    assert back.what.startswith("\\udcff\0")
    assert len(back.what) <= MAX_WHAT + len("\\udcff")


def test_who_came_and_who_went_is_found_by_comparing(store):
    store.history.add(session(), [Configured(Moment(1.0, 1.0), frozenset({RS1}))])
    store.history.add(session(), [Configured(Moment(2.0, 2.0), frozenset({RS1}))])
    store.history.add(session(), [entry(3.0, after="UP"), Configured(Moment(4.0, 4.0), frozenset({RS2}))])
    assert [(CAME, "rs1"), ("", "rs1"), (WENT, "rs1"), (CAME, "rs2")] == [
        (one.rule, *one.realservers) for one in store.history.entries()
    ]
    assert {RS2} == store.history.places()


def test_another_name_for_the_same_destination_is_neither_coming_nor_going(store):
    store.history.add(session(), [Configured(Moment(1.0, 1.0), frozenset({RS1}))])
    renamed = RS1._replace(realserver="web-1")
    store.history.add(session(), [Configured(Moment(2.0, 2.0), frozenset({renamed}))])
    assert [CAME] == [one.rule for one in store.history.entries()]
    assert {renamed} == store.history.places()


def test_pruning_by_age_keeps_what_still_holds(store):
    store.history.add(
        session(), [entry(1.0, after="DOWN"), entry(2.0, after="UP"), entry(1.0, place=RS2, after="UP"),
                entry(2.0, EntryKind.WRITE), entry(900.0, EntryKind.WRITE)],
    )  # fmt: skip
    assert 2 == store.history.prune(before=1500.0, rows=1000)
    assert [(2.0, "UP"), (1.0, "UP"), (900.0, "")] == [(one.moment.clock, one.after) for one in store.history.entries()]


def test_pruning_by_rows_counts_each_kind_for_itself(store):
    store.history.add(
        session(), [*(entry(float(n), EntryKind.WRITE) for n in range(100)), entry(0.0, EntryKind.NOTICE)]
    )
    assert 90 == store.history.prune(before=0.0, rows=10)
    assert [EntryKind.WRITE] * 10 + [EntryKind.NOTICE] == [one.kind for one in store.history.entries()]


def test_what_is_known_of_a_destination_that_is_gone_goes_too(store):
    store.history.add(session(), [entry(1.0, after="UP"), entry(2.0, after="", rule=WENT)])
    store.history.add(session(2, at=5000.0, seen=6000.0), [])
    assert 2 == store.history.prune(before=4000.0, rows=1000)
    assert [2] == [one.number for one in store.history.sessions()]


def test_age_is_told_by_the_clock_as_it_was_set_in_the_end(store):
    """A director without a battery for its clock begins in 1970 and is set right a minute later."""
    began = Session(number=1, version="1", started=Moment(0.0, 0.0), seen=Moment(1_800_000_060.0, 60.0))
    store.history.add(began, [Entry(moment=Moment(10.0, 10.0), kind=EntryKind.WRITE)])
    assert 0 == store.history.prune(before=1_700_000_000.0, rows=1000)
