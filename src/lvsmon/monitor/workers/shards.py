"""Which worker has which probes. Pure.

All of one address go to one worker, where they are hastened and held back together; and so do the addresses whose
answers are compared with each other (`Agreement`). Where an address was, it stays, as long as there is that worker: its
probes then keep their times.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from lvsmon.probes.part import Part

RUNS_OF_ONE: Final = 2000.0
"""Runs per second for which "auto" takes another worker; for plain TCP a processor has time for several times that."""


class Shards:
    """Remembers where addresses are."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._number = 0

    def share(self, part: Part, number: int) -> list[Part]:
        """Return the parts of ``number`` workers, which may be empty; each probe is in exactly one of them."""
        if number != self._number:
            self._number, self._places = number, {}
        groups = _groups(part)
        load = dict.fromkeys(groups, 0.0)
        for spec in part.runs.values():
            load[spec.target.address] += 1.0 / spec.interval
        members: dict[str, list[str]] = defaultdict(list)
        for address, group in groups.items():
            members[group].append(address)
        weights = [0.0] * number
        places: dict[str, int] = {}
        homeless = []
        for group, addresses in members.items():
            weight = sum(load[address] for address in addresses)
            votes = [place for address in addresses if (place := self._places.get(address, number)) < number]
            if votes:
                self._settle(addresses, max(set(votes), key=votes.count), weight, weights, places)
            else:
                homeless.append((weight, group))
        for weight, group in sorted(homeless, reverse=True):
            self._settle(members[group], weights.index(min(weights)), weight, weights, places)
        self._places = places
        return [self._part(part, index) for index in range(number)]

    @staticmethod
    def _settle(addresses: list[str], place: int, weight: float, weights: list[float], places: dict[str, int]) -> None:
        weights[place] += weight
        places.update(dict.fromkeys(addresses, place))

    def _part(self, part: Part, index: int) -> Part:
        probes = {name: spec for name, spec in part.probes.items() if self._places[spec.target.address] == index}
        agreements = {name: part.agreements[name] for name in probes if name in part.agreements}
        return Part(probes=probes, agreements=agreements, runs_per_realserver=part.runs_per_realserver)


def number_of(part: Part, processors: int) -> int:
    """Return how many workers "auto" is."""
    runs = sum(1.0 / spec.interval for spec in part.runs.values())
    return max(1, min(processors, 1 + int(runs / RUNS_OF_ONE)))


def _groups(part: Part) -> Mapping[str, str]:
    """Return of each address the one that stands for all that must be together with it."""
    leader = {spec.target.address: spec.target.address for spec in part.probes.values()}

    def of(address: str) -> str:
        while leader[address] != address:
            leader[address] = leader[leader[address]]
            address = leader[address]
        return address

    for name, agreement in part.agreements.items():
        mine = of(part.probes[name].target.address)
        for run in agreement.names:
            leader[of(part.probes[run].target.address)] = mine
    return {address: of(address) for address in leader}
