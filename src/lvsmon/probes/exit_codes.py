"""What the end of a program says: as it is set (exec), as mon reads its monitors, as Nagios reads its plugins."""

import re
from collections.abc import Mapping
from typing import Final

from lvsmon.model import FactValue, Outcome, Reason, Verdict, Weight
from lvsmon.net.programs import Ended
from lvsmon.probes.talk import MAX_FACT, shown
from lvsmon.wire import plugin

NOT_FOUND: Final = (126, 127)
"""What shells and env(1) exit with where the program that they were to run is not there or may not be run (POSIX)."""

_LACKING: Final = re.compile(rb"Can't locate \S{1,200} in @INC|error while loading shared libraries|No module named")
"""A program that lacks a part of itself: Perl, the dynamic linker, Python. That is the director's trouble."""

_SHORT: Final = re.compile(
    rb"(?m)^(?:MemoryError\b|Out of memory!|.{0,200}[:\]] (?:Cannot allocate memory|Too many open files|Cannot fork)\b"
    rb"|.{0,200}fork: (?:retry: )?Resource temporarily unavailable)"
)
"""A program that hits a limit (max_memory, max_files, max_processes): so say Python, Perl, shells and C programs."""

_REASONS: Final[Mapping[Verdict, Reason]] = {
    Verdict.PASS: Reason.OK,
    Verdict.WARN: Reason.DEGRADED,
    Verdict.FAIL: Reason.REJECTED,
    Verdict.UNKNOWN: Reason.LOCAL_FAULT,
}
_PLUGIN: Final[Mapping[int, Verdict]] = {0: Verdict.PASS, 1: Verdict.WARN, 2: Verdict.FAIL, 3: Verdict.UNKNOWN}
_LAST_LIMIT: Final = "SIGXCPU"


def lacking(name: str, ended: Ended) -> Outcome | None:
    """Return the outcome of a program that did not end of itself, or that could not do its work; None of one that did.

    A signal is never a success and never the realserver's fault: the kernel's out-of-memory killer sends one.
    """
    if ended.signal is not None:
        over = ended.signal == _LAST_LIMIT
        detail = f"{name} was killed by {ended.signal}" + (
            ": it used too much processor time (max_cpu)" if over else ""
        )
        return _unknown(detail, Reason.LOCAL_RESOURCES if over else Reason.LOCAL_FAULT)
    if ended.code and (found := _LACKING.search(ended.errors + b"\n" + ended.output)):
        return _unknown(f"{name} lacks a part of itself: {shown(found[0])}", Reason.MISSING_PROGRAM)
    if ended.code and (found := _SHORT.search(ended.errors)):  # what it says on stdout may be of the realserver
        return _unknown(f"{name} has not enough of the director: {shown(found[0])}", Reason.LOCAL_RESOURCES)
    return None


def of_exec(name: str, ended: Ended, verdict: Verdict, weight: Weight | None) -> Outcome:
    """Return the outcome of a program whose exit code means ``verdict``."""
    said = _first_line(ended.output) or _first_line(ended.errors)
    facts = _facts(ended)
    if said:
        facts["output"] = said
    detail = f"{name} exited with {ended.code}" + (f": {said}" if said else "")
    reason = _REASONS[verdict]
    if verdict is Verdict.UNKNOWN and ended.code in NOT_FOUND:
        reason = Reason.MISSING_PROGRAM
    return Outcome(verdict=verdict, reason=reason, detail=detail, facts=facts, weight=weight)


def of_mon(name: str, ended: Ended) -> Outcome:
    """Return the outcome of one of mon's monitors: 0 is success; line 1 is the summary, what follows the detail."""
    summary, _, rest = ended.output.partition(b"\n")
    facts = _facts(ended)
    facts["summary"] = shown(summary) or "(NO SUMMARY)"
    if more := _first_line(rest):
        facts["detail"] = more
    verdict = Verdict.FAIL if ended.code else Verdict.PASS
    said = "; ".join(filter(None, (shown(summary, 120), more)))
    detail = f"{name} {'failed' if ended.code else 'succeeded'}" + (f": {said}" if said else "")
    return Outcome(verdict=verdict, reason=_REASONS[verdict], detail=detail, facts=facts)


def of_plugin(name: str, ended: Ended) -> Outcome:
    """Return the outcome of a monitoring plugin: OK, WARNING, CRITICAL, UNKNOWN, with its performance data as facts."""
    verdict = _PLUGIN.get(ended.code or 0, Verdict.UNKNOWN)
    output = plugin.parse(ended.output)
    said = shown(output.text.encode()) or _first_line(ended.errors)
    facts = _facts(ended)
    for metric in output.metrics:
        unit = {"": "", "%": "_percent"}.get(metric.unit, f"_{metric.unit}")
        facts.setdefault(metric.label + unit, metric.value)
    if ended.code not in _PLUGIN:
        said = f"exit code {ended.code} is none of a plugin's" + (f": {said}" if said else "")
    reason = Reason.MISSING_PROGRAM if ended.code in NOT_FOUND else _REASONS[verdict]
    return Outcome(verdict=verdict, reason=reason, detail=said or f"{name} exited with {ended.code}", facts=facts)


def _unknown(detail: str, reason: Reason) -> Outcome:
    return Outcome(verdict=Verdict.UNKNOWN, reason=reason, detail=detail)


def _first_line(data: bytes) -> str:
    stripped = data.strip()
    return shown(stripped.splitlines()[0], MAX_FACT) if stripped else ""


def _facts(ended: Ended) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"exit_code": ended.code or 0, "cpu_seconds": round(ended.cpu, 3)}
    if ended.truncated:
        facts["truncated"] = True
    return facts
