"""Dependencies: while what it depends on is down, what a probe says of a destination is not believed.

Whoever is cut off in this way counts as down for those that depend on it in turn. When the parent is back, who failed
meanwhile stays UNKNOWN until its probes have looked anew: a router that returns takes nobody out.
"""

from dataclasses import replace
from functools import partial

from lvsmon.health import combine
from lvsmon.model import DestinationId, Expression, Health, Host, Name, ProbeState, evaluate
from lvsmon.pool.draft import Deciding, Draft
from lvsmon.pool.hosts import health_of
from lvsmon.pool.situation import Situation

_SELF = "SELF"


def rule(deciding: Deciding) -> None:
    """Take each destination as UNKNOWN that depends on something that is down, or that was until just now."""
    if not any(draft.destination.depends for _, draft in deciding.drafts()):
        return
    world = _World(deciding)
    kept: dict[DestinationId, float | None] = {}
    for virtual, draft in deciding.drafts():
        key: DestinationId = virtual.virtual.key, draft.destination.key
        parent = world.failed_parent(virtual.virtual.name, draft)
        if parent is not None:
            kept[key] = None
            draft.cut_off = str(parent)
            draft.believe(Health.UNKNOWN, f"it depends on {parent}, which is down: its probes do not count")
        elif key in deciding.memory.cut_off:
            ended = deciding.memory.cut_off[key]
            since = deciding.situation.now if ended is None else ended
            if draft.health is Health.DOWN and not _fails_anew(draft, deciding.situation, since):
                kept[key] = since
                deciding.await_outcomes(draft.destination.probes)
                draft.believe(Health.UNKNOWN, "what it depends on is back: its probes must look once more first")
    deciding.following = replace(deciding.following, cut_off=kept)


def _fails_anew(draft: Draft, situation: Situation, since: float) -> bool:
    """Say whether it is DOWN by failures that came after ``since``."""

    def fresh(state: ProbeState) -> Health:
        stale = state.health is Health.DOWN and (state.heard <= since or state.passes > 0)
        return Health.UNKNOWN if stale else state.health

    healths = {probe: fresh(situation.states[probe]) for probe in draft.destination.probes}
    return combine(healths, draft.destination.policy.poll) is Health.DOWN


class _World:
    """What every name comes to; the configuration sees to it that nothing depends on itself."""

    def __init__(self, deciding: Deciding) -> None:
        self._situation = deciding.situation
        self._hosts = {host.name: host for host in deciding.situation.hosts}
        self._virtuals = {each.virtual.name: each for each in deciding.virtuals}
        self._cut: dict[DestinationId | str, Expression | None] = {}

    def failed_parent(self, virtual: str, draft: Draft) -> Expression | None:
        """Return what ``draft`` depends on in vain, None if nothing is known to be so."""
        key = self._virtuals[virtual].virtual.key, draft.destination.key
        if key not in self._cut:
            value_of = partial(self._value, own=draft.destination.realserver.name)
            self._cut[key] = next(
                (each for each in draft.destination.depends if evaluate(each, value_of) is False), None
            )
        return self._cut[key]

    def _value(self, name: Name, own: str) -> bool | None:
        if name.name in self._hosts:
            return self._host(self._hosts[name.name])
        if name.name not in self._virtuals:
            return None  # not part of this look
        wanted = own if name.realserver == _SELF else name.realserver
        drafts = [
            draft
            for draft in self._virtuals[name.name].drafts
            if wanted is None or draft.destination.realserver.name == wanted
        ]
        values = [self._destination(name.name, draft) for draft in drafts]
        return True if True in values else None if None in values else False

    def _destination(self, virtual: str, draft: Draft) -> bool | None:
        if self.failed_parent(virtual, draft) is not None:
            return False
        return _truth(draft.health)

    def _host(self, host: Host) -> bool | None:
        if host.name not in self._cut:
            value_of = partial(self._value, own="")
            self._cut[host.name] = next((each for each in host.depends if evaluate(each, value_of) is False), None)
        if self._cut[host.name] is not None:
            return False
        return _truth(health_of(host, self._situation))


def _truth(health: Health) -> bool | None:
    return None if health is Health.UNKNOWN else health.serves
