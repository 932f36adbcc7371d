"""Slow start: the weight of a destination that comes back grows step by step to what it would be.

Every step is worked out of the full weight and the time since it came back. A destination found with part of its
weight, as after a restart of lvsmon, goes on from that part.
"""

import math
from dataclasses import replace
from typing import Final

from lvsmon.model import DestinationId, Rule
from lvsmon.pool.draft import Deciding, Draft

STEPS: Final = 20
"""A ramp is written to the kernel in so many steps at most; not more often than once a second."""

_ROUNDING: Final = 1e-9
"""So that a product of floats a hair over a whole number is that number."""


def rule(deciding: Deciding) -> None:
    """Lower the weight of each destination with ``slow_start`` set that has not been back for so long."""
    now, kept = deciding.situation.now, {}
    for virtual, draft in deciding.drafts():
        length = draft.destination.policy.slow_start
        if not length or not draft.serving or not draft.health.serves:
            continue
        key: DestinationId = virtual.virtual.key, draft.destination.key
        began = deciding.memory.rising.get(key)
        if began is None:
            began = now - length * _share(draft)
        kept[key] = began
        if now - began < length:
            step = max(1.0, length / STEPS)
            done = math.floor((now - began) / step)
            deciding.again_at(began + min((done + 1) * step, length))
            _ramp(draft, min(1.0, (done * step) / length), length)
    deciding.following = replace(deciding.following, rising=kept)


def _share(draft: Draft) -> float:
    """Return how much of its weight the kernel gives it already, 0 to 1."""
    present = 0 if draft.present is None else draft.present.settings.weight
    return min(1.0, present / draft.weight) if draft.weight else 1.0


def _ramp(draft: Draft, share: float, length: float) -> None:
    full = draft.weight or 0
    weight = max(1, math.ceil(full * share - _ROUNDING))
    if weight < full:
        draft.settle(weight, Rule.SLOW_START, f"it came back: {weight} of weight {full}, rising over {length:g} s")
