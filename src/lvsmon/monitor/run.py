"""One run of a probe that somebody wants to see whole, and its form as a document."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from lvsmon.model import Forward, Outcome, Phases, Reason, Target, Through, Verdict, Weight
from lvsmon.model.reasons import MEANINGS
from lvsmon.model.settings import escaped, format_escaped
from lvsmon.monitor.transcript import Event, Step, Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: what was asked for and what came of it, secrets masked.

    ``target`` is None where the host name had no address. ``name`` is that host name, ``others`` its addresses that
    were not probed. ``timeout`` is in seconds, ``at`` wall-clock time.
    """

    kind: str
    target: Target | None
    timeout: float
    at: float
    outcome: Outcome
    transcript: Transcript = ()
    name: str | None = None
    others: tuple[str, ...] = ()


def document(run: Run) -> dict[str, Any]:
    """Return ``run`` as JSON can hold it."""
    outcome, target = run.outcome, run.target
    meaning = MEANINGS[outcome.reason]
    return {
        "kind": run.kind,
        "target": {
            "name": run.name,
            "address": target and target.address,
            "port": (target and target.port) or None,
            "other_addresses": list(run.others),
            "hostname": target and target.hostname,
            "vip": target and target.vip,
            "vport": target and target.vport,
            "through": None if target is None or target.through is None else asdict(target.through),
        },
        "timeout_seconds": run.timeout,
        "at": datetime.fromtimestamp(run.at, UTC).isoformat(timespec="milliseconds"),
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "meaning": meaning.sentence,
        "causes": list(meaning.causes),
        "detail": outcome.detail,
        "facts": dict(outcome.facts),
        "phases": {
            "connect": outcome.phases.connect,
            "tls": outcome.phases.tls,
            "first_byte": outcome.phases.first_byte,
            "total": outcome.phases.total,
        },
        "weight": None if outcome.weight is None else str(outcome.weight),
        "transcript": [_event(event) for event in run.transcript],
    }


def _event(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"at": round(event.at, 6), "event": event.step}
    if event.step is Step.OMITTED:
        told["bytes"] = event.omitted
    elif event.step is Step.CONNECTING:
        told["to"] = event.data.decode()
    elif event.step in (Step.SENT, Step.RECEIVED):
        told["data"] = format_escaped(event.data)
    return told


def from_document(told: Mapping[str, Any]) -> Run:
    """Return the run that `document` wrote; raise ValueError, KeyError or TypeError for anything else."""
    target, weight = told["target"], told["weight"]
    phases = told["phases"]
    return Run(
        kind=told["kind"],
        target=None
        if target["address"] is None
        else Target(
            address=target["address"],
            port=target["port"] or 0,
            hostname=target["hostname"],
            vip=target["vip"],
            vport=target["vport"],
            through=None
            if target.get("through") is None
            else Through(**{**target["through"], "forward": Forward(target["through"]["forward"])}),
        ),
        timeout=told["timeout_seconds"],
        at=datetime.fromisoformat(told["at"]).timestamp(),
        outcome=Outcome(
            verdict=Verdict(told["verdict"]),
            reason=Reason(told["reason"]),
            detail=told["detail"],
            facts=told["facts"],
            phases=Phases(**phases),
            weight=None if weight is None else Weight.parse(weight),
        ),
        transcript=tuple(_event_of(event) for event in told["transcript"]),
        name=target["name"],
        others=tuple(target["other_addresses"]),
    )


def _event_of(told: Mapping[str, Any]) -> Event:
    data = told["to"].encode() if "to" in told else escaped(told.get("data", ""))
    return Event(told["at"], Step(told["event"]), data, told.get("bytes", 0))
