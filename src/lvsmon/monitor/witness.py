"""Writes down what happens, for the history: names in place of keys, each change once."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeAlias

from lvsmon.actions.ipvs.base import AddVirtual, Command, DeleteVirtual, EditVirtual
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.config.plan import Plan
from lvsmon.model import Choice, Destination, DestinationId, Health, Rule, Transition, VirtualKey, VirtualService
from lvsmon.model.history import Configured, Entry, EntryKind, Moment, Place

Tell: TypeAlias = Callable[[Entry | Configured], None]


class _Seen(NamedTuple):
    """What of a decision is worth an entry when it changes."""

    health: Health
    weight: int | None
    rule: Rule
    planned: bool


def _kind(seen: _Seen, last: _Seen) -> EntryKind:
    return EntryKind.DECISION if seen.health is last.health else EntryKind.HEALTH


def nobody(one: Entry | Configured) -> None:
    """Tell nobody: for a director without a history."""


class Witness:
    """Tells ``tell`` what happened, in the words of ``plan`` as it was last taken; ``tell`` must not wait."""

    def __init__(self, tell: Tell = nobody, now: Callable[[], Moment] = Moment.now) -> None:
        self._tell = tell
        self._now = now
        self._destinations: dict[DestinationId, tuple[VirtualService, Destination]] = {}
        self._virtuals: dict[VirtualKey, str] = {}
        self._pairs: dict[str, tuple[tuple[str, str], ...]] = {}
        self._hosts: dict[str, str] = {}
        self._quiet: Collection[tuple[str, str]] = frozenset()
        self._seen: dict[DestinationId, _Seen] = {}

    def plan(self, plan: Plan) -> None:
        """Take the names of ``plan``, and tell which destinations there are from now on."""
        self._destinations = {
            (virtual.key, each.key): (virtual, each)
            for virtual in plan.virtuals
            for each in (*virtual.destinations, *([virtual.sorry] if virtual.sorry else []))
        }
        self._virtuals = {virtual.key: virtual.name for virtual in plan.virtuals}
        pairs: dict[str, dict[tuple[str, str], None]] = {name: {} for name in plan.probes}
        for virtual in plan.virtuals:
            for each in virtual.destinations:
                for probe in each.probes:
                    pairs[probe][virtual.name, each.realserver.name] = None
        self._pairs = {name: tuple(found) for name, found in pairs.items()}
        self._hosts = {probe: host.name for host in plan.hosts for probe in host.probes}
        self._seen = {key: seen for key, seen in self._seen.items() if key in self._destinations}
        places = (
            Place(virtual.name, str(each.key), each.realserver.name)
            for virtual in plan.virtuals
            for each in virtual.destinations
        )
        self._tell(Configured(self._now(), frozenset(places)))

    def expects_failure(self, probe: str) -> bool:
        """Say whether all that a probe is for may fail as planned just now."""
        mine = self._pairs.get(probe, ())
        return bool(mine) and all(pair in self._quiet for pair in mine)

    def transition(self, transition: Transition) -> None:
        pairs = self._pairs.get(transition.probe, ())
        hosts = [self._hosts[transition.probe]] if transition.probe in self._hosts else []
        outcome = transition.outcome
        what = f"{outcome.reason}: {outcome.detail}" if outcome.detail else str(outcome.reason)
        self._tell(
            Entry(
                moment=self._now(),
                kind=EntryKind.PROBE,
                virtuals=tuple(dict.fromkeys(virtual for virtual, _ in pairs)),
                realservers=tuple(dict.fromkeys([*(realserver for _, realserver in pairs), *hosts])),
                probe=transition.probe,
                before=transition.before,
                after=transition.after,
                what=what,
            )
        )

    def decided(
        self, choices: Mapping[DestinationId, Choice], quiet: Collection[tuple[str, str]] = frozenset()
    ) -> None:
        """Tell of each destination of which something else was decided than the last time, its sentences apart.

        Those in ``quiet``, as (virtual service, realserver) by name, may fail as planned.
        """
        self._quiet = quiet
        for key, choice in choices.items():
            if key not in self._destinations:  # decided for a plan that a reload has replaced meanwhile
                continue
            virtual, destination = self._destinations[key]
            name = virtual.name, destination.realserver.name
            taken_out = choice.rule is Rule.WISH and not choice.weight
            planned = taken_out or (name in quiet and choice.health is Health.DOWN)
            seen, last = _Seen(choice.health, choice.weight, choice.rule, planned), self._seen.get(key)
            if seen == last:
                continue
            self._seen[key] = seen
            if destination is virtual.sorry:
                if last is not None:
                    self._tell_choice(EntryKind.DECISION, key, choice, seen, last)
            elif last is None:  # everything begins as UNKNOWN
                begun = _Seen(Health.UNKNOWN, choice.weight, Rule.UNKNOWN, planned=False)
                if choice.health is not Health.UNKNOWN or planned:
                    self._tell_choice(_kind(seen, begun), key, choice, seen, begun)
            else:
                self._tell_choice(_kind(seen, last), key, choice, seen, last)

    def _tell_choice(self, kind: EntryKind, key: DestinationId, choice: Choice, seen: _Seen, last: _Seen) -> None:
        virtual, destination = self._destinations[key]
        self._tell(
            Entry(
                moment=self._now(),
                kind=kind,
                virtuals=(virtual.name,),
                realservers=(destination.realserver.name,),
                destination=str(destination.key),
                before=last.health,
                after=seen.health,
                weight_before=last.weight,
                weight_after=seen.weight,
                rule=seen.rule,
                what="; ".join(choice.because),
                planned=seen.planned,
            )
        )

    def report(self, report: Report) -> None:
        """Tell what was written to the kernel, and what others had changed there."""
        for difference in report.drift:
            self._tell(Entry(moment=self._now(), kind=EntryKind.NOTICE, rule="drift", what=str(difference)))
        for command in report.written:
            self._write(command)

    def notice(self, kind: str, subject: VirtualKey | None, what: str, *, over: bool = False) -> None:
        """Tell of something said loudly when it begins, and when it is over."""
        name = (self._virtuals[subject],) if subject in self._virtuals else ()
        self._tell(
            Entry(
                moment=self._now(),
                kind=EntryKind.NOTICE,
                virtuals=name,
                rule=kind,
                what=f"over: {what}" if over else what,
            )
        )

    def _write(self, command: Command) -> None:
        virtual = command.key if isinstance(command, AddVirtual | EditVirtual | DeleteVirtual) else command.virtual
        known = self._destinations.get((virtual, command.key)) if not isinstance(command.key, VirtualKey) else None
        self._tell(
            Entry(
                moment=self._now(),
                kind=EntryKind.WRITE,
                virtuals=(self._virtuals[virtual],) if virtual in self._virtuals else (),
                realservers=() if known is None else (known[1].realserver.name,),
                destination="" if isinstance(command.key, VirtualKey) else str(command.key),
                what=ipvsadm(command),
            )
        )
