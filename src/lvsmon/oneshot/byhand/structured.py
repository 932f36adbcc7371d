"""A run by hand for programs: JSON of a stable schema, documented in docs/reference/probe.md.

Within one ``version`` keys are only ever added. Texts are raw but for secrets: JSON escapes what is not ASCII.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from lvsmon.model.reasons import MEANINGS
from lvsmon.model.settings import format_escaped
from lvsmon.monitor.transcript import Event, Step
from lvsmon.oneshot.byhand.running import Run, exit_code

SCHEMA_VERSION: Final = 1


def one(run: Run) -> str:
    """Return the document of one run."""
    return _written({"version": SCHEMA_VERSION, "exit_code": exit_code([run]), **_run(run)})


def many(virtual: str, realserver: str, runs: list[Run]) -> str:
    """Return the document of all runs of one destination."""
    document = {
        "version": SCHEMA_VERSION,
        "exit_code": exit_code(runs),
        "virtual": virtual,
        "realserver": realserver,
        "runs": [_run(run) for run in runs],
    }
    return _written(document)


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def _run(run: Run) -> dict[str, Any]:
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
        "weight": outcome.weight,
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
