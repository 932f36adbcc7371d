"""The floor of a virtual service: below it health is ignored, and the best of the failing stay in, said loudly.

Best are those that nothing is known of, then those that the kernel still sends clients to, then those that pass again,
then those that fell last. Whoever an operator wants out stays out.
"""

from lvsmon.model import Amount, Health, NoticeKind, Rule
from lvsmon.pool.draft import Deciding, Draft, VirtualDraft
from lvsmon.pool.situation import Situation


def rule(deciding: Deciding) -> None:
    """Let in who is needed for the floor of each virtual service."""
    for each in deciding.virtuals:
        if each.virtual.floor.value:
            _hold_up(each, deciding)


def _hold_up(virtual: VirtualDraft, deciding: Deciding) -> None:
    floor = virtual.virtual.floor
    if reached(floor, virtual):
        return
    failing = [draft for draft in virtual.drafts if not draft.serving and draft.rule in (Rule.DOWN, Rule.UNKNOWN)]
    failing = [draft for draft in failing if draft.destination.settings.weight]
    kept = []
    for draft in sorted(failing, key=lambda one: _merit(one, deciding.situation), reverse=True):
        weight = draft.destination.settings.weight
        draft.settle(weight, Rule.FLOOR, f"too few serve (floor = {floor}): {draft.health} is ignored, weight {weight}")
        kept.append(draft.destination.realserver.name)
        if reached(floor, virtual):
            break
    serving = sum(draft.serving for draft in virtual.drafts) - len(kept)
    if kept:
        deciding.notice(
            NoticeKind.FLOOR, virtual.virtual,
            f"only {serving} of {len(virtual.drafts)} destinations serve, the floor is {floor}: "
            f"{', '.join(sorted(kept))} stay in though they fail",
        )  # fmt: skip


def reached(amount: Amount, virtual: VirtualDraft) -> bool:
    """Say whether so many destinations of ``virtual``, or such a share of their configured weight, serve."""
    if not amount.percent:
        return sum(draft.serving for draft in virtual.drafts) >= amount.value
    weights = [draft.destination.settings.weight for draft in virtual.drafts]
    serving = [draft.destination.settings.weight for draft in virtual.drafts if draft.serving]
    return sum(serving) * 100 >= sum(weights) * amount.value


def _merit(draft: Draft, situation: Situation) -> tuple[bool, bool, int, float]:
    states = [situation.states[probe] for probe in draft.destination.probes]
    serves = draft.present is not None and draft.present.settings.weight > 0
    return (
        draft.health is Health.UNKNOWN,
        serves,
        sum(state.passes for state in states),
        max((state.since for state in states if state.health is Health.DOWN), default=0.0),
    )
