"""Streams of what is wrong, and what each rule of a route makes of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.streams import START, Stream, condition, route
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.engine import advance
from lvsmon.alerts.period import Period
from lvsmon.alerts.route import After, GroupBy, Limit, Resolve

RS1, RS2, RS3 = (condition(f"web/rs{number}") for number in (1, 2, 3))
MAIL = condition("mail/rs1")


def test_an_incident_is_told_when_it_opens_and_when_it_is_over():
    stream = Stream().see(seconds=2).see(RS1, seconds=3).see(seconds=5)
    assert stream.told == [(2, "opened", "web/rs1"), (5, "resolved", "web/rs1")]


def test_all_messages_of_an_incident_are_of_one_thread_and_are_counted():
    stream = Stream(route(every=2.0)).see(RS1, seconds=5).see(seconds=2).see(RS1)
    threads = [(due.message.thread.id, due.message.thread.number) for due in stream.due]
    first, again = threads[0][0], threads[-1][0]
    assert threads == [(first, 1), (first, 2), (first, 3), (first, 4), (again, 1)]
    assert first != again


def test_what_is_wrong_in_one_virtual_service_is_told_together():
    stream = Stream(route(group_wait=3.0)).see(RS1, MAIL).see(RS1, RS2, MAIL, seconds=4)
    assert stream.told == [(3, "opened", "web/rs1 web/rs2"), (3, "opened", "mail/rs1")]


def test_more_and_less_in_a_group_is_a_change_of_it():
    stream = Stream().see(RS1, seconds=2).see(RS1, RS2, seconds=2).see(RS2, seconds=2).see(seconds=2)
    assert stream.told == [
        (0, "opened", "web/rs1"),
        (2, "changed", "web/rs1 web/rs2"),
        (4, "changed", "web/rs2"),
        (6, "resolved", "web/rs2"),
    ]
    assert [one.subject.realserver for one in stream.due[2].message.over] == ["rs1"]


@pytest.mark.parametrize(
    ("group_by", "told"),
    [
        (GroupBy.DESTINATION, ["mail/rs1", "web/rs1", "web/rs2"]),
        (GroupBy.VIRTUAL, ["mail/rs1", "web/rs1 web/rs2"]),
        (GroupBy.REALSERVER, ["mail/rs1 web/rs1", "web/rs2"]),
        (GroupBy.DIRECTOR, ["mail/rs1 web/rs1 web/rs2"]),
    ],
)
def test_groups_are_made_by_what_the_route_says(group_by, told):
    stream = Stream(route(group_by=group_by)).see(RS1, RS2, MAIL)
    assert sorted(names for _, _, names in stream.told) == told


def test_a_flap_shorter_than_group_wait_is_told_as_nothing_new():
    stream = Stream(route(group_wait=5.0)).see(RS1, seconds=7).see(seconds=3).see(RS1, seconds=9)
    assert [stage for _, stage, _ in stream.told] == ["opened"]
    assert [stage for _, stage, _ in Stream(route(group_wait=5.0)).see(RS1, seconds=4).see(seconds=9).told] == []


def test_after_so_many_seconds():
    stream = Stream(route(after=After(seconds=5))).see(RS1, seconds=4).see(seconds=2).see(RS1, seconds=7)
    assert stream.told == [(11, "opened", "web/rs1")]


def test_after_so_many_failures():
    failing = [condition("web/rs1", facts={"failures": number}) for number in range(1, 6)]
    stream = Stream(route(after=After(failures=4)))
    for each in failing:
        stream.see(each)
    assert stream.told == [(3, "opened", "web/rs1")]
    brake = condition("web", Severity.BRAKE)
    assert Stream(route(after=After(failures=4))).see(brake).told == [(0, "opened", "web")]


def test_after_so_many_failures_within_a_time_whether_in_a_row_or_not():
    """As mon's manual has it (`alertafter 3 30m`): passes between do not matter, the time does."""
    one, two = (condition("web/rs1", facts={"failures": number}) for number in (1, 2))
    wanted = route(after=After(failures=3, within=60.0))
    stream = Stream(wanted).see(one, seconds=5).see(seconds=20).see(one).see(seconds=20).see(one, seconds=2).see()
    assert stream.told == [(46, "opened", "web/rs1"), (48, "resolved", "web/rs1")]
    assert Stream(wanted).see(one).see(seconds=40).see(one).see(seconds=40).see(one, seconds=5).told == []
    stream = Stream(wanted).see(two, seconds=5).see(replace(two, facts={"failures": 3}), seconds=5)
    assert stream.told == [(5, "opened", "web/rs1")]


