"""`lvsmon config` as a person uses it: exit status, what goes where, nothing secret."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.conftest import TESTDATA
from lvsmon.cli import main

GOOD = str(TESTDATA / "good" / "everything.toml")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2")
    monkeypatch.delenv("LVSMON_CONFIG", raising=False)


def run(*words):
    return CliRunner().invoke(main, ["config", *words], catch_exceptions=False)


def test_check_says_what_was_loaded():
    result = run("check", str(TESTDATA / "good" / "director"))
    assert result.exit_code == 0
    assert result.stdout.endswith(
        "lvsmon.toml and 2 drop-in files: 3 virtual services, 6 destinations on 2 realservers, 6 probes\n"
    )


def test_check_notes_what_is_hardly_meant(written):
    written(
        lvsmon='[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'
        '[[realserver]]\nname = "rs2"\naddress = "10.1.0.12"\n'
        '[[virtual]]\nname = "shop"\nvip = "192.0.2.10"\nport = 80\nweight = 0\nrealservers = ["rs1"]\n'
    )
    assert run("check", ".").stdout.splitlines() == [
        'note: virtual service "shop" has no probe: its realservers count as UP always',
        'note: virtual service "shop" has weight 0 everywhere: no realserver serves it',
        'note: realserver "rs2" is used by no virtual service',
        "lvsmon.toml: 1 virtual service, 1 destination on 2 realservers, 0 probes",
    ]


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_refused_configuration_is_status_2_with_every_complaint_on_stderr(written, command):
    written(lvsmon="[defaults]\nrise = 0\nfall = 0\n")
    result = run(command, "lvsmon.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "lvsmon.toml:2: defaults.rise: write a number of at least 1, not 0",
        "lvsmon.toml:3: defaults.fall: write a number of at least 1, not 0",
        "refused: 2 complaints",
    ]


def test_a_hostile_file_name_moves_no_cursor(written):
    written(lvsmon="", **{"monitors.d__\x1b[2J\n": "x = 1"})
    result = run("check", ".")
    assert result.stderr.splitlines()[0].startswith("monitors.d/\\x1b[2J\\n.toml:1: x: unknown key")


def test_the_path_comes_from_the_argument_then_the_environment_then_etc(written, monkeypatch):
    written()
    assert run("check", "a.toml").stderr.startswith("a.toml: cannot be read")
    monkeypatch.setenv("LVSMON_CONFIG", "b.toml")
    assert run("check").stderr.startswith("b.toml: cannot be read")
    assert run("check", "a.toml").stderr.startswith("a.toml: cannot be read")
    monkeypatch.delenv("LVSMON_CONFIG")
    monkeypatch.setattr("lvsmon.config.DEFAULT_PATH", Path("etc.toml"))
    assert run("check").stderr.startswith("etc.toml: cannot be read")


def test_show_in_both_forms_says_the_same():
    shown = tomllib.loads(run("show", GOOD).stdout)
    assert shown == json.loads(run("show", GOOD, "--output", "json").stdout)
    assert shown["virtual"][0]["realservers"][0]["on_failure"] == "remove"


def test_show_hides_secrets(written):
    written()
    path = Path("lvsmon.toml")
    path.write_text(
        '[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'
        '[[virtual]]\nname = "shop"\nvip = "192.0.2.10"\nport = 80\n'
        'realservers = ["rs1"]\nprobe = [{ kind = "login", password = "hunter2", token_file = "token" }]\n'
    )
    path.chmod(0o600)
    Path("token").write_text("hunter3")
    Path("token").chmod(0o600)
    for output in ("toml", "json"):
        text = run("show", ".", "--output", output).stdout
        assert "hunter" not in text
        assert "********" in text
        assert str(Path("token").absolute()) in text


def test_schema_is_json():
    assert json.loads(run("schema").stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_loading_imports_nothing_that_it_does_not_use():
    """A one-shot run must not pay for event loops, netlink, cryptography and TOML writers before its first probe."""
    code = (
        "import sys; from pathlib import Path; from lvsmon.config import load;"
        f"load(Path({str(TESTDATA / 'good' / 'minimal.toml')!r}));"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    unwanted = {"tomlkit", "asyncio", "cryptography", "pyroute2", "click", "paramiko", "ldap3", "dns", "apscheduler"}
    assert not unwanted & set(shown.stdout.split())
