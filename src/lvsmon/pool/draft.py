"""A decision under way: what the rules so far make of each destination."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lvsmon.model import (
    Choice,
    Destination,
    DestinationEntry,
    DestinationSettings,
    Health,
    Notice,
    NoticeKind,
    OnFailure,
    Rule,
    VirtualEntry,
    VirtualService,
    VirtualSettings,
    Wish,
)
from lvsmon.model.decision import OF_PROBES
from lvsmon.pool.situation import Decided, Memory, Situation


@dataclass(slots=True)
class Draft:
    """One destination: its health and weight so far (None is absent), the rule that spoke last, and what was said."""

    destination: Destination
    present: DestinationEntry | None
    """What the kernel has of it."""
    wishes: tuple[Wish, ...] = ()
    """Those in force that concern it."""
    health: Health = Health.UNKNOWN
    weight: int | None = None
    rule: Rule = Rule.UNKNOWN
    because: list[str] = field(default_factory=list)
    overruled: str = ""
    cut_off: str = ""
    """What it depends on that is down, "" if nothing is."""
    tied: str = ""
    """The virtual service that it is down with, "" if with none."""
    doubted: bool = False
    """Whether its failure is not believed though it was taken out for it."""
    settings: DestinationSettings | None = None
    """What the entry shall have beside its weight, where that is not what is configured."""

    @property
    def out(self) -> int | None:
        """The weight of a destination that shall take nothing new: 0, or None for absent."""
        return 0 if self.destination.on_failure is OnFailure.QUIESCE else None

    @property
    def held_out(self) -> bool:
        """Whether an operator wishes that nothing new comes."""
        return any(wish.holds_out for wish in self.wishes)

    @property
    def serving(self) -> bool:
        return bool(self.weight)

    def believe(self, health: Health, sentence: str) -> None:
        """Take ``health`` from here on, because of ``sentence``; for rules that come before the weights."""
        self.health = health
        self.overruled = sentence
        self.because.append(sentence)

    def settle(self, weight: int | None, rule: Rule, sentence: str) -> None:
        """Take ``weight`` from here on by ``rule``, because of ``sentence``."""
        self.weight, self.rule = weight, rule
        self.because.append(sentence)
        if rule not in OF_PROBES:
            self.overruled = sentence

    def entry(self) -> DestinationEntry | None:
        if self.weight is None:
            return None
        return DestinationEntry(replace(self.settings or self.destination.settings, weight=self.weight))

    def choice(self) -> Choice:
        return Choice(self.health, self.weight, self.rule, tuple(self.because), self.overruled, self.cut_off, self.tied)


@dataclass(slots=True)
class VirtualDraft:
    """One virtual service and its destinations; ``sorry`` says whether the sorry server is in."""

    virtual: VirtualService
    present: VirtualEntry | None
    drafts: list[Draft]
    sorry: Draft | None = None
    settings: VirtualSettings | None = None
    """What the entry shall have, where that is not what is configured."""
    left_out: bool = False
    """Whether nothing is desired of it, so that nothing is written."""

    @property
    def serving(self) -> bool:
        return any(draft.serving for draft in self.drafts)

    @property
    def everybody(self) -> list[Draft]:
        """The destinations, and the sorry server where there is one."""
        return self.drafts if self.sorry is None else [*self.drafts, self.sorry]

    def entry(self) -> VirtualEntry:
        return VirtualEntry(
            self.settings or self.virtual.settings,
            {draft.destination.key: entry for draft in self.everybody if (entry := draft.entry()) is not None},
        )


class Deciding:
    """One decision: the rules read ``situation`` and ``memory`` (of the last decision), and change the rest."""

    def __init__(self, situation: Situation, memory: Memory) -> None:
        self.situation = situation
        self.memory = memory
        """What the last decision left."""
        wishes = defaultdict[str, list[Wish]](list)
        for wish in situation.wishes:
            wishes[wish.realserver].append(wish)
        self.virtuals = [_begin(virtual, situation, wishes) for virtual in situation.virtuals]
        self._notices: list[Notice] = []
        self.following = Memory()
        """What this one leaves for the next; a rule replaces its own fields."""
        self._again: float | None = None
        self._awaited: set[str] = set()

    def drafts(self) -> Iterator[tuple[VirtualDraft, Draft]]:
        for virtual in self.virtuals:
            for draft in virtual.drafts:
                yield virtual, draft

    def notice(self, kind: NoticeKind, virtual: VirtualService | None, text: str, about: object = "") -> None:
        """Say ``text`` loudly, of ``virtual`` or of the whole director; ``about`` tells several of a kind apart."""
        self._notices.append(Notice(kind, None if virtual is None else virtual.key, text, str(about)))

    def again_at(self, when: float) -> None:
        """Ask to be decided anew at ``when``, of `Situation.now`'s clock, at the latest."""
        self._again = when if self._again is None else min(self._again, when)

    def await_outcomes(self, probes: Iterable[str]) -> None:
        """Ask to be decided anew with the next outcome of each of ``probes``, whatever it is."""
        self._awaited.update(probes)

    def decided(self) -> Decided:
        return Decided(
            table={each.virtual.key: each.entry() for each in self.virtuals if not each.left_out},
            choices={
                (each.virtual.key, draft.destination.key): draft.choice()
                for each in self.virtuals
                for draft in each.everybody
            },
            notices=tuple(self._notices),
            memory=self.following,
            again=self._again,
            awaited=frozenset(self._awaited),
        )


def _begin(virtual: VirtualService, situation: Situation, wishes: Mapping[str, list[Wish]]) -> VirtualDraft:
    seen = situation.observed.get(virtual.key)

    def draft(destination: Destination, wishes: Iterable[Wish]) -> Draft:
        mine = tuple(wish for wish in wishes if wish.concerns(virtual.name, destination.realserver.name))
        return Draft(destination, seen.destinations.get(destination.key) if seen else None, mine)

    sorry = None if virtual.sorry is None else draft(virtual.sorry, ())
    drafts = [draft(destination, wishes.get(destination.realserver.name, ())) for destination in virtual.destinations]
    return VirtualDraft(virtual, seen, drafts, sorry)
