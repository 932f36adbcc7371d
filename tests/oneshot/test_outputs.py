"""Every output tells the same look, stays in form whatever a realserver said, and ends with the right exit code."""

import json
import re
from dataclasses import replace
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Damping, Health, ProbeState, Verdict
from lvsmon.oneshot.outputs import OUTPUTS
from lvsmon.oneshot.outputs.layout import Layout, Threshold
from lvsmon.oneshot.report import Change, Mode, ProbeView, Report, SorryView, explain
from lvsmon.text import cells
from oneshot_support import outcome, report, seen

UP = seen("rs1", "10.1.0.11", Health.UP)
WARN = seen("rs2", "10.1.0.12", Health.WARN, "slow")
DOWN = seen("rs3", "10.1.0.13", Health.DOWN, "connection refused", weights=(3, 0))
UNKNOWN = seen("rs4", "10.1.0.14", Health.UNKNOWN, "EMFILE on the director")
HOSTILE = "220 \x1b[2J\r\nOK | 'a'=1;;; \u202e \" \\ \x00 \udcff é"
COMMAND = Change("ipvsadm -e -t 192.0.2.10:80 -r 10.1.0.13:80 -m -w 0")


PIPE = Layout()


def render(output: str, found: Report, layout: Layout = PIPE) -> tuple[str, int]:
    text, code = import_module(OUTPUTS[output]).render(found, layout)
    return text, code


@pytest.mark.parametrize("output", ["table", "json", "prometheus"])
@pytest.mark.parametrize(
    ("found", "code"),
    [
        (report(UP, UP), 0),
        (report(UP, WARN), 0),
        (report(UP, DOWN), 1),
        (report(UP, UNKNOWN), 3),
        (report(DOWN, UNKNOWN), 1),
        (report(), 3),
        (report(UP, table_error="no IPVS"), 0),
        (report(UP, mode=Mode.APPLY, failure="disk full"), 3),
        (report(DOWN, mode=Mode.APPLY, changes=(replace(COMMAND, error="no"),)), 3),
    ],
)
def test_exit_codes(output: str, found: Report, code: int) -> None:
    """0 everything up, 1 something down, 3 could not tell or could not write, in every form alike."""
    assert render(output, found)[1] == code


@pytest.mark.parametrize(
    ("found", "limits", "code"),
    [
        (report(UP, UP), {}, 0),
        (report(UP, WARN), {}, 1),
        (report(UP, DOWN), {}, 1),
        (report(DOWN, DOWN), {}, 2),
        (report(UP, UNKNOWN), {}, 3),
        (report(UNKNOWN, UNKNOWN), {}, 3),
        (report(DOWN, UNKNOWN), {}, 1),
        (report(), {}, 3),
        (report(UP, UP, DOWN), {"warning_below": "50%"}, 0),
        (report(UP, UP, DOWN), {"critical_below": "3"}, 2),
        (report(UP, UP, DOWN), {"critical_below": "70%"}, 2),
        (report(UP, UP, DOWN), {"critical_below": "60%", "warning_below": "2"}, 0),
        (report(UP, mode=Mode.APPLY, failure="disk full"), {}, 3),
    ],
)
def test_nagios_states(found: Report, limits: dict[str, str], code: int) -> None:
    """Some down WARNING, none serving CRITICAL, what cannot be told UNKNOWN; thresholds by count and by share."""
    layout = Layout(**{name: Threshold.parse(text) for name, text in limits.items()})
    text, found_code = render("nagios", found, layout)
    assert found_code == code
    assert text.startswith(f"LVSMON {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[code]} - ")


def test_nagios_line() -> None:
    """The example of the reference page."""
    assert render("nagios", report(UP, DOWN))[0] == (
        "LVSMON WARNING - 1 of 2 destinations up; shop 1/2: rs3 DOWN (tcp connection refused)"
        "|'shop'=1;2:;1:;0;2 'up'=1;;;0;2 'time'=0.020s;;;0;\n"
    )


@given(st.text())
def test_nagios_stays_one_line_with_one_bar(detail: str) -> None:
    """Nothing that a realserver or a name holds ends the line or starts performance data."""
    text, _ = render("nagios", report(seen("rs", "10.1.0.11", Health.DOWN, detail), name=f"shop{detail}"))
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    assert text.count("|") == 1
    data = text.rstrip("\n").split("|")[1]
    assert re.fullmatch(r"'[^'=|]+'=0;1:;1:;0;1 'up'=0;;;0;1 'time'=0\.020s;;;0;", data)


