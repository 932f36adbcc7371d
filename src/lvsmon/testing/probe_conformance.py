"""What every kind of probe must survive: run against every server that misbehaves, and told apart.

    with MisbehavingServers() as servers:
        complaints = verdict_complaints([Sample("mine", MyProbe())], servers)
        complaints += memory_complaints([Sample("mine", MyProbe())], servers)
        assert not complaints

A probe must come back within its deadline (100 ms of grace), FAIL unless the sample says otherwise, raise nothing,
leave no descriptor open and hold no more memory than it says.

On a machine that has no time for us a case may go wrong through no fault of the probe: where the loop stood still, it
is repeated, once and alone, and the time that the machine took away is allowed for. What the probe itself computed
meanwhile is not. Where the probe could not even begin, and says so (STARVED: the start of a program takes time of the
machine's, not of the loop's), it is repeated alone until it can, `PATIENCE` times.
"""

import gc
import itertools
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from lvsmon.errors import MAX_DETAIL
from lvsmon.model import Outcome, Reason, Verdict
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.runner import run
from lvsmon.net.engine import Engine
from lvsmon.net.reactor import Reactor
from lvsmon.probes.base import Probe, aim
from lvsmon.testing.misbehaving import BEHAVIOURS, LOOPBACKS, MisbehavingServers

DEADLINE: Final = 0.3
"""Seconds: a healthy loopback server answers in a hundredth of it, even on a busy machine."""

GRACE: Final = 0.1
"""Seconds beyond the deadline by which a run must have come back."""

TOGETHER: Final = 150
"""Runs at a time: few enough that they do not delay each other."""

STALL: Final = 0.02
"""Seconds of a batch for which the loop stood still, from which on a wrong result is worth a second look."""

PATIENCE: Final = 3
"""Further runs of a case, alone, in which the director had no time to begin: those say nothing of the probe."""

MAX_FACT: Final = 256
"""Characters of one fact."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One probe under test. ``passes`` names behaviours that must PASS; ``either`` those that may, by a race.

    ``blind`` is a probe that looks at no server: it meets one, since all are the same to it.
    """

    name: str
    probe: Probe
    passes: frozenset[str] = frozenset()
    either: frozenset[str] = frozenset()
    blind: bool = False

    def behaviours(self) -> Sequence[str]:
        """Return what it is to meet."""
        return ("refuse",) if self.blind else tuple(BEHAVIOURS)


def verdict_complaints(samples: Sequence[Sample], servers: MisbehavingServers) -> list[str]:
    """Run every sample against every behaviour over both families; return what is wrong, [] for nothing."""
    with Reactor() as reactor:
        return _verdicts(samples, servers, reactor)


_Case: TypeAlias = tuple[Sample, str, str]
"""A sample, the behaviour it meets, and the address."""


def _verdicts(samples: Sequence[Sample], servers: MisbehavingServers, reactor: Reactor) -> list[str]:
    complaints: list[str] = []
    for sample in samples:  # what the first run of a kind opens for the process is no leak
        reactor.complete(_run(sample.probe, servers, "refuse", LOOPBACKS[0], reactor))
    before = _descriptors()
    lag = LagMeter(reactor)
    cases = [case for sample in samples for case in itertools.product([sample], sample.behaviours(), LOOPBACKS)]
    for start in range(0, len(cases), TOGETHER):
        batch = cases[start : start + TOGETHER]
        stalled = lag.stalled()
        outcomes = reactor.complete(*(_run(sample.probe, servers, name, at, reactor) for sample, name, at in batch))
        stalled = lag.stalled() - stalled
        for case, outcome in zip(batch, outcomes, strict=True):
            wrong = _judge(case[0], case[1], outcome, DEADLINE)
            if wrong and (stalled > STALL or outcome.reason is Reason.STARVED):
                wrong = _alone(case, servers, lag, reactor)
            complaints += [f"{case[0].name} against {case[1]} on {case[2]}: {complaint}" for complaint in wrong]
    lag.close()
    if _descriptors() != before:
        complaints.append(f"{_descriptors() - before} descriptors are left open")
    return complaints


def _alone(case: _Case, servers: MisbehavingServers, lag: LagMeter, reactor: Reactor) -> list[str]:
    """Judge ``case`` anew, allowing for the time in which this process was not let run."""
    sample, behaviour, address = case
    stalled, computed = lag.stalled(), time.process_time()
    (outcome,) = reactor.complete(_run(sample.probe, servers, behaviour, address, reactor))
    taken_away = lag.stalled() - stalled - (time.process_time() - computed)
    for _ in range(PATIENCE):
        if outcome.reason is not Reason.STARVED:
            break
        (outcome,) = reactor.complete(_run(sample.probe, servers, behaviour, address, reactor))
        taken_away = 0.0  # of this one nothing is allowed for
    return _judge(sample, behaviour, outcome, DEADLINE + max(0.0, taken_away))


async def _run(probe: Probe, servers: MisbehavingServers, behaviour: str, address: str, engine: Engine) -> Outcome:
    target = aim(probe, address, servers.port(behaviour, address), hostname="www.example.org")
    return await run(probe, target, DEADLINE, engine)


def _judge(sample: Sample, behaviour: str, outcome: Outcome, allowed: float) -> list[str]:
    wrong = []
    wanted = Verdict.PASS if behaviour in sample.passes else Verdict.FAIL
    if outcome.verdict is not wanted and (behaviour not in sample.either or outcome.verdict is Verdict.UNKNOWN):
        wrong.append(f"{outcome.verdict} ({outcome.reason}: {outcome.detail}), not {wanted}")
    if outcome.phases.total > allowed + GRACE:
        wrong.append(f"took {outcome.phases.total:.3f} s, its deadline was {DEADLINE} s")
    if not outcome.detail or len(outcome.detail) > MAX_DETAIL:
        wrong.append(f"its detail has {len(outcome.detail)} characters")
    wrong += [f"fact {name} is too long" for name, fact in outcome.facts.items() if len(str(fact)) > MAX_FACT]
    return wrong


def memory_complaints(samples: Sequence[Sample], servers: MisbehavingServers) -> list[str]:
    """Run every sample against everything that floods, one at a time; return which held more than it says."""
    return [
        f"{sample.name} against {behaviour} held {peak} bytes, over {sample.probe.memory_bound}"
        for sample in samples
        for behaviour, peak in memory_peaks(sample, servers).items()
        if peak > sample.probe.memory_bound
    ]


def memory_peaks(sample: Sample, servers: MisbehavingServers) -> dict[str, int]:
    """Run ``sample`` against everything that gets to flood it, one at a time; return the most bytes that each held."""
    floods = [name for name in BEHAVIOURS if any(word in name for word in ("endless", "bomb", "garbage"))]
    gc.collect()
    return {name: memory_peak(sample.probe, servers, name) for name in _heard(sample.probe, servers, floods)}


def _heard(probe: Probe, servers: MisbehavingServers, floods: Sequence[str]) -> list[str]:
    """Return the behaviours that get to flood this probe: some wait for a request that it never makes."""
    with Reactor() as reactor:
        runs = (_run(probe, servers, behaviour, LOOPBACKS[0], reactor) for behaviour in floods)
        outcomes = reactor.complete(*runs)
    return [name for name, outcome in zip(floods, outcomes, strict=True) if outcome.phases.first_byte is not None]


def memory_peak(probe: Probe, servers: MisbehavingServers, behaviour: str) -> int:
    """Return the most bytes that Python held during one run beyond what it held before."""
    with Reactor() as reactor:
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            reactor.complete(_run(probe, servers, behaviour, LOOPBACKS[0], reactor))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
