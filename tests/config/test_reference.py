"""docs/reference/configuration.md cannot go stale: its tables are made from the schema, its examples are loaded."""

import re
import tomllib
from pathlib import Path

import pytest

from config import reference
from lvsmon.actions import CHANNELS
from lvsmon.config import load
from lvsmon.config.jsonschema import schema
from lvsmon.probes import BUILTIN

TEXT = reference.PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n# ([\w./]+)\n(.*?)```", TEXT, re.DOTALL)
FRAGMENTS = re.findall(r"```toml\n(?!# [\w./]+\n)(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_those_of_the_schema():
    assert reference.page_as_it_should_be() == TEXT, "run .venv/bin/python tests/config/reference.py"


def test_every_section_and_kind_has_a_table():
    sections = {name for name in schema()["$defs"] if name.endswith("Section")}
    named = {name for _, name, _ in reference.BLOCK.findall(TEXT)}
    assert named == {*sections, "Cascading", "ProbeSection", *BUILTIN, *(f"{kind}Channel" for kind in CHANNELS)}


def test_the_example_loads_as_the_page_says(tmp_path):
    assert {name for name, _ in EXAMPLES} == {"lvsmon.toml", "monitors.d/shop.toml"}
    for name, text in EXAMPLES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (virtual,) = load(tmp_path).virtuals
    assert [one.settings.weight for one in virtual.destinations] == [1, 3]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_fragments_are_toml_with_keys_that_exist(text, tmp_path):
    """A fragment is loaded with a realserver and what else it lacks around it."""
    data = tomllib.loads(text)
    around = "" if "realserver" in data else '[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'
    if "virtual" not in data:
        around += '[[virtual]]\nname = "x"\nvip = "192.0.2.1"\nport = 80\nrealservers = ["rs1"]\n'
    path = Path(tmp_path, "lvsmon.toml")
    path.write_text(around + text, encoding="utf-8")
    Path(tmp_path, "word.txt").write_text("secret")
    Path(tmp_path, "word.txt").chmod(0o600)
    assert load(path).virtuals
