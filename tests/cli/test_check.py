"""`lvsmon check` as a person, cron and a monitoring system run it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from check_support import Director
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.cli import main
from lvsmon.model import Health
from lvsmon.store import Store
from oneshot_support import in_kernel


def test_a_look_tells_and_writes_nothing(director: Director) -> None:
    """The table of the reference page: what is down and why, and what there is to do."""
    found = director.check()
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[0] == "shop  192.0.2.10:80/tcp  wlc  masq"
    assert f"  rs1  127.0.0.1:{director.ports[0]}  UP    weight absent → 1  tcp connected" in lines[1]
    assert f"  rs2  127.0.0.2:{director.ports[1]}  DOWN  weight absent → 0  failure 1 of 2: tcp" in lines[2]
    assert lines[-1] == "1 of 2 destinations up, 3 changes to make (run with --apply, or --dry-run to see them)"
    assert (director.table.written, director.state.exists()) == ([], False)


def test_apply_from_cron_quiesces_at_fall(director: Director) -> None:
    """Two failures in a row are two runs of cron; the healthy one is never touched."""
    first = director.check("--apply")
    assert (first.exit_code, director.weights()) == (1, [1, 0])
    director.table = MemoryIpvs(in_kernel(director.service(), [1, 1]))
    with Store.open(director.state) as store:
        store.save_states(
            {name: replace(state, health=Health.UP, passes=1, fails=0) for name, state in store.load_states().items()}
        )
    history = []
    for _ in range(3):
        director.check("--apply")
        history.append(director.weights())
    assert history == [[1, 1], [1, 0], [1, 0]]


def test_a_dry_run_prints_ipvsadm_commands(director: Director) -> None:
    """A new virtual service in ipvsadm's own notation; nothing is written."""
    found = director.check("--dry-run")
    commands = [line for line in found.stdout.splitlines() if line.startswith("ipvsadm ")]
    assert commands == [
        "ipvsadm -A -t 192.0.2.10:80 -s wlc",
        f"ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.1:{director.ports[0]} -m -w 1",
        f"ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.2:{director.ports[1]} -m -w 0",
    ]
    assert (director.table.written, director.state.exists()) == ([], False)


def test_json_names_the_exit_code(director: Director) -> None:
    """Standard output is one document and nothing else."""
    found = director.check("--output", "json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["exit_code"], document["summary"]["down"]) == (1, 1, 1)


def test_nagios_and_its_thresholds(director: Director) -> None:
    """One line, the state in the exit code, thresholds from the command line."""
    found = director.check("-o", "nagios")
    assert (found.exit_code, found.stdout.count("\n")) == (1, 1)
    assert found.stdout.startswith("LVSMON WARNING - 1 of 2 destinations up; shop 1/2: rs2 DOWN (")
    assert director.check("-o", "nagios", "--critical-below", "2").exit_code == 2
    assert director.check("-o", "nagios", "--warning-below", "50%").exit_code == 0
    bad = director.check("-o", "nagios", "--warning-below", "half")
    assert (bad.exit_code, 'such as "50%"' in bad.output) == (2, True)


def test_prometheus_into_the_textfile_collector(director: Director, tmp_path: Path) -> None:
    """The file is written, standard output stays empty, for cron mails what is printed."""
    path = tmp_path / "lvsmon.prom"
    found = director.check("-o", "prometheus", "--output-file", str(path))
    assert (found.exit_code, found.stdout, found.stderr) == (1, "", "")
    assert "lvsmon_virtual_destinations_up{" in path.read_text()
    lost = director.check("-o", "prometheus", "--output-file", str(tmp_path / "absent" / "lvsmon.prom"))
    assert (lost.exit_code, "No such file or directory" in lost.stderr) == (3, True)


def test_names_select(director: Director) -> None:
    """A realserver by name; a slip gets a suggestion and the exit code of wrong usage."""
    found = director.check("rs1")
    assert (found.exit_code, "rs2" in found.stdout) == (0, False)
    slip = director.check("rs3")
    assert slip.exit_code == 2
    assert "no virtual service and no realserver is named rs3: did you mean rs" in slip.stderr


def test_a_refused_configuration_is_told_whole(director: Director) -> None:
    """Every complaint on a line; for a monitoring system it is UNKNOWN, not CRITICAL."""
    director.config.write_text("[defaults]\nfall = 0\nrise = 0\n")
    found = director.check()
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.count("lvsmon.toml:") == 2
    nagios = director.check("-o", "nagios")
    assert nagios.exit_code == 3
    assert nagios.stdout.startswith("LVSMON UNKNOWN - ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--apply", "--dry-run"], "give one of them"),
        (["--deadline", "5"], "write a duration with its unit"),
        (["--deadline", "0s"], "no time at all"),
        (["--wait", "2d"], "longer than a day"),
        (["--output", "xml"], "'xml' is not one of"),
    ],
)
def test_wrong_usage(director: Director, words: list[str], complaint: str) -> None:
    """Each says what to write instead; nothing is probed."""
    found = director.check(*words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert complaint in found.stderr


def test_without_ipvs_the_look_is_worth_having(director: Director) -> None:
    """No module or no root: health is told, one line says why the weights are not."""
    director.table.unavailable = 1
    found = director.check()
    assert found.exit_code == 1
    assert found.stdout.count("weight unknown") == 2
    assert found.stderr.startswith("lvsmon check: weights are unknown, the IPVS table cannot be read: ")
    assert found.stderr.count("\n") == 1
    failed = director.check("--apply")
    assert (failed.exit_code, "nothing written" in failed.stdout) == (3, True)


def test_an_unwritable_state_directory_stops_apply(director: Director) -> None:
    """Exit code 3, and the advice."""
    director.state.write_text("a file in the way")
    found = director.check("--apply")
    assert (found.exit_code, found.stdout) == (3, "")
    assert "it is not a directory: move it away, or set state_directory elsewhere" in found.stderr


def test_a_damaged_state_is_told_and_replaced(director: Director) -> None:
    """The run goes on with fresh counters; the kernel's weights are kept meanwhile."""
    director.state.mkdir()
    (director.state / "state.db").write_bytes(b"junk" * 1000)
    director.table = MemoryIpvs(in_kernel(director.service(), [1, 7]))
    found = director.check("--apply")
    assert "set aside as" in found.stderr
    assert director.weights() == [1, 7]


def test_a_terminal_without_unicode_gets_ascii(director: Director) -> None:
    """Old locales show an arrow that they have."""
    found = CliRunner(charset="latin-1").invoke(main, ["check", "--config", str(director.config)])
    assert "weight absent -> 1" in found.stdout
