"""For Nagios, Icinga, Naemon and their kin: one line with performance data, and the exit code.

Plugin API of the Monitoring Plugins guidelines: ``text|'label'=value;warn;crit;min;max``, 0 OK, 1 WARNING, 2 CRITICAL,
3 UNKNOWN. Here nothing is damped twice: the monitoring system has its own max_check_attempts.
"""

from typing import Final

from lvsmon.model import Health
from lvsmon.oneshot.outputs.layout import Layout
from lvsmon.oneshot.report import Report, VirtualView, explain
from lvsmon.text import cut, escape

_MAX_TEXT: Final = 1500
"""Characters: half of what NRPE and older Nagios carry in one line (4 kB), so that performance data has room."""

_MAX_LABELS: Final = 50
"""Virtual services with performance data of their own; beyond that the line would be cut in the middle."""

_WORDS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def render(report: Report, layout: Layout) -> tuple[str, int]:
    """Return the line and the exit code; CRITICAL is worst, then WARNING, then UNKNOWN."""
    problems: dict[int, list[str]] = {1: [], 2: [], 3: []}
    for view in report.virtuals:
        state, text = _judge(view, layout)
        if state:
            problems[state].append(text)
    if report.failure is not None:
        problems[3].append(report.failure)
    problems[3] += [f"refused: {change.command}: {change.error}" for change in report.failed_changes]
    if not report.destinations:
        problems[3].append(report.table_error or "there is no destination to look at")
    code = next((state for state in (2, 1, 3) if problems[state]), 0)
    return line(
        code, "; ".join([_count(report), *problems[2], *problems[1], *problems[3]]), _data(report, layout)
    ), code


def line(code: int, text: str, data: str = "") -> str:
    """Return the one line of a plugin: neither line end nor ``|`` can be in its text."""
    text = cut(escape(text).replace("|", "¦"), _MAX_TEXT)
    return f"LVSMON {_WORDS[code]} - {text}{'|' if data else ''}{data}\n"


def _judge(view: VirtualView, layout: Layout) -> tuple[int, str]:
    """Return the state of one virtual service and a sentence for it."""
    total = len(view.destinations)
    serving = [each for each in view.destinations if each.status.serves]
    unknown = [each for each in view.destinations if each.status is Health.UNKNOWN]
    if not total:
        return 0, ""
    bad = [each for each in view.destinations if each.status is not Health.UP]
    why = ", ".join(f"{each.destination.realserver.name} {each.status} ({explain(each)[0]})" for each in bad)
    text = f"{view.virtual.name} {len(serving)}/{total}: {why}"
    possible = len(serving) + len(unknown)
    for state, threshold in ((2, layout.critical_below), (1, layout.warning_below)):
        if possible < threshold.of(total):
            return state, text
    if len(serving) < layout.warning_below.of(total) or len(serving) < layout.critical_below.of(total):
        return 3, text
    return (1, text) if any(each.status is Health.WARN for each in bad) else (0, text)


def _count(report: Report) -> str:
    return f"{report.count(Health.UP, Health.WARN)} of {len(report.destinations)} destinations up"


def _data(report: Report, layout: Layout) -> str:
    views = [view for view in report.virtuals if view.destinations]
    data = []
    for view in views if len(views) <= _MAX_LABELS else []:
        total = len(view.destinations)
        up = sum(each.status.serves for each in view.destinations)
        limits = f"{layout.warning_below.of(total):g}:;{layout.critical_below.of(total):g}:"
        data.append(f"{_label(view.virtual.name)}={up};{limits};0;{total}")
    total = len(report.destinations)
    data.append(f"'up'={report.count(Health.UP, Health.WARN)};;;0;{total}")
    data.append(f"'time'={report.took:.3f}s;;;0;")
    return " ".join(data)


def _label(name: str) -> str:
    """Quote a label: neither ``'`` nor ``=`` nor ``|`` may be in it."""
    return "'" + "".join("_" if character in "'=|" else character for character in escape(name)) + "'"
