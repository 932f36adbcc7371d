"""The health of a destination: what its probes make of it."""

from lvsmon.health import combine
from lvsmon.model import Health, ProbeState
from lvsmon.pool.draft import Deciding


def rule(deciding: Deciding) -> None:
    """Combine the states of each destination's probes."""
    states = deciding.situation.states
    for _, draft in deciding.drafts():
        mine = {probe: states[probe] for probe in draft.destination.probes}
        draft.health = combine([state.health for state in mine.values()])
        if not mine:
            draft.because.append("it has no probe, so it counts as UP")
        draft.because += [_sentence(probe, state) for probe, state in mine.items()]


def _sentence(probe: str, state: ProbeState) -> str:
    last = "not run yet" if state.last is None else f"last {state.last.verdict} ({state.last.reason})"
    detail = f": {state.last.detail}" if state.last is not None and state.last.detail else ""
    if state.health is Health.UNKNOWN:
        return f"probe {probe} has not decided yet, {last}{detail}"
    return f"probe {probe} says {state.health}, {last}{detail}"
