"""Maintenance windows of the running daemon, and of one look."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon_process import DaemonProcess, configuration, web
from lvsmon.config import load
from lvsmon.past.look import look_at_availability
from lvsmon.past.timeline import State

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "maintenance-windows.md"


def window(begun, purpose="disable"):
    """Return a daily window of two hours that began at the time ``begun``."""
    start = time.strftime("%M %H * * *", time.gmtime(begun))
    return (
        f'[[maintenance]]\nname = "backup"\nstart = "{start}"\nduration = "2h"\ntimezone = "UTC"\n'
        f'virtuals = ["web"]\npurpose = "{purpose}"\n'
    )


OPEN, SHUT = time.time() - 60, time.time() + 6 * 3600


def test_an_open_window_takes_out_outlives_a_restart_and_ends_with_a_reload(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs, extra="") + window(OPEN))
    for _ in range(2):
        with DaemonProcess(path) as daemon:
            daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 0")
            assert "maintenance window backup until" in daemon.wait_for("notice", kind="maintenance")["what"]
            assert 0 == daemon.end()
            assert "-w 1" not in str(daemon.events)
    with DaemonProcess(path) as daemon:
        daemon.wait_for("ipvs_write", command="-w 0")
        configuration(tmp_path, virtual=web(rs) + window(SHUT))
        daemon.send(signal.SIGHUP)
        daemon.wait_for("ipvs_write", command="-w 1")
        assert "notice_over" in daemon.names or daemon.wait_for("notice_over", kind="maintenance")
        assert 0 == daemon.end()
    now = time.time()
    (shop,) = look_at_availability(tmp_path / "state", now - 3600, now, now=now, names=["web"])
    assert shop.figures.seconds[State.PLANNED] > 0


def test_in_a_quiet_window_weights_follow_health_and_what_fails_is_as_planned(tmp_path, rs):
    with DaemonProcess(configuration(tmp_path, virtual=web(rs) + window(OPEN, "quiet"))) as daemon:
        daemon.wait_for("ipvs_write", command="-w 1")
        rs.stop()
        assert "info" == daemon.wait_for("transition", after="DOWN")["level"]
        daemon.wait_for("ipvs_write", command="-w 0")
        assert 0 == daemon.end()
    now = time.time()
    (shop,) = look_at_availability(tmp_path / "state", now - 3600, now, now=now, names=[])
    assert (0.0, True) == (shop.figures.seconds[State.DOWN], shop.figures.seconds[State.PLANNED] > 0)


def test_one_look_keeps_to_the_window_too(tmp_path, rs):
    """`lvsmon check --apply` from cron."""
    path = configuration(tmp_path, virtual=web(rs) + window(OPEN))
    made = subprocess.run(
        [sys.executable, "-m", "lvsmon", "check", "--config", str(path), "--dry-run", "--output", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (destination,) = json.loads(made.stdout)["virtuals"][0]["destinations"]
    assert ("UP", 0) == (destination["status"], destination["weight_after"])


def test_the_examples_of_the_page_load(tmp_path):
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    path = tmp_path / "lvsmon.toml"
    path.write_text("\n".join(blocks))
    assert {"backup", "rack-2-power", "load-test"} == {one.name for one in load(path).windows}
