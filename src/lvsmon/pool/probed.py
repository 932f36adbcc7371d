"""The health of a destination: what its probes make of it, or what is believed until they have decided."""

from typing import Final

from lvsmon.health import combine
from lvsmon.model import Health, Initial, Poll, ProbeState
from lvsmon.pool.draft import Deciding, Draft

_BELIEVED: Final = {Initial.UP: Health.UP, Initial.DOWN: Health.DOWN}


def rule(deciding: Deciding) -> None:
    """Combine the states of each destination's probes."""
    for _, draft in deciding.drafts():
        _judge(draft, {probe: deciding.situation.states[probe] for probe in draft.destination.probes})


def _judge(draft: Draft, states: dict[str, ProbeState]) -> None:
    policy = draft.destination.policy
    draft.because += [_sentence(probe, state) for probe, state in states.items()]
    draft.health = combine({probe: state.health for probe, state in states.items()}, policy.poll)
    if not states:
        draft.because.append("it has no probe, so it counts as UP")
    elif policy.poll is not None:
        draft.because.append(_tally(policy.poll, states))
    if draft.health is Health.UNKNOWN and policy.initial in _BELIEVED:
        believed = _BELIEVED[policy.initial]
        draft.believe(believed, f"until its probes have decided it counts as {believed} (initial)")


def _sentence(probe: str, state: ProbeState) -> str:
    last = "not run yet" if state.last is None else f"last {state.last.verdict} ({state.last.reason})"
    detail = f": {state.last.detail}" if state.last is not None and state.last.detail else ""
    if state.health is Health.UNKNOWN:
        return f"probe {probe} has not decided yet, {last}{detail}"
    return f"probe {probe} says {state.health}, {last}{detail}"


def _tally(poll: Poll, states: dict[str, ProbeState]) -> str:
    votes = sum(poll.votes.get(probe, 1) for probe, state in states.items() if state.health.serves)
    return f"{votes} votes for UP, {poll.needed} needed"
