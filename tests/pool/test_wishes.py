"""What operators wish for, laid over what health gave; who is let in again; and drains."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import (
    Amount,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Flap,
    Health,
    OnFailure,
    Policy,
    Poll,
    ProbeState,
    Protocol,
    RealServer,
    Rule,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Weight,
    Wish,
    WishKind,
)
from lvsmon.model.virtual import Destination
from lvsmon.pool import Memory, Situation, decide
from lvsmon.pool.draining import POLL, Stage, look

VIP = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)
KEY = DestinationKey("10.0.0.1", 80)
OUT = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs1")
DRAIN = Wish(name="operator", kind=WishKind.DRAIN, realserver="rs1", remove=True, deadline=1000.0)


def service(*, probes=("p",), on_failure=OnFailure.QUIESCE, weight=10, floor=0, **policy):
    one = Destination(
        realserver=RealServer("rs1", "10.0.0.1"),
        key=KEY,
        settings=DestinationSettings(weight=weight),
        on_failure=on_failure,
        probes=probes,
        policy=Policy(**policy),
    )
    return VirtualService(name="shop", key=VIP, settings=VirtualSettings(), destinations=(one,), floor=Amount(floor))


def kernel(weight, active=0, inactive=0, persistent=0):
    if weight is None:
        return {VIP: VirtualEntry(VirtualSettings(), {})}
    entry = DestinationEntry(DestinationSettings(weight=weight), active, inactive, persistent)
    return {VIP: VirtualEntry(VirtualSettings(), {KEY: entry})}


class Stream:
    """One destination over time: each `see` is a decision; what it writes is in the kernel for the next one."""

    def __init__(self, virtual):
        self.virtual, self.memory, self.weight, self.now = virtual, Memory(), None, 0.0

    def see(self, states, wishes=(), after=1.0, counts=(0, 0, 0)):
        self.now += after
        states = {"p": states} if isinstance(states, ProbeState) else states
        situation = Situation(
            virtuals=(self.virtual,), states=states, observed=kernel(self.weight, *counts),
            wishes=tuple(wishes), now=self.now, today=self.now,
        )  # fmt: skip
        decided = decide(situation, self.memory)
        assert decided == decide(situation, self.memory)
        self.memory, self.choice, self.decided = decided.memory, decided.choices[VIP, KEY], decided
        self.weight = self.choice.weight
        return self.weight


def up(passed=0.0, **more):
    return ProbeState(Health.UP, passed=passed, **more)


def one(state, wishes, weight=10, configured=10, **virtual):
    stream = Stream(service(weight=configured, **virtual))
    stream.weight = weight
    stream.see(state, wishes)
    return stream.choice


@pytest.mark.parametrize("health", Health)
@pytest.mark.parametrize("kind", ["disable", "drain", 0])
def test_whoever_is_wished_out_is_out_whatever_the_health(health, kind):
    wish = replace(OUT, kind=WishKind.WEIGHT, weight=0) if kind == 0 else replace(OUT, kind=WishKind(kind))
    choice = one(ProbeState(health), [wish])
    assert (choice.weight, choice.rule) == (0, Rule.WISH)


@pytest.mark.parametrize("on_failure", OnFailure)
@pytest.mark.parametrize("health", [Health.DOWN, Health.UP, Health.UNKNOWN])
def test_no_floor_lets_in_whoever_is_wished_out(on_failure, health):
    choice = one(ProbeState(health), [OUT], weight=None, on_failure=on_failure, floor=1)
    assert not choice.weight
    assert choice.rule is Rule.WISH


@pytest.mark.parametrize(
    ("wished", "asked", "expected", "rule"),
    [
        ([5], None, 5, Rule.WISH),
        ([50], None, 50, Rule.WISH),
        ([5, 3, 7], None, 3, Rule.WISH),
        ([20], "50%", 10, Rule.ASKED),
        ([5], "3", 3, Rule.ASKED),
        ([5], "8", 5, Rule.WISH),
        ([5], "300%", 5, Rule.WISH),
        ([5], "0", 0, Rule.ASKED),
        ([0], "8", 0, Rule.WISH),
    ],
)
def test_a_wished_weight_stands_in_place_of_the_configured_one_and_is_the_most(wished, asked, expected, rule):
    wishes = [
        Wish(name=str(weight), kind=WishKind.WEIGHT, realserver="rs1", weight=weight, by="alice") for weight in wished
    ]
    choice = one(up(weight=None if asked is None else Weight.parse(asked)), wishes)
    assert (choice.weight, choice.rule) == (expected, rule)
    assert any("by alice" in sentence for sentence in choice.because)


def test_a_wished_weight_heals_nobody_and_is_lessened_by_warn():
    wish = Wish(name="operator", kind=WishKind.WEIGHT, realserver="rs1", weight=8)
    assert one(ProbeState(Health.DOWN), [wish]).weight == 0
    assert one(ProbeState(Health.UNKNOWN), [wish], weight=3).weight == 3
    assert one(ProbeState(Health.WARN), [wish], warn_share=50).weight == 4


def test_a_wish_for_another_virtual_service_or_realserver_is_not_for_this_one():
    assert one(up(), [replace(OUT, virtual="mail")]).weight == 10
    assert one(up(), [replace(OUT, realserver="rs2")]).weight == 10
    assert one(up(), [replace(OUT, virtual="shop")]).weight == 0


def test_after_the_last_wish_a_fresh_pass_is_needed():
    stream = Stream(service())
    assert stream.see(up(passed=1)) == 10
    assert stream.see(up(passed=2), [OUT, replace(OUT, name="disk")]) == 0
    assert stream.see(up(passed=3), [replace(OUT, name="disk")]) == 0
    assert stream.see(up(passed=3.9)) == 0, "the pass is older than the end of the wish, at 4"
    assert (stream.choice.health, stream.decided.awaited) == (Health.UNKNOWN, {"p"})
    assert stream.see(up(passed=3.9, heard=4.5)) == 0, "what came since was no pass"
    assert stream.see(up(passed=5.5)) == 10
    assert stream.decided.awaited == frozenset()
    assert stream.see(ProbeState(Health.UP, passed=5.5, fails=1)) == 10


def test_whoever_fell_meanwhile_comes_back_by_rising():
    stream = Stream(service())
    stream.see(up(passed=1), [OUT])
    assert stream.see(ProbeState(Health.DOWN, passed=1)) == 0
    assert stream.choice.health is Health.DOWN
    assert stream.see(up(passed=2.5)) == 10


def test_a_wish_that_comes_anew_begins_anew():
    stream = Stream(service())
    stream.see(up(passed=1), [OUT])
    stream.see(up(passed=1))
    assert stream.see(up(passed=2.5), [OUT]) == 0
    assert stream.see(up(passed=2.5)) == 0
    assert stream.see(up(passed=4.5)) == 10


def test_so_many_probes_must_pass_anew_as_must_pass():
    either = Stream(service(probes=("p", "q"), poll=Poll(votes={}, needed=1)))
    both = Stream(service(probes=("p", "q")))
    for stream in (either, both):
        stream.see({"p": up(1), "q": up(1)}, [OUT])
        stream.see({"p": up(1), "q": up(1)})
    assert either.see({"p": up(1), "q": up(2.5)}) == 10
    assert both.see({"p": up(1), "q": up(2.5)}) == 0
    assert both.see({"p": up(3.5), "q": up(2.5)}) == 10


def test_a_destination_without_probes_needs_none():
    stream = Stream(service(probes=()))
    assert stream.see({}, [OUT]) == 0
    assert stream.see({}) == 10


def test_it_ramps_after_a_wish():
    stream = Stream(service(slow_start=10.0))
    stream.weight = 10
    assert stream.see(up(passed=1)) == 10
    stream.see(up(passed=1), [OUT])
    assert stream.see(up(passed=1)) == 0
    assert stream.see(up(passed=3.5)) == 1
    assert stream.see(up(passed=4.5), after=5.0) == 5


def test_the_floor_may_let_in_whoever_waits_for_a_pass():
    stream = Stream(service(floor=1))
    assert stream.see(up(passed=1), [OUT]) == 0
    assert stream.see(up(passed=1)) == 10
    assert stream.choice.rule is Rule.FLOOR


def test_falls_while_it_is_held_out_are_no_flapping():
    stream = Stream(service(flap=Flap(forgiven=1, half_life=60.0, max_hold=600.0)))
    stream.see(up(passed=0.5))
    for _ in range(5):
        stream.see(ProbeState(Health.DOWN), [OUT])
        stream.see(up(passed=stream.now), [OUT])
    stream.see(up(passed=stream.now))
    assert stream.see(up(passed=stream.now + 0.5)) == 10


def test_a_drain_waits_for_everything_and_then_removes():
    stream = Stream(service())
    stream.see(up(passed=1))
    assert stream.see(up(passed=1), [DRAIN]) == 0, "with nothing on it, but at a weight at which more may come"
    for counts in ((1, 0, 0), (0, 3, 0), (0, 0, 1)):
        assert stream.see(up(passed=1), [DRAIN], counts=counts) == 0
        assert stream.decided.again == stream.now + POLL
    assert stream.see(up(passed=1), [DRAIN]) is None
    assert stream.see(up(passed=1), [DRAIN]) is None
    assert stream.see(up(passed=1)) == 0, "a fresh pass is needed to serve, too"
    assert stream.see(up(passed=stream.now + 0.5)) == 10


def test_at_the_deadline_it_is_removed_whatever_is_left():
    stream = Stream(service())
    stream.see(up(passed=1))
    stream.see(up(passed=1), [DRAIN])
    assert stream.see(up(passed=1), [DRAIN], after=900.0, counts=(7, 0, 0)) == 0
    assert stream.see(up(passed=1), [DRAIN], after=99.0, counts=(7, 0, 0)) is None


def test_without_remove_it_stays_and_nobody_looks_every_second():
    stream = Stream(service())
    keep = replace(DRAIN, remove=False)
    stream.see(up(passed=1), [keep])
    assert stream.see(up(passed=1), [keep], after=2000.0) == 0
    assert stream.decided.again is None


counts = st.one_of(st.none(), st.integers(0, 3))
keys = st.builds(
    lambda protocol: VirtualKey.of_address(protocol, "192.0.2.10", 80), st.sampled_from(Protocol)
) | st.just(VirtualKey.of_fwmark(7, VIP.family))


@given(keys, st.booleans(), st.none() | st.integers(0, 2), counts, counts, counts, st.none() | st.integers(0, 20))
def test_a_drain_is_done_only_when_nothing_can_come_and_nothing_is_left(
    key, ops, weight, active, inactive, persistent, deadline
):
    """In every state: DRAINED needs weight 0 and known counts of 0, OVERDUE the deadline."""
    virtual = replace(service(), key=key, settings=VirtualSettings(flags=frozenset({"ops"} if ops else ())))
    entry = (
        None
        if weight is None
        else DestinationEntry(DestinationSettings(weight=weight), active, inactive, persistent)
    )  # fmt: skip
    wish = replace(DRAIN, deadline=None if deadline is None else float(deadline))
    drain = look(wish, virtual, entry, today=10.0)
    bare = ops and key.protocol is Protocol.UDP
    nothing = bare or (active, inactive, persistent) == (0, 0, 0)
    late = deadline is not None and deadline <= 10
    expected = (
        Stage.REMOVED if entry is None
        else Stage.PENDING if weight
        else Stage.DRAINED if nothing
        else Stage.OVERDUE if late
        else Stage.DRAINING
    )  # fmt: skip
    assert drain.stage is expected
    assert drain.over is (expected in (Stage.REMOVED, Stage.DRAINED, Stage.OVERDUE))
    ends = bare or key.protocol in (Protocol.TCP, Protocol.SCTP)
    assert drain.endless is (entry is not None and not ends and any((active, inactive, persistent)))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_no_connection_is_cut_before_the_deadline(stream_of_counts):
    """Whatever the counts do over time: it leaves the table in the first look in which all are 0, and not before."""
    stream = Stream(service())
    stream.see(up(passed=1))
    stream.see(up(passed=1), [DRAIN], counts=(2, 2, 2))
    for each in stream_of_counts:
        weight = stream.see(up(passed=1), [DRAIN], counts=each)
        assert (weight is None) is (each == (0, 0, 0))
        if weight is None:
            break
