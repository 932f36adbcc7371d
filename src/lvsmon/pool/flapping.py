"""A destination that comes and goes is held DOWN for a while: each fall adds to a penalty that decays (RFC 2439)."""

import math
from dataclasses import replace

from lvsmon.model import DestinationId, Flap, Health, NoticeKind
from lvsmon.pool.draft import Deciding, Draft
from lvsmon.pool.penalty import Penalty


def rule(deciding: Deciding) -> None:
    """Count the falls of each destination with ``flap`` set, and hold those with too many.

    A destination that an operator holds out may be rebooted as often as he likes.
    """
    kept: dict[DestinationId, Penalty] = {}
    for virtual, draft in deciding.drafts():
        flap = draft.destination.policy.flap
        if flap is None:
            continue
        key = virtual.virtual.key, draft.destination.key
        before, counts = deciding.memory.penalties.get(key), not draft.held_out
        penalty = _after(before, flap, draft.health, deciding.situation.now, counts=counts)
        kept[key] = penalty
        if not penalty.held:
            continue
        left = _left(penalty, flap)
        deciding.again_at(deciding.situation.now + left)
        if draft.health is not Health.DOWN:
            _hold(draft, left)
        where = f"{draft.destination.realserver.name} ({draft.destination.key})"
        deciding.notice(
            NoticeKind.FLAPPING,
            virtual.virtual,
            f"{where} comes and goes: it is held DOWN for a while",
            draft.destination.key,
        )
    deciding.following = replace(deciding.following, penalties=kept)


def _after(before: Penalty | None, flap: Flap, health: Health, now: float, *, counts: bool) -> Penalty:
    if before is None:
        return Penalty(0.0, now, health)
    value = before.now(flap, now)
    fell = counts and health is Health.DOWN and before.health.serves
    if fell:
        most = flap.forgiven / 2 * math.exp2(flap.max_hold / flap.half_life)
        value = min(value + 1, most)
    held = value > flap.forgiven if fell and not before.held else before.held and value > flap.forgiven / 2
    # UNKNOWN is the director's trouble: whoever comes back from it has not fallen.
    seen = before.health if health is Health.UNKNOWN else health
    return Penalty(value, now, seen, held)


def _left(penalty: Penalty, flap: Flap) -> float:
    """Return the seconds until ``penalty`` is down to half of what is forgiven."""
    return flap.half_life * math.log2(penalty.value / (flap.forgiven / 2))


def _hold(draft: Draft, left: float) -> None:
    draft.believe(Health.DOWN, f"it fell too often and is held DOWN for another {left:.0f} s at most (flap)")
