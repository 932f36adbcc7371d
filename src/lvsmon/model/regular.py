"""Regular expressions as Python reads them, written anew for RE2, which matches in linear time.

Python's own parser decides what a regular expression is and what it means, so its complaints and their positions are
Python's, and a pattern means here what it means there; only what no linear matcher can do is refused. RE2's notation is
used for nothing but structure: each single byte is written as a set of bytes, so that no class, no case and no flag is
left to be understood differently.
"""

import re._constants as code  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable
from re import DOTALL, IGNORECASE, LOCALE, MULTILINE
from typing import Any, Final

MAX_REPEAT: Final = 1000
"""Repetitions that RE2 counts: {1000}."""

_ALL: Final = frozenset(range(256))
_DIGITS: Final = frozenset(b"0123456789")
_SPACES: Final = frozenset(b" \t\n\r\f\v")
_WORDS: Final = _DIGITS | frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_CLASSES: Final = {
    code.CATEGORY_DIGIT: _DIGITS,
    code.CATEGORY_NOT_DIGIT: _ALL - _DIGITS,
    code.CATEGORY_SPACE: _SPACES,
    code.CATEGORY_NOT_SPACE: _ALL - _SPACES,
    code.CATEGORY_WORD: _WORDS,
    code.CATEGORY_NOT_WORD: _ALL - _WORDS,
}
_PLACES: Final = {
    code.AT_BEGINNING_STRING: r"\A",
    code.AT_END_STRING: r"\z",
    code.AT_BOUNDARY: r"\b",
    code.AT_NON_BOUNDARY: r"\B",
}
_REFUSED: Final = {
    code.ASSERT: "look-aheads and look-behinds, (?=...) and (?<=...), are not taken: write what comes before and after "
    "into the expression itself",
    code.ASSERT_NOT: "look-aheads and look-behinds, (?!...) and (?<!...), are not taken: use a setting for what must "
    "not match, or write out what may stand there, such as [^a-z]",
    code.GROUPREF: r"back-references, such as \1 and (?P=name), are not taken: write out what may come again",
    code.GROUPREF_EXISTS: "conditions, (?(1)...|...), are not taken: write the alternatives out, a|b",
    code.ATOMIC_GROUP: "atomic groups, (?>...), are not taken, nor needed: write (?:...), matching takes linear time",
    code.POSSESSIVE_REPEAT: "possessive repetitions, such as a++, are not taken, nor needed: write a+, matching takes "
    "linear time",
}


def for_re2(pattern: bytes) -> str:
    """Return ``pattern`` in RE2's notation, for Latin-1: one character per byte.

    Raise re.error where it is no regular expression, and ValueError, saying what to write instead, where it is one that
    cannot be matched in linear time.
    """
    tree = parser.parse(pattern)
    if tree.state.flags & LOCALE:
        raise ValueError("(?L) is not taken: what matches would depend on the director's locale; write the bytes out")
    return _sequence(tree, tree.state.flags, last=True)


def _sequence(items: Any, flags: int, *, last: bool) -> str:
    """Return the items in a row; ``last``: nothing needs to come after them."""
    written: list[str] = []
    for position in range(len(items) - 1, -1, -1):
        what, value = items[position]
        written.append(_item(what, value, flags, last=last))
        last = last and items[position : position + 1].getwidth()[0] == 0
    return "".join(reversed(written))


def _item(what: Any, value: Any, flags: int, *, last: bool) -> str:
    if what in _REFUSED:
        raise ValueError(_REFUSED[what])
    if what is code.AT:
        return _place(value, flags, last=last)
    if what is code.BRANCH:
        return "(?:" + "|".join(_sequence(branch, flags, last=last) for branch in value[1]) + ")"
    if what is code.SUBPATTERN:
        _, added, removed, inner = value
        return "(?:" + _sequence(inner, (flags | added) & ~removed, last=last) + ")"
    if what in {code.MAX_REPEAT, code.MIN_REPEAT}:
        least, most, inner = value
        repeated = f"(?:{_sequence(inner, flags, last=last)}){_times(least, most)}"
        return repeated + ("?" if what is code.MIN_REPEAT else "")
    return _written(_bytes(what, value, flags))


def _place(where: Any, flags: int, *, last: bool) -> str:
    if where is code.AT_BEGINNING:
        return "(?m:^)" if flags & MULTILINE else r"\A"
    if where is not code.AT_END:
        return _PLACES[where]
    if flags & MULTILINE:
        return "(?m:$)"
    if not last:
        raise ValueError(
            "nothing can come after $, which is the end of the text: write \\$ for a dollar sign, "
            "or (?m) in front of all for the end of any line"
        )
    return r"(?:\n?\z)"  # in Python it also stands before the last line end


def _times(least: Any, most: Any) -> str:
    for count in (least, most):
        if count is not code.MAXREPEAT and count > MAX_REPEAT:
            raise ValueError(f"{{{count}}} is more than the {MAX_REPEAT} repetitions that can be counted: write + or *")
    return f"{{{least},}}" if most is code.MAXREPEAT else f"{{{least},{most}}}"


def _bytes(what: Any, value: Any, flags: int) -> frozenset[int]:
    """Return the bytes that one item matches."""
    if what is code.ANY:
        return _ALL if flags & DOTALL else _ALL - {10}
    if what is code.LITERAL:
        return _cased([value], flags)
    if what is code.NOT_LITERAL:
        return _ALL - _cased([value], flags)
    if what is not code.IN:
        raise ValueError(f"what Python calls {str(what).lower()} is not taken")
    found: frozenset[int] = frozenset()
    for kind, part in value:
        if kind is code.LITERAL:
            found |= _cased([part], flags)
        elif kind is code.RANGE:
            found |= _cased(range(part[0], part[1] + 1), flags)
        elif kind is code.CATEGORY:
            found |= _CLASSES[part]
    return _ALL - found if value[0][0] is code.NEGATE else found


def _cased(letters: Iterable[int], flags: int) -> frozenset[int]:
    """Return the letters, in both cases where case is ignored: of bytes, only ASCII's have two."""
    plain = bytes(letters)
    return frozenset(plain + plain.lower() + plain.upper() if flags & IGNORECASE else plain)


def _written(letters: frozenset[int]) -> str:
    if not letters:
        return r"[^\x00-\xff]"
    ranges: list[list[int]] = []
    for letter in sorted(letters):
        if ranges and ranges[-1][1] == letter - 1:
            ranges[-1][1] = letter
        else:
            ranges.append([letter, letter])
    if len(letters) == 1:
        return f"\\x{ranges[0][0]:02x}"
    return "[" + "".join(f"\\x{first:02x}-\\x{end:02x}" for first, end in ranges) + "]"