def test_what_had_its_failures_is_told_when_the_window_opens_however_long_ago_they_were():
    """And what is counted is forgotten after its time, so that it cannot grow."""
    three = condition("web/rs1", facts={"failures": 3})
    later = datetime.fromtimestamp(START + 90, UTC)
    hours = Period.parse(f"hr {{{later.hour}}} min {{{later.minute}}}")
    stream = Stream(route(after=After(failures=3, within=10.0), when=hours)).see(three, seconds=120)
    assert [stage for _, stage, _ in stream.told] == ["opened"]
    assert stream.told[0][0] > 10
    assert stream.see(seconds=12).state.failing == {}


def test_a_pass_within_the_incident_does_not_take_failures_back():
    """A realserver that is DOWN has passed once, which is not enough to be UP, and fails again."""
    counts = [condition("web/rs1", facts={"failures": number}) for number in (2, 0, 1)]
    stream = Stream(route(after=After(failures=3, within=60.0)))
    for each in counts:
        stream.see(each, seconds=3)
    assert stream.told == [(6, "opened", "web/rs1")]


def test_what_was_over_when_max_was_reached_is_told_with_the_end():
    """Whoever was told that it began hears that it is over: Alertmanager would wait for it."""
    stream = Stream(route(most=1)).see(RS1, RS2, seconds=2).see(RS1, seconds=3).see()
    assert stream.told == [(0, "opened", "web/rs1 web/rs2"), (5, "resolved", "web/rs1 web/rs2")]


def test_every_so_often_but_no_more_than_max():
    stream = Stream(route(every=3.0, most=3)).see(RS1, seconds=20).see()
    assert stream.told == [
        (0, "opened", "web/rs1"),
        (3, "repeated", "web/rs1"),
        (6, "repeated", "web/rs1"),
        (20, "resolved", "web/rs1"),
    ]


@pytest.mark.parametrize(
    ("resolve", "told"),
    [(Resolve.NO, []), (Resolve.TOLD, ["resolved"]), (Resolve.ALWAYS, ["resolved"])],
)
def test_the_end_is_told_as_the_route_says(resolve, told):
    stages = [stage for _, stage, _ in Stream(route(resolve=resolve)).see(RS1).see(seconds=2).told]
    assert stages == ["opened", *told]


@pytest.mark.parametrize(
    ("resolve", "told"), [(Resolve.NO, []), (Resolve.TOLD, []), (Resolve.ALWAYS, [(2, "resolved", "web/rs1")])]
)
def test_what_was_over_before_it_was_told_is_told_over_only_with_always(resolve, told):
    stream = Stream(route(resolve=resolve, after=After(seconds=60))).see(RS1, seconds=2).see(seconds=3)
    assert stream.told == told


def test_the_end_of_a_short_one_is_not_told():
    """The end of what lasted less than ``resolve_after`` tells nobody; what was told is over all the same."""
    stream = Stream(route(resolve_after=10.0)).see(RS1, seconds=9).see(seconds=3).see(RS1, seconds=10).see()
    assert stream.told == [(0, "opened", "web/rs1"), (12, "opened", "web/rs1"), (22, "resolved", "web/rs1")]
    always = route(resolve=Resolve.ALWAYS, resolve_after=10.0, after=After(seconds=60))
    stream = Stream(always).see(RS1, seconds=9).see(seconds=3).see(RS1, seconds=10).see()
    assert stream.told == [(22, "resolved", "web/rs1")]


