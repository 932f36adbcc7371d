"""What something depends on: names joined by and, or, not. Three-valued: what is unknown decides nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """A host, a virtual service (where ``realserver`` is None), or a realserver in one.

    ``realserver`` "SELF" is the realserver of whoever depends.
    """

    name: str
    realserver: str | None = None

    def __str__(self) -> str:
        return self.name if self.realserver is None else f"{self.name}/{self.realserver}"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"

    def __str__(self) -> str:
        return f"not {_bracketed(self.operand)}"


@dataclass(frozen=True, slots=True)
class Both:
    left: "Expression"
    right: "Expression"

    def __str__(self) -> str:
        return f"{_bracketed(self.left)} and {_bracketed(self.right)}"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Expression"
    right: "Expression"

    def __str__(self) -> str:
        return f"{_bracketed(self.left)} or {_bracketed(self.right)}"


Expression: TypeAlias = Name | Not | Both | Either


def evaluate(expression: Expression, value_of: Callable[[Name], bool | None]) -> bool | None:
    """Return what ``expression`` comes to (Kleene's logic), None where that is not known."""
    match expression:
        case Name():
            return value_of(expression)
        case Not(operand):
            value = evaluate(operand, value_of)
            return None if value is None else not value
        case Both(left, right):
            values = evaluate(left, value_of), evaluate(right, value_of)
            return False if False in values else None if None in values else True
        case Either(left, right):
            values = evaluate(left, value_of), evaluate(right, value_of)
            return True if True in values else None if None in values else False


def names(expression: Expression) -> Iterator[Name]:
    """Return the names in ``expression``, from left to right."""
    match expression:
        case Name():
            yield expression
        case Not(operand):
            yield from names(operand)
        case Both(left, right) | Either(left, right):
            yield from names(left)
            yield from names(right)


def _bracketed(expression: Expression) -> str:
    return str(expression) if isinstance(expression, Name | Not) else f"({expression})"
