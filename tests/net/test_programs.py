"""Programs, really run: bounded in every way, ended with all that they began, and none of them in anybody's way."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net import programs
from lvsmon.net.programs import Program
from lvsmon.net.reactor import Reactor
from lvsmon.net.sockets import SocketConnector
from reactors import completed

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it changes to another user")


def program(*argv, **more):
    defaults = {"environment": {"PATH": "/usr/bin:/bin"}, "identity": repr(argv), "trusted": True}
    return Program(argv=argv, **(defaults | more))


def shell(script, **more):
    return program("/bin/sh", "-c", script, **more)


async def ended(engine, asked):
    net = SocketConnector(engine, PhaseTrace())
    try:
        return await (await net.start_program(asked)).ended()
    finally:
        net.close_all()


def run(asked, timeout=30.0):
    """Return how the program ended; raise TimeoutError (it is being ended then) after ``timeout``."""
    return completed(lambda engine: ended(engine, asked), timeout)


def fault(asked):
    with pytest.raises(LocalFault) as caught:
        run(asked)
    return caught.value


def gone(pid, within=10.0):
    """Wait until there is no such process, not even a zombie."""
    until = time.monotonic() + within
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, Path(f"/proc/{pid}/status").read_text()
    return True


def pid_in(path, within=10.0):
    """Wait until a program has written its number."""
    until = time.monotonic() + within
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < until
    return int(path.read_text())


def test_code_output_and_errors():
    seen = run(shell("echo out; echo err >&2; exit 3"))
    assert (3, None, b"out\n", b"err\n") == (seen.code, seen.signal, seen.output, seen.errors)
    assert b"out\nerr\n" == run(shell("echo out; echo err >&2", merge=True)).output


def test_a_signal_is_told_by_its_name():
    seen = run(shell("kill -SEGV $$"))
    assert (None, "SIGSEGV") == (seen.code, seen.signal)


def test_what_a_program_is_given():
    """Nothing to read, three descriptors, the environment and no more, the directory, the umask, default signals."""
    script = "cat; ls /proc/self/fd | wc -l; env | sort; pwd; umask; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    environment = {"PATH": "/usr/bin:/bin", "A": "b \udcff"}
    lines = run(shell(script, environment=environment, directory="/usr", umask=0o027)).output.splitlines()
    assert [b"4", b"A=b \xff", b"PATH=/usr/bin:/bin", b"PWD=/usr", b"/usr", b"0027"] == lines[:6]  # ls itself opens one
    libc_only = 3 << 31  # signals 32 and 33: glibc's posix_spawn ignores them, and nobody else may use them
    assert {0} == {int(line.split()[1], 16) & ~libc_only for line in lines[6:]}


def test_words_reach_the_program_as_they_are():
    assert b"$(id) `id` ; * '\n" == run(program("/bin/echo", "$(id) `id` ; * '")).output


def test_a_name_is_looked_for_where_it_is_said(tmp_path):
    (tmp_path / "look").write_text("#!/bin/sh\necho found $0")
    (tmp_path / "look").chmod(0o755)
    assert f"found {tmp_path}/look\n".encode() == run(program("look", search=("/nonexistent", str(tmp_path)))).output
    assert Reason.MISSING_PROGRAM is fault(program("look", search=("/nonexistent",))).reason


def test_what_cannot_be_started_says_why(tmp_path):
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "orphan").write_text("#!/nonexistent/perl\n")
    (tmp_path / "text").write_text("echo hello\n")
    for name in ("orphan", "text"):
        (tmp_path / name).chmod(0o755)
    for name, reason, words in (
        ("nothing", Reason.MISSING_PROGRAM, "no such file"),
        ("plain", Reason.LOCAL_PERMISSION, "permission denied"),
        ("orphan", Reason.MISSING_PROGRAM, "its first line (#!) names is not there"),
        ("text", Reason.MISSING_PROGRAM, "a script begins with a line such as #!/bin/sh"),
        ("", Reason.LOCAL_PERMISSION, "permission denied"),
    ):
        error = fault(program(f"{tmp_path}/{name}"))
        assert (reason, True) == (error.reason, words in str(error)), str(error)
    error = fault(program("/bin/true", directory="/nonexistent"))
    assert (Reason.LOCAL_FAULT, True) == (error.reason, "in the directory /nonexistent" in str(error))
    error = fault(program("/bin/true", user="nobody-of-this-name"))
    assert (Reason.LOCAL_FAULT, True) == (error.reason, "no such user" in str(error))
    assert "too long" in str(fault(program("/bin/true", "x" * 200_000)))


def test_output_is_bounded_and_the_beginning_is_kept():
    """A program that says too much is heard out, one that never ends is killed; neither holds more than was asked."""
    seen = run(shell("seq 100000; exit 4", max_output=10))
    assert (4, b"1\n2\n3\n4\n5\n", True) == (seen.code, seen.output, seen.truncated)
    error = fault(program("/usr/bin/yes"))
    assert (Reason.LOCAL_RESOURCES, True) == (error.reason, "wrote more than" in str(error))


def test_the_deadline_ends_the_whole_group(tmp_path):
    """What the program began goes with it: TERM, and KILL for those that do not listen."""
    deaf = (
        f"trap '' TERM; (trap '' TERM; echo $BASHPID > {tmp_path}/child; sleep 60) & echo $$ > {tmp_path}/leader; wait"
    )
    with pytest.raises(TimeoutError):
        run(program("/bin/bash", "-c", deaf), timeout=0.5)
    assert all(gone(pid_in(tmp_path / name)) for name in ("leader", "child"))


def test_a_program_may_tidy_up_at_the_deadline(tmp_path):
    with pytest.raises(TimeoutError):
        run(
            shell(f"trap 'echo bye > {tmp_path}/last; exit' TERM; echo $$ > {tmp_path}/pid; sleep 60 & wait"),
            timeout=0.5,
        )
    assert gone(pid_in(tmp_path / "pid"))
    assert "bye\n" == (tmp_path / "last").read_text()


def test_what_is_left_in_the_background_holds_nothing_up_and_goes(tmp_path):
    seen = run(shell(f"sleep 60 & echo $! > {tmp_path}/left; echo done"))
    assert (0, b"done\n") == (seen.code, seen.output)
    assert gone(pid_in(tmp_path / "left"))


def test_a_stopped_program_is_ended(tmp_path):
    with pytest.raises(TimeoutError):
        run(shell(f"echo $$ > {tmp_path}/pid; kill -STOP $$"), timeout=0.5)
    assert gone(pid_in(tmp_path / "pid"))


@pytest.mark.slow
def test_the_next_run_waits_for_the_end_of_the_one_before(tmp_path):
    """Never two at once of one probe; others do not wait."""
    deaf = program("/bin/bash", "-c", f"trap '' TERM; echo $$ >> {tmp_path}/pids; while :; do sleep 0.01; done")

    with pytest.raises(TimeoutError):
        run(deaf, 0.4)
    assert run(program("/bin/echo", "other")).code == 0
    with pytest.raises(TimeoutError):
        run(deaf, 0.1)  # the first has half a second to end
    with pytest.raises(TimeoutError):
        run(deaf, 1.2)
    first, second = (tmp_path / "pids").read_text().split()
    assert gone(int(first))
    assert gone(int(second))


def test_a_fork_bomb_is_killed_and_harms_nobody():
    """It is a small one, of 511 processes at most; meanwhile another program runs as ever."""
    bomb = "f() { if [ $1 -lt 8 ]; then f $(($1+1)) | f $(($1+1)) & fi; sleep 3; }; f 0; sleep 9"

    with Reactor() as reactor:
        killed = reactor.start(ended(reactor, program("/bin/bash", "-c", bomb, max_processes=30)), lambda _: None)
        (other,) = reactor.complete(ended(reactor, shell("echo fine")))
        reactor.turn_until(lambda: killed.done)
    assert "more than 30 processes" in str(killed.error)
    assert b"fine\n" == other.output


def test_limits():
    script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 0.02; done; ulimit -Ht; ulimit -Hn; ulimit -v; ulimit -c"
    assert [b"8", b"99", b"262144", b"0"] == run(
        shell(script, max_cpu=7, max_files=99, max_memory=256 << 20)
    ).output.split()
    greedy = "x = bytearray(300 << 20)"
    assert 1 == run(program(sys.executable, "-I", "-S", "-c", greedy, max_memory=256 << 20)).code


@pytest.mark.slow
def test_processor_time_is_bounded():
    assert "SIGXCPU" == run(shell("while :; do :; done", max_cpu=1)).signal


@ROOT_ONLY
def test_another_user(tmp_path):
    seen = run(shell("id -u; id -G; echo $HOME $USER", user="nobody"))
    assert [b"65534", b"65534", b"/nonexistent nobody"] == seen.output.splitlines()
    tmp_path.chmod(0o700)
    (tmp_path / "look").write_text("#!/bin/sh\n")
    (tmp_path / "look").chmod(0o755)
    assert Reason.LOCAL_PERMISSION is fault(program(f"{tmp_path}/look", user="nobody")).reason


@ROOT_ONLY
@pytest.mark.parametrize("way", ["file", "owner", "group", "folder", "link"])
def test_root_runs_nothing_that_others_may_change(tmp_path, way):
    """Neither the file nor a folder on the way to it; unless that is said; other users run what they like."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    path = folder / "look"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    assert 0 == run(program(str(path), trusted=False)).code
    match way:
        case "file":
            path.chmod(0o757)
        case "owner":
            os.chown(path, 65534, 0)
        case "group":
            os.chown(path, 0, 65534)
            path.chmod(0o775)
        case "folder":
            folder.chmod(stat.S_IRWXU | stat.S_IRWXO)
        case "link":
            path.rename(tmp_path / "real")
            (tmp_path / "real").chmod(0o777)
            path.symlink_to(tmp_path / "real")
    error = fault(program(str(path), trusted=False))
    assert (Reason.LOCAL_PERMISSION, True) == (error.reason, "others than root may change" in str(error))
    assert 0 == run(program(str(path), trusted=True)).code


