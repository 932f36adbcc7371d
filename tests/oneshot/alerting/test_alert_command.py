"""lvsmon alert: what it says, and what it does."""

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.streams import START, condition
from lvsmon import actions
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.facts import VARIABLES, About
from lvsmon.alerts.period import Period
from lvsmon.alerts.templates import FILTERS, Template
from lvsmon.cli import main
from lvsmon.config import load
from lvsmon.errors import ActionFailed
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.oneshot.alerting.simulate import read, stride
from lvsmon.store.alerts import AlertStore

PAGE = (Path(__file__).parents[3] / "docs/reference/alerts.md").read_text(encoding="utf-8")
TEXT = """
[director]
state_directory = "{state}"
[[realserver]]
name = "rs1"
address = "10.1.0.11"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1"]
[channel.mail]
kind = "scripted"
place = "somewhere"
[[alert]]
name = "all"
to = ["mail"]
every = "2m"
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setitem(actions.CHANNELS, "scripted", "config.scripted_channel:ScriptedChannel")
    path = tmp_path / "lvsmon.toml"
    path.write_text(TEXT.format(state=tmp_path / "state"))
    return path


def run(config, *words):
    return CliRunner().invoke(main, ["alert", words[0], "--config", str(config), *words[1:]])


def test_what_is_open_is_listed_and_can_be_taken_on(config):
    plan = load(config)
    desk = Desk(plan.alerting, AlertStore.open(plan.state_directory), About(director="lb1"))
    desk.look([condition("shop/rs1")], START)
    desk.look([condition("shop/rs1")], START + 10)
    (incident,) = desk.state.incidents.values()
    result = run(config, "list")
    assert result.exception is None, repr(result.exception)
    listed = result.output
    assert re.search(rf"^{incident.id}  down  shop/rs1 is down, ", listed)
    assert (
        "route all: everything to mail: 1 messages, 0 held back, 0 of them now\nchannel mail (scripted): 1 wait\n"
        in listed
    )
    assert re.search(r"^  waits for mail since \S+ \S+: \[lvsmon lb1\] shop/rs1 is down$", listed, re.MULTILINE)
    entry = desk.outbox.take("mail", START + 10)
    desk.failed(entry, ActionFailed("busy", retry_after=600.0), time.time())
    listed = run(config, "list").output
    assert re.search(
        r"^channel mail \(scripted\): 1 wait, asks to be left alone for (10m 0s|9m 59s|9m 5\ds)$", listed, re.MULTILINE
    )
    assert ", tries: 1: [lvsmon" in listed
    assert run(config, "ack", incident.id, "-m", "on it", "--for", "2h", "--user", "anna").exit_code == 0
    (told,) = desk.look([condition("shop/rs1")], START + 11)
    assert "anna has taken it on until" in told.text
    assert "anna has taken it on" in run(config, "list").output
    assert run(config, "ack", incident.id, "--undo").exit_code == 0
    desk.look([condition("shop/rs1")], START + 12)
    assert "taken it on" not in run(config, "list").output


def test_an_incident_that_is_not_open_is_refused(config):
    result = run(config, "ack", "nobody")
    assert (result.exit_code, "no incident is called nobody" in result.output) == (2, True)
    assert run(config, "list").output == (
        "no incident is open\n"
        "route all: everything to mail: 0 messages, 0 held back, 0 of them now\n"
        "channel mail (scripted): 0 wait\n"
    )


@pytest.mark.parametrize(
    ("name", "code", "says"), [("all", 0, "mail: taken"), ("mail", 0, "mail: taken"), ("x", 2, "there is all, mail")]
)
def test_a_route_or_a_channel_is_tried(config, name, code, says):
    result = run(config, "test", name)
    assert (result.exit_code, says in result.output) == (code, True)


def test_a_stream_is_replayed_and_nothing_is_sent(config, tmp_path):
    stream = tmp_path / "stream.jsonl"
    stream.write_text(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    lines = run(config, "simulate", str(stream)).output.splitlines()
    assert [line.split("  ")[0] for line in lines[:-1]] == [
        "2026-11-23 03:30:10 UTC",
        "2026-11-23 03:32:10 UTC",
        "2026-11-23 03:34:10 UTC",
        "2026-11-23 03:35:10 UTC",
    ]
    assert "all -> mail  opened: [lvsmon " in lines[0]
    assert lines[-1] == "4 messages"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[]", "write a JSON object"),
        ("{", "line 1:"),
        ('{"at": 1}', "severity: write one of warn"),
        ('{"at": "now", "severity": "down"}', "line 1:"),
        ('{"at": "2026-11-23T04:30:00", "severity": "down"}', "at: write seconds"),
        ('{"at": 1, "severity": "down", "virtual": 3}', "names are strings"),
        ('{"at": 1, "severity": "down", "vs": "x"}', "unknown key 'vs'"),
        ('{"at": 1, "severity": "down", "tags": 5}', "tags: write a list of strings"),
        ('{"at": 1, "severity": "down", "tags": "rack1"}', "tags: write a list of strings"),
        ('{"at": 1, "severity": "down", "summary": ["x"]}', "summary: write a string"),
        ('{"at": 1, "severity": "down", "failures": true}', "failures: write a number"),
        ('{"at": 1, "severity": "down", "failures": -1}', "failures: write a number"),
        ('{"at": 1, "severity": "down", "over": "yes"}', "over: write true or false"),
    ],
)
def test_a_line_that_is_no_record_is_named(line, says):
    with pytest.raises(ValueError) as caught:
        read([line])
    assert says in str(caught.value)


def test_what_people_write_wrongly_is_said_in_one_harmless_line(config, tmp_path):
    """Also where it is no text at all, and where it would turn a terminal's colour."""
    noise, keys = tmp_path / "noise", tmp_path / "keys"
    noise.write_bytes(b"\xe4\x00\xff")
    keys.write_text('{"at": 1, "severity": "down", "\\u001b[31m": 1}')
    for words, says in (
        (("simulate", str(noise)), "noise: not UTF-8: write JSON lines\n"),
        (("simulate", str(keys)), "unknown key"),
        (("ack", "x\x1b[31m\ny"), "no incident is called x\\x1b[31m\\ny: "),
        (("test", "x\x1b[31m\ny"), "no channel is called x\\x1b[31m\\ny: "),
    ):
        result = run(config, *words)
        assert (result.exit_code, says in result.output, result.output.count("\n")) == (2, True, 1), result.output
        assert "\x1b" not in result.output


