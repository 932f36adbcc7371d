"""Rise and fall: a stream of outcomes becomes states and transitions. Pure.

    UNKNOWN ──rise PASS──▶ UP ◀──rise PASS── DOWN
       └─────fall FAIL──▶ DOWN ◀──fall FAIL── UP, WARN

WARN outcomes serve: they count as passes, and a state that serves shows the last of them. UNKNOWN outcomes are the
director's trouble: they count towards nothing and interrupt nothing. There is one exception: a realserver that answers
as it should, and cannot be compared with the others, comes UP as by passes where nothing has been decided yet. Else the
last realserver left would never get into the table of a director that starts. A weight that a realserver asks for holds
from the outcome that says so to the next one that serves.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lvsmon.model import Damping, Health, Outcome, Poll, ProbeState, Reason, Verdict

MOST_FAILURES: Final = 1000
"""Failures in a row that are counted, beyond those that make DOWN: the most that `after` of an alert may name."""


def observe(state: ProbeState, damping: Damping, outcome: Outcome, now: float, heard: float = 0.0) -> ProbeState:
    """Return the state after ``outcome``.

    ``now`` is wall-clock seconds, kept for people when the health changes, ``heard`` the same moment on a clock that
    nobody sets.
    """
    beginning = state.health is Health.UNKNOWN and outcome.reason is Reason.UNDECIDED
    passed = heard if outcome.answered else state.passed
    if outcome.verdict is Verdict.UNKNOWN and not beginning:
        return replace(state, unknowns=state.unknowns + 1, last=outcome, heard=heard, passed=passed)
    failed = outcome.verdict is Verdict.FAIL
    passes = 0 if failed else min(state.passes + 1, damping.rise)
    fails = min(state.fails + 1, max(MOST_FAILURES, damping.fall)) if failed else 0
    health = _next(state.health, outcome.verdict, passes >= damping.rise, fails >= damping.fall)
    since = state.since if health is state.health else now
    weight = state.weight if failed else outcome.weight
    return ProbeState(health, passes, fails, 0, since, outcome, weight, heard, passed)


def _next(health: Health, verdict: Verdict, risen: bool, fallen: bool) -> Health:
    if fallen:
        return Health.DOWN
    if verdict is not Verdict.FAIL and (risen or health.serves):
        return Health.WARN if verdict is Verdict.WARN else Health.UP
    return health


def pace(state: ProbeState, interval: float, fast: float | None, down: float | None) -> float:
    """Return the seconds to the next run: ``fast`` while something changes, ``down`` while it stays DOWN."""
    if state.health is Health.DOWN and not state.passes:
        return interval if down is None else down
    changing = state.fails if state.health.serves else state.fails or state.passes
    return fast if changing and fast is not None else interval


def confirmations(left: int, before: ProbeState, after: ProbeState, damping: Damping, confirm: int) -> int:
    """Return how many quick runs are to follow on the outcome that made ``after`` of ``before``.

    ``left`` is what was returned for the outcome before. The first failure of a probe that was passing asks for
    ``confirm`` of them, and for no more than are needed to fall; whatever is no failure, and DOWN, ends them.
    """
    failed = after.last is not None and after.last.verdict is Verdict.FAIL
    if not failed or not after.health.serves:
        return 0
    if not before.fails:
        return min(confirm, damping.fall - after.fails)
    return max(0, min(left - 1, damping.fall - after.fails))


def combine(healths: Mapping[str, Health], poll: Poll | None = None) -> Health:
    """Return the health of a destination from what each of its probes says; without a ``poll`` all must pass.

    UP with the needed votes for UP, WARN with those for WARN counted in, DOWN when the votes that are not for DOWN
    cannot make up the needed ones any more, else UNKNOWN: not yet decided. A destination without probes is UP: it is
    wished for and nobody asked to doubt it.
    """
    tally = Counter[Health]()
    for probe, health in healths.items():
        tally[health] += 1 if poll is None else poll.votes.get(probe, 1)
    needed = tally.total() if poll is None else poll.needed
    if not tally or tally[Health.UP] >= needed:
        return Health.UP
    if tally[Health.UP] + tally[Health.WARN] >= needed:
        return Health.WARN
    if tally.total() - tally[Health.DOWN] < needed:
        return Health.DOWN
    return Health.UNKNOWN
