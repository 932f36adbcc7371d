"""What a realserver says of itself (an agent's line, a file's word) as an outcome."""

from lvsmon.errors import Rejected
from lvsmon.model import FactValue, Outcome, Reason, Verdict, Weight
from lvsmon.probes.base import passed
from lvsmon.probes.talk import MAX_FACT, shown
from lvsmon.wire.agent import Report, Wish


def outcome_of(report: Report, source: str) -> Outcome:
    """Return the outcome of ``report``; ``source`` is who says it ("the agent"). Raise `Rejected` for down.

    drain and maint are wishes of somebody who knows: the destination gets weight 0 and is no failure.
    """
    because = f": {shown(report.text.encode(), MAX_FACT)}" if report.text else ""
    facts: dict[str, FactValue] = {"said": report.word}
    if report.weight is not None:
        facts["weight"] = str(report.weight)
    if report.text:
        facts["text"] = shown(report.text.encode(), MAX_FACT)
    if report.wish is Wish.DOWN:
        raise Rejected(f"{source} says {report.word}{because}")
    if report.wish is Wish.UP:
        weight = "" if report.weight is None else f", weight {report.weight}"
        word = "up" if report.word[0].isdigit() else report.word
        outcome = passed(f"{source} says {word}{weight}{because}", facts)
        return Outcome(
            verdict=outcome.verdict, reason=outcome.reason, detail=outcome.detail, facts=facts, weight=report.weight
        )
    return Outcome(
        verdict=Verdict.WARN,
        reason=Reason.DEGRADED,
        detail=f"{source} says {report.word}{because}",
        facts=facts,
        weight=Weight(0),
    )
