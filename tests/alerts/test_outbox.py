"""The outbox: in order within an incident, nobody waits for somebody else's, a dead channel is tried gently."""

import math
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.alerts.alert import Stage
from lvsmon.alerts.outbox import FIRST_PAUSE, LONGEST_ASKED, LONGEST_PAUSE, LONGEST_REST, MOST_WAITING, Outbox


def alert(incident, stage=Stage.OPENED, name=""):
    return SimpleNamespace(id=f"{incident}{name}", incident=incident, stage=stage, route="all")


def put(outbox, incident, stage=Stage.OPENED, channel="mail", life=86400.0):
    entry = outbox.make(channel, alert(incident, stage), 0.0, life)
    return entry, outbox.put(entry)


def test_alerts_of_one_incident_go_out_one_after_another():
    outbox = Outbox()
    first, _ = put(outbox, "a")
    second, _ = put(outbox, "a", Stage.RESOLVED)
    assert outbox.take("mail", 0.0) == first
    assert outbox.take("mail", 0.0) is None
    outbox.took(first)
    assert outbox.take("mail", 0.0) == second


def test_other_incidents_and_other_channels_do_not_wait():
    outbox = Outbox()
    first, _ = put(outbox, "a")
    other, _ = put(outbox, "b")
    elsewhere, _ = put(outbox, "a", channel="pager")
    assert [outbox.take("mail", 0.0), outbox.take("mail", 0.0), outbox.take("pager", 0.0)] == [first, other, elsewhere]


def test_what_failed_is_tried_later_and_later():
    outbox = Outbox()
    entry, _ = put(outbox, "a")
    now, pauses = 0.0, []
    for _ in range(9):
        assert outbox.take("mail", now) is not None
        after = outbox.failed(entry, now)
        pauses.append(after.next_at - now)
        assert outbox.take("mail", after.next_at - 0.1) is None
        now, entry = after.next_at + LONGEST_REST, after
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_jitter_only_shortens_a_pause():
    outbox = Outbox(jitter=lambda: 1.0)
    entry, _ = put(outbox, "a")
    outbox.take("mail", 0.0)
    assert outbox.failed(entry, 0.0).next_at == FIRST_PAUSE / 2


def test_a_channel_that_asks_to_be_left_alone_is_left_alone_but_not_for_ever():
    """Retry-After: of the whole channel, over a restart too, and nothing that it takes meanwhile shortens it."""
    for asked, waits in ((600.0, 600.0), (1e9, LONGEST_ASKED), (1.0, FIRST_PAUSE)):
        outbox = Outbox()
        first, second = (put(outbox, name)[0] for name in "ab")
        outbox.take("mail", 0.0)
        after = outbox.failed(first, 0.0, asked)
        assert after.next_at == waits
        again = Outbox([after, second])
        if asked > FIRST_PAUSE:
            for each in (outbox, again):
                assert (each.take("mail", waits - 1), each.has_work(waits - 1), each.next_at("mail")) == (
                    None,
                    False,
                    waits,
                )
        assert {again.take("mail", waits).number, again.take("mail", waits).number} == {first.number, second.number}


def test_a_clock_that_was_set_back_silences_nobody():
    outbox = Outbox()
    entry, _ = put(outbox, "a")
    outbox.take("mail", 1e9)
    outbox.failed(entry, 1e9, 600.0)
    assert outbox.take("mail", 1e6) is not None


def test_a_message_that_nobody_takes_does_not_keep_the_others_back():
    outbox = Outbox()
    poison, _ = put(outbox, "a")
    other, _ = put(outbox, "b")
    assert outbox.take("mail", 0.0) == poison
    outbox.failed(poison, 0.0)
    assert outbox.take("mail", 0.0) == other


def test_a_dead_channel_is_tried_with_one_alert_at_a_time_and_wakes_up_at_once():
    outbox = Outbox()
    for number in range(500):
        put(outbox, f"i{number}")
    now, tries = 0.0, 0
    while now < 3600.0:
        entry = outbox.take("mail", now)
        if entry is None:
            now = max(now + 0.01, outbox.next_at("mail"))
            continue
        assert tries < 2 or outbox.take("mail", now) is None
        outbox.failed(entry, now)
        tries += 1
    assert 60 <= tries <= 70
    now += LONGEST_REST
    sent = 0
    while (entry := outbox.take("mail", now)) is not None:
        outbox.took(entry)
        sent += 1
    assert (sent, outbox.entries(), outbox.next_at("mail")) == (500, [], math.inf)


def test_a_repetition_that_was_never_tried_gives_way_to_what_is_newer():
    outbox = Outbox()
    opened, _ = put(outbox, "a")
    repeated, _ = put(outbox, "a", Stage.REPEATED)
    elsewhere, _ = put(outbox, "b", Stage.REPEATED)
    resolved, gone = put(outbox, "a", Stage.RESOLVED)
    assert gone == [repeated]
    assert outbox.entries() == [opened, elsewhere, resolved]


def test_what_waits_is_bounded():
    outbox = Outbox()
    gone = [one for number in range(MOST_WAITING + 3) for one in put(outbox, f"i{number}")[1]]
    assert [one.alert.incident for one in gone] == ["i0", "i1", "i2"]
    assert len(outbox.entries()) == MOST_WAITING


def test_what_is_too_old_is_told_but_not_while_it_is_tried():
    outbox = Outbox()
    entry, _ = put(outbox, "a", life=10.0)
    assert outbox.expired(9.0) == []
    assert outbox.expired(10.0) == [entry]
    outbox.take("mail", 10.0)
    assert outbox.expired(11.0) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.lists(st.booleans(), max_size=200))
def test_whatever_fails_everything_arrives_once_and_in_order(puts, answers):
    """``puts`` are incidents and whether it is looked at between; ``answers`` say which tries work, then all do."""
    outbox, now, arrived, answers = Outbox(), 0.0, [], list(answers)

    def deliver():
        nonlocal now
        entry = outbox.take("mail", now)
        if entry is None:
            now = min(outbox.next_at("mail"), now + 1000.0)
        elif answers and not answers.pop():
            outbox.failed(entry, now)
        else:
            outbox.took(entry)
            arrived.append(entry.number)

    made = []
    for incident, between in puts:
        made.append(put(outbox, incident)[0])
        if between:
            deliver()
    while outbox.entries():
        deliver()
    assert sorted(arrived) == [entry.number for entry in made]
    for incident in "abc":
        mine = [entry.number for entry in made if entry.alert.incident == incident]
        assert [number for number in arrived if number in mine] == mine
