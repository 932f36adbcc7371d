"""Nothing that was decided on is lost: not by a crash at any step, not by a disk, not by a relay that is away."""

import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.streams import START, Stream, condition, route
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Subject
from lvsmon.alerts.facts import About
from lvsmon.alerts.incidents import Acknowledgement
from lvsmon.alerts.route import After, GroupBy, Limit
from lvsmon.alerts.setup import Setup
from lvsmon.errors import ActionFailed, StateError
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.store.alerts import AlertStore

RS1, RS2 = condition("web/rs1"), condition("web/rs2", facts={"failures": 1})
SETUP = Setup(routes=(route(to=("mail", "pager")),), channels={"mail": None, "pager": None})


def desk(store, setup=SETUP):
    return Desk(setup, store, About(director="lb1"))


def deliver(one, now, channels=("mail", "pager"), works=True):
    """Let the channels take what they can at ``now``; return (channel, id) of what was taken."""
    taken = []
    for channel in channels:
        while (entry := one.outbox.take(channel, now)) is not None:
            if works:
                taken.append((channel, entry.alert.id))
                one.took(entry)
            else:
                one.failed(entry, ActionFailed("the relay is away"), now)
    return taken


def test_incidents_and_what_was_told_outlive_the_process(tmp_path):
    with_store = desk(AlertStore.open(tmp_path))
    with_store.look([RS1], START)
    assert len(deliver(with_store, START)) == 2
    again = desk(AlertStore.open(tmp_path))
    assert again.state == with_store.state
    assert again.look([RS1], START + 5) == []
    (resolved,) = again.look([], START + 6)
    assert (resolved.stage, resolved.number) == (Stage.RESOLVED, 2)
    assert again.state.accounts["all"].messages == 2


def test_what_nobody_can_judge_is_not_over(tmp_path):
    with_store = desk(AlertStore.open(tmp_path))
    with_store.look([RS1], START)
    again = desk(AlertStore.open(tmp_path))
    assert again.look([], START + 1, {RS1.subject}) == []
    assert again.look([], START + 2, {Subject("other")})[0].stage is Stage.RESOLVED


