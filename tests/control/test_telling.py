"""What people are shown fits their terminal, needs no colour, and lets nothing hostile through."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.control.telling import explain, status, words
from lvsmon.control.telling.words import Layout
from lvsmon.control.view import View, pause_document
from lvsmon.model import (
    Counters,
    DestinationEntry,
    Health,
    Host,
    Pause,
    ProbeState,
    VirtualEntry,
    Wish,
    WishKind,
)
from lvsmon.monitor.news import Look
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.stretches import Stretches
from lvsmon.monitor.trail import Trail
from lvsmon.monitor.vitals import Figures, ProbingVitals, Vitals, document
from lvsmon.pool import Situation, decide
from lvsmon.text import cells
from oneshot_support import destination, outcome, spec, virtual

NOW = 1_000_000.0
CALM = Vitals(
    probing=ProbingVitals(runs=1234, runs_per_second=5000.0, outcomes={"PASS": 1200, "FAIL": 34, "UNKNOWN": 0}),
    descriptors=70,
    descriptors_limit=1024,
    reconciled=Figures(6, 0.004, 0.004),
    reconcile_age=3.0,
    written=Figures(1, 0.002, 0.002),
)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def answer(details=("connected", "connection refused"), names=("rs1", "rs2"), *, pause=None, wishes=(), vitals=CALM):
    """Two destinations, the second one DOWN; a host that both depend on."""
    specs = [spec(f"10.1.0.1{number}", 80) for number in (1, 2)]
    gateway = spec("192.0.2.1", 1)
    states = {
        specs[0].id: ProbeState(Health.UP, passes=2, since=NOW - 90_000, last=outcome(detail=details[0])),
        specs[1].id: ProbeState(Health.DOWN, fails=3, since=NOW - 252, last=outcome("FAIL", details[1])),
        gateway.id: ProbeState(Health.UP, passes=2, since=NOW - 9, last=outcome(detail="echo")),
    }
    found = [destination(name, each, weight=3) for name, each in zip(names, specs, strict=True)]
    web = virtual("web", found)
    plan = Plan(
        virtuals=(web,),
        probes={each.id: each for each in (*specs, gateway)},
        hosts=(Host(name="gateway", address="192.0.2.1", probes=(gateway.id,)),),
    )
    rates = Counters(connections=70_000, connection_rate=12, in_byte_rate=1_200_000, out_byte_rate=9)
    table = {
        web.key: VirtualEntry(
            web.settings,
            {
                each.key: DestinationEntry(each.settings, active=1234, inactive=5, persistent=0, counters=rates)
                for each in found
            },
            rates,
        )
    }
    situation = Situation(virtuals=plan.virtuals, states=states, observed=table, hosts=plan.hosts, wishes=wishes)
    decided = decide(situation)
    trail, stretches = Trail(), Stretches()
    trail.decided(decided.choices, NOW - 300)
    for each in specs:
        stretches.outcome(each.id, states[each.id].last, NOW - 2)
    looks = {each.id: Look(states[each.id], stretches.of(each.id)) for each in specs}
    snapshot = Snapshot(plan, states, table, decided, wishes, pause, Report((), (), (), (), table, Owned()))
    view = View(snapshot=snapshot, table=table, now=NOW, trail=trail, looks=looks)
    return {
        "daemon": {"version": "0.1.0", "pid": 42, "since": NOW - 7 * 86400, "workers": [], "unconfined": []},
        "at": NOW,
        "paused": pause_document(pause, 2),
        "trouble": None,
        "notices": [],
        "director": document(vitals),
        "foreign": [],
        "refused": [],
        "hosts": view.hosts(),
        "virtuals": [view.virtual(web, found)],
        "destinations": [view.account(web, each) for each in found],
    }


def test_the_narrow_table():
    assert status.tell(answer(), Layout(width=80)) == (
        "lvsmon 0.1.0 (pid 42), running for 7d0h; 1 of 2 destinations up\n"
        "\n"
        "web  192.0.2.10:80/tcp  wlc  1 of 2 up  12 conn/s\n"
        "  realserver  health  since  weight      active  inactive  persist  conn/s\n"
        "  rs1         UP       1d1h  3             1234         5        0      12\n"
        "              tcp connected in 12 ms\n"
        "  rs2         DOWN    4m12s  3 → 0 of 3    1234         5        0      12\n"
        "              tcp connection refused\n"
        "\n"
        "hosts\n"
        "  gateway  192.0.2.1  UP       tcp echo in 12 ms\n"
    )


def test_the_wide_table_has_addresses_bytes_and_the_outcome_beside():
    lines = status.tell(answer(), Layout(width=160)).splitlines()
    assert lines[3].split() == [
        *("realserver", "address", "health", "since", "weight", "active", "inactive", "persist", "conn/s"),
        *("in/s", "out/s"),
    ]
    assert lines[4].split()[:4] == ["rs1", "10.1.0.11:80", "UP", "1d1h"]
    assert lines[4].endswith("12  1.2M      9  tcp connected in 12 ms")


def test_a_director_that_is_well_is_not_talked_of_unless_asked():
    lines = status.tell(answer(), Layout(width=120), itself=True).splitlines()
    own = lines[lines.index("director") :]
    assert "  runs        5000 per second, 1234 in all: 1200 PASS, 34 FAIL" in own
    assert "  to kernel   p99 2.0 ms, longest 2.0 ms in the last minute from a verdict to what was written" in own
    assert "director" not in status.tell(answer(), Layout(width=120)).splitlines()


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"lag": Figures(600, 5.0, 0.1)}, "the director was kept from running for 5.0 s in the last minute"),
        ({"starved_lately": 1}, "the director had no time to listen to 1 run in the last minute: UNKNOWN"),
        ({"starts": Figures(9, 0.5, 0.2)}, "runs begin up to 500 ms late: too many probes for this machine"),
        ({"waiting": 2}, "2 runs waiting for a descriptor: raise the limit of open files"),
    ],
)
def test_what_makes_the_director_slow_or_blind_stands_above_the_table(more, line):
    ill = replace(CALM, probing=replace(CALM.probing, **more))
    assert status.tell(answer(vitals=ill), Layout(width=120)).splitlines()[1] == line


def test_descriptors_are_told_before_they_are_used_up():
    text = status.tell(answer(vitals=replace(CALM, descriptors=900)), Layout(width=120))
    assert text.splitlines()[1] == "900 of 1024 descriptors are in use"


def test_a_pause_is_the_first_line():
    paused = Pause(since=NOW - 65, reason="kernel", by="bob")
    first, second = status.tell(answer(pause=paused), Layout(width=80)).splitlines()[:2]
    assert first + " " + second == (
        "PAUSED: nothing is written to the kernel, 2 changes held back; for 1m05s, by bob (kernel); "
        "`lvsmon resume` ends it"
    )


def test_what_an_operator_wished_for_stands_beside_the_weight():
    wish = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs1", comment="new disk", by="bob", since=NOW)
    text = status.tell(answer(wishes=(wish,)), Layout(width=80))
    assert "3 → 0 of 3" in text
    assert "'operator' by bob (new disk)" in text


@pytest.mark.parametrize("tell", [status.tell, explain.tell])
@given(
    details=st.tuples(st.text(max_size=300), st.text(max_size=300)),
    names=st.tuples(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64)),
    width=st.integers(80, 200),
)
def test_whatever_a_realserver_says_the_lines_fit_and_are_harmless(tell, details, names, width):
    text = tell(answer(details, names), Layout(width=width))
    for line in text.splitlines():
        assert line.isprintable()
        assert cells(line) <= width


@pytest.mark.parametrize("tell", [status.tell, explain.tell])
def test_colour_only_repeats_what_the_words_say(tell):
    paused = Pause(since=NOW - 65)
    for width in (80, 160, None):
        plain = tell(answer(pause=paused), Layout(width=width))
        coloured = tell(answer(pause=paused), Layout(width=width, colour=True))
        assert "\x1b[1;31mDOWN\x1b[0m" in coloured
        assert SGR.sub("", coloured) == plain


def test_the_account_goes_from_what_is_to_why_to_what_was_seen():
    found = answer()
    found["destinations"] = found["destinations"][1:]
    text = explain.tell(found, Layout(width=100))
    parts = [
        "web/rs2  10.1.0.12:80 in 192.0.2.10:80/tcp\n",
        "  DOWN for 4m12s, since ",
        "  weight 3 in the kernel, should be 0; 3 is configured\n",
        "  connections: 1234 active, 5 inactive, 0 persistent\n",
        "Why:\n  1. probe tcp 10.1.0.12:80 says DOWN, last FAIL (refused): connection refused\n",
        "  2. DOWN: weight 0 (on_failure = quiesce)\n",
        "Probe tcp 10.1.0.12:80, every 1s, UP after 2 passes, DOWN after 3 failures in a row:\n",
        "  1 x FAIL (refused) connection refused\n",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86400, "1d0h"), (864000, "10d")],
)
def test_ages_have_two_units_at_most(seconds, text):
    assert words.age(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0"), (9999, "9999"), (10_000, "10k"), (12_345, "12.3k"), (999_999, "1000k"), (4.5e9, "4.5G")],
)
def test_numbers_stay_short(count, text):
    assert words.number(count) == text


def test_the_pages_table_is_the_programs():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "status.md").read_text()
    assert f"```status\n{status.tell(answer(), Layout(width=80))}```" in page


def test_every_key_of_the_documents_is_on_its_page():
    """A wish in it, a pause and its hosts included."""
    wish = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs1")
    found = answer(pause=Pause(since=NOW - 65), wishes=(wish,))
    found["destinations"][0]["outcomes"] = {}
    pages = (Path(__file__).parents[2] / "docs" / "reference" / f"{name}.md" for name in ("status", "explain"))
    text = "".join(page.read_text() for page in pages)
    assert set(keys(found)) <= set(re.findall(r"`(\w+)`", text))


def keys(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in ("facts", "outcomes"):
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_the_pages_account_is_the_programs(monkeypatch):
    """What the example shows is made from what it says, at its times."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    page = (Path(__file__).parents[2] / "docs" / "reference" / "explain.md").read_text()
    block = re.search(r"```console\n\$ lvsmon explain web/rs2\n(.*?)```", page, re.DOTALL)[1]

    def at(text):
        hours, minutes, seconds = map(int, text.split(":"))
        return hours * 3600.0 + minutes * 60 + seconds

    found = answer()
    (_, each) = found["destinations"]
    probe = "tcp:10.1.0.12:80#14628ed37b62"
    refused = "connection refused: nothing listens on the port"
    each |= {
        "since": at("9:41:28"),
        "weight": {"configured": 3, "desired": 0, "observed": 0},
        "active": 2,
        "inactive": 100,
        "because": [
            f"probe {probe} says DOWN, last FAIL (refused): {refused}",
            "DOWN: weight 0 (on_failure = quiesce)",
        ],
        "outcomes": {
            probe: [
                stretch("PASS", "ok", 2977, at("8:02:10"), at("9:41:22"), "connected"),
                stretch("FAIL", "refused", 129, at("9:41:24"), at("9:45:40"), refused),
            ]
        },
        "steps": [
            {"at": at("9:41:28"), "kind": "health", "earlier": False, "text": "UP → DOWN"},
            {
                "at": at("9:41:28"),
                "kind": "weight",
                "earlier": False,
                "text": "3 → 0: DOWN: weight 0 (on_failure = quiesce)",
            },
            {
                "at": at("9:41:28"),
                "kind": "written",
                "earlier": False,
                "text": "ipvsadm -e -t 192.0.2.10:80 -r 10.1.0.12:80 -m -w 0",
            },
        ],
    }
    each["probes"][0] |= {"id": probe, "interval_seconds": 2.0, "since": at("9:41:28")}
    text = explain.tell({**found, "at": at("9:45:40"), "destinations": [each]}, Layout(width=100))
    monkeypatch.undo()
    time.tzset()
    assert text == block


def stretch(verdict, reason, count, first, last, detail):
    return {"verdict": verdict, "reason": reason, "count": count, "first": first, "last": last, "detail": detail}
