"""For Prometheus: the text exposition format 0.0.4, for node_exporter's textfile collector."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from lvsmon.model import Health, Verdict
from lvsmon.oneshot.outputs.layout import Layout
from lvsmon.oneshot.report import DestinationView, Report, VirtualView, exit_code
from lvsmon.text import escape

_Labels: TypeAlias = dict[str, str]
_Sample: TypeAlias = tuple[_Labels, float]

_LABEL_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def render(report: Report, layout: Layout) -> tuple[str, int]:  # noqa: ARG001  every output is asked alike
    """Return all samples, with the exit code."""
    rows = [(view, each) for view in report.virtuals for each in view.destinations]
    parts = [
        _family(
            "lvsmon_destination_up",
            "1 if the destination is UP or WARN, 0 if it is DOWN; absent where that could not be told.",
            [(_of(*row), row[1].status.serves) for row in rows if row[1].status is not Health.UNKNOWN],
        ),
        _family(
            "lvsmon_destination_unknown",
            "1 if it could not be told whether the destination is up.",
            [(_of(*row), row[1].status is Health.UNKNOWN) for row in rows],
        ),
        _family(
            "lvsmon_destination_weight",
            "Weight in the kernel's table before this look; absent where the destination is.",
            [(_of(*row), row[1].before) for row in rows if row[1].before is not None],
        ),
        _family(
            "lvsmon_destination_desired_weight",
            "Weight that the destination should have; absent where the destination should be.",
            [(_of(*row), row[1].after) for row in rows if row[1].after is not None],
        ),
        _family(
            "lvsmon_virtual_destinations",
            "Destinations of the virtual service that were looked at.",
            [(_name(view), len(view.destinations)) for view in report.virtuals],
        ),
        _family(
            "lvsmon_virtual_destinations_up",
            "Destinations of the virtual service that are UP or WARN.",
            [(_name(view), sum(each.status.serves for each in view.destinations)) for view in report.virtuals],
        ),
        *_probes(rows),
        _family("lvsmon_check_changes", "Changes to the table that were due.", [({}, len(report.changes))]),
        _family("lvsmon_check_changes_refused", "Changes that the kernel refused.", [({}, len(report.failed_changes))]),
        _family(
            "lvsmon_check_table_readable",
            "1 if the kernel's IPVS table could be read.",
            [({}, report.table_error is None)],
        ),
        _family("lvsmon_check_duration_seconds", "How long the look took.", [({}, report.took)]),
        _family("lvsmon_check_timestamp_seconds", "When the look was made, in Unix time.", [({}, report.at)]),
    ]
    return "".join(parts), exit_code(report)


def _probes(rows: Iterable[tuple[VirtualView, DestinationView]]) -> list[str]:
    # A probe that several destinations share was run once: it is one sample.
    probes = {probe.spec.id: probe for _, each in rows for probe in each.probes}.values()
    labels = {
        probe.spec.id: {"probe": probe.spec.id, "kind": probe.spec.probe.kind, "target": str(probe.spec.target)}
        for probe in probes
    }
    return [
        _family(
            "lvsmon_probe_passed",
            "1 if the probe passed or warned, 0 if it failed; absent where it could not be run.",
            [
                (labels[probe.spec.id], probe.outcome.verdict is not Verdict.FAIL)
                for probe in probes
                if probe.outcome.verdict is not Verdict.UNKNOWN
            ],
        ),
        _family(
            "lvsmon_probe_duration_seconds",
            "How long the run of the probe took.",
            [(labels[probe.spec.id], probe.outcome.phases.total) for probe in probes],
        ),
    ]


def _of(view: VirtualView, each: DestinationView) -> _Labels:
    return _name(view) | {"realserver": each.destination.realserver.name, "destination": str(each.destination.key)}


def _name(view: VirtualView) -> _Labels:
    return {"virtual": view.virtual.name, "vip": str(view.virtual.key)}


def _family(name: str, meaning: str, samples: Iterable[_Sample]) -> str:
    lines = [f"{name}{_braces(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join([f"# HELP {name} {meaning}", f"# TYPE {name} gauge", *lines]) + "\n"


def _braces(labels: _Labels) -> str:
    text = ",".join(f'{key}="{escape(value).translate(_LABEL_ESCAPES)}"' for key, value in labels.items())
    return f"{{{text}}}" if text else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"
