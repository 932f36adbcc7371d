"""Desired against observed: what differs, in words, and the ordered commands that mend it. Pure.

The order within one virtual service, which no interruption can turn into an outage:

1. the virtual service itself is added or edited;
2. *opening*: new destinations are added with their weight, a sorry server among them, weights rise from 0, and
   everything that neither opens nor closes is edited;
3. *closing*: weights fall to 0 and destinations go.

All opening of the whole table stands before any closing, so that who carries it out can look in between. Virtual
services that the configuration dropped go last, and only with the last of what others put into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    Command,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
)
from lvsmon.actions.ipvs.kernel import canonical, canonical_destination
from lvsmon.actions.ipvs.notation import ipvsadm
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.model import (
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Forward,
    Table,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)

__all__ = ["Difference", "Drift", "DriftKind", "Foreign", "Owned", "after", "diff", "ipvsadm", "serves"]


class DriftKind(StrEnum):
    VIRTUAL_MISSING = "virtual service missing"
    VIRTUAL_SETTINGS = "virtual service settings"
    VIRTUAL_UNWANTED = "virtual service not wanted"
    DESTINATION_MISSING = "destination missing"
    DESTINATION_SETTINGS = "destination settings"
    DESTINATION_UNWANTED = "destination not wanted"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing in the kernel that is not as it should be; ``detail`` says how, such as "weight 5 instead of 3"."""

    kind: DriftKind
    virtual: VirtualKey
    destination: DestinationKey | None
    detail: str

    def __str__(self) -> str:
        where = str(self.virtual) if self.destination is None else f"{self.virtual} {self.destination}"
        return f"{where}: {self.detail}"


@dataclass(frozen=True, slots=True, order=True)
class Foreign:
    """Something in the kernel that somebody else put there: a virtual service, or a destination in one of ours."""

    virtual: VirtualKey
    destination: DestinationKey | None = None

    def __str__(self) -> str:
        return str(self.virtual) if self.destination is None else f"{self.virtual} {self.destination}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What `diff` found. ``commands`` is ``opening`` followed by ``closing``: carry them out in that order."""

    opening: list[Command] = field(default_factory=list)
    closing: list[Command] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)

    @property
    def commands(self) -> list[Command]:
        return self.opening + self.closing


def diff(desired: Table, observed: Table, owned: Owned) -> Difference:
    """Return how ``observed`` differs from ``desired`` and what to do about it.

    What is neither desired nor owned is foreign: reported, never touched.
    """
    found = Difference()
    for key, wanted in desired.items():
        seen = observed.get(key)
        if seen is None:
            found.opening.append(AddVirtual(key, wanted.settings))
            found.drift.append(Drift(DriftKind.VIRTUAL_MISSING, key, None, "virtual service missing"))
            _destinations(found, key, wanted, VirtualEntry(wanted.settings, {}), owned)
        else:
            _virtual(found, key, wanted.settings, seen.settings)
            _destinations(found, key, wanted, seen, owned)
    for key, seen in observed.items():
        if key not in desired:
            _dropped(found, key, seen, owned)
    return found


def _virtual(found: Difference, key: VirtualKey, wanted: VirtualSettings, seen: VirtualSettings) -> None:
    if wanted == seen:
        return
    words = _difference_in_words(canonical(key, wanted), canonical(key, seen))
    if words:
        found.opening.append(EditVirtual(key, wanted))
        found.drift.append(Drift(DriftKind.VIRTUAL_SETTINGS, key, None, words))


