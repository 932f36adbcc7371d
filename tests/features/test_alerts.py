"""From a dead realserver to a channel's other side: told once when it begins and once when it is over."""

import json
import signal

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, configuration, web
from lvsmon.cli import main as cli

pytestmark = pytest.mark.slow


def routes(tmp_path):
    told = tmp_path / "told.jsonl"
    return told, (
        f'[channel.book]\nkind = "file"\npath = "{told}"\n'
        f'[channel.program]\nkind = "exec"\ncommand = ["/bin/sh", "-c", "cat > {tmp_path}/program.json"]\n'
        '[[alert]]\nname = "all"\nto = ["book", "program"]\ngroup_wait = "100ms"\n'
    )


def lines(told):
    return [json.loads(line) for line in told.read_text().splitlines()]


def test_an_incident_is_told_when_it_opens_and_when_it_is_over_and_not_again_after_kill_9(tmp_path, rs):
    told, main = routes(tmp_path)
    path = configuration(tmp_path, main=main, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        rs.stop()
        daemon.wait_for("alert_delivered", channel="book")
        daemon.wait_for("alert_delivered", channel="program")
        (opened,) = lines(told)
        assert ("opened", "down", "all") == (opened["stage"], opened["severity"], opened["route"])
        assert "0 of 1 destinations serve" in opened["text"]
        assert opened["id"] == json.loads((tmp_path / "program.json").read_text())["id"]
        assert -signal.SIGKILL == daemon.end(signal.SIGKILL)
    with DaemonProcess(path) as daemon:
        daemon.wait_for("started")
        rs.start()
        daemon.wait_for("ipvs_write", command="-w 1")
        daemon.wait_for("alert_delivered", channel="book")
        first, last = lines(told)
        assert (first["id"], "resolved", first["incident"]) == (opened["id"], last["stage"], last["incident"])
        assert 0 == daemon.end()


def test_a_configuration_that_is_refused_is_told_until_one_is_taken(tmp_path, rs):
    """However it was to be loaded: by the control socket, or by SIGHUP. What is refused again is no news."""
    told, main = routes(tmp_path)
    path = configuration(tmp_path, main=main, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        stages = []
        for reload in (lambda: control(path), lambda: daemon.send(signal.SIGHUP)):
            configuration(tmp_path, main=main, virtual=web(rs, extra='schedular = "wlc"'))
            control(path)
            reload()
            daemon.wait_for("alert_delivered", channel="book")
            configuration(tmp_path, main=main, virtual=web(rs))
            reload()
            daemon.wait_for("alert_delivered", channel="book")
            stages += ["opened", "resolved"]
            assert [(one["severity"], one["stage"]) for one in lines(told)] == [
                ("config_refused", one) for one in stages
            ]
        assert 'did you mean "scheduler"?' in lines(told)[0]["text"]


def control(path):
    return CliRunner().invoke(cli, ["reload", "--config", str(path)])