def test_nagios_stays_short() -> None:
    """A long list of problems is cut, and performance data of very many virtual services is left to the total."""
    views = [seen(f"rs{number}", "10.1.0.11", Health.DOWN, "x" * 400) for number in range(40)]
    many = report(*views)
    text, _ = render("nagios", replace(many, virtuals=many.virtuals * 60))
    assert len(text) < 2000
    assert text.endswith("|'up'=0;;;0;2400 'time'=0.020s;;;0;\n")


@pytest.mark.parametrize("text", ["", "x", "-1", "101%", "50 %", "½", "1.5"])
def test_a_wrong_threshold_says_what_to_write(text: str) -> None:
    """Bad input gets an example."""
    with pytest.raises(ValueError, match='write a number of destinations such as "2", or a share such as "50%"'):
        Threshold.parse(text)


def test_table() -> None:
    """What a person reads at 80 columns."""
    found = report(UP, DOWN, mode=Mode.LOOK, changes=(COMMAND,))
    assert render("table", found, Layout(width=80))[0] == (
        "shop  192.0.2.10:80/tcp  wlc  masq\n"
        "  rs1  10.1.0.11  UP    weight 1 → 1  tcp connected in 12 ms\n"
        "  rs3  10.1.0.13  DOWN  weight 3 → 0  tcp connection refused\n"
        "1 of 2 destinations up, 1 change to make (run with --apply, or --dry-run to see\n"
        "it)\n"
    )


def test_dry_run_prints_the_commands_alone_on_their_lines() -> None:
    """So that they can be picked out, read by somebody else, or typed."""
    found = report(UP, DOWN, mode=Mode.DRY_RUN, changes=(COMMAND,), foreign=("192.0.2.99:53/udp",))
    lines = render("table", found)[0].splitlines()
    assert COMMAND.command in lines
    assert "# not lvsmon's, left alone: 192.0.2.99:53/udp" in lines
    assert lines[-1] == "1 of 2 destinations up, 1 change to make (dry run: nothing written)"


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({"mode": Mode.APPLY}, "1 of 2 destinations up, no change to make"),
        ({"mode": Mode.APPLY, "changes": (COMMAND, COMMAND)}, "1 of 2 destinations up, 2 changes made"),
        (
            {"mode": Mode.APPLY, "changes": (COMMAND, replace(COMMAND, error="no such process"))},
            "1 of 2 destinations up, 1 of 2 changes made",
        ),
        ({"mode": Mode.APPLY, "failure": "no IPVS"}, "1 of 2 destinations up, nothing written"),
        ({"table_error": "no IPVS"}, "1 of 2 destinations up"),
        ({"configured": False}, "1 of 2 destinations up"),
    ],
)
def test_the_summary_says_what_was_done(more: dict[str, object], end: str) -> None:
    """One line at the end for every ending."""
    assert render("table", report(UP, DOWN, **more))[0].splitlines()[-1] == end


def test_weights_that_are_not_known_are_called_unknown() -> None:
    """Without the kernel's table no number is invented; without a configuration nothing is promised."""
    assert "weight unknown" in render("table", report(UP, table_error="no IPVS"))[0]
    assert "  weight 1  " in render("table", report(UP, configured=False))[0]
    gone = seen("rs1", "10.1.0.11", Health.DOWN, weights=(None, None))
    assert "  absent  " in render("table", report(gone))[0]


def test_the_sorry_server_has_a_row_while_it_matters() -> None:
    """In or coming in: a row; out and staying out: none."""
    found = report(DOWN)
    shown = replace(found.virtuals[0], sorry=SorryView(UP.destination, None, 1))
    hidden = replace(found.virtuals[0], sorry=SorryView(UP.destination, None, None))
    assert "rs1  10.1.0.11  sorry  weight absent → 1" in render("table", replace(found, virtuals=(shown,)))[0]
    assert "rs1" not in render("table", replace(found, virtuals=(hidden,)))[0]


