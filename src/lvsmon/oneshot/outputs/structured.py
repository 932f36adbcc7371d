"""For programs: JSON of a stable schema, documented in docs/reference/check.md.

Within one ``version`` keys are only ever added. Texts are raw: JSON escapes what is not ASCII.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from lvsmon.model import Health
from lvsmon.oneshot.outputs.layout import Layout
from lvsmon.oneshot.report import DestinationView, ProbeView, Report, VirtualView, exit_code, explain

SCHEMA_VERSION: Final = 1


def render(report: Report, layout: Layout) -> tuple[str, int]:  # noqa: ARG001  every output is asked alike
    """Return the whole report as one JSON document, with the exit code."""
    code = exit_code(report)
    document = {
        "version": SCHEMA_VERSION,
        "at": datetime.fromtimestamp(report.at, UTC).isoformat(timespec="milliseconds"),
        "took_seconds": round(report.took, 6),
        "mode": report.mode,
        "configured": report.configured,
        "exit_code": code,
        "summary": {
            "destinations": len(report.destinations),
            **{health.lower(): report.count(health) for health in Health},
            "changes": len(report.changes),
        },
        "table_error": report.table_error,
        "failure": report.failure,
        "notes": list(report.notes),
        "virtuals": [_virtual(view) for view in report.virtuals],
        "foreign": list(report.foreign),
        "changes": [{"command": change.command, "error": change.error} for change in report.changes],
    }
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n", code


def _virtual(view: VirtualView) -> dict[str, Any]:
    key, settings = view.virtual.key, view.virtual.settings
    sorry = view.sorry
    return {
        "name": view.virtual.name,
        "key": str(key),
        "family": "inet6" if key.family == 10 else "inet",
        "protocol": key.protocol,
        "vip": key.address or None,
        "port": key.port or None,
        "fwmark": key.fwmark or None,
        "scheduler": settings.scheduler,
        "persistence_seconds": settings.persistence,
        "destinations": [_destination(each) for each in view.destinations],
        "sorry": sorry
        and {
            "realserver": sorry.destination.realserver.name,
            "key": str(sorry.destination.key),
            "weight_before": sorry.before,
            "weight_after": sorry.after,
        },
    }


def _destination(view: DestinationView) -> dict[str, Any]:
    return {
        "realserver": view.destination.realserver.name,
        "key": str(view.destination.key),
        "address": view.destination.key.address,
        "port": view.destination.key.port,
        "forward": view.destination.settings.forward,
        "status": view.status,
        "health": view.health,
        "weight_configured": view.destination.settings.weight,
        "weight_before": view.before,
        "weight_after": view.after,
        "explanation": explain(view),
        "probes": [_probe(each) for each in view.probes],
    }


def _probe(view: ProbeView) -> dict[str, Any]:
    phases = view.outcome.phases
    return {
        "id": view.spec.id,
        "kind": view.spec.probe.kind,
        "target": str(view.spec.target),
        "verdict": view.outcome.verdict,
        "reason": view.outcome.reason,
        "detail": view.outcome.detail,
        "facts": dict(view.outcome.facts),
        "weight": None if view.outcome.weight is None else str(view.outcome.weight),
        "seconds": {
            "connect": phases.connect,
            "tls": phases.tls,
            "first_byte": phases.first_byte,
            "total": phases.total,
        },
        "health": view.state.health,
        "passes": view.state.passes,
        "rise": view.spec.damping.rise,
        "fails": view.state.fails,
        "fall": view.spec.damping.fall,
    }
