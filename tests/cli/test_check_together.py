"""`lvsmon check` beside others, and killed in the middle."""

import os
import signal
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner

from check_support import Director
from lvsmon.cli import main
from lvsmon.store import Lock, Store

pytestmark = pytest.mark.slow


def test_beside_a_daemon_apply_refuses_and_a_look_looks(director: Director) -> None:
    """Two writers would fight over weights; the refusal names the other and says what to do."""
    with Lock.acquire(director.state, "daemon"):
        refused = director.check("--apply")
        assert (refused.exit_code, refused.stdout) == (3, "")
        assert f"lvsmon daemon (pid {os.getpid()}) holds" in refused.stderr
        assert "stop it first" in refused.stderr
        assert director.check().exit_code == 1


def test_beside_another_check_apply_gives_way(director: Director) -> None:
    """An overlapping run of cron defers: an exit code of its own, one line on standard error, UNKNOWN for Nagios."""
    with Lock.acquire(director.state, "check"):
        deferred = director.check("--apply", "--wait", "10ms")
        assert (deferred.exit_code, deferred.stdout, deferred.stderr.count("\n")) == (75, "", 1)
        assert "gives way" in deferred.stderr
        assert director.check("--apply", "-o", "nagios").exit_code == 3
    assert director.table.written == []


def test_kill_in_the_middle_harms_nothing(director: Director) -> None:
    """kill -9 while it probes: the lock is free, nothing was written, the next run works."""
    with director.probing() as killed:
        killed.kill()
        killed.wait()
    assert director.check("--apply").exit_code == 1
    with Store.read(director.state) as store:
        assert (store.notes, len(store.load_states())) == ([], 2)


def test_two_at_once(director: Director) -> None:
    """Of two processes with --apply one works and the other gives way, or waits until the first one ends."""
    with director.probing() as first:
        with director.started("--apply") as second:
            _, complaint = second.communicate()
        with director.started("--apply", "--wait", "40s") as third:
            first.kill()
            answer, _ = third.communicate()
    assert (second.returncode, third.returncode) == (75, 1)
    assert f"lvsmon check (pid {first.pid}) holds" in complaint
    assert "1 of 2 destinations up" in answer


def test_interrupt_is_told_from_down(director: Director) -> None:
    """Ctrl-C is 130, as for every program, and never "something is down"."""
    with director.probing() as process:
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert (process.returncode, complaint) == (130, "")


def test_an_interrupt_while_a_command_is_loaded_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the command itself can say so: click alone would end with 1, which is "something is down"."""

    def interrupted(name: str) -> object:
        if name.endswith(".check"):
            raise KeyboardInterrupt
        return import_module(name)

    monkeypatch.setattr(sys.modules[main.__module__], "import_module", interrupted)
    assert CliRunner().invoke(main, ["check"]).exit_code == 130
