"""The figures of docs/reference/verdicts.md: how many verdicts there are, and how often the peers say otherwise."""

import json
from typing import NamedTuple

from lvsmon.testing.misbehaving import BEHAVIOURS
from probes.samples import SAMPLES
from verdicts.record import ENDED, STOPPED

COLUMNS = [
    "lvsmon FAIL",
    "kept",
    "hangs or dies",
    "lvsmon PASS or WARN",
    "not up",
    "lvsmon UNKNOWN",
    "taken out",
]


REAL, MISBEHAVING = "real daemons", "servers that misbehave"


class Pair(NamedTuple):
    """What we say of a server, and what one check of a peer says."""

    kind: str
    check: str
    where: str
    situation: str
    mine: list[str]
    theirs: str

    @property
    def peer(self):
        return self.check.split()[0]


def ours(sample, behaviour):
    """Return what the conformance suite demands of a sample."""
    if behaviour in sample.either:
        return "PASS or FAIL"
    return "PASS" if behaviour in sample.passes else "FAIL"


def compared(rows, hostile, daemons):
    """Yield a `Pair` for all that a peer was run on.

    Not of servers of a few lines that are of use to us all the same: a peer may ask what they do not know.
    """
    for kind, checks in hostile.items():
        for check, found in checks.items():
            for behaviour, theirs in found.items():
                if (mine := ours(SAMPLES[kind][0], behaviour)) == "FAIL":
                    yield Pair(kind, check, MISBEHAVING, behaviour, [mine], theirs)
    for row in rows:
        for check, theirs in daemons.get(json.dumps(row.key), {}).items():
            yield Pair(row.kind, check, REAL, row.situation, row.found["IPv4"], theirs)


def serves(mine):
    """Say whether what we found keeps a realserver serving; None where we say two things, or that we do not know."""
    said = {word.split()[0] in {"PASS", "WARN"} for word in mine if not word.startswith("UNKNOWN")}
    return said.pop() if len(said) == 1 and "PASS or FAIL" not in mine else None


def _counts(compared):
    """Count what `COLUMNS` says."""
    failed = kept = stuck = passed = out = unknown = removed = 0
    for *_, mine, theirs in compared:
        if (well := serves(mine)) is False:
            failed += 1
            kept += theirs in {"up", "kept"}
            stuck += theirs in {"hangs", "died"}
        elif well:
            passed += 1
            out += theirs != "up"
        elif all(word.startswith("UNKNOWN") for word in mine):
            unknown += 1
            removed += theirs == "down"
    return failed, kept, stuck, passed, out, unknown, removed


def short(rows, compared):
    """Say in figures what the page holds."""
    samples = [sample for some in SAMPLES.values() for sample in some]
    cells = 2 * sum(len(sample.behaviours()) for sample in samples)
    natural_cells = sum(len(row.found) for row in rows)
    daemons = len({row.daemon for row in rows if row.daemon})
    failed, kept, stuck, passed, out, unknown, removed = _counts(compared)
    useless = _counts(one for one in compared if one.where == MISBEHAVING)[1]
    gone = _counts(one for one in compared if one.situation in {STOPPED, ENDED})[1]
    return (
        f"- lvsmon, on real daemons: {natural_cells} verdicts in {len(rows)} situations, with {daemons} programs and"
        f" {len({row.kind for row in rows})} kinds.\n"
        f"- lvsmon, on servers that misbehave: {cells} verdicts, of {len(samples)} probes of"
        f" {len(SAMPLES)} kinds on {len(BEHAVIOURS)} servers, over IPv4 and IPv6.\n"
        f"- The peers, on the same servers: {len(compared)} verdicts.\n"
        f"  Of {failed} on servers that lvsmon fails they keep {kept} in service and hang or die at {stuck}; of those"
        f" kept {useless} are servers that misbehave, {gone} real daemons that hang or are gone, and the others real"
        f" daemons with something wrong that they do not see.\n"
        f"  Of {passed} on servers that lvsmon passes, {out} do not find them up.\n"
        f"  Of {unknown} where the trouble is the director's own, they take out {removed}."
    )


def by_peer(compared):
    lines = []
    for peer, where in sorted({(one.peer, one.where) for one in compared}):
        counts = _counts(one for one in compared if (one.peer, one.where) == (peer, where))
        lines.append([peer, where, *map(str, counts)])
    return table(["peer", "on", *COLUMNS], lines)


def by_check(compared):
    lines = []
    for kind, check in sorted({(one.kind, one.check) for one in compared}):
        counts = _counts(one for one in compared if (one.kind, one.check) == (kind, check))
        lines.append([kind, check, *map(str, counts)])
    return table(["kind", "peer's check", *COLUMNS], lines)


def table(head, lines):
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n"
        for line in [head, ["---"] * len(head), *lines]
    )
