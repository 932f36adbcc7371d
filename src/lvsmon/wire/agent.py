"""What a realserver says of itself: one line of words, as HAProxy's agent-check reads it (see its manual).

    up 75% # all is well

Words are parted by blanks and commas, their case does not matter, and what follows ``#`` is for people. The worst word
counts: down, then maint, then drain. HAProxy passes over words that it does not know; here they make the line
invalid, or every server that greets with "220 ready" would be an agent.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.model import Weight

MAX_LINE: Final = 1024
"""Bytes of the line. HAProxy gives it one buffer, 16 kB; what agents say is a hundredth of that."""

_END: Final = re.compile(rb"[\r\n]")
_PARTS: Final = re.compile(r"[\s,]+")
_SHARE: Final = re.compile(r"\d{1,9}%", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}%?", re.ASCII)
_PASSED_OVER: Final = re.compile(r"maxconn:\d{1,9}", re.ASCII)


class Wish(StrEnum):
    """What a realserver wants, from best to worst."""

    UP = "up"
    DRAIN = "drain"
    MAINT = "maint"
    DOWN = "down"


_WORDS: Final = {
    "up": Wish.UP,
    "ready": Wish.UP,
    "drain": Wish.DRAIN,
    "maint": Wish.MAINT,
    "down": Wish.DOWN,
    "stopped": Wish.DOWN,
    "fail": Wish.DOWN,
    "failed": Wish.DOWN,
}
_ORDER: Final = list(Wish)


@dataclass(frozen=True, slots=True)
class Report:
    """What was said. ``word`` is the one that decided, ``text`` what it adds for people."""

    wish: Wish
    word: str
    weight: Weight | None = None
    text: str = ""


def parse(line: bytes, *, numbers: bool = False) -> Report:
    """Return what ``line`` says; raise `ProtocolViolation` where a word, or there being none, means nothing.

    ``numbers`` says whether a weight may be written without a percent sign.
    """
    weights = _NUMBER if numbers else _SHARE
    said, _, text = line.decode("utf-8", "backslashreplace").partition("#")
    wish, decided, weight = Wish.UP, "", None
    for word in _PARTS.split(said.strip().lower()):
        if weights.fullmatch(word):
            weight = Weight.parse(word)
            decided = decided or word
        elif word in _WORDS:
            found = _WORDS[word]
            if not decided or _NUMBER.fullmatch(decided) or _ORDER.index(found) > _ORDER.index(wish):
                wish, decided = found, word
        elif word and not _PASSED_OVER.fullmatch(word):
            raise ProtocolViolation(f"neither a weight nor a state: {said.strip()[:80]!r}")
    if not decided:
        raise ProtocolViolation(f"neither a weight nor a state: {said.strip()[:80]!r}")
    return Report(wish, decided, weight, text.strip())


class AgentReader:
    """Finds the line: what comes before the first CR or LF, or before the end of the stream."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self._line: bytes | None = None
        self._told = False

    @property
    def where(self) -> str:
        return "without a word"

    def feed(self, data: bytes) -> None:
        """Take bytes; raise `ProtocolViolation` where the line is too long."""
        if self._line is not None:
            return
        self._seen += data[: MAX_LINE + 1 - len(self._seen)]
        end = _END.search(self._seen)
        if end:
            self._line = bytes(self._seen[: end.start()])
        elif len(self._seen) > MAX_LINE:
            raise ProtocolViolation(f"no end of the line within {MAX_LINE} bytes")

    def feed_eof(self) -> None:
        """The stream has ended: that ends the line too."""
        if self._line is None and self._seen:
            self._line = bytes(self._seen)

    def next_event(self) -> Report | None:
        """Return what the line says, once, and None before its end; raise as `parse`."""
        if self._line is None or self._told:
            return None
        report = parse(self._line)
        self._told = True
        return report
