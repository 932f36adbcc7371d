"""Which faults happen when: drawn from a seed and nothing else, so that a run can be replayed. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

REALSERVERS: Final = ("rs1", "rs2", "rs3")
DAEMONS: Final = ("nginx", "exim", "telnetd", "dnsmasq")

IMPOSTORS: Final = (
    "silent", "drip", "drip_after_request", "garbage", "endless_line", "endless_zeros", "reset_on_accept",
    "close_after_request", "is_ssh", "is_telnet", "echo",
)  # fmt: skip
"""Behaviours of `lvsmon.testing.misbehaving` that stand in for a daemon; none passes for a web or a mail server."""

LEAST_GAP: Final = 0.5
MOST_GAP: Final = 3.0
"""Seconds between the beginnings of two faults."""

TAIL: Final = 20.0
"""Seconds at the end without a new fault: all that is promised comes due."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what it needs for itself, for how many seconds it lasts, and how long the same is spared then.

    ``holds`` names what no other fault may touch meanwhile: "rs" is one realserver, drawn at random; "rs*" all of them.
    """

    name: str
    holds: tuple[str, ...]
    lasts: tuple[float, float]
    rests: tuple[float, float]
    variants: tuple[str, ...] = ("",)


KINDS: Final = (
    Kind("daemon killed", ("rs",), (4, 30), (0, 8), DAEMONS),
    Kind("daemon stopped", ("rs",), (4, 30), (0, 8), DAEMONS),
    Kind("daemon blinks", ("rs",), (0.1, 1.0), (0, 3), DAEMONS),
    Kind("impostor", ("rs",), (8, 30), (0, 8), tuple(f"nginx {name}" for name in IMPOSTORS)),
    Kind("mail impostor", ("rs",), (8, 30), (0, 8), tuple(f"exim {name}" for name in IMPOSTORS)),
    Kind("cable pulled", ("rs",), (4, 30), (0, 8)),
    Kind("packets lost", ("rs",), (3, 12), (2, 8), ("loss 35%", "loss 70%")),
    Kind("all packets lost", ("rs",), (4, 30), (0, 8), ("loss 100%",)),
    Kind("packets late", ("rs",), (5, 12), (0, 5), ("delay 40ms 20ms", "delay 100ms")),
    Kind("daemon killed everywhere", ("rs*",), (10, 25), (6, 10), DAEMONS),
    Kind("director's cable pulled", ("rs*", "daemon", "table"), (10, 16), (12, 16)),
    Kind("weight by hand", ("table",), (0, 0), (2, 6)),
    Kind("destination deleted by hand", ("table",), (0, 0), (2, 6)),
    Kind("virtual service deleted by hand", ("table",), (0, 0), (2, 6)),
    Kind("table flushed", ("table",), (5, 8), (2, 6)),
    Kind("foreign entry by hand", ("table",), (4, 8), (0, 3)),
    Kind("lvsmon killed", ("daemon",), (0, 5), (20, 30)),
    Kind("lvsmon's part killed", ("daemon",), (0, 0), (3, 6)),
    Kind("lvsmon ended and started", ("daemon",), (0, 3), (20, 30)),
    Kind("lvsmon stopped", ("daemon",), (2, 12), (15, 25)),
    Kind("descriptors exhausted", ("daemon",), (4, 10), (15, 25)),
    Kind("lvsmon paused", ("daemon", "operator"), (3, 10), (12, 20)),
    Kind("realserver disabled", ("rs", "operator"), (8, 20), (2, 8)),
    Kind("disk full", ("disk",), (6, 20), (10, 30)),
    Kind("clock stepped", ("clock",), (3, 20), (10, 30), ("3600", "-3600")),
    Kind("reload", ("daemon",), (5, 12), (8, 15), ("weights", "policy", "interval", "drop")),
    Kind("bad reload", ("daemon",), (0, 0), (2, 4), ("key", "cut", "bytes", "twice", "weight", "realserver")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: its number, when it begins and ends in seconds from the start, what it is and where."""

    number: int
    begins: float
    ends: float
    kind: str
    realserver: str
    variant: str
    draw: float
    """A random number in [0, 1) for what the fault chooses when it sees the table."""

    def __str__(self) -> str:
        where = " ".join(word for word in (self.realserver, self.variant) if word)
        return f"#{self.number} {self.kind}{f' ({where})' if where else ''}"


def drawn(seed: int, seconds: float) -> list[Step]:
    """Return the faults of a run: each kind once before all of them are drawn anew; in between what is possible."""
    return list(_steps(random.Random(seed), seconds))


def _steps(dice: random.Random, seconds: float) -> Iterator[Step]:
    free_at: dict[str, float] = {}
    bag: list[Kind] = []
    now, number = 2.0, 0
    while now < seconds - TAIL:
        if not bag:
            bag = dice.sample(KINDS, len(KINDS))
        wanted = bag + [kind for kind in dice.sample(KINDS, len(KINDS)) if not _delays(kind, bag[0])]
        chosen, server = next(
            ((kind, server) for kind in wanted if (server := _server(kind, free_at, now, dice)) is not None), (None, "")
        )
        if chosen is not None:
            if chosen in bag:
                bag.remove(chosen)
            number += 1
            ends = min(now + dice.uniform(*chosen.lasts), seconds - TAIL)
            rest = ends + dice.uniform(*chosen.rests)
            for thing in _held(chosen, server):
                free_at[thing] = rest
            yield Step(number, now, ends, chosen.name, server, dice.choice(chosen.variants), dice.random())
        now += dice.uniform(LEAST_GAP, MOST_GAP)


def _delays(kind: Kind, waiting: Kind) -> bool:
    """Say whether ``waiting`` may need what ``kind`` would take."""
    plain = [{name.rstrip("*") for name in each.holds} for each in (kind, waiting)]
    return bool(plain[0] & plain[1])


def _held(kind: Kind, server: str) -> list[str]:
    names = {"rs": [server] if server else [], "rs*": list(REALSERVERS)}
    return [thing for name in kind.holds for thing in names.get(name, [name])]


def _server(kind: Kind, free_at: dict[str, float], now: float, dice: random.Random) -> str | None:
    """Return the realserver that ``kind`` can have now, "" if it needs none; None if what it needs is held."""
    if any(free_at.get(thing, 0.0) > now for thing in _held(kind, "")):
        return None
    if "rs" not in kind.holds:
        return ""
    free = [server for server in REALSERVERS if free_at.get(server, 0.0) <= now]
    return dice.choice(free) if free else None