@pytest.mark.slow
def test_hundreds_at_once():
    with Reactor() as reactor:
        seen = reactor.complete(*(ended(reactor, shell(f"echo {n}")) for n in range(300)))
    assert [f"{n}\n".encode() for n in range(300)] == [one.output for one in seen]


def _spawner():
    """Return the process id of what starts the programs of this process."""
    return int(run(shell("echo $PPID")).output)


def test_the_starter_of_programs_is_replaced_when_it_dies():
    """What ran under it says nothing; the next program runs."""

    with Reactor() as reactor:
        long = reactor.start(ended(reactor, shell("sleep 60")), lambda _: None)
        (seen,) = reactor.complete(ended(reactor, shell("echo $PPID")))
        before = int(seen.output)
        os.kill(before, signal.SIGKILL)
        reactor.turn_until(lambda: long.done)
        assert isinstance(long.error, LocalFault)
        assert "has died" in str(long.error)
    os.waitpid(before, 0)  # a program that is asked of one that is still dying goes with it
    assert before != _spawner()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_do_not_end_the_starter_of_programs(number):
    """A service manager sends them to the whole group; it ends when lvsmon has ended."""
    before = _spawner()
    os.kill(before, number)
    assert before == _spawner()


@pytest.mark.slow
def test_no_program_outlives_lvsmon(tmp_path):
    """Killed without a word, it leaves nothing that runs: neither its programs nor what starts them."""
    code = (
        "from test_programs import run, shell\n"
        f"run(shell('echo $$ > {tmp_path}/pid; echo $PPID > {tmp_path}/parent; sleep 60'), 90)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parent.parent}"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as lvsmon:
        pids = [pid_in(tmp_path / name) for name in ("pid", "parent")]
        lvsmon.kill()
    assert all(gone(pid) for pid in pids)


def test_what_escapes_is_reaped(tmp_path):
    """A program that makes itself a daemon leaves the group; it is left alone, and is no zombie when it ends."""
    run(shell(f"setsid sh -c 'echo $$ > {tmp_path}/pid; sleep 0.2' > /dev/null 2>&1 & sleep 0.1"))
    assert gone(pid_in(tmp_path / "pid"))


def test_the_engine_is_all_it_waits_on():
    assert not {"asyncio", "time", "select"} & vars(programs).keys()


def test_standard_input_is_what_was_given_to_its_end():
    """However much it is, and whoever runs it; without anything it is empty."""
    assert b"" == run(shell("cat")).output
    assert b"one\ntwo" == run(shell("cat", stdin=b"one\ntwo")).output
    assert b"1048576\n" == run(shell("wc -c", stdin=b"x" * 1048576)).output
    assert b"first" == run(shell('read a; printf %s "$a"; :', stdin=b"first\nsecond\n")).output


@ROOT_ONLY
def test_standard_input_of_another_user():
    assert b"one\n" == run(shell("cat; test ! -s /dev/stdin", stdin=b"one\n", user="nobody")).output


def test_what_was_given_is_held_open_by_nobody_afterwards():
    """Neither by lvsmon nor by the spawner, whether the program ran, could not be started or was given up."""
    spawner = Path("/proc", run(shell("echo $PPID")).output.decode().strip(), "fd")
    held = [sum(1 for _ in fds.iterdir()) for fds in (Path("/proc/self/fd"), spawner)]
    run(shell("cat", stdin=b"one"))
    fault(program("/no/such/program", stdin=b"one"))
    endless = shell("exec sleep 100", stdin=b"one")
    for _ in range(3):  # the last two wait for the first one's end
        with pytest.raises(TimeoutError):
            run(endless, 0.02)
    run(shell("true", stdin=b"one", identity=endless.identity))
    assert held == [sum(1 for _ in fds.iterdir()) for fds in (Path("/proc/self/fd"), spawner)]


def test_two_event_loops_that_ask_at_once_start_one_spawner(monkeypatch):
    """Probes and alerts have a loop each: a second spawner would take the first one's programs with it."""
    monkeypatch.setattr(programs, "_spawner", None)
    together = threading.Barrier(4)

    def ask(_):
        together.wait()
        return run(shell("echo $PPID")).output

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(ask, range(4)))) == 1
