"""One fact of each realserver, compared: who agrees, who differs, when nobody can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.agreement import Standing, compare
from lvsmon.health import observe
from lvsmon.model import Damping, Health, Outcome, ProbeState, Reason, Verdict

SIGNS = {Standing.AGREES: "=", Standing.DIFFERS: "!", Standing.UNDECIDED: "?"}
NAMES = {number: f"rs{number + 1}" for number in range(6)}


def standings(values, reference=None):
    """Return a sign for each of ``values``; "-" is one without an answer."""
    answers = {number: value for number, value in enumerate(values) if value != "-"}
    names = {number: NAMES[number] for number in range(len(values))}
    return "".join(
        SIGNS[compare(number, answers, names, reference).standing] if number in answers else "-"
        for number in range(len(values))
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("aaa", "==="),
        ("aab", "==!"),
        ("baaa", "!==="),
        ("ab", "??"),
        ("aa", "=="),
        ("aabb", "????"),
        ("abc", "???"),
        ("aabc", "????"),
        ("aaabc", "===!!"),
        ("a-", "?-"),
        ("aa-", "==-"),
        ("ab-", "??-"),
        ("aab--", "==!--"),
        ("a", "?"),
    ],
)
def test_the_majority_of_those_that_answer_is_right(values, expected):
    assert expected == standings(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [("abb", "=!!"), ("aa", "=="), ("ab", "=!"), ("-bb", "-??"), ("-b", "-?"), ("a-", "=-"), ("aab", "==!")],
)
def test_the_reference_is_right_whoever_else_differs(values, expected):
    assert expected == standings(values, reference=0)


@given(st.lists(st.sampled_from("ab-c"), min_size=1, max_size=6))
def test_it_is_never_all_that_differ(values):
    """And with a majority there is somebody who agrees."""
    found = standings(values)
    assert "!" not in found or found.count("=") > found.count("!")


@given(st.lists(st.sampled_from("ab-c"), min_size=1, max_size=6), st.randoms())
def test_the_order_decides_nothing(values, random):
    shuffled = list(enumerate(values))
    random.shuffle(shuffled)
    found = standings([value for _, value in shuffled])
    assert standings(values) == "".join(
        sign for _, sign in sorted(zip([number for number, _ in shuffled], found, strict=True))
    )


def test_a_sentence_names_who_has_what():
    names = {"a": "rs1", "b": "rs2", "c": "rs3", "d": "rs4"}
    answers = {"a": "new", "b": "old", "c": "old"}
    assert "old on rs2, rs3, 2 of 3" == compare("a", answers, names).detail
    assert "the same on 2 of 3, 1 without an answer" == compare("b", answers, names).detail
    assert "no majority: new on rs1; old on rs2" == compare("a", {"a": "new", "b": "old"}, names).detail
    assert "none of the 3 others has an answer to compare with" == compare("a", {"a": "new"}, names).detail
    assert "rs4, which is the reference, has no answer to compare with" == compare("a", answers, names, "d").detail
    assert "old on rs2, rs3" == compare("a", answers, names, "b").detail
    assert "the reference" == compare("b", answers, names, "b").detail


def test_a_sentence_is_bounded():
    """However many realservers there are, whatever they say."""
    names = {number: f"rs{number}" for number in range(500)}
    scattered = compare(0, {number: f"{number}" * 50 for number in range(500)}, names)
    split = compare(0, {number: number % 2 for number in range(500)}, names)
    assert len(scattered.detail) < 600
    assert "and 495 more" in scattered.detail
    assert "and 245 more" in split.detail


def health(*verdicts):
    state = ProbeState()
    for verdict, reason in verdicts:
        state = observe(state, Damping(2, 2), Outcome(verdict=verdict, reason=reason), 0.0)
    return state


UNDECIDED = (Verdict.UNKNOWN, Reason.UNDECIDED)
PASSED = (Verdict.PASS, Reason.OK)
DIFFERS = (Verdict.FAIL, Reason.DIFFERS)


def test_what_cannot_be_compared_comes_up_where_nothing_is_decided():
    """Else a director that starts would leave out the last realserver that is left."""
    assert Health.UNKNOWN is health(UNDECIDED).health
    assert Health.UP is health(UNDECIDED, UNDECIDED).health
    assert Health.UP is health(UNDECIDED, PASSED).health
    assert Health.UNKNOWN is health(*[(Verdict.UNKNOWN, Reason.LOCAL_RESOURCES)] * 5).health


def test_what_cannot_be_compared_changes_nothing_that_is_decided():
    assert Health.DOWN is health(DIFFERS, DIFFERS, *[UNDECIDED] * 5).health
    assert Health.DOWN is health(DIFFERS, DIFFERS, PASSED, UNDECIDED).health
    assert Health.DOWN is health(PASSED, PASSED, DIFFERS, UNDECIDED, DIFFERS).health
    assert Health.UP is health(PASSED, PASSED, DIFFERS, UNDECIDED).health