def given_up(caplog):
    return [record.fields["why"] for record in caplog.records if record.message == "alert_given_up"]


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_nothing_and_repeats_only_what_was_under_way(tmp_path):
    """Before each statement of SQLite and around each hand-over; `kill_drill` has the story and the kills."""
    drilled = subprocess.run(
        [sys.executable, "-m", "monitor.alerting.kill_drill", tmp_path],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert drilled.returncode == 0, drilled.stderr
    whole, *killed = [[tuple(each) for each in json.loads(line)] for line in drilled.stdout.splitlines()]
    assert (len(whole), len(set(whole))) == (12, 12)
    assert len(killed) > 100
    for taken in killed:
        once = list(dict.fromkeys(taken))
        assert len(taken) - len(once) <= 1
        for channel in ("mail", "pager"):
            assert [each for each in once if each[0] == channel] == [each for each in whole if each[0] == channel]
    assert {len(taken) for taken in killed} == {12, 13}


ODD = "caf\udce9 \ud800 \0"
ANYTHING = {
    "seen": {"seen": ODD + "x" * 1_000_000},
    "done": {"done": (ODD,), "left": "", "reason": ODD},
    "facts": {"facts": {"banner": ODD, ODD: 1, "share": float("nan"), "weight": float("inf")}},
}


@pytest.mark.parametrize("what", ANYTHING)
def test_no_words_of_a_realserver_stop_alerting_or_fill_the_disk(tmp_path, what):
    """JSON makes lone surrogates of ``"\\ud800"``, which no file takes as they are."""
    one = desk(AlertStore.open(tmp_path))
    assert len(one.look([condition("web/rs1", **ANYTHING[what])], START)) == 1
    assert len(one.look([condition("web/rs1", **ANYTHING[what])], START + 1)) == 0
    again = desk(AlertStore.open(tmp_path))
    assert again.state == one.state
    assert len(again.outbox.entries()) == 2
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 500_000


def test_no_template_stops_alerting(tmp_path):
    odd = "{{ '\\ud800' }}"
    one = desk(AlertStore.open(tmp_path), replace(SETUP, routes=(route(text=odd, subject=odd, html=odd),)))
    assert len(one.look([RS1], START)) == 1
    assert len(desk(AlertStore.open(tmp_path)).outbox.entries()) == 1


class FullDisk:
    def __init__(self, store):
        self.store, self.full = store, False

    def __getattr__(self, name):
        if self.full and name in ("save", "asked"):
            raise StateError("the disk is full")
        return getattr(self.store, name)


def test_a_full_disk_silences_nobody_and_is_made_up_for(tmp_path):
    store = FullDisk(AlertStore.open(tmp_path))
    one = desk(store)
    store.full = True
    one.look([RS1], START)
    assert len(deliver(one, START, channels=("mail",))) == 1
    store.full = False
    one.look([RS1, RS2], START + 1)
    again = desk(AlertStore.open(tmp_path))
    assert again.state == one.state
    waiting = [(entry.channel, entry.alert.number) for entry in again.outbox.entries()]
    assert waiting == [("pager", 1), ("mail", 2), ("pager", 2)]


def test_a_file_that_was_removed_is_written_anew(tmp_path):
    store = AlertStore.open(tmp_path)
    one = desk(store)
    one.look([RS1], START)
    for path in tmp_path.iterdir():
        path.unlink()
    one.look([RS1, RS2], START + 1)
    again = desk(AlertStore.open(tmp_path))
    assert again.state == one.state
    assert len(again.outbox.entries()) == 4


def test_an_acknowledgement_is_left_in_the_file_and_heard(tmp_path):
    one = desk(AlertStore.open(tmp_path))
    (opened,) = one.look([RS1], START)
    other = AlertStore.open(tmp_path)
    other.ask(opened.incident, Acknowledgement(user="anna", comment="on it", at=START + 1))
    other.ask("nobody", None)
    (told,) = one.look([RS1], START + 2)
    assert told.stage is Stage.ACKNOWLEDGED
    assert "anna has taken it on: on it" in told.text
    assert other.asked() == []


def test_what_can_never_be_delivered_is_given_up_at_once(tmp_path, caplog):
    caplog.set_level("ERROR")
    one = desk(AlertStore.open(tmp_path))
    one.look([RS1], START)
    one.failed(one.outbox.take("mail", START), ActionFailed("no such mailbox", final=True), START)
    assert [entry.channel for entry in desk(AlertStore.open(tmp_path)).outbox.entries()] == ["pager"]
    assert given_up(caplog) == ["no such mailbox"]


def test_how_often_it_was_tried_and_what_the_other_side_asked_for_outlive_the_process(tmp_path):
    """So that runs of cron take turns among what waits, and leave alone who wants to be."""
    one = desk(AlertStore.open(tmp_path))
    one.look([RS1], START)
    one.failed(one.outbox.take("mail", START), ActionFailed("busy", retry_after=600.0), START)
    again = desk(AlertStore.open(tmp_path))
    tries = {entry.channel: entry.tries for entry in again.outbox.entries()}
    assert tries == {"mail": 1, "pager": 0}
    assert again.outbox.take("mail", START + 599) is None
    assert again.outbox.take("mail", START + 600) is not None


def test_what_is_too_old_or_for_a_channel_that_is_gone_is_given_up_and_said(tmp_path, caplog):
    caplog.set_level("ERROR")
    one = desk(AlertStore.open(tmp_path))
    one.look([RS1], START)
    one.setup = replace(SETUP, channels={"mail": None})
    one.look([RS1], START + 1)
    assert [entry.channel for entry in one.outbox.entries()] == ["mail"]
    one.look([RS1], START + SETUP.life)
    assert one.outbox.entries() == []
    assert given_up(caplog) == ["there is no such channel any more", "its time is over"]


def test_a_record_that_cannot_be_read_costs_only_itself(tmp_path):
    store = AlertStore.open(tmp_path)
    one = desk(store)
    one.look([RS1, condition("mail/rs1")], START)
    store._file.write(lambda file: file.execute("UPDATE alerting SET record = '{' WHERE key LIKE '%mail'"))
    store._file.write(lambda file: file.execute("UPDATE outbox SET alert = '{' WHERE number = 1"))
    fresh = AlertStore.open(tmp_path)
    again = desk(fresh)
    assert len(again.state.threads) == 1
    assert len(again.outbox.entries()) == 3
    assert len(fresh.notes) == 2


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from([RS1, RS2]), unique_by=id, max_size=2), max_size=12))
def test_a_restart_after_every_step_tells_the_same(tmp_path_factory, moments):
    directory = tmp_path_factory.mktemp("state")

    def through_the_file(state):
        with_file = AlertStore.open(directory)
        with_file.load()
        with_file.save(state)
        with_file.close()
        fresh = AlertStore.open(directory)
        loaded = fresh.load()[0]
        fresh.close()
        return loaded

    chosen = route(limit=Limit(3, 5.0), group_wait=1.0, every=2.0, after=After(failures=2, within=4.0))
    kept, restarted = Stream(chosen), Stream(chosen, roundtrip=through_the_file)
    for moment in moments:
        kept.see(*moment)
        restarted.see(*moment)
    assert restarted.told == kept.told


