"""What a DNS message would cost to read: refused before a codec that is not made for hostile bytes sees it.

dnspython takes 0.2 us times the square of its labels to keep a name of a record's data. Names are compressed (RFC 1035
section 4.1.4), so 64 KiB hold 4,600 names of 127 labels: 17 s in which the director does nothing else.
"""

from typing import Final

from lvsmon.errors import ProtocolViolation

MAX_MESSAGE: Final = 32768
"""Bytes of an answer: ten times what signed answers take; half of what TCP can carry costs half as much to read."""

MAX_RECORDS: Final = 1000
"""Questions and records: more than a domain has controllers, the longest answers that are met in life."""

MAX_COST: Final = 300_000
"""Squares of labels, some 50 ms. A thousand names of ten labels cost a third of that."""

_OWNER: Final = 8
"""Cost of one label of a record's own name, which is only read."""

_HIP: Final = 55
_HIP_OCTET: Final = 60
"""Cost of an octet of HIP data: it may be a name of its own, the root (RFC 8005 section 5)."""

_MAX_STEPS: Final = 254
"""Of one name: 127 labels, and a pointer after each."""

_NAMES_AT: Final = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 39: (0, 1), 47: (0, 1),
    6: (0, 2), 14: (0, 2), 17: (0, 2), 15: (2, 1), 18: (2, 1), 21: (2, 1), 36: (2, 1), 64: (2, 1), 65: (2, 1),
    107: (2, 1), 26: (2, 2), 33: (6, 1), 24: (18, 1), 46: (18, 1), 66: (5, 1),
}  # fmt: skip
"""For each type of record with names: where in its data the first one begins, and how many there are."""


def demand_affordable(wire: bytes) -> None:
    """Raise `ProtocolViolation` where reading ``wire`` would cost too much, or where it ends too early."""
    if len(wire) > MAX_MESSAGE:
        raise ProtocolViolation(f"an answer of {len(wire)} bytes: at most {MAX_MESSAGE} are read")
    counts = [int.from_bytes(wire[at : at + 2]) for at in range(4, 12, 2)]
    if sum(counts) > MAX_RECORDS:
        raise ProtocolViolation(f"an answer of {sum(counts)} questions and records: at most {MAX_RECORDS} are read")
    try:
        cost = _cost(wire, counts[0], sum(counts[1:]))
    except IndexError:
        raise ProtocolViolation("not a DNS message: it ends within a record") from None
    if cost > MAX_COST:
        raise ProtocolViolation("an answer whose names take too long to read: it has many, of many labels each")


def _cost(wire: bytes, questions: int, others: int) -> int:
    names = _Names(wire)
    at, cost = 12, 0
    for _ in range(questions):
        steps, at = names.read(at)
        cost += _OWNER * steps
        at += 4
    for _ in range(others):
        steps, at = names.read(at)
        cost += _OWNER * steps
        rdtype = wire[at] << 8 | wire[at + 1]
        length = wire[at + 8] << 8 | wire[at + 9]
        at += 10
        if rdtype in _NAMES_AT and length:
            offset, count = _NAMES_AT[rdtype]
            place = at + offset
            for _ in range(count):
                steps, place = names.read(place)
                cost += steps * steps
        elif rdtype == _HIP:
            cost += _HIP_OCTET * length
        at += length
    return cost


class _Names:
    """Counts the steps of names, which are their labels and the pointers between; each place is looked at once."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._known: dict[int, int] = {}

    def read(self, at: int) -> tuple[int, int]:
        """Return the steps of the name at ``at`` and where it ends; raise IndexError, or `ProtocolViolation`."""
        wire, lowest, end = self._wire, at, 0
        places: list[int] = []
        steps = 0
        while not (end and at in self._known):
            octet = wire[at]
            if octet == 0:
                end = end or at + 1
                break
            places.append(at)
            if len(places) > _MAX_STEPS:
                raise ProtocolViolation("not a DNS message: a name of too many labels")
            if octet < 64:
                at += 1 + octet
            elif octet < 192:
                raise ProtocolViolation("not a DNS message: a label of an unknown type")
            else:
                end = end or at + 2
                at = (octet & 0x3F) << 8 | wire[at + 1]
                if at >= lowest:
                    raise ProtocolViolation("not a DNS message: a name that points ahead")
                lowest = at
        else:
            steps = self._known[at]
        for place in reversed(places):
            steps += 1
            self._known[place] = steps
        return steps, end
