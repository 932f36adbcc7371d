"""The same commands where no daemon runs: they say so, and tell what files, state and kernel do."""

import shlex

import pytest
from click.testing import CliRunner

from daemon_process import configuration, web
from lvsmon.actions.ipvs.base import AddDestination, AddVirtual
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.cli import main
from lvsmon.config import load
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import Health, Pause, ProbeState
from lvsmon.store import Store
from oneshot_support import outcome


class Rs:
    address, port = "127.0.0.1", 9


@pytest.fixture
def path(tmp_path, monkeypatch):
    """One virtual service that the kernel has, with a destination that was DOWN when it was last saved."""
    for name in ("LVSMON_CONFIG", "LVSMON_SOCKET", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    path = configuration(tmp_path, virtual=web(Rs))
    plan = load(path)
    (virtual,) = plan.virtuals
    (destination,) = virtual.destinations
    with Store.open(plan.state_directory) as store:
        state = ProbeState(Health.DOWN, fails=2, since=1.0, last=outcome("FAIL", "connection refused"))
        store.save_states({destination.probes[0]: state})
    table = MemoryIpvs()
    table.apply([AddVirtual(virtual.key, virtual.settings)])
    table.apply([AddDestination(virtual.key, destination.key, destination.settings)])
    monkeypatch.setattr("lvsmon.control.absent.open_ipvs", lambda _: table)
    return path


def run(words, path):
    return CliRunner().invoke(main, [*shlex.split(words), "--config", str(path)])


def saved_pause(path):
    with Store.read(load(path).state_directory) as store:
        return store.load_pause()


def test_status_shows_the_kernels_weights_and_the_saved_health(path):
    done = run("status", path)
    assert (done.exit_code, done.stderr) == (3, "")
    assert done.stdout.startswith(f"no daemon runs here: there is no {path.parent}/control.sock; health is as it was ")
    assert "DOWN" in done.stdout
    assert "  1 " in done.stdout
    assert "tcp connection refused" in done.stdout


def test_explain_tells_what_is_known(path):
    done = run("explain web/rs1", path)
    assert (done.exit_code, done.stderr) == (3, "")
    assert "weight 1 in the kernel; 1 is configured" in done.stdout
    assert "  last: tcp connection refused" in done.stdout
    assert "should be" not in done.stdout


def test_plan_is_what_a_start_would_change(path):
    """A destination that the kernel has keeps its weight, whatever its health was."""
    done = run("plan", path)
    assert (done.exit_code, done.stdout) == (0, "# nothing would change\n")
    assert "this is what the start of one would change" in done.stderr
    file = path.parent / "monitors.d" / "web.toml"
    file.write_text(file.read_text().replace("port = 80", "port = 81"))
    commands = [line for line in run("plan", path).stdout.splitlines() if not line.startswith("#")]
    assert commands == ["ipvsadm -A -t 192.0.2.10:81 -s wlc", "ipvsadm -a -t 192.0.2.10:81 -r 127.0.0.1:9 -m -w 0"]


def test_a_kernel_that_cannot_be_asked_is_told(path, monkeypatch):
    def refuse(_):
        raise IpvsUnavailable(2, "", "the module ip_vs is not loaded")

    monkeypatch.setattr("lvsmon.control.absent.open_ipvs", refuse)
    assert "weights are not known: the module ip_vs is not loaded" in run("status", path).stdout
    assert "IPVS cannot be reached: the module ip_vs is not loaded" in run("plan", path).stderr


@pytest.mark.parametrize("words", ["status", "explain web/rs1", "plan", "pause", "resume"])
def test_a_wrong_configuration_is_told_beside_it(path, words):
    (path.parent / "monitors.d" / "web.toml").write_text("[[virtual]]\nnam = 1")
    done = run(words, path)
    assert done.exit_code == (2 if words == "plan" else 3)
    assert "no daemon runs here" in done.stderr
    assert 'web.toml:2: virtual[0] nam: unknown key; did you mean "name"?' in done.stderr.replace("].nam", "] nam")


@pytest.mark.parametrize("words", ["status rs9", "explain rs9"])
def test_a_name_that_is_not_there_is_wrong_usage(path, words):
    done = run(words, path)
    assert done.exit_code == 2
    assert "is named rs9: did you mean rs1?" in done.stderr


def test_a_pause_is_noted_for_the_next_daemon_and_ended_again(path):
    done = run("pause --reason 'new switch' --for 2h", path)
    assert done.exit_code == 0
    assert "noted for the next one" in done.stderr
    pause = saved_pause(path)
    assert (pause.reason, pause.until - pause.since) == ("new switch", 7200.0)
    assert "PAUSED: nothing is written to the kernel" in run("status", path).stdout.splitlines()[0]
    done = run("resume", path)
    assert done.exit_code == 0
    assert done.stdout.startswith("resumed after ")
    assert saved_pause(path) is None
    assert "it was not paused\n" == run("resume", path).stdout


def test_a_reason_is_short_and_harmless(path):
    done = run(f"pause --reason {'x' * 201}", path)
    assert (done.exit_code, saved_pause(path)) == (2, None)
    assert "--reason: write at most 200 characters, not 201" in done.stderr
    done = CliRunner().invoke(main, ["pause", "--reason", "\x1b[2Jgone", "--config", str(path)])
    assert "\x1b" not in done.stdout
    assert r"(\x1b[2Jgone)" in done.stdout
    assert "\x1b" not in run("status", path).stdout


@pytest.mark.parametrize("words", ["pause --for 2", "pause --for 0s", "pause --for 32d", "status --interval 1ms"])
def test_times_that_make_no_sense_are_refused(path, words):
    assert 2 == run(words, path).exit_code
    assert saved_pause(path) is None


def test_check_apply_writes_nothing_while_paused(path, monkeypatch):
    """Its counters go on, and --dry-run still says what would be written."""
    table = MemoryIpvs()
    monkeypatch.setattr("lvsmon.actions.ipvs.open.open_ipvs", lambda _: table)
    with Store.open(load(path).state_directory) as store:
        store.save_pause(Pause(since=1.0, reason="new switch", by="bob"))
    done = run("check --apply", path)
    assert (done.exit_code, table.written) == (3, [])
    assert "nothing written to the kernel: the monitor is paused by bob (new switch); `lvsmon resume`" in done.stderr
    with Store.open(load(path).state_directory) as store:
        store.save_pause(Pause(since=1.0, until=2.0))
    assert run("check --apply", path).exit_code == 1
    assert table.written
