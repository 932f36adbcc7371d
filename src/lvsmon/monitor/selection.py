"""Which virtual services and realservers a person asked for by name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

from lvsmon.errors import LvsmonError
from lvsmon.model import Destination, VirtualService


class UnknownName(LvsmonError):
    """There is no virtual service and no realserver of that name; the text suggests one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The destinations asked for: those of the virtual services ``virtuals``, and the realservers ``realservers``.

    A virtual service with such a realserver counts as touched: its table entry is what ``--apply`` may change.
    """

    virtuals: frozenset[str]
    realservers: frozenset[str]

    @classmethod
    def of(cls, names: Sequence[str], virtuals: Collection[VirtualService]) -> Self | None:
        """Return what ``names`` select, None for everything; raise UnknownName.

        A name that a virtual service and a realserver share selects both.
        """
        if not names:
            return None
        known_virtuals = frozenset(virtual.name for virtual in virtuals)
        known_realservers = frozenset(d.realserver.name for virtual in virtuals for d in virtual.destinations)
        for name in names:
            if name not in known_virtuals | known_realservers:
                raise UnknownName(_unknown(name, sorted(known_virtuals | known_realservers)))
        return cls(known_virtuals.intersection(names), known_realservers.intersection(names))

    def holds(self, virtual: VirtualService, destination: Destination) -> bool:
        return virtual.name in self.virtuals or destination.realserver.name in self.realservers

    def touches(self, virtual: VirtualService) -> bool:
        return any(self.holds(virtual, destination) for destination in virtual.destinations)


def find(text: str, virtuals: Collection[VirtualService]) -> list[tuple[VirtualService, Destination]]:
    """Return the destinations that ``text`` names; raise UnknownName where there is none.

    VIRTUAL/REALSERVER, an address with or without a port, or the name of a realserver or of a virtual service. By its
    address a sorry server is found too.
    """
    every = [(virtual, each) for virtual in virtuals for each in virtual.destinations]
    sorry = [(virtual, virtual.sorry) for virtual in virtuals if virtual.sorry is not None]
    name, slash, realserver = text.partition("/")
    if slash:
        Selection.of([name, realserver], virtuals)
        found = [
            (virtual, each) for virtual, each in every if (virtual.name, each.realserver.name) == (name, realserver)
        ]
        if not found:
            there = ", ".join(each.realserver.name for virtual, each in every if virtual.name == name)
            raise UnknownName(f"{realserver} is no realserver of {name}: there are: {there or 'none'}")
        return found
    found = [(virtual, each) for virtual, each in every + sorry if text in (str(each.key), each.key.address)]
    if found:
        return found
    selection = Selection.of([text], virtuals)
    return [(virtual, each) for virtual, each in every if selection is not None and selection.holds(virtual, each)]


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known[:20]) or 'none'}"
    return f"no virtual service and no realserver is named {name}: {advice}"
