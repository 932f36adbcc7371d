"""The chaos run's oracle on scripted histories: it is silent where the rules are kept, and finds what breaks them."""

from dataclasses import replace

import pytest

from kernel.chaos import plan
from kernel.chaos.history import (
    EVERYWHERE,
    Asked,
    Configured,
    CutOff,
    Ended,
    Freed,
    HandBegins,
    HandEnds,
    Harmed,
    Hindered,
    Joined,
    Mended,
    Observed,
    Paused,
    Rules,
    Said,
    Truth,
    VirtualRules,
    Weighed,
)
from kernel.chaos.oracle import Oracle
from kernel.chaos.table import parse

LOOK = 0.25
WEB = VirtualRules(
    name="web", shown="-t 10.2.0.100:80", daemon="nginx", weights={"rs1": 1, "rs2": 2, "rs3": 1},
    interval=1.0, timeout=1.0,
)  # fmt: skip
FULL = dict(WEB.weights)


class Script:
    """A history that is written down: each line lets time pass with one table."""

    def __init__(self, *virtuals, first=None):
        self.oracle = Oracle()
        self.now = 0.0
        self.violations = []
        self.rules = Rules(virtuals=virtuals, rise=2, fall=2, reconcile=1.0, brake_window=10.0)
        self.tell(Configured(0.0, self.rules))
        self.tell(HandEnds(0.0, {}))
        self.passes(2.0, **({virtual.name: dict(virtual.weights) for virtual in virtuals} | (first or {})))

    def tell(self, *events):
        for event in events:
            self.violations += self.oracle.take(event)

    def passes(self, seconds, others=None, **tables):
        """Let time pass; each virtual service has this table. ``others`` are tables of no virtual service of ours."""
        shown = {virtual.name: virtual.shown for virtual in self.rules.virtuals}
        table = {shown[name]: entries for name, entries in tables.items()} | (others or {})
        for _ in range(round(seconds / LOOK)):
            self.now += LOOK
            self.tell(Observed(self.now, table))

    def harm(self, *where, truth=Truth.DEAD, fault=1):
        self.tell(Harmed(self.now, fault, truth, frozenset((server, "nginx") for server in where)))

    def by_hand(self, foreign=None):
        self.tell(HandBegins(self.now), HandEnds(self.now, foreign or {}))

    def said(self):
        return [violation.what for violation in self.violations]


def without(*names):
    return {name: 0 if name in names else weight for name, weight in FULL.items()}


def removed(*names):
    return {name: weight for name, weight in FULL.items() if name not in names}


def test_a_dead_one_that_leaves_in_time_is_no_violation_and_is_counted():
    script = Script(WEB)
    script.harm("rs2")
    script.passes(3.0, web=FULL)
    script.passes(5.0, web=without("rs2"))
    script.tell(Mended(script.now, 1))
    script.passes(3.0, web=without("rs2"))
    script.passes(5.0, web=FULL)
    assert script.said() == []
    assert {kind: len(times) for kind, times in script.oracle.tally.met.items()} == {"dead": 1, "healthy": 1}


def test_a_dead_one_that_stays_is_found_when_its_time_is_over():
    """interval x fall + timeout, and the slack: 5.5 s."""
    script = Script(WEB)
    script.harm("rs2")
    script.passes(5.5, web=FULL)
    assert script.said() == []
    script.passes(20.0, web=FULL)
    assert script.said() == ["web: rs2 is dead, and weight 2, for 5.8 s; 5.5 s are allowed"]
    assert script.violations[0].at == pytest.approx(2.0 + 5.75)


def test_a_healthy_one_that_stays_out_is_found():
    script = Script(WEB)
    script.harm("rs1")
    script.passes(6.0, web=without("rs1"))
    script.tell(Mended(script.now, 1))
    script.passes(10.0, web=without("rs1"))
    assert script.said() == ["web: rs1 is healthy, and weight 0, for 5.8 s; 5.5 s are allowed"]


def test_rise_and_fall_swapped_cannot_pass():
    """What a monitor does that takes out the healthy and keeps the dead."""
    script = Script(WEB)
    script.harm("rs3")
    script.passes(10.0, web=without("rs1", "rs2"))
    assert [line.split(",")[0] for line in script.said()] == [
        "web: rs1 is healthy",
        "web: rs2 is healthy",
        "web: rs3 is dead",
    ]


