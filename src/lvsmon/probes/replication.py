"""Limits for how far a replica may be behind, shared by the kinds of database."""

from dataclasses import dataclass, replace

from lvsmon.errors import ExpectationFailed, clip
from lvsmon.model import Outcome, Reason, Verdict
from lvsmon.model.settings import Duration, format_duration


@dataclass(frozen=True, kw_only=True)
class LagSettings:
    """Without slots, so that a kind may have another base beside it."""

    lag_warn: Duration = 0.0
    """How far a replica may be behind before the verdict is WARN; 0s for any."""
    lag_fail: Duration = 0.0
    """How far a replica may be behind before the verdict is FAIL; 0s for any."""

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that decides nothing."""
        if 0 < self.lag_fail <= self.lag_warn:
            raise ValueError("lag_warn: beyond lag_fail it would never warn; set it lower than that, or to 0s")

    @property
    def limits_lag(self) -> bool:
        return bool(self.lag_warn or self.lag_fail)

    def held_against_lag(self, outcome: Outcome, lag: float) -> Outcome:
        """Return ``outcome``, or WARN, for a replica that is ``lag`` seconds behind; raise `ExpectationFailed`."""
        facts = {**outcome.facts, "lag": round(lag, 3)}
        behind = f"the replica is {lag:.1f} s behind"
        if self.lag_fail and lag > self.lag_fail:
            raise ExpectationFailed(f"{behind}: lag_fail is {format_duration(self.lag_fail)}", facts=facts)
        if self.lag_warn and lag > self.lag_warn:
            detail = clip(f"{outcome.detail}, but {behind}: lag_warn is {format_duration(self.lag_warn)}")
            return replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=detail, facts=facts)
        return replace(outcome, facts=facts)
