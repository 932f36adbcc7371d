"""What the witness writes down: names, each change once."""

import pytest

from lvsmon.actions.ipvs.base import AddVirtual, EditDestination
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.config.plan import Plan
from lvsmon.model import (
    Choice,
    DestinationSettings,
    Health,
    Outcome,
    Reason,
    Rule,
    Transition,
    Verdict,
    VirtualService,
    VirtualSettings,
)
from lvsmon.model.history import Configured, EntryKind, Moment, Place
from lvsmon.monitor.telling import Told
from lvsmon.monitor.witness import Witness
from oneshot_support import VIP, destination, spec

SPEC = spec("10.1.0.11", 80)
RS1 = destination("rs1", SPEC)
SHOP = VirtualService(name="shop", key=VIP, settings=VirtualSettings(), destinations=(RS1,))
PLAN = Plan(virtuals=(SHOP,), probes={SPEC.id: SPEC})
UP, DOWN = Choice(Health.UP, 1, Rule.CONFIGURED, ("it is well",)), Choice(Health.DOWN, 0, Rule.DOWN, ("a", "b"))


@pytest.fixture
def told():
    return []


@pytest.fixture
def witness(told):
    made = Witness(told.append, now=lambda: Moment(5.0, 1.0))
    made.plan(PLAN)
    return made


def test_a_plan_tells_who_is_configured(witness, told):
    assert [Configured(Moment(5.0, 1.0), frozenset({Place("shop", "10.1.0.11:80", "rs1")}))] == told


def test_each_change_of_a_decision_is_told_once_with_names(witness, told):
    for choice in (Choice(Health.UNKNOWN, 1, Rule.UNKNOWN), UP, UP, DOWN, DOWN):
        witness.decided({(VIP, RS1.key): choice})
    up, down = told[1:]
    assert (("shop",), ("rs1",), "10.1.0.11:80") == (down.virtuals, down.realservers, down.destination)
    assert [("UNKNOWN", "UP"), ("UP", "DOWN")] == [(one.before, one.after) for one in (up, down)]
    assert (1, 0, "down", "a; b") == (down.weight_before, down.weight_after, down.rule, down.what)


def test_a_weight_or_a_rule_that_changes_alone_is_a_decision(witness, told):
    witness.decided({(VIP, RS1.key): UP})
    witness.decided({(VIP, RS1.key): Choice(Health.UP, 0, Rule.WISH)})
    assert [EntryKind.HEALTH, EntryKind.DECISION] == [one.kind for one in told[1:]]


def test_what_was_decided_for_a_plan_that_is_gone_is_not_told(witness, told):
    witness.plan(Plan(virtuals=(), probes={}))
    witness.decided({(VIP, RS1.key): UP})
    assert all(isinstance(one, Configured) for one in told)


def test_a_destination_that_comes_back_begins_anew(witness, told):
    witness.decided({(VIP, RS1.key): DOWN})
    witness.plan(Plan(virtuals=(), probes={}))
    witness.plan(PLAN)
    witness.decided({(VIP, RS1.key): DOWN})
    assert ["UNKNOWN", "UNKNOWN"] == [one.before for one in told if not isinstance(one, Configured)]


def test_a_transition_names_all_who_use_the_probe(witness, told):
    outcome = Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED, detail="nobody listens")
    witness.transition(Transition(SPEC.id, Health.UP, Health.DOWN, outcome, 5.0))
    assert (("shop",), ("rs1",), SPEC.id, "refused: nobody listens") == (
        told[1].virtuals, told[1].realservers, told[1].probe, told[1].what,
    )  # fmt: skip


def test_writes_are_told_in_ipvsadms_notation(witness, told):
    written = (AddVirtual(VIP, VirtualSettings()), EditDestination(VIP, RS1.key, DestinationSettings(weight=0)))
    witness.report(Report(written=written, refused=(), foreign=(), drift=(), observed={}, owned=Owned()))
    assert ["ipvsadm -A -t 192.0.2.10:80 -s wlc", "ipvsadm -e -t 192.0.2.10:80 -r 10.1.0.11:80 -m -w 0"] == [
        one.what for one in told[1:]
    ]
    assert [(), ("rs1",)] == [one.realservers for one in told[1:]]


def test_trouble_is_told_when_it_begins_and_when_it_is_over(witness, told):
    said = Told(witness)
    for complaints in (["refused: x"], ["refused: x"], []):
        said.complain(complaints)
    assert [("trouble", "refused: x"), ("trouble", "over: refused: x")] == [(one.rule, one.what) for one in told[1:]]
