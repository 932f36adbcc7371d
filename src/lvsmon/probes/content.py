"""content: the same on all realservers of a virtual service: a page, a listing, a serial, a host key, a banner.

Each realserver's part is a run of another kind, which tells one fact. `lvsmon.monitor.comparing` holds the facts of all
of them against each other (`lvsmon.agreement`), and makes the outcome of each with `ContentProbe.judged`.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from lvsmon.agreement import Comparison, Standing
from lvsmon.errors import clip
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Duration, Pattern, format_duration, shown
from lvsmon.probes.base import Context, Probe
from lvsmon.probes.talk import refuse_vacuous


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentProbe:
    """Compare what all realservers of a virtual service serve: the odd one out is named."""

    kind: ClassVar[str] = "content"
    transport: ClassVar[str] = "any"

    of: Probe
    """What is compared: a table of a kind and its settings; or a kind, for the probe of that kind beside this one."""
    agree: Literal["majority", "reference"] | None = None
    """Who is right: the majority of those that answer, or a reference; if not given, a reference where one is named."""
    reference: str | None = None
    """Name of the realserver that is right."""
    on_failure: Literal["fail", "warn"] = "fail"
    """What it is to differ, or to fail in one's own run: FAIL as with any probe, or WARN, which keeps it in service."""
    ignore: tuple[Pattern, ...] = ()
    """Regular expressions for what may differ in a text, such as a banner: what they match is not compared."""
    grace: Duration = 0.0
    """How long a realserver may differ; WARN until then. A deployment takes its time."""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be compared and for settings that contradict each other."""
        if self.fact is None:
            raise ValueError(f"of: {shown(self.of.kind)} with these settings tells nothing that could be compared")
        if self.agree == "reference" and self.reference is None:
            raise ValueError("agree: name the realserver that is right: reference")
        if self.agree == "majority" and self.reference is not None:
            raise ValueError('agree: the majority has no reference: leave it out, or write agree = "reference"')
        for pattern in self.ignore:
            refuse_vacuous("ignore", pattern)
        if self.ignore and self.fact.endswith("digest"):
            raise ValueError(
                f"ignore: a digest is made in the run: write digest_ignore among the settings of {shown(self.of.kind)}"
            )

    @property
    def fact(self) -> str | None:
        """The name of the fact that is compared."""
        return getattr(self.of, "comparable", None)

    @property
    def uses_hostname(self) -> bool:
        return self.of.uses_hostname

    @property
    def needs_hostname(self) -> bool:
        return self.of.needs_hostname

    @property
    def uses_vip(self) -> bool:
        return getattr(self.of, "uses_vip", False)

    @property
    def needs_vip(self) -> bool:
        return getattr(self.of, "needs_vip", False)

    @property
    def needs_name(self) -> bool:
        return getattr(self.of, "needs_name", False)

    @property
    def uses_realserver(self) -> bool:
        return getattr(self.of, "uses_realserver", False)

    @property
    def default_port(self) -> int | None:
        """The usual port of what is compared."""
        return getattr(self.of, "default_port", None)

    @property
    def memory_bound(self) -> int:
        return self.of.memory_bound

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        """Look at one realserver alone: what it would be compared by."""
        outcome = await self.of.check(target, ctx)
        if outcome.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            return outcome
        value = self.value(outcome)
        if value is None:
            return self._mute(outcome)
        return replace(outcome, detail=clip(f"{self.fact} {value}: {outcome.detail}"))

    def value(self, outcome: Outcome) -> FactValue | None:
        """Return what is compared of a run, None where it tells nothing."""
        value = outcome.facts.get(self.fact or "") if outcome.verdict in (Verdict.PASS, Verdict.WARN) else None
        if isinstance(value, str) and self.ignore:
            text = value.encode("utf-8", "surrogateescape")
            for pattern in self.ignore:
                text = pattern.without(text)
            return text.decode("utf-8", "replace")
        return value

    def judged(self, outcome: Outcome, comparison: Comparison | None, lasted: float = 0.0) -> Outcome:
        """Return the outcome of one realserver.

        ``outcome`` is that of its own run, ``comparison`` None where that told nothing to compare; ``lasted`` is for
        how many seconds it has differed.
        """
        if outcome.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            return self._graded(outcome)
        if comparison is None:
            return self._mute(outcome)
        outcome = replace(outcome, weight=None)
        facts: dict[str, FactValue] = {
            **outcome.facts,
            "agreeing": comparison.agreeing,
            "answered": comparison.answered,
        }
        if comparison.standing is Standing.AGREES:
            told = outcome.detail if outcome.verdict is Verdict.WARN else f"{self.fact} {comparison.detail}"
            return replace(outcome, detail=clip(told), facts=facts)
        if comparison.standing is Standing.UNDECIDED:
            detail = clip(f"{self.fact}: {comparison.detail}")
            return replace(outcome, verdict=Verdict.UNKNOWN, reason=Reason.UNDECIDED, detail=detail, facts=facts)
        detail = f"{self.fact} is {str(self.value(outcome))[:80]!r}, and {comparison.detail}"
        if self.grace:
            detail += f", for {format_duration(int(lasted))} of the {format_duration(self.grace)} allowed"
        found = Outcome(verdict=Verdict.FAIL, reason=Reason.DIFFERS, detail=clip(detail), facts=facts)
        return self._graded(found) if lasted >= self.grace else _warning(found)

    def _graded(self, outcome: Outcome) -> Outcome:
        return _warning(outcome) if outcome.verdict is Verdict.FAIL and self.on_failure == "warn" else outcome

    def _mute(self, outcome: Outcome) -> Outcome:
        detail = clip(f"it tells no {self.fact} to compare: {outcome.detail}")
        return replace(outcome, verdict=Verdict.UNKNOWN, reason=Reason.UNDECIDED, detail=detail, weight=None)


def _warning(outcome: Outcome) -> Outcome:
    return replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED, weight=None)
