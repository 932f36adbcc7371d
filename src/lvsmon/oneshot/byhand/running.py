"""Running probes by hand: each once, one after the other, every step of the dialogue heard."""

import time
from collections.abc import Iterator

from lvsmon.config.plan import Plan
from lvsmon.errors import LvsmonError
from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.monitor import runner
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.run import Run
from lvsmon.monitor.selection import Selection, UnknownName
from lvsmon.monitor.transcript import Recorder, Transcript, masked
from lvsmon.net.faults import at_once
from lvsmon.net.reactor import Reactor
from lvsmon.probes.base import Probe
from lvsmon.secrets.masking import masker_of


def run(
    probe: Probe, target: Target, timeout: float, limit: int, *, name: str | None = None, others: tuple[str, ...] = ()
) -> Run:
    """Run ``probe`` once; ``limit`` is in bytes of the dialogue."""
    at = time.time()
    try:
        outcome, heard = _run(probe, target, timeout, limit)
    except OSError as error:  # not even for the engine: the director has no descriptors left
        outcome, heard = runner.judge(at_once(error.errno or 0)), ()
    return Run(
        kind=probe.kind,
        target=target,
        timeout=timeout,
        at=at,
        outcome=outcome,
        transcript=masked(heard, masker_of(probe)),
        name=name,
        others=others,
    )


def _run(probe: Probe, target: Target, seconds: float, limit: int) -> tuple[Outcome, Transcript]:
    with Reactor() as reactor:
        recorder, lag = Recorder(limit), LagMeter(reactor)
        (outcome,) = reactor.complete(runner.run(probe, target, seconds, reactor, lag.stalled, trace=recorder))
    return outcome, recorder.transcript()


def not_run(kind: str, name: str, timeout: float, error: LvsmonError) -> Run:
    """Return the run that could not be made because ``name`` has no address here."""
    outcome = Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_NETWORK, detail=str(error))
    return Run(kind=kind, target=None, timeout=timeout, at=time.time(), outcome=outcome, name=name)


def run_configured(plan: Plan, virtual: str, realserver: str, limit: int) -> Iterator[Run]:
    """Run each probe of one destination as the daemon would; raise `UnknownName`."""
    Selection.of([virtual, realserver], plan.virtuals)
    destinations = [
        destination
        for one in plan.virtuals
        for destination in one.destinations
        if one.name == virtual and destination.realserver.name == realserver
    ]
    if not destinations:
        raise UnknownName(f"{realserver} is no realserver of {virtual}: {_there_are(plan, virtual)}")
    names = dict.fromkeys(name for destination in destinations for name in destination.probes)
    if not names:
        raise UnknownName(f"{virtual} has no probe: it is taken as up; write [[virtual.probe]] to know more")
    specs = [plan.probes[name] for name in names]
    return (run(spec.probe, spec.target, spec.timeout, limit) for spec in specs)


def _there_are(plan: Plan, virtual: str) -> str:
    found = [d.realserver.name for one in plan.virtuals if one.name == virtual for d in one.destinations]
    return f"there are: {', '.join(dict.fromkeys(found))}" if found else f"there is no virtual service {virtual}"


def exit_code(runs: list[Run]) -> int:
    """Return 0 if all passed, 1 if one warned or failed, 3 if that could not be told."""
    verdicts = {run.outcome.verdict for run in runs}
    if verdicts & {Verdict.FAIL, Verdict.WARN}:
        return 1
    return 3 if Verdict.UNKNOWN in verdicts else 0
