"""A secondary's serial held against its primaries'."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import format_duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.dns_primaries import Known, Zone
from lvsmon.wire.serials import Lag, observe, steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far and how long (seconds) a serial may be off."""

    max_behind: int
    max_ahead: int
    grace: float


@dataclass(frozen=True, slots=True)
class Seen:
    """The serial that a realserver told, when it had told it, and when the run began (seconds, monotonic)."""

    target: Target
    serial: int
    at: float
    started: float


async def hold_against(
    ctx: Context, zone: Zone, limits: Limits, seen: Seen, again: Callable[[], Coroutine[Any, Any, int]]
) -> Outcome:
    """Return the outcome for what was ``seen`` of a secondary; ``again`` asks it anew.

    Raise `LocalFault` where the primaries tell no serial.

    Two servers are never asked at one moment, and zones change. So a serial that is off is looked at again before it
    counts: one that is ahead is held against primaries asked after it, one that is behind is asked for anew.
    """
    serial = seen.serial
    known, known_at = await zone.serial(ctx, ctx.clock.monotonic() - ctx.interval, seen.started)
    ahead = steps(serial, known.serial)
    if known_at < seen.at and (ahead is None or ahead > 0):
        known, known_at = await zone.serial(ctx, seen.at, seen.started)
        ahead = steps(serial, known.serial)
    if known_at >= seen.at and (ahead is None or ahead < 0):
        serial = await again()
        ahead = steps(serial, known.serial)
    facts: dict[str, FactValue] = {
        "serial": serial,
        "primary_serial": known.serial,
        "primary": str(known.primary),
    }
    if ahead is not None:
        facts["ahead"] = ahead
    lag = _observe(ctx, (seen.target, zone, limits), serial, known.serial)
    detail = _sentence(serial, known, ahead)
    if lag is None:
        return passed(detail, facts)
    lasted = ctx.clock.monotonic() - lag.since
    if limits.grace:
        detail += f", for {format_duration(int(lasted))} of the {format_duration(limits.grace)} allowed"
    if lasted < limits.grace:
        return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=detail, facts=facts)
    return Outcome(verdict=Verdict.FAIL, reason=Reason.EXPECTATION, detail=detail, facts=facts)


def _observe(ctx: Context, key: tuple[Target, Zone, Limits], serial: int, newest: int) -> Lag | None:
    """Return what the secondary owes, remembered from run to run."""
    limits = key[2]
    before = ctx.shared.recall(key)
    tolerated = (limits.max_behind, limits.max_ahead)
    lag = observe(before if isinstance(before, Lag) else None, serial, newest, tolerated, ctx.clock.monotonic())
    ctx.shared.remember(key, lag)
    return lag


def _sentence(serial: int, known: Known, ahead: int | None) -> str:
    if ahead == 0:
        return f"serial {serial}, as on the primary {known.primary}"
    if ahead is None:
        where = "is exactly 2^31 away from"
        return f"serial {serial} {where} {known.serial} on the primary {known.primary}: neither is newer (RFC 1982)"
    where = f"{ahead} ahead of" if ahead > 0 else f"{-ahead} behind"
    return f"serial {serial} is {where} {known.serial} on the primary {known.primary}"
