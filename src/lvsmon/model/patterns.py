"""Patterns that users write and that realservers' bytes meet: whatever they are, a search takes linear time.

A backtracking matcher, as Python's, takes exponential time where a pattern such as ``(a+)+$`` meets the right text, and
everything else in the process waits. RE2 follows all alternatives at once.
"""

import re
import warnings
from typing import Any, Final, Protocol

from lvsmon.model.regular import for_re2

_MAX_PROGRAM: Final = 1000
"""Steps of a compiled pattern. One byte of text costs at most 3 ns for each (measured), so the worst pattern there can
be takes 0.2 s for 64 KiB; without counted repetitions, nearly any takes less than 1 ms."""

_MAX_MEMORY: Final = 1 << 20
"""Bytes that RE2 may keep for one pattern, for all runs together; with more, the worst are no faster (measured)."""

_MAX_LOOKED: Final = 1 << 29
"""Bytes looked through where a pattern is looked for again and again in one text: where each look goes on to its end,
that takes 0.8 s (measured)."""


class Match(Protocol):
    """Where a pattern has matched."""

    def end(self) -> int:
        """Return the position behind the match."""
        ...

    def __getitem__(self, group: int, /) -> bytes:
        """Return what has matched, the group 0: no other group is kept."""
        ...


class Regex:
    """A regular expression over bytes, equal and hashed by its text; compiled when it is first used."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: bytes) -> None:
        self.pattern: Final = pattern
        self._compiled: Any = None

    def search(self, text: bytes | bytearray, /) -> Match | None:
        """Return the first match; raise ValueError where the pattern is none, which `compile` tells earlier."""
        if self._compiled is None:
            self.compile()
        found: Match | None = self._compiled.search(text)
        return found

    def without(self, text: bytes, /) -> bytes:
        """Return ``text`` without what matches; raise ValueError where that is so often that to look would take long.

        Each look may go on to the end of the text, so they are bounded: by 512 in 1 MiB, by 8192 in 64 KiB.
        """
        if self._compiled is None:
            self.compile()
        most = max(_MAX_LOOKED // max(len(text), 1), 1)
        left, number = self._compiled.subn(b"", text, most + 1)
        if number > most:
            raise ValueError(f"it matches more than {most} times in {len(text)} bytes")
        return bytes(left)

    def compile(self) -> None:
        """Raise ValueError, saying what is wrong, where the pattern is none or is one that is not taken."""
        import re2  # noqa: PLC0415  most probes have no pattern

        try:
            with warnings.catch_warnings(action="error", category=FutureWarning):
                written = for_re2(self.pattern)
        except FutureWarning as warning:
            text = f"{str(warning).lower()}, which may change its meaning: escape it with a backslash"
            raise ValueError(text) from None
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        try:
            compiled = re2.compile(written.encode("ascii"), options)
        except re2.error:  # it is too large even for RE2, or counts in what is counted
            compiled = None
        if compiled is None or compiled.programsize > _MAX_PROGRAM:
            raise ValueError("the regular expression is too large: count less often, such as + instead of {1,500}")
        self._compiled = compiled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and other.pattern == self.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"
