"""The rules, in the order in which they are asked: each sees what the earlier ones made of every destination."""

from collections.abc import Callable
from typing import Final

from lvsmon.pool import (
    braking,
    depends,
    flapping,
    floor,
    groups,
    managing,
    probed,
    returning,
    slow_start,
    sorry,
    weights,
    wishes,
)
from lvsmon.pool.draft import Deciding
from lvsmon.pool.situation import Decided, Memory, Situation

RULES: Final[tuple[Callable[[Deciding], None], ...]] = (
    # What is believed of each destination
    probed.rule,
    flapping.rule,
    depends.rule,
    groups.rule,
    braking.rule,
    returning.rule,
    # What weight that gives it
    weights.rule,
    wishes.rule,
    slow_start.rule,
    # What becomes of the virtual service as a whole
    floor.rule,
    sorry.rule,
    # How much of it is written
    managing.rule,
)


def decide(situation: Situation, memory: Memory | None = None) -> Decided:
    """Return the desired table of the virtual services in ``situation``, and of nothing else.

    ``memory`` is what the last decision left. The same situation and memory give the same decision, however often.
    """
    deciding = Deciding(situation, memory or Memory())
    for rule in RULES:
        rule(deciding)
    return deciding.decided()
