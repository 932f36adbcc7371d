"""What the director knows becomes conditions: one for each thing that is wrong, none for what follows from another."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lvsmon.alerts.condition import Severity, Subject
from lvsmon.alerts.route import After, Route
from lvsmon.alerts.setup import Setup
from lvsmon.config.expressions import parse
from lvsmon.config.plan import Plan
from lvsmon.errors import Complaint, ConfigError
from lvsmon.model import (
    Amount,
    Brake,
    Damping,
    Group,
    Host,
    Outcome,
    ProbeState,
    Protocol,
    Reason,
    Verdict,
    VirtualKey,
    VirtualService,
    VirtualSettings,
)
from lvsmon.monitor.conditions import conditions, unjudged
from lvsmon.monitor.conditions.director import of_config, of_state
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.pool import Situation, decide
from pool.streams import HEALTHS, destination

VERDICTS = {"U": Verdict.PASS, "W": Verdict.WARN, "D": Verdict.FAIL, "?": Verdict.UNKNOWN}


def virtual(name="web", hosts=(1, 2, 3), port=80, **settings):
    destinations = tuple(
        replace(destination(host), probes=(f"{name}/rs{host}",), depends=settings.get("depends", ())) for host in hosts
    )
    key = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", port)
    settings.pop("depends", None)
    return VirtualService(name=name, key=key, settings=VirtualSettings(), destinations=destinations, **settings)


def state(letter, since=100.0, **outcome):
    last = Outcome(verdict=VERDICTS[letter], reason=Reason.OK, detail="seen", **outcome)
    fails = 3 if letter == "D" else 0
    return ProbeState(health=HEALTHS[letter], fails=fails, unknowns=3 if letter == "?" else 0, since=since, last=last)


def snapshot(virtuals, letters, *, observed=None, beside=None, hosts=(), trouble=(), **states):
    """Decide on ``letters`` for the probes in their order."""
    probes = [probe for each in virtuals for one in each.destinations for probe in one.probes]
    probes += [probe for host in hosts for probe in host.probes]
    known = {probe: state(letter) for probe, letter in zip(probes, letters, strict=True)} | states.get("states", {})
    beside = beside or {}
    whole = {each.key: _entry(each) for each in virtuals} if observed is None else observed
    situation = Situation(
        virtuals=tuple(virtuals), states=known, observed=whole, hosts=tuple(hosts), now=50.0, **beside
    )
    specs = {probe: SimpleNamespace(damping=Damping(), probe=SimpleNamespace(tls_warn_days=14)) for probe in probes}
    plan = Plan(virtuals=tuple(virtuals), probes=specs, hosts=tuple(hosts), **beside)
    decided = decide(situation)
    return Snapshot(plan, known, decided.table if observed is None else observed, decided, trouble=trouble)


def _entry(virtual):
    desired = decide(
        Situation(virtuals=(virtual,), states={p: state("U") for o in virtual.destinations for p in o.probes})
    )
    return desired.table[virtual.key]


def told(found):
    return [(str(one.severity), one.subject.virtual, one.subject.realserver) for one in found]


def test_all_is_well_and_nothing_is_said():
    assert conditions(snapshot([virtual()], "UUU")) == ()


def test_a_destination_that_is_down_says_what_was_seen_and_done_and_what_is_left():
    (one,) = conditions(snapshot([virtual(tags=frozenset({"paying"}))], "UDU"))
    assert one.id == (Severity.DOWN, Subject("web", "rs2", "10.0.0.2:80"))
    assert one.summary == "rs2 (10.0.0.2:80) of web is DOWN"
    assert (one.seen, one.reason, one.since, one.left) == ("seen", "ok", 100.0, "2 of 3 destinations serve")
    assert one.done == ("no new connections are sent there: ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.2:80 -m -w 0",)
    assert one.facts["failures"] == 3
    assert one.tags == {"paying"}


@pytest.mark.parametrize("facts", [{"certificate_days": 9}, {"certificate_days": 90, "chain_days": 9}])
def test_warnings_and_certificates_that_end_soon_are_told_apart(facts):
    ending = state("W", facts=facts)
    found = conditions(snapshot([virtual()], "UWW", states={"web/rs3": ending}))
    assert [(str(one.severity), one.subject.realserver) for one in found] == [("certificate", "rs3"), ("warn", "rs2")]
    assert "ends in 9 days" in found[0].summary


def test_what_cannot_be_probed_is_no_failure_of_the_realserver():
    (one,) = conditions(snapshot([virtual()], "UU?"))
    assert (one.severity, one.subject.realserver) == (Severity.CANNOT_PROBE, "rs3")


def test_an_unknown_that_has_not_lasted_yet_says_nothing():
    young = replace(state("?"), unknowns=2)
    assert conditions(snapshot([virtual()], "UU?", states={"web/rs3": young})) == ()


def test_floor_sorry_and_who_is_held_are_said_of_the_virtual_service():
    found = conditions(snapshot([virtual(floor=Amount(2))], "UDD"))
    assert told(found) == [("floor", "web", ""), ("down", "web", "rs2"), ("down", "web", "rs3")]
    kept = [one.done for one in found[1:] if "floor" in one.done[0]]
    assert kept == [("it keeps weight 10: too few others serve (floor)",)]


def test_while_a_host_is_down_it_alone_is_told_with_those_behind_it():
    gateway = Host(name="gw", address="192.0.2.1", probes=("gw",))
    web = virtual(depends=(parse("gw"),))
    (one,) = conditions(snapshot([web], "DDDD", hosts=[gateway]))
    assert one.id == (Severity.DOWN, Subject(about="host gw"))
    assert one.done == ("what probes say of 3 destinations behind it is not counted: web/rs1, web/rs2, web/rs3",)


def test_a_host_behind_a_host_that_is_down_names_it():
    gateway = Host(name="gw", address="192.0.2.1", probes=("gw",))
    switch = Host(name="sw", address="192.0.2.2", probes=("sw",), depends=(parse("gw"),))
    found = {one.subject.about: one for one in conditions(snapshot([virtual()], "UUUDD", hosts=[gateway, switch]))}
    assert found["host sw"].parent == found["host gw"].id
    assert found["host gw"].parent is None


def test_who_is_tied_names_whom_it_is_down_with():
    web, mail = virtual(), virtual("mail", port=25)
    group = Group(name="all", virtuals=frozenset({"web", "mail"}), leads=frozenset({"web"}))
    found = {
        one.subject.virtual: one for one in conditions(snapshot([web, mail], "DUUUUU", beside={"groups": (group,)}))
    }
    assert found["mail"].parent == found["web"].id
    assert found["mail"].summary.endswith("is DOWN, with web on the same realserver")


def test_while_the_brake_is_on_only_the_brake_is_told():
    gateway = Host(name="gw", address="192.0.2.1", probes=("gw",))
    brake = Brake(failing=Amount(1), window=30.0, self_test=("gw",), grace=0.0)
    found = conditions(snapshot([virtual()], "DDD?", hosts=[gateway], beside={"brake": brake}))
    assert [str(one.severity) for one in found] == ["brake"]


def test_trouble_with_the_kernel_the_configuration_and_the_state_are_conditions():
    error = ConfigError([Complaint("lvsmon.toml", number, "", "wrong") for number in range(7)])
    own = [of_config(error, 5.0), of_state("the disk is full", 6.0)]
    found = conditions(snapshot([virtual()], "UUU", trouble=("refused: x",)), own)
    assert [str(one.severity) for one in found] == ["kernel", "state", "config_refused"]
    assert found[2].seen.endswith("lvsmon.toml:4: wrong; and 2 more")
    assert found[0].seen == "refused: x"


def test_before_anything_is_decided_nothing_is_said():
    empty = replace(snapshot([virtual()], "UUU"), decided=decide(Situation(virtuals=(), states={})))
    assert conditions(empty) == ()


def test_of_what_is_not_decided_cut_off_or_held_nothing_is_over():
    found = unjudged(snapshot([virtual()], "UD?"))
    assert found == {Subject("web", "rs3", "10.0.0.3:80"), Subject("web")}
    gateway = Host(name="gw", address="192.0.2.1", probes=("gw",))
    behind = unjudged(snapshot([virtual(depends=(parse("gw"),))], "UUUD", hosts=[gateway]))
    assert len(behind) == 4
    assert Subject(about="host gw") in unjudged(snapshot([virtual()], "UUU?", hosts=[gateway]))


def test_what_fails_in_a_quiet_window_is_as_planned():
    found = conditions(snapshot([virtual()], "DDU"), quiet={("web", "rs1")})
    assert told(found) == [("down", "web", "rs2")]


def test_failures_are_counted_as_far_as_a_route_asks_and_are_0_again_after_a_pass():
    """So that `after` holds for every number, and a number that nobody asks for does not make news each time."""
    for fails, counted in ((2000, 7), (5, 5), (0, 0)):
        seen = snapshot([virtual()], "UDU", states={"web/rs2": replace(state("D"), fails=fails)})
        route = Route(name="all", to=("mail",), after=After(failures=7))
        (one,) = conditions(replace(seen, plan=replace(seen.plan, alerting=Setup(routes=(route,)))))
        assert one.facts["failures"] == counted


def test_what_cannot_be_probed_counts_the_runs_that_could_not_tell():
    (one,) = conditions(snapshot([virtual()], "UUU", states={"web/rs2": replace(state("?"), fails=1, unknowns=3)}))
    assert (one.severity, one.facts["failures"]) == (Severity.CANNOT_PROBE, 3)


def test_what_the_kernel_has_not_got_yet_is_not_told_as_done():
    (one,) = conditions(snapshot([virtual()], "UDU", observed={virtual().key: _entry(virtual())}))
    assert one.done == ("nothing yet: the kernel still has weight 10",)
