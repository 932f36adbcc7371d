"""The daemon's workers: they probe in its place, what they may not do is done for them, and they end with it."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, Realserver, configuration, web
from lvsmon.cli import main


@pytest.fixture
def rs():
    realserver = Realserver()
    yield realserver
    realserver.stop()


def lvsmon(path, *words):
    return CliRunner().invoke(main, [*words, "--config", str(path)])


def found(path):
    return json.loads(lvsmon(path, "status", "--output", "json").stdout)


def workers(path):
    return found(path)["daemon"]["workers"]


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_is_killed_is_replaced_and_the_table_stands(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        (one,) = workers(path)
        assert (one["capabilities"], one["no_new_privileges"], one["probes"]) == ("none", True, 1)
        assert one["pid"] != daemon.process.pid
        os.kill(one["pid"], signal.SIGKILL)
        assert daemon.wait_for("worker_ended")["why"] == "it ended by itself with signal 9"
        daemon.wait_for("worker_ready")
        assert lvsmon(path, "probe", "web/rs1").exit_code == 0, "two passes more are needed to know"
        lvsmon(path, "probe", "web/rs1")
        rs.stop()
        daemon.wait_for("transition", after="DOWN")
        daemon.wait_for("ipvs_write", command="-w 0")
        (other,) = workers(path)
        assert (other["restarts"], other["pid"] != one["pid"]) == (1, True)
        text = lvsmon(path, "status").stdout
        assert f"probed by 1 worker (pid {other['pid']}); 1 replacement since the start" in text
        assert 0 == daemon.end()
        assert not is_there(other["pid"])
        assert daemon.names.count("transition") == 2, "it was found as it was left"
        assert daemon.names.count("ipvs_write") == 4, "the service, the destination, weight 1, and then 0"
    assert "worker 0 is replaced" in lvsmon(path, "history").stdout
    rs.start()


def test_workers_end_with_a_daemon_that_is_killed(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("worker_ready")
        if "control_listening" not in daemon.names:
            daemon.wait_for("control_listening")
        (one,) = workers(path)
        assert -signal.SIGKILL == daemon.end(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_there(one["pid"]):
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.skipif(os.geteuid() != 0, reason="sockets for pings, and another user for a program, take root")
def test_what_a_worker_may_not_do_is_done_for_it(tmp_path, rs):
    """Here it may have no ping socket, and nowhere may it start a program."""
    probes = 'kind = "ping"\ncount = 1\n[[virtual.probe]]\nkind = "exec"\ncommand = ["/usr/bin/id", "-un"]\n'
    probes += 'user = "nobody"\n'
    path = configuration(tmp_path, virtual=web(rs, probe=probes))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        (virtual,) = found(path)["virtuals"]
        ping, program = virtual["destinations"][0]["probes"]
        assert (ping["kind"], ping["health"]) == ("ping", "UP")
        assert (program["health"], program["last"]["detail"]) == ("UP", "id exited with 0: nobody")
        shown = lvsmon(path, "probe", "web/rs1").stdout
        assert "nobody" in shown
        assert 0 == daemon.end()


def test_without_workers_the_daemon_probes_itself(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    path.write_text(path.read_text().replace("[director]\n", "[director]\nworkers = 0\n"))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        assert workers(path) == []
        path.write_text(path.read_text().replace("workers = 0", "workers = 2"))
        assert "workers has changed, which takes a restart of the daemon" in lvsmon(path, "reload").stderr
        assert 0 == daemon.end()
        assert "worker_ready" not in daemon.names
