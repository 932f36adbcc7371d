"""What the board makes of outcomes, of an earlier process and of a change of plan."""

import pytest

from lvsmon.model import (
    Damping,
    Health,
    Outcome,
    ProbeState,
    Reason,
    Target,
    Verdict,
)
from lvsmon.monitor.board import Board
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.tcp import TcpProbe

PASS = Outcome(verdict=Verdict.PASS, reason=Reason.OK)
FAIL = Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED, detail="connection refused")
SPEC = ProbeSpec(
    id="p",
    probe=TcpProbe(),
    target=Target(address="127.0.0.1", port=1),
    interval=1,
    timeout=1,
    damping=Damping(rise=2, fall=2),
)


def board(remembered=None):
    made = Board(remembered)
    made.update(["p"])
    return made


def test_only_a_change_of_health_is_a_transition():
    ours = board()
    found = [ours.record(SPEC, outcome, now) for now, outcome in enumerate([PASS, PASS, PASS, FAIL, FAIL, FAIL])]
    assert [(Health.UNKNOWN, Health.UP, 1), (Health.UP, Health.DOWN, 4)] == [
        (each.before, each.after, each.at) for each in found if each
    ]
    assert FAIL is found[4].outcome


@pytest.mark.parametrize("health", [Health.UP, Health.DOWN])
def test_what_is_found_as_it_was_left_has_been_so_since_then(health):
    """A restart is no news: no transition, and the time since when is the old one."""
    ours = board({"p": ProbeState(health=health, since=77.0)})
    assert Health.UNKNOWN is ours.state("p").health
    outcome = PASS if health is Health.UP else FAIL
    assert [None, None] == [ours.record(SPEC, outcome, 1000.0), ours.record(SPEC, outcome, 1001.0)]
    assert (health, 77.0) == (ours.state("p").health, ours.state("p").since)


def test_what_changed_while_nobody_watched_is_a_transition():
    ours = board({"p": ProbeState(health=Health.UP, since=77.0)})
    ours.record(SPEC, FAIL, 1000.0)
    assert Health.DOWN is ours.record(SPEC, FAIL, 1001.0).after
    assert 1001.0 == ours.state("p").since


def test_a_new_plan_keeps_the_counters_of_what_it_keeps():
    """Trap 16."""
    ours = board()
    ours.record(SPEC, PASS, 0)
    ours.update(["p", "q"])
    assert Health.UP is ours.record(SPEC, PASS, 1).after
    ours.update(["q"])
    ours.update(["p", "q"])
    assert Health.UNKNOWN is ours.state("p").health


def test_who_answers_and_cannot_be_compared_has_passed_for_whoever_is_let_in_again():
    """The last one left shall not stay out because there is nobody to hold it against; the director's trouble may."""
    ours = board()
    undecided = Outcome(verdict=Verdict.UNKNOWN, reason=Reason.UNDECIDED)
    ours.record(SPEC, undecided, 1000.0, 1.0)
    assert 1.0 == ours.state("p").passed
    ours.record(SPEC, Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_RESOURCES), 1001.0, 2.0)
    ours.record(SPEC, FAIL, 1002.0, 3.0)
    assert (3.0, 1.0) == (ours.state("p").heard, ours.state("p").passed)
