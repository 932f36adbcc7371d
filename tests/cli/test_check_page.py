"""The reference page of `lvsmon check` and the program say the same."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from lvsmon.cli.check import command
from lvsmon.model import Health
from lvsmon.oneshot.outputs import OUTPUTS
from lvsmon.oneshot.outputs.layout import Layout
from lvsmon.oneshot.report import Change, Report, SorryView
from oneshot_support import report, seen

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "check.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line[line.index("lvsmon check") + len("lvsmon check") :]
    for kind, block in BLOCKS
    if kind in {"cron", "ini", "nagios"}
    for line in block.splitlines()
    if "lvsmon check" in line
]


def example() -> Report:
    up = seen("rs1", "10.1.0.11", Health.UP)
    down = seen("rs3", "10.1.0.13", Health.DOWN, "connection refused", weights=(3, 0))
    return report(up, down, changes=(Change("ipvsadm -e -t 192.0.2.10:80 -r 10.1.0.13:80 -m -w 0"),))


def block(kind: str) -> str:
    (found,) = [text for name, text in BLOCKS if name == kind]
    return found


def render(output: str, found: Report) -> str:
    text, _ = import_module(OUTPUTS[output]).render(found, Layout())
    assert isinstance(text, str)
    return text


def test_every_option_is_on_the_page_and_no_other() -> None:
    """The table of options is complete."""
    section = PAGE.partition("## Options")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    written = {option for row in rows for option in re.findall(r"`(-[\w-]+)`", row)}
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    assert written == {name for option in options for name in option.opts}


@pytest.mark.parametrize("words", COMMANDS)
def test_the_command_lines_are_accepted(words: str) -> None:
    """What stands in the examples of cron, systemd and Nagios parses."""
    assert command.make_context("check", shlex.split(words)).params["output"] in OUTPUTS


def test_there_are_examples() -> None:
    """The test above has something to run."""
    assert len(COMMANDS) == 4


def test_the_shown_outputs_are_real() -> None:
    """The table and the status line of the page come from the program."""
    assert block("table") == render("table", example())
    assert block("status") == render("nagios", example())


def test_every_metric_is_on_the_page_and_no_other() -> None:
    """Names of metrics are a promise."""
    made = set(re.findall(r"^# TYPE (\w+) gauge$", render("prometheus", example()), re.MULTILINE))
    assert made == set(re.findall(r"^\| `(lvsmon_\w+)`", PAGE, re.MULTILINE))


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name != "facts":
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_json_key_is_on_the_page() -> None:
    """The schema is documented as it is."""
    found = example()
    (view,) = found.virtuals
    sorry = SorryView(view.virtual.destinations[0], None, 1)
    document = json.loads(render("json", replace(found, virtuals=(replace(view, sorry=sorry),))))
    section = PAGE.partition("## JSON")[2]
    assert set(keys(document)) <= set(re.findall(r"`(\w+)`", section))
