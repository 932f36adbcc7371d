"""What the history knows of an earlier process is told again, of the destination that it was about and in its order."""

from ipvs.test_diff import RS1, WEB
from lvsmon.model import Health
from lvsmon.model.history import Entry, EntryKind, Moment
from lvsmon.monitor.recalling import recalled
from lvsmon.monitor.trail import STEPS, Trail
from monitor.test_trail import choice


class Plan:
    """A destination "rs1" of the virtual service "web"."""

    class Virtual:
        name, key = "web", WEB

        class Destination:
            key = RS1

            class realserver:  # noqa: N801  stands in for an object
                name = "rs1"

        destinations = (Destination,)

    virtuals = (Virtual,)


def entry(at, kind, **fields):
    return Entry(moment=Moment(at, at), kind=kind, virtuals=("web",), realservers=("rs1",), **fields)


def told(*entries):
    return [(step.at, step.kind, step.text, step.earlier) for step in recalled(entries, Plan).get((WEB, RS1), ())]


def test_each_kind_of_entry_in_words():
    went = {"before": "UP", "after": "DOWN", "weight_before": 3, "weight_after": 0, "what": "DOWN: weight 0"}
    assert told(
        entry(1.0, EntryKind.PROBE, probe="tcp#1", before="UP", after="DOWN", what="refused: connection refused"),
        entry(2.0, EntryKind.HEALTH, destination=str(RS1), **went),
        entry(3.0, EntryKind.WRITE, destination=str(RS1), what="ipvsadm -e ..."),
        entry(4.0, EntryKind.DECISION, destination=str(RS1), weight_before=0, weight_after=None, what="removed"),
        entry(5.0, EntryKind.WRITE, destination="10.9.9.9:80", what="of another"),
        entry(6.0, EntryKind.HEALTH, destination=str(RS1), after="UNKNOWN", rule="came"),
        entry(7.0, EntryKind.NOTICE, what="of the whole virtual service"),
    ) == [
        (1.0, "probe", "UP → DOWN: refused: connection refused", True),
        (2.0, "health", "UP → DOWN", True),
        (2.0, "weight", "3 → 0: DOWN: weight 0", True),
        (3.0, "written", "ipvsadm -e ...", True),
        (4.0, "weight", "0 → absent: removed", True),
    ]


def test_the_newest_are_kept_and_what_happens_now_comes_after_them():
    entries = [entry(at, EntryKind.WRITE, destination=str(RS1), what="x") for at in range(100)]
    trail = Trail()
    trail.recall(recalled(entries, Plan))
    assert [step.at for step in trail.steps((WEB, RS1))] == list(range(100 - STEPS, 100))
    trail.decided({(WEB, RS1): choice(Health.UP, 3)}, 200.0)
    trail.decided({(WEB, RS1): choice(Health.DOWN, 3)}, 201.0)
    *_, before, last = trail.steps((WEB, RS1))
    assert (before.at, before.earlier, last.at, last.earlier) == (99, True, 201.0, False)
