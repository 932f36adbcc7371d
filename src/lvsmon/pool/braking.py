"""The brake: when too many realservers fail at once it may be the director that is cut off, so nobody is taken out.

off ──more than `failing` fell within `window`──▶ on ──a self-test answers──▶ off
│                          ▲
no self-test answered            │ `grace` later
└────▶ cut off ──answers───┘
"""

from collections.abc import Collection
from dataclasses import replace

from lvsmon.model import Brake, Health, NoticeKind
from lvsmon.pool.brake_memory import Braking
from lvsmon.pool.draft import Deciding, Draft
from lvsmon.pool.hosts import answers_since
from lvsmon.pool.situation import Situation

_LOOK = 1.0
"""Seconds between looks while it is on: a self-test's answer alone asks for no decision."""


def rule(deciding: Deciding) -> None:
    """Hold those who fell in too large a number."""
    brake = deciding.situation.brake
    if brake is None:
        return
    before, now = deciding.memory.braking, deciding.situation.now
    drafts = [draft for _, draft in deciding.drafts()]
    everybody = {draft.destination.realserver.address for draft in drafts}
    down = {draft.destination.realserver.address for draft in drafts if draft.health is Health.DOWN}
    leaving = {draft.destination.realserver.address for draft in drafts if _leaving(draft) and not draft.held_out}
    ailing = {draft.destination.realserver.address for draft in drafts if not draft.health.serves}
    fell = {address: when for address, when in before.fell.items() if address in ailing}
    fell |= {address: now for address in leaving if address not in fell}
    recent = {address for address, when in fell.items() if when > now - brake.window}
    after = replace(before, fell=fell)
    if before.since is None and _too_many(recent, everybody, brake):
        passing = _answering(brake, deciding.situation, since=0.0)
        after = replace(after, since=now, cut_off=passing is not True)
    after = _released(after, brake, deciding.situation)
    taken = {address for address, when in fell.items() if after.since and when > after.since - brake.window}
    deciding.following = replace(deciding.following, braking=after)
    if after.since is not None:
        deciding.again_at(now + _LOOK)
        _hold(deciding, brake, after, taken, f"{len(down)} of {len(everybody)} realservers fail")


def _leaving(draft: Draft) -> bool:
    """Say whether ``draft`` is DOWN and the kernel still sends clients there."""
    return draft.health is Health.DOWN and draft.present is not None and draft.present.settings.weight > 0


def _too_many(recent: Collection[str], everybody: Collection[str], brake: Brake) -> bool:
    if brake.failing.percent:
        return len(recent) * 100 > len(everybody) * brake.failing.value
    return len(recent) > brake.failing.value


def _answering(brake: Brake, situation: Situation, since: float) -> bool | None:
    """Say whether one of the self-tests that ran after ``since`` passed; None if none has run."""
    hosts = [host for host in situation.hosts if host.name in brake.self_test]
    answers = [answers_since(host, situation, since) for host in hosts]
    return True if True in answers else None if None in answers else False


def _released(braking: Braking, brake: Brake, situation: Situation) -> Braking:
    """Return ``braking`` after what the self-tests say."""
    if braking.since is None:
        return braking
    answer = _answering(brake, situation, since=braking.since)
    if answer is not True:
        return replace(braking, cut_off=braking.cut_off or answer is False, answered=None)
    answered = situation.now if braking.answered is None else braking.answered
    if braking.cut_off and situation.now < answered + brake.grace:
        return replace(braking, answered=answered)
    # Whoever is failing now is let out, and counts no more.
    return Braking(fell=dict.fromkeys(braking.fell, float("-inf")))


def _hold(deciding: Deciding, brake: Brake, braking: Braking, recent: Collection[str], how_many: str) -> None:
    tests = ", ".join(brake.self_test)
    why = (
        f"the self-test ({tests}) fails, so this director may be cut off"
        if braking.cut_off
        else (f"waiting for the self-test ({tests})")
    )
    for _, draft in deciding.drafts():
        if _leaving(draft):
            draft.believe(Health.UNKNOWN, f"the brake is on: {why}")
        elif braking.cut_off and draft.health is Health.DOWN and draft.destination.realserver.address in recent:
            draft.doubted = True
            draft.believe(Health.UNKNOWN, f"it went just before the brake came on, and {why}")
    deciding.notice(NoticeKind.BRAKE, None, f"{how_many}: nobody is taken out, {why}")
