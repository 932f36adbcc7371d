"""The kernel lab's launcher against kernels that misbehave: each is a shell script in the place of user-mode linux."""

import os
import select
import signal
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace

import pytest

from kernel.lab import boot, packages
from kernel.lab.sharing import mine

FIND_RESULTS = (
    "for word; do case $word in init=*) results=${word#init=}; results=${results%/init.sh};;"
    " LVSMON_LAB_GUEST=*) guest=${word#*=};; esac; done\n"
)


@pytest.fixture
def job(tmp_path):
    """Return what makes a job for a kernel that does ``script``.

    $results is the folder that the guest may write to, $guest its number.
    """

    def make(script, limit=20.0, guests=1):
        kernel = tmp_path / "linux.uml"
        kernel.write_text(f"#!/bin/sh\n{FIND_RESULTS}{script}\n")
        kernel.chmod(0o755)
        return boot.Job(
            kernel=kernel, script="true", checkout=Path.cwd(), packages=tmp_path, limit=limit, guests=guests
        )

    return make


@pytest.mark.parametrize("status", [0, 1, 5])
def test_the_exit_status_comes_out_and_the_console_is_handed_on(job, capfdbinary, status):
    assert boot.run(job(f"printf 'hello\\r\\n'; echo {status} >$results/status-1")) == (status, [])
    assert capfdbinary.readouterr().out == b"hello\n"


def test_several_guests_are_one_run(job, capfdbinary):
    """Each line of a console says whose it is, the worst exit status counts, and all that was told comes out."""
    told = "printf 'hel'; printf 'lo\\nbye'; echo $guest >$results/told-$guest; echo $guest >$results/status-$guest"
    assert boot.run(job(told, guests=2)) == (2, ["1\n", "2\n"])
    assert sorted(capfdbinary.readouterr().out.splitlines()) == [b"1| bye", b"1| hello", b"2| bye", b"2| hello"]


@pytest.mark.parametrize("dead", [1, 2])
def test_one_dead_guest_fails_the_run(job, dead):
    with pytest.raises(boot.GuestFailed, match=rf"without an exit status; .*\n  \| I am {dead}$"):
        boot.run(job(f"echo I am $guest; [ $guest = {dead} ] || echo 0 >$results/status-$guest", guests=2))


def test_a_test_is_done_by_one_guest_and_none_is_left_out(tmp_path):
    """Whatever the order in which the guests come to them."""
    items = [SimpleNamespace(nodeid=f"tests/kernel/test_{number}.py::test[{number}/x]") for number in range(20)]
    guests = [mine(items, tmp_path), mine(items[::-1], tmp_path)]
    done = [item for pair in zip_longest(*guests) for item in pair if item]
    assert sorted(item.nodeid for item in done) == sorted(item.nodeid for item in items)


@dataclass
class Held:
    """A pipe that the guest's processes hold while they live."""

    path: Path
    end: int

    def read(self):
        """Return what comes next; nothing is the end of the last process that held the pipe."""
        assert select.select([self.end], [], [], 10.0)[0], "nothing, and a process of the guest still holds the pipe"
        return os.read(self.end, 10)


@pytest.fixture
def held(tmp_path):
    path = tmp_path / "held"
    os.mkfifo(path)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield Held(path, end)
    os.close(end)


@pytest.mark.parametrize("guests", [1, 2])
def test_a_hung_guest_is_ended_with_all_its_processes(job, held, guests):
    """The programs of a guest are processes of the host: none may stay."""
    with pytest.raises(boot.GuestFailed, match=r"not done after 0\.5 s; .*(\n  \| booting)+$"):
        boot.run(job(f"exec 3>{held.path}; echo up >&3; sleep 60 & echo booting; wait", limit=0.5, guests=guests))
    assert held.read() == b"up\n" * guests
    assert held.read() == b""


def test_a_panic_shows_the_last_console_lines(job):
    with pytest.raises(boot.GuestFailed, match=r"without an exit status; .*\n  \| Kernel panic$"):
        boot.run(job("echo 'Kernel panic'; exit 134"))


def test_a_kernel_that_cannot_start_says_why(job):
    broken = job("true")
    broken.kernel.chmod(0o644)
    with pytest.raises(boot.GuestFailed, match="Permission denied"):
        boot.run(broken)


def test_no_guest_outlives_a_killed_launcher(job, held):
    """Not even kill -9 of `make lab` leaves the guest's processes on the host."""
    pid = os.fork()
    if pid == 0:
        try:
            boot.run(job(f"exec 3>{held.path}; echo up >&3; sleep 60 & wait"))
        finally:
            os._exit(1)
    assert held.read() == b"up\n"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert held.read() == b""


@pytest.mark.parametrize("harm", ["echo x >$results/../canary", "rm $results/../canary", "echo $0 >$results/written"])
def test_a_changed_host_is_a_failure_though_the_tests_passed(job, harm):
    with pytest.raises(boot.GuestFailed, match="has changed files of the host"):
        boot.run(job(f"{harm}; echo 0 >$results/status-1"))


def test_nothing_is_left_in_the_temporary_folder(job, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(boot.tempfile, "tempdir", str(place))
    boot.run(job("echo 0 >$results/status-1"))
    assert list(place.iterdir()) == []


def test_the_job_is_written_for_a_shell_whatever_the_path(job, tmp_path, capfdbinary):
    """Paths with blanks and quotes reach the guest as they are."""
    strange = tmp_path / "it's a 'path'"
    strange.mkdir()
    plain = job('. $results/job.sh; printf %s "$checkout"; (job); echo $? >$results/status-1')
    odd = boot.Job(kernel=plain.kernel, script="exit 3", checkout=strange, packages=tmp_path, limit=20.0)
    assert boot.run(odd) == (3, [])
    assert capfdbinary.readouterr().out.decode() == str(strange)


def test_a_checkout_that_the_guest_cannot_see_is_refused(job):
    hidden = boot.Job(kernel=Path("/x"), script="", checkout=Path("/run/lvsmon"), packages=Path("/x"), limit=1.0)
    with pytest.raises(packages.LabUnavailable, match=r"/run/lvsmon is under one of /run, .*: move it"):
        boot.run(hidden)


def test_a_machine_without_debian_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda _tool: None)
    monkeypatch.setattr(packages, "PACKAGES", {"no-such-package": "no-such-program"})
    with pytest.raises(packages.LabUnavailable, match="apt-get is not here"):
        packages.ensure(tmp_path / "cache")


def test_what_is_there_is_not_fetched(tmp_path, monkeypatch):
    """A second run needs no apt and no network; a link that leads nowhere here is right in the guest."""
    monkeypatch.setattr(packages.shutil, "which", lambda _tool: None)
    monkeypatch.setattr(packages, "PACKAGES", {"one": "lab-program", "two": Path(sys.executable).name, "base": "sh"})
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/lab-program").symlink_to("/bin/not-on-this-host")
    (tmp_path / "usr/bin" / Path(sys.executable).name).touch()
    packages.ensure(tmp_path)
