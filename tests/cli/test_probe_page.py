"""The reference page of `lvsmon probe` and the program say the same."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lvsmon.cli import main
from lvsmon.cli.probe import command
from lvsmon.config.words import AimSection, read
from lvsmon.monitor.transcript import Step
from lvsmon.oneshot.byhand.place import parse
from probe_support import answering

PAGE = (Path(__file__).parents[2] / "docs/reference/probe.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = [line.removeprefix("$ lvsmon probe ") for line in BLOCKS["console"].splitlines()]


def section(title):
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def column(title):
    return re.findall(r"`([\w-]+)`", "\n".join(re.findall(r"^\|([^|]*)\|", section(title), re.MULTILINE)))


def test_every_option_is_on_the_page_and_no_other():
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    assert set(column("Options")) == {name for option in options for name in option.opts}


def test_every_general_key_is_on_the_page_and_no_other():
    assert column("Settings") == list(AimSection.model_fields)


@pytest.mark.parametrize("words", COMMANDS)
def test_the_examples_are_accepted(words, tmp_path):
    """As a command line, and as settings of their kind."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    given = words.replace("/etc/lvsmon/probe.secret", str(tmp_path / "secret"))
    found = command.make_context("probe", shlex.split(given)).params["words"]
    if len(found) > 1:
        kind, place, *settings = found
        assert parse(place).host
        assert read(kind, settings).probe.kind == kind
    else:
        assert found == ("shop/rs1",)


def test_there_are_examples():
    assert len(COMMANDS) == 6


def told(text, port):
    """Without what differs from run to run: times, the port, how lines are folded."""
    return re.sub(r"\d+\.\d+", "0.0", text.replace(str(port), "2525"))


def refused():
    return answering(b"220-mail.example.org ESMTP\r\n220 be nice\r\n", b"554 5.7.1 go away\r\n", first=True)


def test_the_shown_dialogue_is_a_real_one(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with refused() as port:
        found = CliRunner().invoke(main, ["probe", "smtp", f"127.0.0.1:{port}"])
    assert told(found.stdout, port) == told(BLOCKS["dialogue"], 2525)


def test_every_json_key_is_on_the_page_and_no_other():
    with refused() as port:
        document = json.loads(CliRunner().invoke(main, ["probe", "smtp", f"127.0.0.1:{port}", "-o", "json"]).stdout)
    text = section("JSON")
    assert set(column("JSON")) == document.keys()
    inner = {*document["target"], *document["phases"], *(key for event in document["transcript"] for key in event)}
    assert inner <= set(re.findall(r"`(\w+)`", text))
    assert {str(step) for step in Step} <= set(re.findall(r"`(\w+)`", text))
