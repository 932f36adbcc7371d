"""Serial numbers of zones: arithmetic modulo 2^32 (RFC 1982), and how long one runs after another."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_MODULUS: Final = 1 << 32
_HALF: Final = 1 << 31


def steps(serial: int, reference: int) -> int | None:
    """Return by how much ``serial`` is ahead of ``reference`` (negative: behind).

    None where they are exactly 2^31 apart: neither is newer than the other (RFC 1982 section 3.2).
    """
    difference = (serial - reference) % _MODULUS
    if difference == _HALF:
        return None
    return difference if difference < _HALF else difference - _MODULUS


def newest(serials: list[int]) -> int:
    """Return a serial that none of the others is ahead of; the first of those that cannot be compared."""
    found = serials[0]
    for serial in serials[1:]:
        if (steps(serial, found) or 0) > 0:
            found = serial
    return found


class Side(StrEnum):
    """Where a serial stands that is not what it should be."""

    BEHIND = "behind"
    AHEAD = "ahead"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Lag:
    """What a secondary owes: it has not reached ``serial`` since the time ``since``, or is on the other ``side``."""

    side: Side
    serial: int
    since: float


def observe(before: Lag | None, serial: int, reference: int, tolerated: tuple[int, int], now: float) -> Lag | None:
    """Return what the secondary at ``serial`` owes now, None where it is within ``tolerated`` steps (behind, ahead).

    A zone that changes all the time is never level with its primary: so what counts is how long the secondary takes
    to reach a serial that the primary once had, not how long it has been behind some serial or other.
    """
    ahead = steps(serial, reference)
    if ahead is not None and -tolerated[0] <= ahead <= tolerated[1]:
        return None
    side = Side.APART if ahead is None else Side.AHEAD if ahead > 0 else Side.BEHIND
    if before is not None and before.side is side and (side is not Side.BEHIND or _short_of(serial, before.serial)):
        return before
    return Lag(side, reference, now)


def _short_of(serial: int, owed: int) -> bool:
    ahead = steps(serial, owed)
    return ahead is None or ahead < 0
