"""The reference pages of the commands that ask the daemon, and the commands, say the same."""

import re
import shlex
import time
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from daemon_process import configuration, web
from lvsmon.cli import _COMMANDS, main
from lvsmon.cli.plan import lines as lines_of
from lvsmon.config import load
from lvsmon.control.telling.maintenance import tell as maintenance_page
from lvsmon.control.telling.status import pause as pause_line
from lvsmon.control.telling.words import Layout

DOCS = Path(__file__).parents[2] / "docs"
WISHES = ["disable", "drain", "enable", "maintenance", "weight"]
COMMANDS = ["explain", "pause", "plan", "reload", "resume", "status", *WISHES]
PAGES = {"resume": "pause", "disable": "enable"}


class Rs:
    address, port = "127.0.0.1", 80


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_the_help_of_every_command_fits_a_terminal_of_80_columns(name):
    """What click does not wrap, because it is a table, is written so."""
    shown = CliRunner().invoke(main, [name, "--help"], terminal_width=80).stdout
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def options(name):
    command = import_module(f"lvsmon.cli.{name}").command
    return {text for each in command.params if isinstance(each, click.Option) for text in each.opts}


def written(page):
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `-")]
    return {option for row in rows for option in re.findall(r"`(-[\w-]+)`", row)}


def page(name):
    return (DOCS / "reference" / f"{PAGES.get(name, name)}.md").read_text()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in PAGES])
def test_every_option_is_on_the_page_and_no_other(name):
    here = {each for each in COMMANDS if PAGES.get(each, each) == name}
    assert written(page(name)) == set().union(*map(options, here))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_is_made_of_whole_lines(name):
    """Nothing of it is wider than a terminal."""
    command = import_module(f"lvsmon.cli.{name}").command
    with click.Context(command, info_name=f"lvsmon {name}") as context:
        assert all(len(line) <= 80 for line in context.get_help().splitlines())


@pytest.mark.parametrize("name", ["explain", "pause", "plan", "reload", "drain", "enable", "maintenance", "weight"])
def test_the_examples_are_accepted(name):
    """Every command line on the page parses, and is of a command that is there."""
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^[$#] lvsmon (.*)$", blocks, re.MULTILINE)
    assert lines
    for line in lines:
        command, *words = shlex.split(line)
        import_module(f"lvsmon.cli.{command}").command.make_context(command, words)


def test_the_plan_on_the_page_is_one():
    block = re.search(r"```console\n# lvsmon plan\n(.*?)```", page("plan"), re.DOTALL)[1]
    changed, gone = (line.split(": ", 1)[1] for line in block.splitlines()[2:])
    probe, _, rest = changed.partition(" for ")
    where, _, setting = rest.partition(": ")
    answer = {
        "commands": block.splitlines()[:2],
        "probes": {
            "new": [],
            "changed": [{"probe": probe, "destinations": [where], "settings": [setting]}],
            "gone": [{"probe": gone}],
        },
        "needs_restart": [],
        "trouble": None,
        "paused": False,
    }
    assert "".join(f"{line}\n" for line in lines_of(answer)) == block


def test_the_pause_on_the_page_is_one(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    noon = 12 * 3600.0
    paused = {"since": noon, "until": noon + 300, "by": "root", "reason": "new switch", "held": None}
    assert pause_line(paused, noon) in page("pause")
    monkeypatch.undo()
    time.tzset()


def wished(**more):
    told = {"virtual": None, "weight": None, "comment": "", "until": None, "remove": False, "deadline": None}
    return told | more


def place(virtual, **more):
    told = {
        "virtual": virtual, "manage": "full", "weight": {"configured": 3, "desired": 0, "observed": 0},
        "because": ["x"], "active": 0, "inactive": 0, "persistent": 0, "persistence_seconds": 600, "drain": None,
    }  # fmt: skip
    return told | more


def test_the_maintenance_on_the_page_is_what_is_printed(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    now = 12 * 3600 + 192.0
    drain = {"stage": "draining", "left": 408.0, "endless": False, "removes": True}
    first = wished(
        name="new-kernel", kind="drain", realserver="rs2", by="alice", since=now - 192, remove=True, deadline=now + 408,
        destinations=[
            place("shop", active=2, inactive=11, persistent=1, drain=drain),
            place("mail", drain=drain | {"stage": "removed"}),
        ],
    )  # fmt: skip
    second = wished(
        name="new-cpu", kind="weight", realserver="rs3", virtual="shop", weight=5, by="bob", since=now - 18420,
        destinations=[place("shop", weight={"configured": 10, "desired": 5, "observed": 5})],
    )  # fmt: skip
    answer = {"at": now, "paused": None, "daemon": {}, "trouble": None, "wishes": [first, second]}
    block = re.search(r"```console\n# lvsmon maintenance\n(.*?)```", page("maintenance"), re.DOTALL)[1]
    assert maintenance_page(answer, Layout()) == block
    monkeypatch.undo()
    time.tzset()


def test_the_commands_of_the_maintenance_guide_are_accepted():
    text = (DOCS / "how-to" / "maintenance.md").read_text()
    lines = re.findall(r"^# lvsmon (.*?)(?: && .*)?$", text, re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        command, *words = shlex.split(line)
        import_module(f"lvsmon.cli.{command}").command.make_context(command, words)


def test_the_groups_of_the_page_load(tmp_path):
    text = re.search(r"```toml\n(.*?)```", (DOCS / "how-to" / "operate.md").read_text(), re.DOTALL)[1]
    main = configuration(tmp_path, virtual=web(Rs))
    main.write_text(re.sub(r"\[control\]\n.*\n", "", main.read_text()) + text)
    settings = load(main).control
    assert (settings.read_group, settings.write_group) == ("adm", "lvs-operators")