@given(st.text(max_size=400), st.integers(40, 200))
def test_the_table_keeps_to_its_width_and_its_lines(detail: str, width: int) -> None:
    """Hostile details neither break a row nor a terminal; the line's end is respected."""
    lines = render("table", report(seen("rs1", "10.1.0.11", Health.DOWN, detail)), Layout(width=width))[0].split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(cells(line) <= max(width, 60) for line in lines)


def test_a_row_that_is_wide_already_gets_its_reason_below() -> None:
    """IPv6 addresses leave no room at 80 columns: the reason is not cut, it moves."""
    row = seen("rs1", "2001:db8:1111:2222:3333:4444:5555:6666", Health.DOWN, "connection refused")
    lines = render("table", report(row), Layout(width=80))[0].splitlines()
    assert lines[2] == "      tcp connection refused"


def test_json_is_the_whole_look() -> None:
    """Programs get every figure, and text that can be printed as it is."""
    hostile = seen("rs3", "10.1.0.13", Health.DOWN, HOSTILE + "\x7f", weights=(3, None))
    text, _ = render("json", report(UP, hostile, changes=(COMMAND,)))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    document = json.loads(text)
    assert (document["version"], document["exit_code"], document["mode"]) == (1, 1, "look")
    assert document["summary"] == {"destinations": 2, "up": 1, "warn": 0, "down": 1, "unknown": 0, "changes": 1}
    row = document["virtuals"][0]["destinations"][1]
    assert (row["status"], row["weight_before"], row["weight_after"]) == ("DOWN", 3, None)
    assert row["probes"][0]["detail"] == HOSTILE + "\x7f"
    assert document["changes"] == [{"command": COMMAND.command, "error": None}]


SAMPLE = re.compile(r'[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\})? -?[0-9.]+')


@given(st.text())
def test_prometheus_is_well_formed(name: str) -> None:
    """Every line is a comment or a sample of the exposition format, whatever a name holds."""
    text, _ = render("prometheus", report(UP, UNKNOWN, name=name))
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        assert line.startswith(("# HELP lvsmon_", "# TYPE lvsmon_")) or SAMPLE.fullmatch(line), line


def test_prometheus_tells_unknown_from_down() -> None:
    """What could not be told has no `up` at all; sharing destinations give one sample for their probe."""
    found = report(UP, UNKNOWN)
    text, _ = render("prometheus", replace(found, virtuals=found.virtuals * 2))
    assert text.count("lvsmon_destination_up{") == 2
    assert text.count("lvsmon_probe_passed{") == 1
    assert 'lvsmon_destination_unknown{virtual="shop",vip="192.0.2.10:80/tcp",realserver="rs4"' in text


@pytest.mark.parametrize(
    ("verdict", "state", "text"),
    [
        (Verdict.PASS, ProbeState(Health.UP, passes=2), "tcp connected in 12 ms"),
        (Verdict.WARN, ProbeState(Health.WARN, passes=2), "tcp connected in 12 ms"),
        (Verdict.PASS, ProbeState(Health.DOWN, passes=1), "back, pass 1 of 2: tcp connected"),
        (Verdict.FAIL, ProbeState(Health.UP, fails=1), "failure 1 of 3: tcp connected"),
        (Verdict.FAIL, ProbeState(Health.DOWN, fails=3), "tcp connected"),
        (Verdict.UNKNOWN, ProbeState(Health.UP, passes=2), "tcp connected"),
    ],
)
def test_explanations_count(verdict: Verdict, state: ProbeState, text: str) -> None:
    """A person sees how far rise or fall have come."""
    view = replace(UP.probes[0], outcome=outcome(verdict), state=state)
    assert explain(replace(UP, probes=(view,))) == [text]


def test_the_worst_probe_is_explained_first() -> None:
    """Of several probes, what is wrong stands in front."""
    spec = replace(UP.probes[0].spec, damping=Damping(1, 1))
    views = tuple(
        ProbeView(spec, outcome(verdict, verdict), ProbeState(Health.DOWN if verdict is Verdict.FAIL else Health.UP))
        for verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN)
    )
    sentences = explain(replace(UP, probes=views))
    assert [sentence.split()[1] for sentence in sentences] == ["FAIL", "UNKNOWN", "WARN", "PASS"]


def test_a_destination_without_a_probe_says_so() -> None:
    """Taken as up because nobody asked to doubt it."""
    assert explain(replace(UP, probes=())) == ["no probe configured: taken as up"]
