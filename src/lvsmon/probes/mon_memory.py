"""What mon tells its monitors of their earlier runs: MON_LAST_SUMMARY, MON_LAST_FAILURE and their like (mon(8))."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Self

from lvsmon.model import Outcome, Verdict
from lvsmon.probes.base import Context


@dataclass(frozen=True, slots=True)
class MonMemory:
    """Texts and times (seconds since 1970) of earlier runs, None for what has not been."""

    last_summary: str | None = None
    last_output: str | None = None
    first_failure: int | None = None
    last_failure: int | None = None
    first_success: int | None = None
    last_success: int | None = None

    @classmethod
    def recall(cls, ctx: Context, key: Hashable) -> Self:
        """Return what `remember` kept."""
        kept = ctx.shared.recall((cls, key))
        return kept if isinstance(kept, cls) else cls()

    def environment(self) -> dict[str, str]:
        """Return the variables; like mon's, one of what has not been is not set."""
        texts = {"MON_LAST_SUMMARY": self.last_summary, "MON_LAST_OUTPUT": self.last_output}
        times = {
            "MON_FIRST_FAILURE": self.first_failure,
            "MON_LAST_FAILURE": self.last_failure,
            "MON_FIRST_SUCCESS": self.first_success,
            "MON_LAST_SUCCESS": self.last_success,
        }
        return {name: str(value) for name, value in (texts | times).items() if value is not None}

    def remember(self, ctx: Context, key: Hashable, outcome: Outcome) -> None:
        """Keep what this run adds; a run that says nothing about the realserver adds nothing."""
        now = int(ctx.clock.utc())
        said = replace(
            self, last_summary=str(outcome.facts.get("summary", "")), last_output=str(outcome.facts.get("detail", ""))
        )
        if outcome.verdict is Verdict.FAIL:
            going_on = self.last_failure is not None and (self.last_success or 0) <= self.last_failure
            first = self.first_failure if going_on else now
            ctx.shared.remember((type(self), key), replace(said, first_failure=first, last_failure=now))
        elif outcome.verdict is Verdict.PASS:
            going_on = self.last_success is not None and (self.last_failure or 0) <= self.last_success
            first = self.first_success if going_on else now
            ctx.shared.remember((type(self), key), replace(said, first_success=first, last_success=now))
