"""One table of channels: modules, pages, their examples and settings all follow it."""

import dataclasses
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from actions.written import channel_of
from lvsmon import actions

ROOT = Path(__file__).parents[2]
KINDS = sorted(actions.CHANNELS)


def test_the_table_is_sorted_and_names_its_kinds():
    assert KINDS == list(actions.CHANNELS)
    assert all(actions.load(kind).kind == kind for kind in KINDS)


def test_every_channel_has_its_page():
    assert set(KINDS) <= {path.stem for path in ROOT.glob("docs/alerts/*.md")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_a_page_load(kind):
    page = (ROOT / "docs/alerts" / f"{kind}.md").read_text()
    examples = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert examples
    for example in examples:
        for table in tomllib.loads(example)["channel"].values():
            assert kind == channel_of(table).kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_documented_twice(kind):
    """By a line under the field, which becomes JSON Schema, and on the kind's page."""
    page = (ROOT / "docs/alerts" / f"{kind}.md").read_text()
    source = "".join(inspect.getsource(base) for base in actions.load(kind).__mro__[:-1])
    for field in dataclasses.fields(actions.load(kind)):
        if field.init:
            assert re.search(rf'^    {field.name}: [^\n]+\n    r?"""[A-Z"][^\n]+"""$', source, re.MULTILINE), field.name
            assert re.search(rf"^\|[^|]*`{field.name}`[^|]*\|", page, re.MULTILINE), field.name


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        actions.load("nonsense")
