"""The daemon on a disk that fails: the table goes on being right, and nothing that fits into memory is lost."""

import errno
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from daemon_process import DaemonProcess, configuration, web
from lvsmon.model.history import EntryKind
from lvsmon.store import Store

pytestmark = pytest.mark.slow

TINY = "600k"
MOUNT = f'mount -t tmpfs -o size={TINY} none "$0" && exec "$@"'


def own_mounts(folder):
    """Return a command that begins another one with a disk of its own in ``folder``, as few bytes as there can be."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    command = [*unshare, "sh", "-c", MOUNT, str(folder)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace can be had here (the kernel or a container forbids it)")
    return command


def fill(path):
    """Write until there is not a byte left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017


def test_a_full_disk_is_survived_said_once_and_made_good(tmp_path, rs):
    """A real file system without a free byte: 600 kB in a mount namespace of the daemon's own."""
    path = configuration(tmp_path, virtual=web(rs))
    state = tmp_path / "state"
    state.mkdir()
    with DaemonProcess(path, prefix=own_mounts(state)) as daemon:
        daemon.wait_for("transition", after="UP")
        inside = Path(f"/proc/{daemon.process.pid}/root{state}")
        fill(inside / "filling")
        for change, weight in ((rs.stop, 0), (rs.start, 1), (rs.stop, 0)):
            change()
            daemon.wait_for("ipvs_write", command=f"-w {weight}")
        if "state_not_saved" not in daemon.names:
            daemon.wait_for("state_not_saved", what="the disk is full")
        (inside / "filling").unlink()
        daemon.wait_for("state_saved_again", entries_lost="0")
        assert daemon.process.poll() is None
        (tmp_path / "copy").mkdir()
        for name in ("state.db", "state.db-wal"):  # SQLite does not find its way through /proc
            shutil.copy(inside / name, tmp_path / "copy" / name)
        with Store.open(tmp_path / "copy") as store:
            written = store.history.entries([EntryKind.HEALTH])
            notices = store.history.entries([EntryKind.NOTICE])
        assert ["UNKNOWN", "UP", "DOWN", "UP", "DOWN"] == [one.after for one in written]
        assert ["nothing was lost" in one.what for one in notices] == [True]
        assert 0 == daemon.end()
    assert 1 == daemon.names.count("state_not_saved")


def test_a_director_whose_disk_is_full_at_its_start_does_its_work(tmp_path, rs):
    """It goes on from what can still be read, and saves when there is room."""
    path = configuration(tmp_path, virtual=web(rs))
    state = tmp_path / "state"
    state.mkdir()
    look = shlex.join([sys.executable, "-m", "lvsmon", "check", "--apply", "--config", str(path)])
    before = f'{look} > /dev/null; dd if=/dev/zero of="$0/filling" bs=4k 2> /dev/null; exec "$@"'
    with DaemonProcess(path, prefix=[*own_mounts(state), "sh", "-c", before, str(state)]) as daemon:
        assert "waits in memory" in daemon.wait_for("state_note")["what"]
        daemon.wait_for("ipvs_write", command="-w 1")
        inside = Path(f"/proc/{daemon.process.pid}/root{state}")
        (inside / "filling").unlink()
        daemon.wait_for("state_saved_again", entries_lost="0")
        assert 0 == daemon.end()
    assert 1 == daemon.names.count("state_not_saved")


def test_a_file_damaged_while_it_is_open_is_set_aside_and_the_daemon_goes_on(tmp_path, rs):
    path = configuration(tmp_path, virtual=web(rs))
    database = tmp_path / "state" / "state.db"
    with DaemonProcess(path) as daemon:
        daemon.wait_for("transition", after="UP")
        with sqlite3.connect(database) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        with database.open("r+b") as file:
            file.write(b"\xee" * database.stat().st_size)
        rs.stop()
        daemon.wait_for("ipvs_write", command="-w 0")
        assert 0 == daemon.end()
    with DaemonProcess(path) as daemon:
        daemon.wait_for("started")
        assert 0 == daemon.end()
        assert "Traceback" not in "".join(daemon.said)
    with sqlite3.connect(database) as after:
        assert [("ok",)] == after.execute("PRAGMA integrity_check").fetchall()
    after.close()


def test_the_interpreter_is_not_kept_by_a_lock_that_is_never_released(tmp_path, rs):
    """Another program that keeps the file locked is a disk that hangs: the table follows, the end comes in time."""
    path = configuration(tmp_path, virtual=web(rs))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("transition", after="UP")
        locker = subprocess.Popen(
            [sys.executable, "-c", LOCKER, str(tmp_path / "state" / "state.db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        with locker:
            assert b"locked\n" == locker.stdout.readline()
            rs.stop()
            daemon.wait_for("ipvs_write", command="-w 0")
            rs.start()
            daemon.wait_for("ipvs_write", command="-w 1")
            assert 0 == daemon.end()
            assert [] == [each for each in daemon.events if each.get("verdict") == "UNKNOWN"]
            locker.stdin.close()


LOCKER = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