def _destinations(found: Difference, key: VirtualKey, wanted: VirtualEntry, seen: VirtualEntry, owned: Owned) -> None:
    later: list[Command] = []
    for to, entry in wanted.destinations.items():
        present = seen.destinations.get(to)
        if present is None:
            add = AddDestination(key, to, entry.settings)
            (found.opening if entry.settings.weight else later).append(add)
            found.drift.append(Drift(DriftKind.DESTINATION_MISSING, key, to, "destination missing"))
            continue
        if entry.settings == present.settings:
            continue
        words = _destination_in_words(entry.settings, present.settings)
        if not words:
            continue
        kind = DriftKind.WEIGHT if words.startswith("weight ") and ", " not in words else DriftKind.DESTINATION_SETTINGS
        found.drift.append(Drift(kind, key, to, words))
        edit = EditDestination(key, to, entry.settings)
        if present.settings.weight and not entry.settings.weight:
            found.closing.append(edit)
        else:
            (found.opening if not present.settings.weight and entry.settings.weight else later).append(edit)
    found.opening.extend(later)
    for to in seen.destinations:
        if to not in wanted.destinations:
            if owned.has(key, to):
                found.closing.append(DeleteDestination(key, to))
                found.drift.append(Drift(DriftKind.DESTINATION_UNWANTED, key, to, "destination not wanted"))
            else:
                found.foreign.append(Foreign(key, to))


def _dropped(found: Difference, key: VirtualKey, seen: VirtualEntry, owned: Owned) -> None:
    """Delete an owned virtual service whole, or, where somebody else has destinations in it, ours out of it."""
    if not owned.has(key):
        found.foreign.append(Foreign(key))
        return
    found.drift.append(Drift(DriftKind.VIRTUAL_UNWANTED, key, None, "virtual service not wanted"))
    if all(owned.has(key, to) for to in seen.destinations):
        found.closing.append(DeleteVirtual(key))
        return
    for to in seen.destinations:
        if owned.has(key, to):
            found.closing.append(DeleteDestination(key, to))
        else:
            found.foreign.append(Foreign(key, to))


def _destination_in_words(wanted: DestinationSettings, seen: DestinationSettings) -> str:
    if seen.forward is Forward.LOCAL:  # the kernel's own word for an address of its own: not a difference (trap 9)
        wanted = replace(wanted, forward=Forward.LOCAL, tunnel=None)
    return _difference_in_words(canonical_destination(wanted), canonical_destination(seen))


def _difference_in_words(wanted: object, seen: object) -> str:
    """Return "weight 5 instead of 3, forwarding masq instead of route" for two settings of one class; "" if equal."""
    parts = []
    for name in (item.name for item in fields(wanted)):  # type: ignore[arg-type]  # both are settings, so dataclasses
        right, wrong = getattr(wanted, name), getattr(seen, name)
        if right != wrong:
            parts.append(f"{name.replace('_', ' ')} {_word(wrong)} instead of {_word(right)}")
    return ", ".join(parts)


def _word(value: object) -> str:
    if isinstance(value, frozenset):
        return ",".join(sorted(value)) or "none"
    return "none" if value is None else str(value)


def serves(entry: VirtualEntry | None) -> bool:
    """Say whether a new connection would find a destination: one with a weight above 0."""
    return entry is not None and any(to.settings.weight > 0 for to in entry.destinations.values())


def after(table: Table, commands: Sequence[Command]) -> dict[VirtualKey, VirtualEntry]:
    """Return ``table`` as it is once ``commands``, all of them accepted, were carried out."""
    result = dict(table)
    copied: dict[VirtualKey, dict[DestinationKey, DestinationEntry]] = {}

    def inside(key: VirtualKey) -> dict[DestinationKey, DestinationEntry]:
        if key not in copied:
            copied[key] = dict(result[key].destinations)
            result[key] = replace(result[key], destinations=copied[key])
        return copied[key]

    for command in commands:
        match command:
            case AddVirtual(key, settings):
                copied[key] = {}
                result[key] = VirtualEntry(canonical(key, settings), copied[key])
            case EditVirtual(key, settings):
                result[key] = replace(result[key], settings=canonical(key, settings))
            case DeleteVirtual(key):
                result.pop(key, None)
                copied.pop(key, None)
            case AddDestination(key, to, wanted) | EditDestination(key, to, wanted):
                present: Mapping[DestinationKey, DestinationEntry] = inside(key)
                old = present.get(to, DestinationEntry(wanted))
                inside(key)[to] = replace(old, settings=canonical_destination(wanted))
            case DeleteDestination(key, to):
                inside(key).pop(to, None)
    return result
