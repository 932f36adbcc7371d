"""What becomes of a virtual service as a whole: the floor and the sorry server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Amount, Health, OnFailure, Rule, Wish, WishKind
from pool.streams import Stream, destination


def four(**settings):
    return Stream(*(destination(number) for number in (1, 2, 3, 4)), **settings)


@pytest.mark.parametrize(
    ("floor", "letters", "serving"),
    [
        ("0", "DDDD", set()),
        ("1", "DDDD", {1}),
        ("2", "UDDD", {1, 2}),
        ("2", "UUDD", {1, 2}),
        ("9", "UDDD", {1, 2, 3, 4}),
        ("50%", "UDDD", {1, 2}),
        ("51%", "UDDD", {1, 2, 3}),
        ("100%", "UDDD", {1, 2, 3, 4}),
    ],
)
def test_below_the_floor_health_is_ignored(floor, letters, serving):
    stream = four(floor=floor)
    stream.see("UUUU")
    weights = stream.see(letters)
    assert serving == {host for host, weight in weights.items() if weight}
    assert (["floor"] if serving - {number for number, letter in enumerate(letters, 1) if letter == "U"} else []) == (
        stream.notices()
    )


def test_the_best_of_the_failing_stay_in():
    """Unknown before down, and who serves still before who does not."""
    stream = four(floor="2")
    stream.see("UUUU")
    stream.see("DUUU")
    assert {2, 3} == {host for host, weight in stream.see("DDDD").items() if weight}
    stream = four(floor="1")
    stream.see("UUUU")
    stream.see("DDDD")
    assert {4} == {host for host, weight in stream.see("DDD?").items() if weight}
    assert Rule.FLOOR is stream.choice(4).rule
    assert "too few serve (floor = 1)" in stream.choice(4).because[-1]


def test_whoever_an_operator_wants_out_stays_out():
    stream = four(floor="1")
    stream.see("UUUU")
    wish = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs1")
    assert {2} == {host for host, weight in stream.see("UDDD", wishes=[wish]).items() if weight}
    everybody = [Wish(name="operator", kind=WishKind.DISABLE, realserver=f"rs{number}") for number in (1, 2, 3, 4)]
    assert {0} == set(stream.see("UUUU", wishes=everybody).values())


@given(
    st.lists(
        st.tuples(st.sampled_from("UDW?"), st.integers(0, 20), st.sampled_from(OnFailure)), min_size=1, max_size=6
    ),
    st.integers(0, 100),
    st.booleans(),
)
def test_with_a_floor_the_last_one_never_leaves_and_the_healthy_never_do(rows, value, percent):
    """Promise 2, whatever the healths."""
    stream = Stream(
        *(destination(number, weight, on_failure=policy) for number, (_, weight, policy) in enumerate(rows, 1)),
        floor=Amount(value, percent),
    )
    stream.see("U" * len(rows))
    weights = stream.see("".join(letter for letter, _, _ in rows))
    for number, (letter, weight, _) in enumerate(rows, 1):
        if letter in "UW":
            assert weight == weights[number]
    usable = [weight for _, weight, _ in rows if weight]
    serving = [rows[host - 1][1] for host, weight in weights.items() if weight]
    if percent:
        assert sum(serving) * 100 >= sum(usable) * value
    else:
        assert len(serving) >= min(value, len(usable))


def sorry(**settings):
    return four(sorry=destination(99, 1), **settings)


def test_by_default_the_sorry_server_is_in_only_while_nobody_serves():
    stream = sorry()
    found = [99 in stream.see(letters) for letters in ("UUUU", "DDDU", "DDDD", "DDUD")]
    assert [False, False, True, False] == found


def test_below_a_quorum_it_joins_and_the_healthy_go_on():
    """Trap 19: losing the quorum takes no healthy realserver out."""
    stream = sorry(sorry_below="50%", sorry_hysteresis="25%")
    assert {1: 10, 2: 10, 3: 0, 4: 0} == stream.see("UUDD")
    assert {1: 10, 2: 0, 3: 0, 4: 0, 99: 1} == stream.see("UDDD")
    assert ["sorry"] == stream.notices()
    assert "less than 50% of the destinations serve" in " ".join(stream.choice(99).because)
    assert 99 in stream.see("UUDD"), "out only when more than the quorum serves"
    assert 99 not in stream.see("UUUD")
    assert 99 not in stream.see("UUDD")


def test_hysteresis_outlives_a_restart():
    """The kernel shows that the sorry server is in."""
    stream = sorry(sorry_below="50%", sorry_hysteresis="25%")
    stream.see("UDDD")
    again = sorry(sorry_below="50%", sorry_hysteresis="25%")
    again.observed = stream.observed
    assert 99 in again.see("UUDD")


def test_with_a_floor_the_failing_serve_before_the_sorry_server():
    stream = sorry(floor="1")
    stream.see("UUUU")
    assert 99 not in stream.see("DDDD")
    assert Health.UP is stream.choice(99).health
