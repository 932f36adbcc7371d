"""A paused monitor writes nothing, says so everywhere, and stays so over a restart."""

import json
import signal
import socket

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, configuration, web
from lvsmon.cli import main

pytestmark = pytest.mark.slow


def lvsmon(path, *words):
    return CliRunner().invoke(main, [*words, "--config", str(path)])


def status(path):
    return json.loads(lvsmon(path, "status", "--output", "json").stdout)


def test_nothing_is_written_until_it_is_resumed_also_after_kill_9(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        done = lvsmon(path, "pause", "--reason", "new switch")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "PAUSED: nothing is written to the kernel; for 0s, by " in done.stdout
        reminder = daemon.wait_for("paused")
        assert (reminder["reason"], reminder["level"], reminder["held"]) == ("new switch", "warning", 0)
        rs.stop()
        daemon.wait_for("transition", after="DOWN")
        lvsmon(path, "reload")
        found = status(path)
        assert (found["paused"]["reason"], found["paused"]["held"]) == ("new switch", 1)
        (destination,) = found["virtuals"][0]["destinations"]
        assert destination["weight"] == {"configured": 1, "desired": 0, "observed": 1}
        assert lvsmon(path, "status").stdout.startswith("PAUSED: nothing is written to the kernel, 1 change held back")
        assert -signal.SIGKILL == daemon.end(signal.SIGKILL)
    with DaemonProcess(path) as daemon:
        daemon.wait_for("paused", reason="new switch")
        if "control_listening" not in daemon.names:  # either may come first
            daemon.wait_for("control_listening")
        assert "ipvs_write" not in daemon.names
        done = lvsmon(path, "resume")
        assert done.stdout.startswith("resumed after ")
        assert f"ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.1:{rs.port} -m -w 0\n" in done.stdout
        daemon.wait_for("ipvs_write", command="-w 0")
        assert status(path)["paused"] is None
        assert 0 == daemon.end()
    rs.start()


def test_a_pause_ends_when_its_time_is_over(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        assert 0 == lvsmon(path, "pause", "--for", "1s").exit_code
        rs.stop()
        daemon.wait_for("resumed", why="its time is over")
        daemon.wait_for("ipvs_write", command="-w 0")
        assert 0 == daemon.end()
    rs.start()
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        assert [] == [each for each in daemon.events if each["event"] in ("paused", "resumed")]


def test_the_service_manager_hears_of_it(tmp_path, rs):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(15)
        path = configuration(tmp_path, virtual=web(rs))
        with DaemonProcess(path, NOTIFY_SOCKET=address) as daemon:
            daemon.wait_for("control_listening")
            assert 0 == lvsmon(path, "pause").exit_code
            while not (heard := manager.recv(1000).decode()).startswith("STATUS=PAUSED"):
                pass
            assert heard.startswith("STATUS=PAUSED, nothing is written to the kernel; ")
            assert 0 == daemon.end()