def test_outside_its_hours_nothing_is_told_and_what_still_holds_is_told_when_they_begin():
    office = route(when=Period.parse("min {15-16}"))  # the stream begins at 22:13:20
    stream = Stream(office).see(RS1, seconds=10).see(RS1, RS2, seconds=110).see(RS2, seconds=120)
    assert stream.told == [(100, "opened", "web/rs1 web/rs2"), (120, "changed", "web/rs2")]
    assert stream.see(seconds=120).told[2:] == []
    assert stream.see(seconds=3600).told[2:] == [(3700, "resolved", "web/rs2")]


def test_excepted_hours_are_not_told_in():
    quiet = route(unless=Period.parse("min {13}"))
    assert Stream(quiet).see(RS1, seconds=60).told == [(40, "opened", "web/rs1")]


def test_who_is_acknowledged_is_repeated_no_more_until_that_ends():
    stream = Stream(route(every=4.0)).see(RS1, seconds=5)
    stream.acknowledge("web/rs1", until=10).see(RS1, seconds=15).see()
    assert stream.told == [
        (0, "opened", "web/rs1"),
        (4, "repeated", "web/rs1"),
        (5, "acknowledged", "web/rs1"),
        (15, "repeated", "web/rs1"),
        (19, "repeated", "web/rs1"),
        (20, "resolved", "web/rs1"),
    ]
    assert stream.due[2].message.by[0].acknowledged.user == "anna"


def test_what_is_acknowledged_before_it_is_told_is_not_told():
    stream = Stream(route(after=After(seconds=5))).see(RS1, seconds=2).acknowledge("web/rs1").see(RS1, seconds=9).see()
    assert stream.told == []


def test_a_parent_is_told_with_what_follows_from_it_and_its_children_are_not():
    child = condition("web/rs2", parent=MAIL.id)
    stream = Stream().see(child, MAIL, seconds=2).see(child, seconds=2).see()
    assert stream.told == [
        (0, "opened", "mail/rs1"),
        (2, "opened", "web/rs2"),
        (2, "resolved", "mail/rs1"),
        (4, "resolved", "web/rs2"),
    ]
    assert [one.id for one in stream.due[0].message.follows] == [child.id]


def test_a_child_that_was_told_already_is_not_told_to_be_over_while_it_holds():
    child = condition("web/rs2", parent=MAIL.id)
    stream = Stream().see(child).see(child, MAIL, seconds=3).see(seconds=1)
    assert [(stage, names) for _, stage, names in stream.told] == [
        ("opened", "web/rs2"),
        ("opened", "mail/rs1"),
        ("resolved", "web/rs2"),
        ("resolved", "mail/rs1"),
    ]


def test_those_that_explain_each_other_are_told():
    one, other = condition("web/rs1", parent=MAIL.id), condition("mail/rs1", parent=RS1.id)
    assert len(Stream().see(one, other).told) == 2


def test_routes_choose_by_severity_name_and_tag():
    brake, tagged = condition("web", Severity.BRAKE), condition("mail/rs9", tags=frozenset({"night"}))
    routes = [
        route(name="brake", severities=frozenset({Severity.BRAKE})),
        route(name="mail", virtuals=frozenset({"mail"})),
        route(name="rs1", realservers=frozenset({"rs1"})),
        route(name="night", tags=frozenset({"night"})),
    ]
    stream = Stream(*routes).see(RS1, RS2, brake, tagged)
    assert [(due.route.name, told[2]) for due, told in zip(stream.due, stream.told, strict=True)] == [
        ("brake", "web"),
        ("mail", "mail/rs9"),
        ("rs1", "web/rs1"),
        ("night", "mail/rs9"),
    ]


def test_a_route_that_stops_keeps_what_it_takes_from_those_after_it():
    routes = [route(name="mail", virtuals=frozenset({"mail"}), stop=True), route(name="rest")]
    stream = Stream(*routes).see(RS1, MAIL)
    assert [(due.route.name, told[2]) for due, told in zip(stream.due, stream.told, strict=True)] == [
        ("mail", "mail/rs1"),
        ("rest", "web/rs1"),
    ]


