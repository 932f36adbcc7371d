"""A run told to a person, and to a program."""

import json

import pytest

from lvsmon.model import Outcome, Phases, Reason, Target, Verdict
from lvsmon.monitor.run import Run
from lvsmon.monitor.transcript import Event, Step
from lvsmon.oneshot.byhand.running import exit_code
from lvsmon.oneshot.byhand.structured import one
from lvsmon.oneshot.byhand.telling import tell

TARGET = Target(address="10.1.0.11", port=25)


def made(*events, verdict=Verdict.FAIL, reason=Reason.CLOSED, target=TARGET, **more):
    outcome = Outcome(verdict=verdict, reason=reason, detail="it \x1b[2J went", facts={"banner": "a\nb", "n": 1.0 / 3})
    return Run(kind="smtp", target=target, timeout=5.0, at=0.0, outcome=outcome, transcript=events, **more)


def dialogue(*data):
    text = tell(made(*(Event(0.25, Step.RECEIVED, one) for one in data)))
    return text.split("\n\n")[1].splitlines()


def test_lines_of_text_are_shown_with_their_ends():
    """As many lines as were sent, the time at the first; what was not ended is not."""
    assert dialogue(b"220-x\r\n220 y\n", b"\ttab\r\nhalf") == [
        "    0.250  << 220-x\\r\\n",
        "           << 220 y\\n",
        "    0.250  << \\ttab\\r\\n",
        "           << half",
    ]


def test_nothing_that_was_sent_reaches_the_terminal_raw():
    """Escape sequences, direction marks, bytes that are no UTF-8, separators that some take for line ends."""
    for data in (
        b"\x1b]0;x\x07abcdefghijklmnop",
        "abc\u202edefghi".encode(),
        b"caf\xe9 abcdefg",
        b"abcdefghijklmnopq\x0bi\x85\r",
    ):
        (line,) = [line for line in tell(made(Event(0, Step.RECEIVED, data))).splitlines() if "<<" in line][:1]
        assert line.isprintable()
        assert "\\" in line


def test_bytes_are_shown_in_hexadecimal():
    assert dialogue(bytes(range(18))) == [
        "    0.250  << 0000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................",
        "           << 0010  10 11                                            ..",
    ]
    assert dialogue(b"") == ["    0.250  << (an empty datagram)"]


def test_every_step_is_told():
    text = tell(
        made(
            Event(0.0, Step.CONNECTING, b"10.1.0.11 port 25"),
            Event(0.001, Step.CONNECTED),
            Event(0.002, Step.SENT, b"QUIT\r\n"),
            Event(0.002, Step.OMITTED, omitted=7),
            Event(1000.5, Step.ENDED),
        )
    )
    assert text.startswith(
        "smtp  10.1.0.11:25\n\n"
        "    0.000  -- connecting to 10.1.0.11 port 25\n"
        "    0.001  -- connected\n"
        "    0.002  >> QUIT\\r\\n\n"
        "    0.002  .. 7 bytes omitted (--bytes)\n"
        "  1000.500  -- the realserver has closed its side\n"
        "\n"
        "FAIL (closed): it \\x1b[2J went\n"
        "  The realserver closed the connection before it had said what it should.\n"
        "  Usual causes:\n"
        "  - the daemon has reached its limit of connections or processes\n"
    )
    assert text.endswith("  banner: a\\nb\n  n: 0.333333\n")


def test_a_pass_has_no_causes():
    assert "Usual causes" not in tell(made(verdict=Verdict.PASS, reason=Reason.OK))


def test_lines_of_prose_fit_the_terminal():
    lines = tell(made(), 50).splitlines()
    assert all(len(line) <= 50 for line in lines)
    assert "    addresses" not in lines


@pytest.mark.parametrize(
    ("more", "heading"),
    [
        ({"name": "mail.example.org"}, "smtp  10.1.0.11:25  (mail.example.org is 10.1.0.11 here)"),
        (
            {"name": "mail.example.org", "others": ("10.1.0.12", "::2")},
            "smtp  10.1.0.11:25  (mail.example.org is 10.1.0.11 here, also 10.1.0.12, ::2)",
        ),
        ({"target": None, "name": "no.example.org"}, "smtp  no.example.org"),
        ({"target": Target(address="::1", port=25, hostname="x.example")}, "smtp  [::1]:25  for x.example"),
        ({"target": Target(address="::1", port=0)}, "smtp  ::1"),
    ],
)
def test_the_heading_says_what_was_probed(more, heading):
    assert heading == tell(made(**more)).splitlines()[0]


def test_the_weight_and_the_times_are_told():
    outcome = Outcome(
        verdict=Verdict.WARN, reason=Reason.DEGRADED, weight=30, phases=Phases(connect=0.001, tls=None, total=0.0123)
    )
    text = tell(Run(kind="tcp", target=TARGET, timeout=1.0, at=0.0, outcome=outcome))
    assert "\nWARN (degraded)\n" in text
    assert text.endswith("  weight 30\n  connect 1.0 ms, total 12.3 ms\n")


def test_json_of_a_run_that_could_not_be_made():
    """No key is left out where there is nothing to say."""
    document = json.loads(one(made(target=None, name="no.example.org", verdict=Verdict.UNKNOWN, reason=Reason.STARVED)))
    assert (document["version"], document["exit_code"], document["verdict"]) == (1, 3, "UNKNOWN")
    assert document["target"] == {
        "name": "no.example.org", "address": None, "port": None, "other_addresses": [],
        "hostname": None, "vip": None, "vport": None, "through": None,
    }  # fmt: skip
    assert (document["transcript"], document["weight"], document["phases"]["tls"]) == ([], None, None)


def test_json_tells_bytes_so_that_they_can_be_read_back():
    """As the setting send writes them."""
    (event,) = json.loads(one(made(Event(0.5, Step.RECEIVED, b"\xff\\\r\n\x00\xc3\xa9"))))["transcript"]
    assert event == {"at": 0.5, "event": "received", "data": "\\xff\\\\\\r\\n\\0é"}


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ("PASS", 0),
        ("WARN", 1),
        ("FAIL", 1),
        ("UNKNOWN", 3),
        ("PASS UNKNOWN", 3),
        ("UNKNOWN FAIL PASS", 1),
    ],
)
def test_the_worst_verdict_is_the_exit_status(verdicts, code):
    assert code == exit_code([made(verdict=Verdict(verdict)) for verdict in verdicts.split()])