@pytest.mark.parametrize(
    ("policy", "wrong", "shown"), [("quiesce", removed("rs1"), "not there"), ("remove", without("rs1"), "weight 0")]
)
def test_a_dead_one_leaves_in_the_way_that_is_configured(policy, wrong, shown):
    script = Script(replace(WEB, on_failure=policy))
    script.harm("rs1")
    script.passes(10.0, web=wrong)
    assert script.said() == [f"web: rs1 is dead, and {shown}, for 5.8 s; 5.5 s are allowed"]


def test_another_weight_than_the_configured_one_is_not_in():
    script = Script(WEB)
    script.passes(6.0, web=FULL)
    script.passes(10.0, web=FULL | {"rs2": 1})
    assert script.said() == ["web: rs2 is healthy, and weight 1, for 5.8 s; 5.5 s are allowed"]
    assert script.oracle.tally.uncalled == ["8.2 web/rs2"]


def test_lost_packets_demand_nothing():
    script = Script(WEB)
    script.tell(Harmed(script.now, 1, Truth.DOUBTFUL, frozenset({("rs1", EVERYWHERE)})))
    script.passes(20.0, web=FULL)
    script.passes(20.0, web=without("rs1"))
    assert script.said() == []


def test_while_lvsmon_cannot_act_nothing_is_demanded_and_then_everything():
    script = Script(WEB)
    script.tell(Hindered(script.now, 9))
    script.harm("rs1")
    script.passes(60.0, web=FULL)
    assert script.said() == []
    script.tell(Freed(script.now, 9, True))
    script.passes(8.0, web=FULL)
    assert script.said() == []
    script.passes(1.0, web=FULL)
    assert len(script.said()) == 1


def test_a_realserver_that_an_operator_disabled_is_out_in_either_way_also_below_the_floor():
    for out in (without("rs1"), removed("rs1")):
        script = Script(replace(WEB, floor=3))
        script.harm("rs1", truth=Truth.UNWANTED)
        script.passes(20.0, web=out)
        assert script.said() == []
    script.passes(10.0, web=FULL)
    assert script.said() == ["web: rs1 is disabled, and weight 1, for 5.8 s; 5.5 s are allowed"]


def test_a_paused_lvsmon_changes_nothing():
    script = Script(WEB)
    script.tell(Hindered(script.now, 1), Paused(script.now))
    script.harm("rs1", fault=2)
    script.passes(20.0, web=FULL)
    script.by_hand()
    script.passes(20.0, web=FULL | {"rs2": 9})
    assert script.said() == []
    script.passes(1.0, web=FULL)
    assert script.said() == ["the table changed while lvsmon was paused"]
    script.tell(Paused(script.now, over=True))
    script.passes(1.0, web=without("rs1"))
    assert len(script.said()) == 1


def test_a_guest_that_stands_still_costs_nobody_anything():
    """Between two looks at most half a second counts."""
    script = Script(WEB)
    script.harm("rs1")
    script.now += 30.0
    script.passes(LOOK, web=FULL)
    assert script.said() == []
    assert script.oracle.tally.stalled == pytest.approx(29.75)


def test_a_guest_that_is_overrun_costs_a_run_and_no_more():
    """After a gap between two looks the clocks stand still for one timeout: a run that was going on may be UNKNOWN."""
    script = Script(WEB)
    script.harm("rs1")
    script.now += 0.25
    script.passes(6.5, web=FULL)
    assert script.said() == []
    script.passes(1.0, web=FULL)
    assert len(script.said()) == 1
    assert script.oracle.tally.starved == pytest.approx(1.25)


def test_what_a_hand_changes_is_mended_within_the_reconcile_period():
    script = Script(WEB)
    script.passes(6.0, web=FULL)
    script.by_hand()
    script.passes(3.5, web=FULL | {"rs1": 7})
    assert script.said() == []
    script.passes(1.0, web=FULL | {"rs1": 7})
    assert script.said() == ["web: rs1 is healthy, and weight 7, for 3.8 s; 3.5 s are allowed"]


def test_a_verdict_of_runs_that_began_before_the_mending_has_the_time_to_be_revised():
    """Also where a hand has edited the table meanwhile."""
    script = Script(WEB)
    script.harm("rs1")
    script.passes(3.0, web=FULL)
    script.tell(Mended(script.now, 1))
    script.passes(0.5, web=FULL)
    script.by_hand()
    script.passes(5.0, web=without("rs1"))
    script.passes(1.0, web=FULL)
    assert script.said() == []
    assert script.oracle.tally.uncalled == []


