"""Rise and fall as streams of verdicts against streams of states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.health import combine, confirmations, observe, pace
from lvsmon.model import Damping, Health, Outcome, Poll, ProbeState, Reason, Verdict, Weight

LETTERS = {
    "P": Outcome(verdict=Verdict.PASS, reason=Reason.OK),
    "W": Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED),
    "F": Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED),
    "?": Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_RESOURCES),
}
HEALTH_LETTERS = {Health.UP: "U", Health.WARN: "w", Health.DOWN: "D", Health.UNKNOWN: "-"}


def healths(stream, rise, fall):
    state, shown = ProbeState(), ""
    for moment, letter in enumerate(stream):
        state = observe(state, Damping(rise, fall), LETTERS[letter], float(moment))
        shown += HEALTH_LETTERS[state.health]
    return shown


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("PPPP", "-UUU"),
        ("FFFF", "--DD"),
        ("PPFFF", "-UUUD"),
        ("PPFFPFF", "-UUUUUU"),
        ("PPFFFPP", "-UUUDDU"),
        ("PPF?F?F", "-UUUUUD"),
        ("PP?????", "-UUUUUU"),
        ("FFFP?P", "--DDDU"),
        ("PPWP", "-UwU"),
        ("WW", "-w"),
        ("FFFW W".replace(" ", ""), "--DDw"),
        ("PFPFPF", "------"),
    ],
)
def test_states_follow_the_stream(stream, expected):
    assert expected == healths(stream, rise=2, fall=3)


@given(st.lists(st.sampled_from("PWF?"), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_unknown_outcomes_change_no_state(stream, rise, fall):
    """Promise 1: taking the director's own troubles out of the stream changes no health."""
    with_unknown = healths(stream, rise, fall)
    kept = [shown for letter, shown in zip(stream, with_unknown, strict=True) if letter != "?"]
    assert "".join(kept) == healths([letter for letter in stream if letter != "?"], rise, fall)


@given(st.lists(st.sampled_from("PF"), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_down_needs_fall_failures_in_a_row(stream, rise, fall):
    shown = healths(stream, rise, fall)
    for end, letter in enumerate(shown, 1):
        if letter == "D" and (end == 1 or shown[end - 2] != "D"):
            assert stream[max(0, end - fall) : end] == ["F"] * fall


def voted(letters, needed=None, votes=()):
    """Combine probes of these healths; letters as in the streams, U for UP."""
    healths = {"U": Health.UP, "W": Health.WARN, "D": Health.DOWN, "?": Health.UNKNOWN}
    names = [str(number) for number in range(len(letters))]
    poll = None if needed is None else Poll(needed, dict(zip(names, votes, strict=False)))
    return combine({name: healths[letter] for name, letter in zip(names, letters, strict=True)}, poll)


@pytest.mark.parametrize(
    ("letters", "needed", "votes", "expected"),
    [
        # All must pass: as healthy as the worst, where DOWN is certain whatever the others come to.
        ("U?D", None, (), Health.DOWN),
        ("UW?", None, (), Health.UNKNOWN),
        ("UW", None, (), Health.WARN),
        ("UU", None, (), Health.UP),
        ("", None, (), Health.UP),
        # Any: one is enough.
        ("UDD", 1, (), Health.UP),
        ("WDD", 1, (), Health.WARN),
        ("WUD", 1, (), Health.UP),
        ("?DD", 1, (), Health.UNKNOWN),
        ("DDD", 1, (), Health.DOWN),
        # Weighted.
        ("UDD", 3, (3, 1, 1), Health.UP),
        ("DUU", 3, (3, 1, 1), Health.DOWN),
        ("DUU", 3, (3, 2, 1), Health.UP),
        ("DU?", 3, (3, 2, 1), Health.UNKNOWN),
        ("DUW", 3, (3, 2, 1), Health.WARN),
    ],
)
def test_probes_vote(letters, needed, votes, expected):
    assert expected is voted(letters, needed, votes)


@given(st.text("UWD?", min_size=1, max_size=6), st.lists(st.integers(1, 4), min_size=6, max_size=6), st.data())
def test_a_vote_is_certain_before_all_have_voted(letters, votes, data):
    """What is decided while some are undecided stays decided, whatever these come to."""
    needed = data.draw(st.integers(1, sum(votes[: len(letters)])))
    early = voted(letters, needed, votes)
    late = voted("".join(data.draw(st.sampled_from("UWD")) if one == "?" else one for one in letters), needed, votes)
    assert late is not Health.UNKNOWN
    if early in (Health.UP, Health.DOWN):
        assert early is late
    if early is Health.WARN:
        assert late.serves


@given(st.lists(st.tuples(st.sampled_from("PWF?"), st.none() | st.integers(0, 9)), max_size=40), st.integers(1, 3))
def test_the_weight_is_that_of_the_last_outcome_that_served(stream, rise):
    """Failures and the director's own troubles say nothing of it; a pass without a weight takes it back."""
    state, expected = ProbeState(), None
    for letter, number in stream:
        weight = None if number is None else Weight(number)
        outcome = Outcome(verdict=LETTERS[letter].verdict, reason=LETTERS[letter].reason, weight=weight)
        state = observe(state, Damping(rise, 2), outcome, 0.0)
        if letter in "PW":
            expected = weight
        assert expected == state.weight


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("", "n"),
        ("P", "f"),
        ("PP", "n"),
        ("PPF", "f"),
        ("PPFP", "n"),
        ("PPFF", "f"),
        ("PPFFF", "d"),
        ("PPFFFF", "d"),
        ("PPFFFP", "f"),
        ("PPFFFPF", "d"),
        ("PPFFFPP", "n"),
        ("PPFFF?", "d"),
        ("F", "f"),
    ],
)
def test_the_pace_is_fast_while_something_changes_and_another_while_down(stream, expected):
    state = ProbeState()
    for letter in stream:
        state = observe(state, Damping(2, 3), LETTERS[letter], 0.0)
    assert {"n": 10.0, "f": 1.0, "d": 60.0}[expected] == pace(state, 10.0, 1.0, 60.0)
    assert 10.0 == pace(state, 10.0, None, None)


def quick_runs(stream, fall, confirm):
    """Return, for each outcome of ``stream``, how many quick runs are then still to follow."""
    state, left, shown = ProbeState(health=Health.UP), 0, ""
    for letter in stream:
        after = observe(state, Damping(2, fall), LETTERS[letter], 0.0)
        left = confirmations(left, state, after, Damping(2, fall), confirm)
        shown += str(left)
        state = after
    return shown


@pytest.mark.parametrize(
    ("stream", "fall", "confirm", "expected"),
    [
        ("PFFFFF", 3, 2, "021000"),
        ("PFFFFF", 3, 9, "021000"),
        ("PFFFFF", 5, 2, "021000"),
        ("PFFFFF", 1, 2, "000000"),
        ("PFFFFF", 3, 0, "000000"),
        ("PFPFPF", 3, 2, "020202"),
        ("PF?FFF", 4, 2, "020000"),
        ("PFF?PF", 4, 2, "021002"),
        ("FFFFPF", 3, 2, "210000"),
        ("FFFPPF", 3, 2, "210002"),
        ("WFWF", 3, 2, "0202"),
    ],
)
def test_the_first_failure_of_a_probe_that_passed_is_confirmed(stream, fall, confirm, expected):
    """As often as is said and as fall needs; a pass, an UNKNOWN outcome and DOWN end it; DOWN is not confirmed anew."""
    assert expected == quick_runs(stream, fall, confirm)
