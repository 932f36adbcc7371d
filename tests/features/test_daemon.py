"""The daemon as a process: what its signals do, what outlives it, what it refuses."""

import os
import signal
import socket

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, Realserver, configuration, web
from lvsmon.cli import main


def test_a_dead_realserver_goes_to_weight_0_and_comes_back(tmp_path, rs):
    other = Realserver("127.0.0.2")
    with DaemonProcess(configuration(tmp_path, virtual=web(rs, other))) as daemon:
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 1")
        rs.stop()
        assert "connection refused" in daemon.wait_for("transition", after="DOWN")["detail"]
        assert f"connecting 127.0.0.1 port {rs.port}" in daemon.wait_for("transcript")["dialogue"]
        daemon.wait_for("ipvs_write", command=f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{rs.port} -m -w 0")
        rs.start()
        daemon.wait_for("transition", after="UP")
        daemon.wait_for("ipvs_write", command=f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{rs.port} -m -w 1")
        assert 0 == daemon.end()
    other.stop()


def test_on_failure_remove_takes_it_out_and_puts_it_back(tmp_path, rs):
    with DaemonProcess(configuration(tmp_path, virtual=web(rs, extra='on_failure = "remove"'))) as daemon:
        daemon.wait_for("ipvs_write", command="ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.1")
        rs.stop()
        daemon.wait_for("ipvs_write", command="ipvsadm -d -t 192.0.2.10:80 -r 127.0.0.1")
        rs.start()
        daemon.wait_for("ipvs_write", command="ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.1")


def test_a_sorry_server_is_in_while_nobody_serves(tmp_path, rs):
    virtual = web(rs, extra='sorry = { address = "127.0.0.99", port = 81 }')
    with DaemonProcess(configuration(tmp_path, virtual=virtual)) as daemon:
        daemon.wait_for("ipvs_write", command="-a -t 192.0.2.10:80 -r 127.0.0.99:81")
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 1")
        daemon.wait_for("ipvs_write", command="-d -t 192.0.2.10:80 -r 127.0.0.99:81")
        rs.stop()
        daemon.wait_for("ipvs_write", command="-a -t 192.0.2.10:80 -r 127.0.0.99:81")
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 0")


def test_a_reload_takes_the_new_plan_and_keeps_what_did_not_change(tmp_path, rs):
    with DaemonProcess(configuration(tmp_path, virtual=web(rs))) as daemon:
        daemon.wait_for("transition", after="UP")
        other = Realserver("127.0.0.2")
        configuration(tmp_path, virtual=web(rs, other))
        daemon.send(signal.SIGHUP)
        reloaded = daemon.wait_for("reloaded")
        assert (2, 1) == (reloaded["probes"], reloaded["probes_kept"])
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.2:{other.port} -m -w 1")
        configuration(tmp_path, virtual=web(other))
        daemon.send(signal.SIGHUP)
        daemon.wait_for("ipvs_write", command=f"ipvsadm -d -t 192.0.2.10:80 -r 127.0.0.1:{rs.port}")
        daemon.end()
        assert [] == [each for each in daemon.events if each["event"] == "transition" and "127.0.0.2" in each["probe"]]
        other.stop()


def test_a_wrong_configuration_is_refused_whole_and_the_old_one_stays(tmp_path, rs):
    with DaemonProcess(configuration(tmp_path, virtual=web(rs))) as daemon:
        daemon.wait_for("transition", after="UP")
        configuration(tmp_path, virtual=web(rs, extra='schedular = "wlc"\npersistence = 5'))
        daemon.send(signal.SIGHUP)
        complaints = daemon.wait_for("config_refused")["what"] + daemon.wait_for("config_refused")["what"]
        assert "scheduler" in complaints
        assert "persistence" in complaints
        daemon.wait_for("reload_refused")
        rs.stop()
        daemon.wait_for("transition", after="DOWN")
        assert 0 == daemon.end()


def test_a_wrong_configuration_at_the_start_is_exit_status_2(tmp_path, rs):
    with DaemonProcess(configuration(tmp_path, virtual=web(rs, extra="weight = -1"))) as daemon:
        assert 2 == daemon.process.wait(15)
        with pytest.raises(AssertionError, match="weight"):
            daemon.wait_for("started")


def test_a_second_daemon_refuses_and_names_the_first(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as first:
        first.wait_for("started")
        with DaemonProcess(path) as second:
            assert 3 == second.process.wait(15)
            with pytest.raises(AssertionError, match=f"pid {first.process.pid}"):
                second.wait_for("started")
        assert 0 == first.end()


@pytest.mark.slow
def test_after_kill_9_the_next_start_goes_on(tmp_path, rs):
    """The lock is free, the state is whole, and what is found as it was left is no transition."""
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("transition", after="UP")
        assert 0 == daemon.end()
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        assert -signal.SIGKILL == daemon.end(signal.SIGKILL)
        assert [] == [each for each in daemon.events if each["event"] == "transition"]
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        assert 0 == daemon.end(signal.SIGINT)


def test_explain_tells_what_was_before_a_restart(tmp_path, rs):
    """From the history: what an earlier process saw and did stands apart; where no daemon runs too."""
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("transition", after="UP")
        rs.stop()
        daemon.wait_for("ipvs_write", command="-w 0")
        assert 0 == daemon.end()
    gone = _explained(path)
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 0")
        again = _explained(path)
    for text in (gone, again):
        before = text.partition("What happened before this lvsmon was started:")[2].partition("What happened:")[0]
        parts = ["probe    UP → DOWN: refused: connection refused", "health   UP → DOWN", "weight   1 → 0", "-m -w 0"]
        places = [before.rfind(part) for part in parts]
        assert [-1, *places] == sorted({-1, *places}), text


def _explained(path):
    return CliRunner().invoke(main, ["explain", "web/rs1", "--config", str(path)]).stdout


def test_the_service_manager_hears_ready_reloading_watchdog_and_stopping(tmp_path, rs):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(15)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        with DaemonProcess(configuration(tmp_path, virtual=web(rs)), **environment) as daemon:

            def hear(beginning):
                while not (heard := manager.recv(1000).decode()).startswith(beginning):
                    pass
                return heard

            assert "of 1 destinations up in 1 virtual services" in hear("READY=1")
            hear("WATCHDOG=1")
            hear("WATCHDOG=1")
            daemon.send(signal.SIGHUP)
            hear("RELOADING=1")
            hear("READY=1")
            daemon.send(signal.SIGTERM)
            hear("STOPPING=1")
            assert 0 == daemon.process.wait(15)


@pytest.mark.slow
def test_a_stopped_director_finds_nobody_dead(tmp_path, rs):
    """Promise 1: a daemon that was frozen for several intervals comes back without a transition."""
    with DaemonProcess(configuration(tmp_path, virtual=web(rs))) as daemon:
        daemon.wait_for("transition", after="UP")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nobody:
            nobody.bind(str(tmp_path / "nobody"))
            nobody.settimeout(1.5)
            with pytest.raises(TimeoutError):
                nobody.recv(1)
        os.kill(daemon.process.pid, signal.SIGCONT)
        rs.stop()
        found = daemon.wait_for("transition")
        assert ("DOWN", "refused") == (found["after"], found["reason"])
