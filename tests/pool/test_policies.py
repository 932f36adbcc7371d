"""What the configuration says beside health: the start, WARN, slow start, flapping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Flap, Health, Initial, OnFailure, Policy, Rule, Weight, Wish, WishKind
from pool.streams import Stream, destination


@pytest.mark.parametrize(
    ("initial", "on_failure", "new", "known"),
    [
        (Initial.ADOPT, OnFailure.QUIESCE, {1: 0}, {1: 10}),
        (Initial.ADOPT, OnFailure.REMOVE, {}, {1: 10}),
        (Initial.UP, OnFailure.QUIESCE, {1: 10}, {1: 10}),
        (Initial.DOWN, OnFailure.QUIESCE, {1: 0}, {1: 0}),
        (Initial.DOWN, OnFailure.REMOVE, {}, {}),
    ],
)
def test_what_is_believed_until_probes_have_decided(initial, on_failure, new, known):
    """Traps 5 and 15: with "adopt" a new destination gets nothing yet, and one that serves goes on."""
    one = destination(1, policy=Policy(initial=initial), on_failure=on_failure)
    assert new == Stream(one).see("?")
    seen = Stream(destination(1))
    seen.see("U")
    stream = Stream(one)
    stream.observed = seen.observed
    assert known == stream.see("?")


@pytest.mark.parametrize(
    ("share", "weight", "asked", "expected"),
    [(100, 10, None, 10), (50, 10, None, 5), (50, 1, None, 1), (1, 10, None, 1), (50, 10, "50%", 3), (50, 0, None, 0)],
)
def test_warn_keeps_a_share_of_the_weight_and_takes_nobody_out(share, weight, asked, expected):
    stream = Stream(destination(1, weight, Policy(warn_share=share)))
    asked = None if asked is None else Weight.parse(asked)
    assert {1: expected} == stream.see("W", weights=[asked])
    if expected < weight and asked is None:
        assert Rule.DEGRADED is stream.choice(1).rule
    if weight:
        assert {1: weight} == stream.see("U")


def test_a_destination_that_comes_back_rises_in_steps_to_its_weight():
    stream = Stream(destination(1, 100, Policy(slow_start=60.0)), destination(2, 100))
    assert {1: 1, 2: 100} == stream.see("UU")
    assert Rule.SLOW_START is stream.choice(1).rule
    assert stream.now + 3 == stream.decided.again
    assert [5, 10, 50, 100, 100] == [stream.see("UU", after=after)[1] for after in (3, 3, 24, 30, 100)]
    assert stream.decided.again is None
    assert [0, 1] == [stream.see(letters, after=5)[1] for letters in ("DU", "UU")]


def test_the_ramp_goes_on_from_the_weight_that_a_restart_finds():
    stream = Stream(destination(1, 100, Policy(slow_start=60.0)))
    stream.see("U")
    stream.see("U", after=30)
    again = Stream(*stream.virtual.destinations)
    again.observed = stream.observed
    assert [{1: 50}, {1: 50}, {1: 55}] == [again.see(letter, after=3) for letter in "?UU"]


def test_a_ramp_follows_what_a_probe_asks_for_and_starts_anew_after_a_drain():
    stream = Stream(destination(1, 100, Policy(slow_start=60.0)))
    stream.see("U")
    assert {1: 25} == stream.see("U", after=30, weights=[Weight(50, percent=True)])
    stream.see("U", after=60)
    assert {1: 0} == stream.see("U", after=60, wishes=[Wish(name="disk", kind=WishKind.DRAIN, realserver="rs1")])
    assert {1: 0} == stream.see("U", after=60), "its probe must pass anew first"
    assert {1: 1} == stream.see("U", after=2, passed=stream.now + 1)


FLAP = Policy(flap=Flap(forgiven=2, half_life=60.0, max_hold=300.0))


def test_the_third_fall_in_a_short_time_holds_it_down():
    stream = Stream(destination(1, policy=FLAP))
    weights = [stream.see(letter, after=2)[1] for letter in "UDUDUDU"]
    assert [10, 0, 10, 0, 10, 0, 0] == weights
    assert ["flapping"] == stream.notices()
    assert Health.DOWN is stream.choice(1).health
    assert "fell too often" in " ".join(stream.choice(1).because)
    left = stream.decided.again - stream.now
    assert 60 < left < 120
    assert {1: 0} == stream.see("U", after=left - 0.1)
    assert {1: 10} == stream.see("U", after=0.2)
    assert [] == stream.notices()


def test_falls_far_apart_are_forgiven():
    stream = Stream(destination(1, policy=FLAP))
    assert {10} == {stream.see(letter, after=120)[1] for letter in "UDUDUDUDUDU"[::2]}
    assert [] == stream.notices()


def test_the_directors_own_trouble_is_no_fall():
    stream = Stream(destination(1, policy=FLAP))
    for letter in "U?U?U?U?U?U":
        stream.see(letter, after=1)
    assert [] == stream.notices()
    for letter in "UDU?D?U?DU":
        stream.see(letter, after=1)
    assert ["flapping"] == stream.notices()


@given(st.lists(st.tuples(st.sampled_from("UD?W"), st.floats(0.1, 100)), max_size=80))
def test_nobody_is_held_longer_than_the_longest_hold_after_the_last_fall(steps):
    stream = Stream(destination(1, policy=FLAP))
    for letter, after in steps:
        stream.see(letter, after=after)
        if stream.decided.again is not None:
            assert stream.decided.again - stream.now <= 300.0001
    assert {1: 10} == stream.see("U", after=300.001)


@given(
    st.lists(st.tuples(st.sampled_from("UD?W"), st.floats(0.0, 100)), max_size=30),
    st.integers(1, 65535),
    st.floats(1.0, 600.0),
    st.integers(1, 100),
)
def test_no_weight_is_ever_above_the_configured_one_nor_0_while_it_serves(steps, weight, length, share):
    stream = Stream(destination(1, weight, Policy(slow_start=length, warn_share=share)))
    for letter, after in steps:
        found = stream.see(letter, after=after)[1]
        assert 0 <= found <= weight
        if letter in "UW":
            assert found >= 1
        if letter == "D":
            assert found == 0