USUAL = Limit(60, 3600.0)


def drill(tmp_path, realservers, minutes, group_by=GroupBy.VIRTUAL, limit=USUAL):
    """A relay is away for an hour while realservers come and go; return the desk, what was decided on, and what the
    relay and a pager took.
    """
    chosen = route(to=("mail", "pager"), group_by=group_by, group_wait=10.0, limit=limit)
    one = desk(AlertStore.open(tmp_path), Setup(routes=(chosen,), channels={"mail": None, "pager": None}))
    made, taken, sizes = [], [], []
    conditions = [condition(f"v{number % 50}/rs{number}") for number in range(realservers)]
    for second in range(0, minutes * 60, 10):
        now = START + second
        wrong = [each for number, each in enumerate(conditions) if (second // 10 + number * 7) % 13 < 5]
        made += one.look(wrong, now)
        taken += deliver(one, now, ("pager",))
        taken += deliver(one, now, ("mail",), works=not 600 <= second < 4200)
        if second % 600 == 0:
            sizes.append(tracemalloc.get_traced_memory()[0])
    for second in range(minutes * 60, minutes * 60 + 8000, 10):
        made += one.look([], START + second)
        taken += deliver(one, START + second)
    return one, [alert.id for alert in made], taken, sizes


def each_once(made, taken):
    """Return how many alerts each channel took: all that were decided on, each once."""
    for each in ("mail", "pager"):
        assert sorted(name for channel, name in taken if channel == each) == sorted(set(made))
    return len(made)


@pytest.mark.parametrize(
    ("realservers", "sent", "summed_up"), [(20, 121, 2103), pytest.param(500, 121, 17_931, marks=pytest.mark.slow)]
)
def test_the_outage_drill(tmp_path, caplog, realservers, sent, summed_up):
    """Realservers flap for two hours, the mail relay is away for one: so many messages, all of them, each once, and
    the memory stays flat.
    """
    caplog.set_level("ERROR")
    tracemalloc.start()
    try:
        one, made, taken, sizes = drill(tmp_path, realservers=realservers, minutes=120)
    finally:
        tracemalloc.stop()
    assert each_once(made, taken) == sent
    assert one.state.accounts["all"].messages == sent
    assert one.state.accounts["all"].held_back == summed_up
    assert given_up(caplog) == []
    assert one.outbox.entries() == []
    assert one.state.threads == {}
    assert max(sizes[1:]) - min(sizes[1:]) < 1_000_000


def test_without_a_limit_everything_arrives_too(tmp_path):
    _, made, taken, _ = drill(tmp_path, realservers=20, minutes=75, group_by=GroupBy.DESTINATION, limit=None)
    assert each_once(made, taken) > 800
