"""Operators' wishes as rows of the state file."""

import json
from typing import Any, Final

from lvsmon.model import MAX_WEIGHT, Wish, WishKind

COLUMNS: Final = (
    "realserver",
    "virtual",
    "name",
    "kind",
    "weight",
    "comment",
    "by",
    "since",
    "until",
    "remove",
    "deadline",
)
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM wish ORDER BY number"  # noqa: S608  no input in it
INSERT: Final = f"INSERT INTO wish ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  the same


def row_of(wish: Wish) -> tuple[object, ...]:
    """Return the row of ``wish``; `of_row` reads it."""
    return tuple(int(value) if isinstance(value := getattr(wish, name), bool) else value for name in COLUMNS)


def of_row(row: tuple[Any, ...]) -> Wish:
    """Raise ValueError for a row that no lvsmon of this schema wrote."""
    told = dict(zip(COLUMNS, row, strict=True))
    kind, weight = WishKind(told.pop("kind")), told.pop("weight")
    if (kind is WishKind.WEIGHT) is not (weight is not None and 0 <= weight <= MAX_WEIGHT):
        raise ValueError(f"a wish of kind {kind} with weight {json.dumps(weight)}")
    return Wish(kind=kind, weight=weight, remove=bool(told.pop("remove")), **told)