def test_more_than_half_failing_may_wait_for_the_self_test():
    script = Script(WEB)
    script.harm("rs1", "rs2")
    script.passes(9.5, web=FULL)
    assert script.said() == []
    script.passes(0.5, web=FULL)
    assert len(script.said()) == 2


def test_with_a_floor_a_dead_one_may_stay_but_not_beside_another():
    script = Script(replace(WEB, floor=1))
    script.harm("rs1", "rs2", "rs3")
    script.passes(60.0, web=without("rs1", "rs2"))
    assert script.said() == []
    script.passes(20.0, web=without("rs1"))
    assert [line.split(",")[0] for line in script.said()] == ["web: rs2 is dead", "web: rs3 is dead"]


def test_a_floor_that_is_broken_for_one_look_is_found():
    script = Script(replace(WEB, floor=1))
    script.harm("rs1", "rs2", "rs3")
    script.passes(10.0, web=without("rs1", "rs2"))
    script.passes(LOOK, web=without("rs1", "rs2", "rs3"))
    script.passes(10.0, web=without("rs1", "rs2"))
    assert script.said() == ["web: nobody is in, against its floor, for 0.2 s; 0.0 s are allowed"]


def test_after_a_flush_the_floor_is_held_again_within_the_reconcile_period():
    script = Script(replace(WEB, floor=1))
    script.by_hand()
    script.passes(3.5)
    assert script.said() == []
    script.passes(1.0)
    assert "web: nobody is in, against its floor, for 3.8 s; 3.5 s are allowed" in script.said()


def test_a_sorry_server_is_in_before_the_last_leaves_and_leaves_after_the_first_is_back():
    script = Script(replace(WEB, sorry="10.1.0.254:80"))
    script.harm("rs1", "rs2", "rs3")
    script.passes(3.0, web=FULL)
    script.passes(1.0, web=without("rs1", "rs2") | {"10.1.0.254:80": 1})
    script.passes(20.0, web=without("rs1", "rs2", "rs3") | {"10.1.0.254:80": 1})
    assert script.said() == []
    script.passes(LOOK, web=without("rs1", "rs2", "rs3"))
    assert script.said() == ["web: nobody is in, against its sorry server, for 0.2 s; 0.0 s are allowed"]
    script.tell(Mended(script.now, 1))
    script.passes(5.0, web=FULL | {"10.1.0.254:80": 1})
    assert script.said()[1:] == ["web: its sorry server is in beside others, for 3.8 s; 3.5 s are allowed"]


def test_a_director_that_is_cut_off_takes_nobody_out():
    script = Script(WEB)
    script.tell(CutOff(script.now))
    script.passes(60.0, web=FULL)
    assert script.said() == []
    script.passes(10.0, web=without("rs1", "rs2", "rs3"))
    assert len(script.said()) == 3
    script.tell(Joined(script.now))
    script.passes(10.0, web=FULL)
    assert len(script.said()) == 3


def test_a_foreign_entry_that_changes_is_found_at_once():
    other = {"-t 10.2.0.100:8080": {"rs1": 9}}
    foreign = other | {WEB.shown: {"10.1.0.77:80": 0}}
    script = Script(WEB)
    script.by_hand(foreign)
    script.passes(5.0, other, web=FULL | {"10.1.0.77:80": 0})
    assert script.said() == []
    script.passes(LOOK, {}, web=FULL | {"10.1.0.77:80": 1})
    assert script.said() == [
        "foreign -t 10.2.0.100:8080 rs1 has weight 9, and lvsmon made it None",
        "foreign -t 10.2.0.100:80 10.1.0.77:80 has weight 0, and lvsmon made it 1",
    ]


def test_an_entry_that_the_configuration_dropped_has_to_go():
    script = Script(WEB, replace(WEB, name="more", shown="-t 10.2.0.100:81"))
    left = {"-t 10.2.0.100:81": FULL}
    script.rules = replace(script.rules, virtuals=(WEB,))
    script.tell(Configured(script.now, script.rules))
    script.passes(3.5, left, web=FULL)
    assert script.said() == []
    script.passes(1.0, left, web=FULL)
    assert len(script.said()) == 1
    assert script.said()[0].startswith("left over: -t 10.2.0.100:81 rs1, -t 10.2.0.100:81 rs2")


