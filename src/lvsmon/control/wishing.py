"""Changing what operators wish for. Pure: the same with a daemon and without one.

Every change either comes to a new list of wishes or raises `ControlRefused`, and then nothing is changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from lvsmon.control.protocol import Code
from lvsmon.errors import ControlRefused
from lvsmon.model import VirtualService, Wish, WishKind, standing
from lvsmon.model.settings import format_duration
from lvsmon.monitor.selection import UnknownName, find

MOST: Final = 10_000
"""Wishes at once: a realserver in every one of a thousand virtual services, under ten names."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A realserver, in one virtual service or (None) in all of them."""

    realserver: str
    virtual: str | None = None

    def __str__(self) -> str:
        return self.realserver if self.virtual is None else f"{self.virtual}/{self.realserver}"

    def meets(self, wish: Wish) -> bool:
        """Say whether ``wish`` concerns this place or a part of it."""
        return self.realserver == wish.realserver and (
            self.virtual is None or wish.virtual is None or self.virtual == wish.virtual
        )

    def covers(self, wish: Wish) -> bool:
        """Say whether ``wish`` concerns nothing but this place."""
        return self.realserver == wish.realserver and self.virtual in (None, wish.virtual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a change is made of: what is configured and what is wished for, by whom, at which wall-clock time."""

    virtuals: tuple[VirtualService, ...]
    wishes: tuple[Wish, ...]
    by: str
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """All wishes that there are now, those that came, those that went, and the places that were named."""

    wishes: tuple[Wish, ...]
    places: tuple[Place, ...]
    made: tuple[Wish, ...] = ()
    cleared: tuple[Wish, ...] = ()

    def left(self, wishes: Iterable[Wish]) -> tuple[Wish, ...]:
        """Return what of ``wishes``, all that there are now, concerns the places too, beside what came."""
        return tuple(wish for wish in wishes if wish not in self.made and any(each.meets(wish) for each in self.places))


def places(names: Iterable[str], service: str | None, before: Standing) -> tuple[Place, ...]:
    """Return what ``names`` mean: realservers by name or address, or VIRTUAL/REALSERVER.

    A realserver that only wishes know any more is known, too: else nobody could clear those.
    """
    found: dict[Place, None] = {}
    for name in names:
        virtual, slash, realserver = name.partition("/")
        if slash and service is not None:
            raise ControlRefused(Code.ARGUMENTS, f"{name} names a virtual service already: leave --service out")
        if not slash:
            virtual, realserver = service or "", name
        wanted = virtual if slash or service is not None else None
        for each in _realservers(realserver, before):
            found[_in(wanted, each, before)] = None
    return tuple(found)


def _realservers(text: str, before: Standing) -> list[str]:
    every = [destination for virtual in before.virtuals for destination in virtual.destinations]
    known = {each.realserver.name for each in every} | {wish.realserver for wish in before.wishes}
    if text in known:
        return [text]
    by_address = {each.realserver.name for each in every if text in (each.realserver.address, each.key.address)}
    if by_address:
        return sorted(by_address)
    for virtual in before.virtuals:
        if virtual.name == text:
            there = ", ".join(each.realserver.name for each in virtual.destinations)
            message = f"{text} is a virtual service: name its realservers: {there or 'it has none'}"
            raise ControlRefused(Code.UNKNOWN_NAME, message)
    near = get_close_matches(text, sorted(known), n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)[:20]) or 'none'}"
    raise ControlRefused(Code.UNKNOWN_NAME, f"no realserver is named {text}: {advice}")


def _in(virtual: str | None, realserver: str, before: Standing) -> Place:
    place = Place(realserver, virtual)
    if virtual is not None and not any(place.covers(wish) for wish in before.wishes):
        try:
            find(f"{virtual}/{realserver}", before.virtuals)
        except UnknownName as error:
            raise ControlRefused(Code.UNKNOWN_NAME, str(error)) from error
    return place


def added(before: Standing, where: tuple[Place, ...], made: Sequence[Wish]) -> Changed:
    """Return the wishes with those ``made``: each takes the place of an earlier one of the same identity."""
    _check_times(made, before.now)
    new = {wish.identity for wish in made}
    kept = [wish for wish in standing(before.wishes, before.now) if wish.identity not in new]
    if len(kept) + len(made) > MOST:
        raise ControlRefused(Code.REFUSED, f"there are {len(kept)} wishes already, and {MOST} is the most")
    return Changed(wishes=(*kept, *made), places=where, made=tuple(made))


def _check_times(made: Sequence[Wish], now: float) -> None:
    for wish in made:
        if wish.until is not None and not now < wish.until <= now + LONGEST:
            many = format_duration(LONGEST)
            raise ControlRefused(Code.ARGUMENTS, f"until: write a time in the future, at most {many} from now")


LONGEST: Final = 366 * 86400.0
"""Seconds: what is to last longer belongs into the configuration."""


def cleared(
    before: Standing, names: Sequence[str], service: str | None, *, reason: str | None, everything: bool, weights: bool
) -> Changed:
    """Return the wishes without those that ``names`` mean: the weights, or those that hold out.

    ``reason`` says which; without it there must be one that it can mean, or ``everything`` is meant.
    """
    where = places(names, service, before)
    wishes = standing(before.wishes, before.now)
    mine = [wish for wish in wishes if (wish.kind is WishKind.WEIGHT) is weights]
    mine = [wish for wish in mine if any(place.covers(wish) for place in where)]
    if reason is not None:
        mine = [wish for wish in mine if wish.name == reason]
    reasons = sorted({wish.name for wish in mine})
    if len(reasons) > 1 and not everything:
        raise ControlRefused(
            Code.REFUSED,
            f"there are several reasons: say --reason {_quoted(reasons[0])}, or --all",
            [described(wish, before.now) for wish in mine],
        )
    gone = set(mine)
    return Changed(wishes=tuple(wish for wish in wishes if wish not in gone), places=where, cleared=tuple(mine))


def described(wish: Wish, now: float) -> str:
    """Return one line on a wish, for people."""
    what = f"weight {wish.weight}" if wish.kind is WishKind.WEIGHT else wish.kind
    by = f" by {wish.by}" if wish.by else ""
    comment = f" ({wish.comment})" if wish.comment else ""
    ago = format_duration(max(0, int(now - wish.since)))
    return f"{Place(wish.realserver, wish.virtual)}: {what}, reason {_quoted(wish.name)}{by}{comment}, {ago} ago"


def _quoted(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() else f'"{text}"'


def last_ones(virtuals: Collection[VirtualService], serving: Collection[str], after: Collection[str]) -> list[str]:
    """Return a sentence for each virtual service that is among those ``serving`` before and not among those after."""
    told = []
    for virtual in virtuals:
        if virtual.name in serving and virtual.name not in after:
            sorry = "only its sorry server would serve" if virtual.sorry is not None else "nobody would serve"
            told.append(f"{virtual.name}: {sorry}")
    return told
