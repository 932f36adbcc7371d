"""Which realserver has something else than the others: one fact of each, compared. Pure.

| who answers | by majority | by a reference |
| --- | --- | --- |
| all have the same | all agree | all agree |
| more than half have the same | those agree, the others differ | those that have the reference's agree |
| no value on more than half: a tie | undecided, for all of them | as above |
| one alone | undecided | as above |
| the reference does not answer | - | undecided, for all of them |

Only those count that have answered, and lately: one that has failed is not in the vote. A majority needs more than half
of them, so it can never be that all differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lvsmon.model import FactValue

_NAMED: Final = 5
"""Realservers named in a sentence; a virtual service may have hundreds."""

_SHOWN: Final = 80
"""Characters shown of a value: a fingerprint, the beginning of a banner."""


class Standing(Enum):
    """How a realserver stands to the others."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one realserver stands to the others, and why in a few words.

    ``agreeing`` of the ``answered`` have the value that is ``right``, which is None where none is.
    """

    standing: Standing
    detail: str
    agreeing: int
    answered: int
    right: FactValue | None = None


def compare(
    own: str, answers: Mapping[str, FactValue], names: Mapping[str, str], reference: str | None = None
) -> Comparison:
    """Return how ``own`` stands.

    ``answers`` maps those that have answered, ``own`` among them, to what they said; ``names`` maps everybody who is
    compared to the realserver's name. ``reference`` is the one that is right, None for the majority.
    """
    mine = answers[own]
    if reference is not None and reference not in answers:
        detail = f"{names[reference]}, which is the reference, has no answer to compare with"
        return Comparison(standing=Standing.UNDECIDED, detail=detail, agreeing=0, answered=len(answers))
    right = _majority(answers) if reference is None else answers[reference]
    agreeing = sum(value == right for value in answers.values())
    if len(answers) == 1 and reference is None:
        return Comparison(
            standing=Standing.UNDECIDED,
            detail=f"none of the {len(names) - 1} others has an answer to compare with",
            agreeing=0,
            answered=1,
        )
    if right is None:
        return Comparison(
            standing=Standing.UNDECIDED,
            detail=f"no majority: {_camps(answers, names)}",
            agreeing=0,
            answered=len(answers),
        )
    if mine == right:
        standing, detail = Standing.AGREES, _agrees(own == reference, agreeing, len(answers), len(names))
    else:
        whose = [names[one] for one, value in answers.items() if value == right]
        standing, detail = Standing.DIFFERS, f"{_shown(right)} on {_list(whose)}"
        detail += f", {agreeing} of {len(answers)}" if reference is None else ""
    return Comparison(standing=standing, detail=detail, agreeing=agreeing, answered=len(answers), right=right)


def _majority(answers: Mapping[str, FactValue]) -> FactValue | None:
    """Return the value of more than half; of two that are the same, theirs."""
    counts: dict[FactValue, int] = {}
    for value in answers.values():
        counts[value] = counts.get(value, 0) + 1
    value, count = max(counts.items(), key=lambda item: item[1])
    return value if 2 * count > len(answers) else None


def _agrees(is_reference: bool, agreeing: int, answered: int, all_of_them: int) -> str:
    if is_reference:
        return "the reference"
    absent = all_of_them - answered
    return f"the same on {agreeing} of {answered}" + (f", {absent} without an answer" if absent else "")


def _camps(answers: Mapping[str, FactValue], names: Mapping[str, str]) -> str:
    camps: dict[FactValue, list[str]] = {}
    for one, value in answers.items():
        camps.setdefault(value, []).append(names[one])
    largest = sorted(camps.items(), key=lambda camp: -len(camp[1]))[:_NAMED]
    more = len(camps) - len(largest)
    told = "; ".join(f"{_shown(value)} on {_list(members)}" for value, members in largest)
    return told + (f"; and {more} more" if more else "")


def _list(members: list[str]) -> str:
    shown = ", ".join(members[:_NAMED])
    return shown if len(members) <= _NAMED else f"{shown} and {len(members) - _NAMED} more"


def _shown(value: FactValue) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
