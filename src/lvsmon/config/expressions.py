"""Reads what something depends on: ``gateway and (db or ping/SELF)``. Nothing is ever run, unlike in mon (trap 42)."""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.model import Both, Either, Expression, Name, Not
from lvsmon.model.settings import shown

_TOKEN: Final = re.compile(
    r"\s*(?:([()])|(&&|\|\||!)|([A-Za-z0-9_][A-Za-z0-9_.:@-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.:@-]*)?))"
)
_OF_MON: Final = {"&&": "and", "||": "or", "!": "not"}
_DEEPEST: Final = 20
"""Brackets within brackets: no sane expression has more, and reading must not run out of stack."""
_LONGEST: Final = 1000


def parse(text: object) -> Expression:
    """Return the expression; raise ValueError saying what to write, and at which letter."""
    if not isinstance(text, str):
        raise ValueError(f'write names joined by and, or, not, such as "gateway and switch1", not {shown(text)}')  # noqa: TRY004  pydantic's way
    if len(text) > _LONGEST:
        raise ValueError(f"write at most {_LONGEST} letters")
    reader = _Reader(_tokens(text))
    found = reader.either(0)
    if reader.token is not None:
        raise ValueError(
            f"{shown(reader.token.text)} at letter {reader.token.at} is too much: write and, or between names"
        )
    return found


@dataclass(frozen=True)
class _Token:
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise ValueError(
                f"{shown(text[at])} at letter {at + 1} is not understood: write names joined by and, or, not, brackets"
            )
        word = match[1] or _OF_MON.get(match[2] or "") or match[3]
        found.append(_Token(word, match.end() - len(match[0].lstrip()) + 1))
        position = match.end()
    return found


class _Reader:
    """Reads from the loosest to the tightest: or, and, not, names and brackets."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def token(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self, word: str) -> bool:
        taken = self.token is not None and self.token.text == word
        self._position += taken
        return taken

    def either(self, depth: int) -> Expression:
        found = self._both(depth)
        while self._take("or"):
            found = Either(found, self._both(depth))
        return found

    def _both(self, depth: int) -> Expression:
        found = self._not(depth)
        while self._take("and"):
            found = Both(found, self._not(depth))
        return found

    def _not(self, depth: int) -> Expression:
        if depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} brackets within brackets: write it more simply")
        if self._take("not"):
            return Not(self._not(depth + 1))
        if self._take("("):
            found = self.either(depth + 1)
            if not self._take(")"):
                raise ValueError('a bracket is left open: write ")" where it ends')
            return found
        token = self.token
        if token is None:
            raise ValueError("it ends where a name should stand")
        if token.text in ("and", "or", ")"):
            raise ValueError(f"{shown(token.text)} at letter {token.at} stands where a name should")
        self._position += 1
        name, _, realserver = token.text.partition("/")
        return Name(name, realserver or None)
