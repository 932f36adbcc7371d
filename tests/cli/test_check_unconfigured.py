"""`lvsmon check` on a director where nothing is configured."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from check_support import Director
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.cli import main
from lvsmon.model import Protocol, VirtualKey
from oneshot_support import VIP, destination, in_kernel, spec, virtual


@pytest.fixture
def bare(director: Director, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Director:
    """A director on which lvsmon has just been installed."""
    monkeypatch.setattr("lvsmon.cli.check.default_path", lambda: tmp_path / "etc" / "lvsmon.toml")
    return director


def look(*words: str) -> Result:
    return CliRunner().invoke(main, ["check", *words])


def test_with_nothing_configured_the_kernels_table_is_probed(bare: Director) -> None:
    """Something true at once, and how to begin; nothing is promised, nothing written."""
    bare.table = MemoryIpvs(in_kernel(bare.service(), [3, 1]))
    found = look()
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[0] == "192.0.2.10:80/tcp  wlc  masq"
    assert "UP    weight 3  tcp connected" in lines[1]
    assert "DOWN  weight 1  tcp connection refused" in lines[2]
    assert lines[3] == "1 of 2 destinations up"
    assert "nothing is configured" in found.stderr
    assert "etc/lvsmon.toml" in found.stderr
    assert bare.table.written == []


@pytest.mark.parametrize("option", ["--apply", "--dry-run"])
def test_with_nothing_configured_there_is_nothing_to_write(bare: Director, option: str) -> None:
    """The kernel is not touched on a guess."""
    bare.table = MemoryIpvs(in_kernel(bare.service(), [3, 1]))
    found = look(option)
    assert (found.exit_code, found.stdout, bare.table.written) == (2, "", [])
    assert "nothing is configured" in found.stderr


def test_with_nothing_configured_and_nothing_there(bare: Director) -> None:
    """An empty table, or none at all: both are said, neither is "all up"."""
    assert (look().exit_code, "the IPVS table is empty" in look().stderr) == (3, True)
    bare.table.unavailable = 1
    assert (look().exit_code, look("-o", "nagios").stdout[:16]) == (3, "LVSMON UNKNOWN -")


def test_a_configuration_that_may_not_be_read_is_not_taken_for_none(bare: Director, tmp_path: Path) -> None:
    """A path that cannot be looked at is an error, not an invitation to guess."""
    (tmp_path / "etc").symlink_to(tmp_path / "etc")
    found = look()
    assert found.exit_code == 2
    assert "nothing is configured" not in found.stderr


def test_named_explicitly_a_missing_configuration_is_an_error(bare: Director, tmp_path: Path) -> None:
    """--config and LVSMON_CONFIG are meant."""
    absent = str(tmp_path / "absent.toml")
    assert look("--config", absent).exit_code == 2
    assert CliRunner().invoke(main, ["check"], env={"LVSMON_CONFIG": absent}).exit_code == 2


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (VirtualKey.of_fwmark(7, VIP.family), "a fwmark says nothing of the protocol"),
        (VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 514), "a port of udp cannot be probed"),
        (VirtualKey.of_address(Protocol.SCTP, "192.0.2.10", 80), "a port of sctp cannot be probed"),
        (VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 0), "takes every port"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(bare: Director, key: VirtualKey, reason: str) -> None:
    """UNKNOWN with its reason, and exit code 3: neither up nor down."""
    service = virtual("x", [destination("rs", spec("10.1.0.11", 0 if not key.port else key.port))], key=key)
    bare.table = MemoryIpvs(in_kernel(service, [1]))
    found = look()
    assert (found.exit_code, reason in found.stdout, "UNKNOWN" in found.stdout) == (3, True, True)