def test_what_is_over_the_limit_is_summed_up_in_one_message():
    limited = route(limit=Limit(2, 60.0), group_by=GroupBy.DESTINATION)
    stream = Stream(limited).see(RS1, RS2, RS3, MAIL, seconds=59).see(RS1, seconds=1).see(RS1, seconds=2)
    assert [(at, stage) for at, stage, _ in stream.told] == [(0, "opened"), (0, "opened"), (60, "held_back")]
    held = stream.due[-1].held
    assert held.counts == {Stage.OPENED: 2, Stage.RESOLVED: 3}
    assert stream.state.accounts["all"].messages == 3
    assert stream.state.accounts["all"].held_back == 5


def test_a_digest_comes_at_its_hours_with_everything_since_the_last_one():
    at = datetime.fromtimestamp(START, UTC)
    stream = (
        Stream(route(digest=(at.hour * 60 + at.minute + 2,))).see(RS1, seconds=30).see(seconds=30).see(RS2, seconds=60)
    )
    assert [(when, stage) for when, stage, _ in stream.told] == [(100, "digest")]
    assert stream.due[0].held.counts == {Stage.OPENED: 2, Stage.RESOLVED: 1}


def test_a_reload_that_groups_otherwise_tells_nobody_that_trouble_is_over():
    stream = Stream().see(RS1, seconds=3)
    stream.routes = (route(group_by=GroupBy.DESTINATION),)
    assert [stage for _, stage, _ in stream.see(RS1, seconds=3).see(seconds=2).told] == ["opened", "opened", "resolved"]


ROUTES = st.builds(
    route,
    after=st.builds(After, failures=st.just(0), seconds=st.sampled_from([0.0, 3.0])),
    every=st.sampled_from([None, 2.0, 7.0]),
    most=st.sampled_from([None, 1, 3]),
    resolve=st.sampled_from(Resolve),
    group_by=st.sampled_from(GroupBy),
    group_wait=st.sampled_from([0.0, 2.0, 5.0]),
    limit=st.sampled_from([None, Limit(3, 10.0)]),
)
STREAMS = st.lists(st.lists(st.sampled_from([RS1, RS2, RS3, MAIL]), unique_by=id, max_size=4), max_size=40)


@settings(max_examples=150, deadline=None)
@given(ROUTES, STREAMS)
def test_whatever_happens_every_thread_begins_goes_on_and_ends_once(chosen, moments):
    """Numbers have no gap, nothing comes after the end, and after all is well everything told is told to be over."""
    stream = Stream(chosen)
    for moment in moments:
        stream.see(*moment)
    stream.see(seconds=30)
    assert stream.state.threads == {}
    threads = {}
    for due in stream.due:
        if due.held is None:
            threads.setdefault(due.message.thread.id, []).append(due.message)
    for messages in threads.values():
        stages = [one.stage for one in messages]
        if chosen.limit is None:
            assert [one.thread.number for one in messages] == list(range(1, len(messages) + 1))
            alone = chosen.resolve is Resolve.ALWAYS and stages == [Stage.RESOLVED]
            assert stages[0] is Stage.OPENED or alone
            assert (Stage.RESOLVED in stages) is (chosen.resolve is not Resolve.NO)
        assert Stage.RESOLVED not in stages[:-1]
        troubles = [stage for stage in stages if stage is not Stage.RESOLVED]
        if chosen.most and chosen.resolve is Resolve.NO:
            assert len(troubles) <= chosen.most
    if chosen.limit is not None:
        times = [at for at, _, _ in stream.told]
        assert all(sum(at <= one < at + 10 for one in times) <= chosen.limit.count + 1 for at in times)


@settings(max_examples=60, deadline=None)
@given(ROUTES, STREAMS)
def test_asking_again_at_the_same_moment_tells_nothing_twice(chosen, moments):
    stream = Stream(chosen)
    for moment in moments:
        now = stream.now
        stream.see(*moment)
        assert advance(stream.state, stream.routes, moment, now).due == ()
