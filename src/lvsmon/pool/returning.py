"""Let in again: whoever a wish held out needs a pass that is newer than the end of the last one.

A realserver that was worked on is not the one that passed before. Until then it counts as UNKNOWN and keeps the weight
that the kernel has, which is the 0 that it was held at. A restart of lvsmon needs no memory of this: every probe begins
UNKNOWN there.
"""

from dataclasses import replace

from lvsmon.health import combine
from lvsmon.model import DestinationId, Health
from lvsmon.pool.draft import Deciding, Draft
from lvsmon.pool.situation import Situation


def rule(deciding: Deciding) -> None:
    """Doubt each destination that was let in again until its probes have passed anew."""
    kept: dict[DestinationId, float | None] = {}
    for virtual, draft in deciding.drafts():
        key: DestinationId = virtual.virtual.key, draft.destination.key
        if draft.held_out:
            kept[key] = None
            continue
        if key not in deciding.memory.returning:
            continue
        ended = deciding.memory.returning[key]
        since = deciding.situation.now if ended is None else ended
        if _passed(draft, deciding.situation, since):
            continue
        kept[key] = since
        deciding.await_outcomes(draft.destination.probes)
        if draft.health.serves:
            draft.believe(Health.UNKNOWN, "it was let in again: its probes must pass once more first")
    deciding.following = replace(deciding.following, returning=kept)


def _passed(draft: Draft, situation: Situation, since: float) -> bool:
    """Say whether enough of its probes are up by a pass that came after ``since``."""
    states = {probe: situation.states[probe] for probe in draft.destination.probes}
    fresh = {probe: state.health if state.passed > since else Health.UNKNOWN for probe, state in states.items()}
    return combine(fresh, draft.destination.policy.poll).serves