def test_a_client_may_fail_only_while_somebody_is_in_who_does_not_serve():
    script = Script(WEB)
    script.harm("rs1")
    script.passes(1.0, web=FULL)
    script.tell(Asked(script.now, script.now - 0.1, "web", None, "refused"))
    script.passes(1.0, web=without("rs1"))
    script.tell(Asked(script.now, script.now - 0.1, "web", "rs2"))
    assert script.said() == []
    script.tell(Asked(script.now, script.now - 0.1, "web", None, "refused"))
    assert script.said() == ["web: a client failed while only healthy ones were in: refused"]
    assert (script.oracle.tally.clean, script.oracle.tally.troubles, script.oracle.tally.answers) == (
        2,
        {"web": 2},
        {"web": 1},
    )


def test_a_client_may_fail_while_the_director_still_gives_up_a_neighbour_that_it_had_lost():
    """A question of ARP that went out before its cable was back ends a second later with "no route to host"."""
    script = Script(WEB)
    script.tell(CutOff(script.now))
    script.passes(5.0, web=FULL)
    script.tell(Joined(script.now))
    script.passes(1.0, web=FULL)
    script.tell(Asked(script.now, script.now - 0.1, "web", None, "no route to host"))
    assert script.said() == []
    script.passes(2.0, web=FULL)
    script.tell(Asked(script.now, script.now - 0.1, "web", None, "no route to host"))
    assert script.said() == ["web: a client failed while only healthy ones were in: no route to host"]


def test_a_client_of_an_overrun_guest_may_fail():
    script = Script(WEB)
    began = script.now
    script.now += 2.0
    script.passes(LOOK, web=FULL)
    script.tell(Asked(script.now, began, "web", None, "timed out"))
    assert (script.said(), script.oracle.tally.clean) == ([], 0)


def test_what_lvsmon_itself_says_and_weighs_is_held_against_it():
    script = Script(WEB)
    script.tell(Said(1.0, "level=info event=outcome"), Weighed(1.0, 7, 50_000, 20, 5))
    assert script.said() == []
    script.tell(
        Said(2.0, 'level=error event="a bug in a probe kind" traceback="…"'),
        Ended(2.0, "ended by itself with -11"),
        Weighed(2.0, 7, 80_000, 200, 5),
        Weighed(3.0, 7, 80_000, 200, 5),
    )
    assert len(script.said()) == 4
    assert script.said()[2:] == [
        "lvsmon 7 takes more resident kB than 74576: 80000",
        "lvsmon 7 takes more descriptors than 80: 200",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_is_its_seed_and_no_two_faults_touch_the_same_thing(seed):
    steps = plan.drawn(seed, 600.0)
    assert steps == plan.drawn(seed, 600.0)
    assert steps != plan.drawn(seed + 1, 600.0)
    assert {step.kind for step in steps} == {kind.name for kind in plan.KINDS}
    holds = {kind.name: kind.holds for kind in plan.KINDS}
    ends = {}
    for step in steps:
        for thing in holds[step.kind]:
            names = {"rs": [step.realserver], "rs*": plan.REALSERVERS}.get(thing, [thing])
            for name in names:
                assert ends.get(name, 0.0) <= step.begins <= step.ends <= 600.0 - plan.TAIL, step
                ends[name] = step.ends


def test_the_kernels_table_is_read_by_names():
    text = (
        "IP Virtual Server version 1.2.1 (size=4096)\n"
        "Prot LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
        "TCP  0A020064:0050 wrr  \n"
        "  -> 0A01000B:0050      Masq    1      0          3         \n"
        "  -> 0A01004D:0050      Masq    0      0          0         \n"
        "UDP  0A020064:0035 wrr  \n"
        "TCP  [fd00:0002:0000:0000:0000:0000:0000:0100]:0050 wrr  \n"
        "  -> [fd00:0001:0000:0000:0000:0000:0000:000b]:0050      Route   2      0          0         \n"
    )
    assert parse(text, {"10.1.0.11": "rs1", "fd00:1::b": "rs1"}) == {
        "-t 10.2.0.100:80": {"rs1": 1, "10.1.0.77:80": 0},
        "-u 10.2.0.100:53": {},
        "-t [fd00:2::100]:80": {"rs1": 2},
    }
    with pytest.raises(ValueError, match=r"not understood in /proc/net/ip_vs: 'SCTP what'"):
        parse(text + "SCTP what\n", {})
