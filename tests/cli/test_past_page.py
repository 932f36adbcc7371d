"""docs/reference/history.md and the two commands that look back say the same."""

import json
import re
import shlex
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lvsmon.cli import main
from lvsmon.cli.availability import command as availability
from lvsmon.cli.history import command as history
from lvsmon.model.history import Configured, Entry, EntryKind, Moment, Place, Session
from lvsmon.store import Store

PAGE = (Path(__file__).parents[2] / "docs/reference/history.md").read_text()
EXAMPLES = re.findall(r"^```console\n\$ lvsmon (.*)\n([^$]*?)^```$", PAGE, re.MULTILINE)
NOON = 1_795_176_000.0  # Friday 2026-11-20 12:00 UTC
NOW = NOON + 39600
RS1, RS2 = Place("shop", "10.1.0.11:443", "rs1"), Place("shop", "10.1.0.12:443", "rs2")
REFUSED = "connection refused: nothing listens on the port"


def of(place, at, kind=EntryKind.HEALTH, **fields):
    return Entry(
        moment=Moment(NOON + at, at),
        kind=kind,
        virtuals=(place.virtual,),
        realservers=(place.realserver,),
        destination=place.destination,
        **fields,
    )


def rises(place, at, before="UNKNOWN", was=3):
    because = (
        f"probe https:{place.destination}#a1b2c3d4e5f6 says UP, last PASS (ok): 200 OK; UP: the configured weight 3"
    )
    weights = {"weight_before": was, "weight_after": 3}
    return of(place, at, before=before, after="UP", rule="configured", what=because, **weights)


def write_history(directory):
    """A Friday: both come up, rs1 falls for two minutes, lvsmon is killed at 15:00 and is back five minutes later."""
    first = Session(number=1, version="0.1.0", started=Moment(NOON, 0.0), seen=Moment(NOON + 10800, 10800.0))
    again = Session(
        number=2, version="0.1.0", started=Moment(NOON + 11100, 11100.0), seen=Moment(NOON + 39600, 39600.0)
    )
    probe = f"https:{RS1.destination}#a1b2c3d4e5f6"
    down = f"probe {probe} says DOWN, last FAIL (refused): {REFUSED}; DOWN: weight 0 (on_failure = quiesce)"
    edit = "ipvsadm -e -t 192.0.2.10:443 -r 10.1.0.11:443 -g -w"
    told = [
        Configured(Moment(NOON, 0.0), frozenset({RS1, RS2})),
        rises(RS1, 4), rises(RS2, 4),
        of(RS1, 7200, EntryKind.PROBE, probe=probe, before="UP", after="DOWN", what=f"refused: {REFUSED}"),
        of(RS1, 7200, before="UP", after="DOWN", weight_before=3, weight_after=0, rule="down", what=down),
        of(RS1, 7200, EntryKind.WRITE, what=f"{edit} 0"),
        rises(RS1, 7320, before="DOWN", was=0),
        of(RS1, 7320, EntryKind.WRITE, what=f"{edit} 3"),
    ]  # fmt: skip
    with Store.open(directory) as store:
        store.history.add(first, told)
        store.history.add(again, [rises(RS1, 11104), rises(RS2, 11104)])


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command late that Friday, on a director whose zone is UTC and whose terminal has 80 columns."""
    write_history(tmp_path / "state")
    config = tmp_path / "lvsmon.toml"
    config.write_text(
        f'[director]\nstate_directory = "{tmp_path}/state"\n[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'
        '[[virtual]]\nname = "shop"\nvip = "192.0.2.10"\nport = 443\nrealservers = ["rs1"]\n'
    )
    monkeypatch.setenv("LVSMON_CONFIG", str(config))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("lvsmon.cli.past.time.time", lambda: NOW)

    def run(words):
        return CliRunner().invoke(main, shlex.split(words))

    yield run
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("words", "shown"), EXAMPLES, ids=[words for words, _ in EXAMPLES])
def test_every_example_shows_what_the_page_says(run, words, shown):
    made = run(words)
    assert shown == made.output
    assert 0 == made.exit_code


def test_there_are_examples_of_both():
    assert {"history", "availability"} == {words.split()[0] for words, _ in EXAMPLES}


@pytest.mark.parametrize("command", [history, availability])
def test_every_option_is_on_the_page(command):
    for parameter in command.params:
        for name in parameter.opts if isinstance(parameter, click.Option) else ():
            assert f"`{name}`" in PAGE, name


@pytest.mark.parametrize("title", ["JSON of history", "JSON of availability"])
def test_every_key_of_the_json_is_on_the_page_and_no_other(run, title):
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))))
    found = set()

    def walk(value):
        if isinstance(value, dict):
            found.update(value)
            for name, one in value.items():
                if name not in ("seconds", "shares"):
                    walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(json.loads(run(f"{title.split()[-1]} -o json").output))
    assert documented == found


def test_the_json_is_exact(run):
    shop = json.loads(run("availability --since 2026-11-20T12:00 -o json").output)["virtuals"][0]
    rs1 = shop["destinations"][0]
    assert (120.0, 8.0, 300.0) == tuple(rs1["seconds"][state] for state in ("down", "unknown", "not_running"))
    assert rs1["available"] == (39600 - 120 - 8 - 300) / (39600 - 8 - 300)
    assert [("2026-11-20T14:00:00.000+00:00", 120.0)] == [
        (one["start"], one["down_seconds"]) for one in rs1["incidents"]
    ]
    assert (1.0, 0) == (shop["available"], len(shop["incidents"]))


def test_one_realserver_in_one_virtual_service_is_named_as_everywhere(run):
    """As `lvsmon explain`, `drain` and the history itself write it."""
    told = json.loads(run("history shop/rs1 --since 2026-11-20T12:00 -o json").output)["events"]
    assert told
    assert {
        ("shop" in each["virtuals"], "rs1" in each["realservers"]) for each in told if each["kind"] != "lvsmon"
    } == {(True, True)}
    (shop,) = json.loads(run("availability shop/rs1 --since 2026-11-20T12:00 -o json").output)["virtuals"]
    assert [each["realserver"] for each in shop["destinations"]] == ["rs1"]


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        ("history rs9", 2, "nothing is recorded of rs9: did you mean rs"),
        ("availability shap", 2, "did you mean shop?"),
        ("history shop/rs9", 2, "did you mean shop/rs"),
        ("history --since soon", 2, "--since: write how long ago"),
        ("history --since 1h --until 2h", 2, "--since: must be before --until"),
        ("availability --config /nonexistent", 2, "/nonexistent"),
        ("history --kind everything", 2, "everything"),
    ],
)
def test_what_cannot_be_answered_gets_a_clear_word(run, words, status, complaint):
    made = run(words)
    assert (status, True) == (made.exit_code, complaint in made.output + made.stderr)


def test_a_state_that_cannot_be_read_is_exit_status_3(run, tmp_path):
    (tmp_path / "state" / "state.db").write_bytes(b"no database" * 100)
    made = run("history")
    assert 3 == made.exit_code
    assert "damaged" in made.stderr


def test_hostile_text_is_shown_escaped(run, tmp_path):
    with Store.open(tmp_path / "state") as store:
        later = Session(number=3, version="x", started=Moment(NOW - 100, 0.0), seen=Moment(NOW, 100.0))
        store.history.add(later, [Entry(moment=Moment(NOW - 99, 1.0), kind=EntryKind.NOTICE, what="\x1b[2J\u202ex")])
    assert "\\x1b[2J\\u202ex" in run("history --since 5m").output
