"""Makes docs/reference/verdicts.md of what was recorded and of what the suites hold: make verdicts-page

Ours against daemons: the records that tests/daemons is held to. Ours against the servers that misbehave: what
tests/probes/samples.py declares and the conformance suite demands. The peers': what `make verdicts` saw last.
"""

import json
import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lvsmon.probes import BUILTIN
from lvsmon.testing.misbehaving import BEHAVIOURS
from probes.samples import SAMPLES
from verdicts import figures, peers
from verdicts.record import natural

PAGE = Path(__file__).parents[2] / "docs/reference/verdicts.md"
SEEN = Path(__file__).with_name("peers")
MEMORY = Path(__file__).with_name("memory.json")
HEAD = """\
# Verdicts

What each kind makes of servers that are well, that fail as daemons fail in life, and that lie, stall, drip and flood;
and beside it what the monitors of mon, ldirectord and keepalived make of the same servers, where they have the kind.

This page is made by tests, not by hand: `make record` and `make verdicts` write it. lvsmon's half is held by the tests:
those against real daemons compare every verdict with this record, and the conformance suite demands every verdict
against the servers that misbehave, over IPv4 and IPv6. The peers' half is what {versions} said when
`make verdicts` was last run; it is over IPv4.

## In short

{short}

"""
READ = """\
## How to read it

PASS and WARN keep a realserver serving, FAIL takes it out, UNKNOWN changes nothing; the word behind is the
[reason](reasons.md). Several verdicts in one cell came one after the other, as the test went on. The *situation* is
the name of the test, where the daemon was not simply well, hung or gone. Of a setting that is a path, a secret or too
long only the name is shown.

Of a peer: *up* and *down*; *kept*: ldirectord's check ended without telling ldirectord anything, so that the realserver
keeps the state it had; *hangs*: not done after {patience} seconds, though told to wait {timeout}, and with it all that
waits for its turn; *died*: the check broke off. **Bold** is what differs from lvsmon's verdict: a server that is kept
though it is of no use, or taken out though it is well, or though the trouble is the director's own.

mon's monitors are run as mon runs them, with their port and timeout; ldirectord's checks are its own functions, called
without its main loop, with `checktype = negotiate`, the login and path of our probe, and a `receive` where we expect
something; keepalived runs as a whole over a real IPVS table, and *up* is a realserver that is in the table in the end.

Each is told as much of what is wanted as it has settings for. Where that is not enough to pass a server that is well
(a StartTLS, a client certificate, a query that it cannot make), it is not run, and its cell is empty: such a *down*
would be our doing. Nor is a peer held to what lvsmon says of a server that misbehaves and passes: a server of a few
lines may know nothing of what the peer asks. Where a server is newer than a peer's last run, its cell is empty too.
{since}
"""
_REST = "all the others"
NOTES = """\
## The peers as they are packaged

- mon's smtp, pop3, imap and nntp monitors call `&hostname`, which the Sys::Hostname of Debian 12's Perl refuses
  where the caller has arguments: they fail every server, healthy ones too.
- mon's sslcert.monitor holds the certificate against the word it was given, so that of an address it can say
  nothing good: left out. So is ldirectord's imap: Net::IMAP::Simple asks port 143 of an IPv4 address, whatever port
  it is told.
- ldirectord's http takes whatever answers for a page of HTTP/0.9, with status 200: SSH, SMTP and FTP servers, and
  garbage.
- ldirectord's sip wants the words "200 OK", and not a 200 that says something else.
- ldirectord's pop never looks whether it has a connection where no login is set: a closed port is up.
- ldirectord's mysql and pop never give up on a server that is silent.
- keepalived's SSL_GET looks at no certificate. ldirectord's https looks at its chain and its dates, and not at its
  name; it was told of the tests' CA as of one of the system's.
- mon's dns.monitor and ntpdate.monitor ask port 53 and 123 alone, and the daemons here listen elsewhere: left out.
- mon's ldap.monitor has no limit of its own, and its rpc.monitor waits anew for each program that is registered. Its
  fping.monitor looks up the name of a host that is gone, which takes long where no resolver answers, as here.
- keepalived, which wants a real IPVS table, saw only the daemons that start soon in the kernel lab.
"""
MEMORY_HEAD = """\
## Memory of one run

What one run may hold at most, by its settings, and the most that it was seen to hold of all servers that flood:
Python's own count (tracemalloc), beyond what the process held before. OpenSSL's and the kernel's buffers come on top,
some 100 kB with TLS. The conformance suite demands that the second stays below the first for each sample of each
kind. A dash: none of the floods gets as far as to be read.
"""