def test_a_long_stream_says_how_exact_it_is(config, tmp_path):
    stream = tmp_path / "stream.jsonl"
    year = [{"at": at, "severity": "down", "virtual": "shop", "over": at > 0} for at in (0, 31_536_000)]
    stream.write_text("\n".join(map(json.dumps, year)))
    assert 316.2 < stride(read(stream.read_text().splitlines())) < 316.3
    assert stride(read([json.dumps(year[0])])) == 1.0


def test_an_acknowledgement_may_hold_any_bytes(config):
    """As a shell hands them over: what is no UTF-8 becomes lone surrogates in Python."""
    plan = load(config)
    desk = Desk(plan.alerting, AlertStore.open(plan.state_directory), About(director="lb1"))
    desk.look([condition("shop/rs1")], START)
    (incident,) = desk.state.incidents.values()
    result = run(config, "ack", incident.id, "-m", "caf\udce9\x1b[31m" + "x" * 9999, "--user", "\udce9")
    assert result.exception is None, repr(result.exception)
    desk.look([condition("shop/rs1")], START + 1)
    assert "\\udce9 has taken it on" in run(config, "list").output


def test_the_page_says_what_there_is():
    severities = re.findall(r"^\| `(\w+)` \| ", PAGE.partition("## What a route")[0], re.MULTILINE)
    assert severities == [str(one) for one in Severity]
    for text in re.findall(r"^\| `([^`]+)` \| ", PAGE.partition("## Times")[2].partition("## Coming")[0], re.MULTILINE):
        Period.parse(text)
    for text in re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL):
        one = {"summary": "x", "seen": "refused", "since": "just now"}
        assert "refused" in Template(text).render({"conditions": [one], "look": "y"})
        assert Template(text).variables <= VARIABLES
    variables = PAGE.partition("| variable |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", variables, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} == VARIABLES
    named = re.search(r"the filters (.*?)\. In", PAGE, re.DOTALL)[1].replace("\n", " ")
    assert {*re.split(r", ", named), "e"} == FILTERS
    assert json.loads(re.search(r"```json\n(.*?)\n", PAGE)[1])["virtual"] == "shop"
