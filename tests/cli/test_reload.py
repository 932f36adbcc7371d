"""`lvsmon reload` against a running daemon."""

import os
import shlex
import signal

from click.testing import CliRunner

from daemon_process import DaemonProcess, Realserver, configuration, web
from lvsmon.cli import main


def run(words, path):
    return CliRunner().invoke(main, [*shlex.split(words), "--config", str(path)])


def test_what_was_done_is_told(tmp_path):
    """With the writes of the first reconcile; and the log tells the same as for SIGHUP."""
    first, second = Realserver(), Realserver("127.0.0.2")
    path = configuration(tmp_path, virtual=web(first))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("transition", after="UP")
        daemon.wait_for("ipvs_write", command="-w 1")
        configuration(tmp_path, virtual=web(first, second))
        done = run("reload", path)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout == (
            "loaded: 1 virtual service, 2 probes (1 new, 0 gone, 1 as before)\n"
            f"ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.2:{second.port} -m -w 0\n"
        )
        assert daemon.wait_for("control")["peer"] == f"uid {os.geteuid()}, pid {os.getpid()}"
        assert 2 == daemon.wait_for("reloaded")["probes"]
        configuration(tmp_path, main='[[realserver]]\nname = "x"\naddress = "127.0.0.9"\n', virtual=web(first))
        main_file = tmp_path / "lvsmon.toml"
        main_file.write_text(main_file.read_text().replace('"memory"', '"netlink"'))
        done = run("reload", path)
        assert (done.exit_code, done.stdout.splitlines()[0]) == (
            0,
            "loaded: 1 virtual service, 1 probe (0 new, 1 gone, 1 as before)",
        )
        assert done.stderr == "lvsmon reload: note: backend has changed, which takes a restart of the daemon\n"
    first.stop()
    second.stop()


def test_a_wrong_configuration_gets_the_complaints_of_config_check(tmp_path):
    realserver = Realserver()
    path = configuration(tmp_path, virtual=web(realserver))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        configuration(tmp_path, virtual=web(realserver, extra='schedular = "wlc"\npersistence = 5'))
        done = run("reload", path)
        checked = CliRunner().invoke(main, ["config", "check", str(path)])
        assert (done.exit_code, done.stdout) == (2, "")
        complaints = checked.stderr.splitlines()[:-1]
        assert len(complaints) == 2
        assert done.stderr.splitlines() == [
            *complaints,
            "lvsmon reload: the configuration loaded before stays in force",
        ]
        assert 0 == daemon.end()
    realserver.stop()


def test_without_a_daemon_it_says_so(tmp_path):
    done = run("reload", configuration(tmp_path))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"lvsmon reload: no daemon runs here: there is no {tmp_path}/control.sock\n"


def test_a_stopped_daemon_does_not_hang_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("lvsmon.cli.asking.LONG", 0.2)
    realserver = Realserver()
    path = configuration(tmp_path, virtual=web(realserver))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        daemon.send(signal.SIGSTOP)
        done = run("reload", path)
        daemon.send(signal.SIGCONT)
        assert done.exit_code == 3
        assert f"(pid {daemon.process.pid}) does not answer within 0.2 s: it is stopped, or overloaded" in done.stderr
    realserver.stop()
