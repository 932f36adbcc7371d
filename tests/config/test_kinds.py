"""Kinds of probes as plug-ins: found by name, loaded only then, refused where they clash."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lvsmon.config import load
from lvsmon.config.kinds import RESERVED, builtin
from lvsmon.errors import ConfigError
from lvsmon.probes import BUILTIN

TEXT = """
[[realserver]]
name = "rs1"
address = "10.1.0.11"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1"]
[[virtual.probe]]
kind = "{}"
"""


@pytest.fixture
def installed(monkeypatch, written):
    """Load a configuration with one probe of a kind while plug-ins of these names and values are installed."""

    def load_with(kind, *plugins):
        def entry_points(group):
            return [EntryPoint(name, value, group) for name, value in plugins]

        monkeypatch.setattr("lvsmon.config.kinds.entry_points", entry_points)
        written(lvsmon=TEXT.format(kind))
        return load(Path("lvsmon.toml"))

    return load_with


def test_plugins_that_no_configuration_names_are_not_loaded(installed):
    assert installed("tcp", ("other", "no.such.module:Probe")).probes


def test_a_plugin_of_a_built_in_name_is_refused(installed):
    with pytest.raises(ConfigError, match="the plug-in evil:Tcp offers a kind of lvsmon's own name: remove it"):
        installed("tcp", ("tcp", "evil:Tcp"))


def test_two_plugins_of_one_name_are_refused(installed):
    with pytest.raises(ConfigError, match="the plug-ins a:A and b:B both offer this kind: remove one"):
        installed("twin", ("twin", "b:B"), ("twin", "a:A"))


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_built_in_kinds_keep_the_rules(name):
    kind = builtin(name)
    assert not RESERVED & kind.settings.keys()
    assert kind.transport in {"tcp", "udp", "any"}
