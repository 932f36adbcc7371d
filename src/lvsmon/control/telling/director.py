"""What `lvsmon status` says of the director itself: what is worth a look unasked, and everything when asked."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lvsmon.control.telling import words

LONG_LAG: Final = 0.5
"""Seconds for which nothing ran: shorter than that is a busy moment."""

LATE: Final = 0.1
"""Seconds by which one run of a hundred may begin late before that is told."""

FULL: Final = 0.8
"""Share of the descriptors from which on they are told."""


def troubles(director: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about what makes the director slow, or blind, or will soon."""
    lag, starts, runs = director["lag"], director["starts"], director["runs"]
    if lag["longest_seconds"] >= LONG_LAG:
        yield f"the director was kept from running for {words.seconds(lag['longest_seconds'])} in the last minute"
    if starved := director["starved"]["last_minute"]:
        yield f"the director had no time to listen to {words.counted(starved, 'run')} in the last minute: UNKNOWN"
    if starts["p99_seconds"] >= LATE:
        yield f"runs begin up to {words.seconds(starts['longest_seconds'])} late: too many probes for this machine"
    if runs["waiting"]:
        yield f"{words.counted(runs['waiting'], 'run')} waiting for a descriptor: raise the limit of open files"
    descriptors = director["descriptors"]
    if descriptors["open"] >= FULL * descriptors["limit"]:
        yield f"{descriptors['open']} of {descriptors['limit']} descriptors are in use"


def tell(director: Mapping[str, Any]) -> Iterator[str]:
    """Yield all of it in lines that begin with what they are about."""
    runs, tripwires, descriptors = director["runs"], director["tripwires"], director["descriptors"]
    yield "director"
    outcomes = ", ".join(f"{count} {verdict}" for verdict, count in director["outcomes"].items() if count)
    yield f"runs        {runs['per_second']:.0f} per second, {runs['total']} in all: {outcomes or 'none'}"
    waiting = f"{runs['waiting']} for a descriptor, {runs['waiting_for_address']} for their realserver"
    yield f"now         {runs['running']} running; waiting: {waiting}"
    starts = director["starts"]
    yield f"late        {_figures(starts)}; {starts['late']} in all by 100 ms"
    yield f"put off     {starts['still_running']} times, since the run before had not ended"
    stalled, starved = director["stalled_seconds"], director["starved"]["total"]
    yield f"lag         {_figures(director['lag'])}; {stalled:.1f} s stalled in all, {starved} starved"
    yield f"descriptors {descriptors['open']} of {descriptors['limit']}"
    yield f"tripwires   {tripwires['held']} held, {tripwires['tripped']} tripped, {tripwires['reopened']} reopened"
    age = director["reconciles"]["age_seconds"]
    yield f"reconcile   {_figures(director['reconciles'])}; last {'never' if age is None else words.age(age) + ' ago'}"
    yield f"to kernel   {_figures(director['verdict_to_write'])} from a verdict to what was written"


def _figures(figures: Mapping[str, Any]) -> str:
    longest, p99 = words.seconds(figures["longest_seconds"]), words.seconds(figures["p99_seconds"])
    return f"p99 {p99}, longest {longest} in the last minute"
