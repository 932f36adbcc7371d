"""What led to where a destination is: in order, bounded, and only of what is there."""

from ipvs.test_diff import OTHER, RS1, RS2, WEB, settings
from lvsmon.actions.ipvs.base import AddVirtual, EditDestination
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import Drift, DriftKind, Owned
from lvsmon.errors import IpvsError
from lvsmon.model import Choice, Health, Rule, VirtualSettings
from lvsmon.monitor.trail import STEPS, Trail

WHICH = (WEB, RS1)


def choice(health, weight, *because):
    return Choice(health, weight, Rule.CONFIGURED, because)


def report(written=(), refused=(), drift=()):
    return Report(written, refused, (), drift, {}, Owned())


def told(trail, which=WHICH):
    return [(step.at, step.kind, step.text) for step in trail.steps(which)]


def test_what_is_kept_is_bounded_and_forgotten_with_its_destination():
    trail = Trail()
    for at in range(100):
        trail.decided({WHICH: choice(Health.UP, at)}, float(at))
    assert len(trail.steps(WHICH)) == STEPS
    trail.decided({}, 100.0)
    assert (trail.steps(WHICH), trail.since(WHICH)) == ((), None)


def test_a_change_of_health_and_weight_is_a_step_with_its_reason():
    trail = Trail()
    trail.decided({WHICH: choice(Health.UP, 3)}, 1.0)
    assert told(trail) == []
    trail.decided({WHICH: choice(Health.DOWN, None, "seen", "DOWN: out of the table")}, 2.0)
    assert told(trail) == [
        (2.0, "health", "UP → DOWN"),
        (2.0, "weight", "3 → absent: DOWN: out of the table"),
    ]
    assert trail.since(WHICH) == 2.0


def test_what_a_restart_finds_as_it_was_left_has_been_so_for_longer():
    """The end of UNKNOWN is told, and is not since when."""
    trail = Trail()
    trail.decided({WHICH: choice(Health.UNKNOWN, 1)}, 1.0)
    trail.decided({WHICH: choice(Health.UP, 1)}, 2.0)
    assert told(trail) == [(2.0, "health", "UNKNOWN → UP")]
    assert trail.since(WHICH) is None


def test_writes_refusals_and_drift_stand_with_their_destination():
    """What concerns others, or the virtual service as a whole, does not; a refusal that repeats stands once."""
    trail = Trail()
    trail.decided({WHICH: choice(Health.UP, 1), (WEB, RS2): choice(Health.UP, 1)}, 1.0)
    edit = EditDestination(WEB, RS1, settings(0))
    refused = ((edit, IpvsError(22, "ipvsadm -e", "invalid")),)
    drift = (Drift(DriftKind.WEIGHT, WEB, RS1, "weight 5 instead of 3"), Drift(DriftKind.WEIGHT, OTHER, RS1, "x"))
    written = (AddVirtual(WEB, VirtualSettings()), edit)
    trail.report(report(written=written, drift=drift), 2.0)
    trail.report(report(refused=refused), 3.0)
    trail.report(report(refused=refused), 4.0)
    assert [(at, kind) for at, kind, _ in told(trail)] == [(2.0, "drift"), (2.0, "written"), (3.0, "refused")]
    assert told(trail)[0][2] == "somebody else: weight 5 instead of 3"
    assert told(trail, (WEB, RS2)) == told(trail, (OTHER, RS1)) == []