def page_as_it_should_be():
    """Return the whole page."""
    hostile, daemons = _load("hostile.json"), _load("natural.json")
    versions = " and ".join(
        ", ".join(f"{name} {number}" for name, number in hostile["versions"].items()).rsplit(", ", 1)
    )
    rows = {kind: list(rows) for kind, rows in groupby(natural(), lambda row: row.kind)}
    since = _since(rows, hostile["checks"], daemons["checks"])
    everybody = [row for some in rows.values() for row in some]
    compared = list(figures.compared(everybody, hostile["checks"], daemons["checks"]))
    parts = [HEAD.format(versions=versions, short=figures.short(everybody, compared)) + figures.by_peer(compared)]
    parts.append(READ.format(since=since, patience=peers.PATIENCE, timeout=peers.TIMEOUT))
    parts.append(NOTES)
    parts.append("## By check\n\n" + figures.by_check(compared))
    parts.append("## The servers that misbehave\n\n" + ", ".join(f"`{one}`" for one in BEHAVIOURS) + ".\n")
    for kind in sorted(BUILTIN):
        parts.append(f"## {kind}\n")
        if kind in rows:
            parts.append("Real daemons:\n\n" + _daemons(kind, rows[kind], daemons["checks"]))
        parts.append("Servers that misbehave:\n\n" + _misbehaving(kind, hostile["checks"].get(kind, {})))
    parts.append(MEMORY_HEAD)
    parts.append(_memory())
    return "\n".join(parts)


def _since(rows, hostile, daemons):
    """Say what of lvsmon's half the peers have been run on: some may be newer than their last run."""
    seen = {json.loads(words)[0] for words in daemons}
    cases = [row for kind in sorted(seen) for row in rows.get(kind, ()) if "IPv4" in row.found]
    looked = sum(json.dumps(row.key) in daemons for row in cases)
    new = [kind for kind, samples in sorted(SAMPLES.items()) if samples and peers.names(samples[0].probe)]
    new = [kind for kind in new if kind not in hostile]
    told = f"They have seen {looked} of the {len(cases)} situations with real daemons that these kinds have now"
    return told + (f", and nothing yet of {', '.join(new)}." if new else ".")


def _load(name):
    path = SEEN / name
    return json.loads(path.read_text()) if path.exists() else {"versions": {}, "checks": {}}


def differs(mine, theirs):
    """Say whether a peer's word means something else for the realserver than ours; where we say two things, no."""
    if theirs in {"", "-"}:
        return False
    if all(word.startswith("UNKNOWN") for word in mine):
        return theirs == "down"
    ours = figures.serves(mine)
    return ours is not None and theirs != ("up" if ours else "down")


def _told(mine, theirs):
    return f"**{theirs}**" if differs(mine, theirs) else theirs


def _daemons(kind, rows, seen):
    """Return the table of a kind, what passes first; probes that differ in their settings alone share a line."""
    checks = sorted({check for row in rows for check in seen.get(json.dumps(row.key), {})})
    lines = {}
    for row in rows:
        found = {", ".join(words) for words in row.found.values()}
        mine = found.pop() if len(found) == 1 else "; ".join(f"{one}: {', '.join(w)}" for one, w in row.found.items())
        told = seen.get(json.dumps(row.key), {})
        theirs = [_told(row.found.get("IPv4", []), told.get(check, "")) for check in checks]
        over = "4 and 6" if len(row.found) == len(("IPv4", "IPv6")) else next(iter(row.found)).removeprefix("IPv")
        order = ["PASS", "WARN", "FAIL", "UNKNOWN"].index(mine.split(": ")[-1].split()[0].rstrip(","))
        line = row.daemon, order, row.situation, over, mine, *theirs
        lines.setdefault(line, []).append(f"`{row.settings}`" if row.settings else "–")
    told = [
        [daemon or "–", situation, "; ".join(settings), over, mine, *theirs]
        for (daemon, _, situation, over, mine, *theirs), settings in sorted(lines.items())
    ]
    return figures.table(["daemon", "situation", "settings", "IPv", "lvsmon", *checks], told)


def _misbehaving(kind, seen):
    samples, checks = [sample for sample in SAMPLES[kind] if not sample.blind], sorted(seen)
    if not samples:
        return "It looks at no server.\n"
    groups = {}
    for behaviour in BEHAVIOURS:
        mine = [figures.ours(sample, behaviour) for sample in samples]
        theirs = [seen[check].get(behaviour, "") for check in checks]
        theirs = [_told(mine[:1], word) for word in theirs] if mine[0] == "FAIL" else theirs
        groups.setdefault((*mine, *theirs), []).append(f"`{behaviour}`")
    ordered = sorted(groups.items(), key=lambda one: -len(one[1]))
    lines = [[*words, ", ".join(names) if number else _REST] for number, (words, names) in enumerate(ordered)]
    if len(ordered) == 1:
        lines[0][-1] = "all"
    return figures.table([*[f"lvsmon: {sample.name}" for sample in samples], *checks, "servers"], lines)


def remember(kind, held):
    """Write down what each sample of a kind was seen to hold at most: (sample, bytes, of what) of each."""
    others = [row for row in remembered() if row[0] != kind and row[0] in SAMPLES]
    told = [[kind, sample.name, sample.probe.memory_bound, *most] for sample, *most in held]
    MEMORY.write_text(json.dumps(sorted(others + told), indent=1) + "\n")


def remembered():
    """Return [kind, sample, bound, seen, of what] of each."""
    return json.loads(MEMORY.read_text()) if MEMORY.exists() else []


def _memory():
    lines = [
        [kind, name, _size(bound), *([_size(seen), f"`{flood}`"] if seen else ["–", "–"])]
        for kind, name, bound, seen, flood in remembered()
    ]
    return figures.table(["kind", "sample", "at most", "seen", "against"], lines)


def _size(number):
    return f"{-(-number // 1024)} KiB"


if __name__ == "__main__":
    PAGE.write_text(page_as_it_should_be(), encoding="utf-8")
