"""One table of kinds: modules, documentation, samples and tests all follow it."""

import dataclasses
import inspect
import re
import shutil
from pathlib import Path

import pytest

from lvsmon import probes
from lvsmon.config import load

ROOT = Path(__file__).parents[2]
KINDS = sorted(probes.BUILTIN)
HELPERS = {
    "__init__", "base", "bodies", "clocks", "dialogue", "dns_answer", "dns_exchange", "dns_primaries", "dns_secondary",
    "onc", "optional_tls", "part", "programs", "reference", "secure", "smtp_dialogue", "statuses", "steps", "talk",
    "certificate_facts", "revocation",
    "ftp_control", "ftp_login", "ftp_transfer",
    "gateway",
    "exit_codes", "mon_memory", "placeholders", "reports",
    "database", "replication",
    "datagrams", "rtsp_talk",
    "ldap_results", "ldap_talk",
    "ssh_strength",
    "cookies", "header_rules", "http2_link", "http_answer", "http_expect", "http_link", "http_request", "http_settings",
    "json_path", "json_rules", "location", "proxy_blame", "tables",
}  # fmt: skip
"""Modules of the room that are no kinds."""


def _write_secrets(text, directory):
    """Make the files of secrets that a configuration names."""
    for name in re.findall(r'^\w+_file = "(\w+\.\w+)"$', text, re.MULTILINE):
        (directory / name).write_text("secret")
        (directory / name).chmod(0o600)


def named(plan):
    """Return the probes that the destinations have; what kind content compares is run besides."""
    return [name for virtual in plan.virtuals for destination in virtual.destinations for name in destination.probes]


def _stems(pattern):
    return {path.stem for path in ROOT.glob(pattern)}


def test_everything_follows_the_table():
    assert set(KINDS) == _stems("src/lvsmon/probes/*.py") - HELPERS
    assert set(KINDS) == _stems("docs/probes/*.md")
    assert set(KINDS) <= _stems("monitors.d/*.toml")
    assert {f"test_{kind}" for kind in KINDS} <= _stems("tests/probes/test_*.py")


def test_the_table_is_sorted_and_names_its_kinds():
    assert KINDS == list(probes.BUILTIN)
    assert all(probes.load(kind).kind == kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_loads_alone(kind, tmp_path):
    """And probes with the kind that it is named after."""
    path = Path(shutil.copy(ROOT / "monitors.d" / f"{kind}.toml", tmp_path / "lvsmon.toml"))
    _write_secrets(path.read_text(), tmp_path)
    plan = load(path)
    assert {kind} == {plan.probes[name].probe.kind for name in named(plan)}
    assert len(named(plan)) == len(plan.virtuals[0].destinations) >= 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_a_page_load(kind, tmp_path):
    """Put into the sample in place of its own probe."""
    page = (ROOT / "docs/probes" / f"{kind}.md").read_text()
    examples = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert examples
    virtual, _, _ = (ROOT / "monitors.d" / f"{kind}.toml").read_text().partition("[[virtual.probe]]")
    for example in examples:
        (tmp_path / "lvsmon.toml").write_text(virtual + example)
        _write_secrets(example, tmp_path)
        plan = load(tmp_path)
        assert kind in {plan.probes[name].probe.kind for name in named(plan)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_documented_twice(kind):
    """By a line under the field, which becomes --help and JSON Schema, and on the kind's page."""
    page = (ROOT / "docs/probes" / f"{kind}.md").read_text()
    source = "".join(inspect.getsource(base) for base in probes.load(kind).__mro__[:-1])
    for field in dataclasses.fields(probes.load(kind)):
        assert re.search(rf'^    {field.name}: [^\n]+\n    r?"""[A-Z"][^\n]+"""$', source, re.MULTILINE), field.name
        assert re.search(rf"^\|[^|]*`{field.name}`[^|]*\|", page, re.MULTILINE), field.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_tells_the_memory_of_a_run_and_its_reasons(kind):
    page = (ROOT / "docs/probes" / f"{kind}.md").read_text()
    assert "Memory of one run:" in page
    for word in ("PASS", "FAIL", "UNKNOWN", "refused", "deadline", "Facts:"):
        assert word in page


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        probes.load("nonsense")
