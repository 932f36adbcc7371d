"""The status verb: a virtual service of many destinations is told in parts, and comes together again."""

import asyncio
import itertools
from pathlib import Path
from types import SimpleNamespace

from lvsmon.cli import asking
from lvsmon.config.plan import Plan
from lvsmon.control.verbs import status
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import DestinationKey, DestinationSettings, Pause
from lvsmon.model.virtual import Destination, RealServer
from lvsmon.monitor.news import Processes
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.trail import Trail
from lvsmon.monitor.vitals import Figures, ProbingVitals, Vitals, document
from lvsmon.pool import Situation, decide
from oneshot_support import virtual

MANY = [
    Destination(
        realserver=RealServer(f"rs{number}", f"10.1.{number // 250}.{number % 250 + 1}"),
        key=DestinationKey(f"10.1.{number // 250}.{number % 250 + 1}", 80),
        settings=DestinationSettings(),
    )
    for number in range(250)
]


VITALS = Vitals(
    probing=ProbingVitals(runs=7),
    descriptors=70,
    descriptors_limit=1024,
    reconciled=Figures(),
    reconcile_age=None,
    written=Figures(),
)


class Director:
    """Answers as the real one does; its kernel cannot be asked."""

    trail = Trail()

    def __init__(self):
        self.plan = Plan(virtuals=(virtual("web", MANY),), probes={})

    def snapshot(self):
        return Snapshot(self.plan, {}, {}, decide(Situation(virtuals=self.plan.virtuals, states={})), last="not yet")

    async def look(self):
        raise IpvsUnavailable(2, "", "no module")

    def processes(self):
        return Processes()

    async def ask(self, probes):
        return {}

    def vitals(self):
        return VITALS

    def standing_pause(self):
        return Pause(since=1.0)


def answer(names=()):
    parts = []

    async def progress(body):
        parts.append(body)

    asked = SimpleNamespace(
        arguments=status.StatusArguments(names=list(names)),
        office=SimpleNamespace(director=Director(), started=0.0),
        progress=progress,
    )
    return parts, asyncio.run(status.answer(asked))


def test_no_part_has_more_than_a_hundred_destinations():
    parts, head = answer()
    sizes = [len(part["virtual"]["destinations"] if "virtual" in part else part["more"]) for part in parts]
    assert sizes == [100, 100, 50]
    assert head["director"] == document(VITALS)
    assert head["trouble"] == "IPVS cannot be reached: no module"
    assert (head["paused"]["since"], head["paused"]["held"]) == (1.0, None)


def test_the_command_puts_them_together_again(monkeypatch):
    parts, head = answer()

    def ask(path, verb, arguments, progress):
        for part in parts:
            progress(part)
        return head

    monkeypatch.setattr("lvsmon.control.client.ask", ask)
    found = asking.or_absent("status", Path("x"), "status", {}, absent=dict, parts=("virtual", "virtuals"))
    (one,) = found["virtuals"]
    assert [each["realserver"] for each in one["destinations"]] == [each.realserver.name for each in MANY]


def test_names_choose_before_anything_is_told():
    parts, _ = answer(["rs7", "rs249"])
    told = itertools.chain.from_iterable(part["virtual"]["destinations"] for part in parts)
    assert [each["realserver"] for each in told] == ["rs7", "rs249"]
