"""The commands that ask the daemon, against one that runs: rs1 listens, rs2 does not."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, Realserver, configuration, web
from lvsmon.cli import main
from oneshot_support import refusing

SORRY = 'sorry = { address = "127.0.0.99", port = 81 }'


class Dead:
    def __init__(self, port):
        self.address, self.port = "127.0.0.2", port


def weights(path):
    (virtual,) = json.loads(run("status -o json", path).stdout)["virtuals"]
    return [(each["weight"]["desired"], each["weight"]["observed"], each["health"]) for each in virtual["destinations"]]


@pytest.fixture(scope="module")
def director(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operating")
    alive = Realserver()
    with refusing("127.0.0.2") as port:
        path = configuration(folder, virtual=web(alive, Dead(port), extra=f"weight = 3\n{SORRY}"))
        with DaemonProcess(path) as daemon:
            daemon.path, daemon.alive, daemon.dead = path, alive, Dead(port)
            daemon.wait_for("control_listening")
            deadline = time.monotonic() + 15
            while weights(path) != [(3, 3, "UP"), (0, 0, "DOWN")]:
                assert time.monotonic() < deadline
            yield daemon
            assert 0 == daemon.end()
    alive.stop()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("LVSMON_CONFIG", "LVSMON_SOCKET", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def run(words, path):
    return CliRunner().invoke(main, [*shlex.split(words), "--config", str(path)])


def document(words, path, code=0):
    done = run(f"{words} --output json", path)
    assert (done.exit_code, done.stderr) == (code, "")
    return json.loads(done.stdout)


def test_status_shows_health_weights_and_what_was_seen(director, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = run("status", director.path)
    assert (done.exit_code, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"lvsmon 0.1.0 (pid {director.process.pid}), running for ")
    assert lines[0].endswith("1 of 2 destinations up")
    assert lines[2] == "web  192.0.2.10:80/tcp  wlc  1 of 2 up  0 conn/s"
    assert lines[4].split()[:2] == ["rs1", "UP"]
    assert lines[4].split()[3:] == ["3", "0", "0", "0", "0"]
    assert lines[5].strip().startswith("tcp connected in ")
    assert lines[6].split()[:2] == ["rs2", "DOWN"]
    assert "0 of 3" in lines[6]
    assert lines[7].strip() == "tcp connection refused: nothing listens on the port"
    assert max(map(len, lines)) <= 80


def test_status_as_json_has_the_same_and_more(director):
    found = document("status", director.path, 1)
    (virtual,) = found["virtuals"]
    first, second = virtual["destinations"]
    assert (found["version"], found["daemon"]["pid"], found["paused"]) == (1, director.process.pid, None)
    assert [each["health"] for each in (first, second)] == ["UP", "DOWN"]
    assert first["weight"] == {"configured": 3, "desired": 3, "observed": 3}
    assert second["weight"] == {"configured": 3, "desired": 0, "observed": 0}
    assert second["probes"][0]["last"]["reason"] == "refused"
    assert found["at"] - 5 < first["probes"][0]["last"]["at"] <= found["at"]
    assert virtual["sorry"]["weight"]["observed"] is None


@pytest.mark.parametrize(
    ("words", "names"),
    [("rs1", ["rs1"]), ("web", ["rs1", "rs2"]), ("rs2 rs1", ["rs1", "rs2"]), ("--problems", ["rs2"])],
)
def test_names_and_problems_limit_what_is_shown(director, words, names):
    (virtual,) = document(f"status {words}", director.path, 1 if "rs2" in names else 0)["virtuals"]
    assert [each["realserver"] for each in virtual["destinations"]] == names


@pytest.mark.parametrize("words", ["status rs7", "explain rs7", "explain web/rs7", "probe --dest 10.9.9.9"])
def test_a_name_that_is_not_there_is_wrong_usage(director, words):
    done = run(words, director.path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no virtual service and no realserver is named" in done.stderr


def test_a_watch_looks_again_until_it_is_interrupted(director):
    """Without a terminal: one text, or one line of JSON, for each look."""
    words = [sys.executable, "-m", "lvsmon", "status", "-w", "-n", "500ms", "-o", "json", "-c", str(director.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watching:
        first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
        watching.send_signal(signal.SIGINT)
        assert 0 == watching.wait(15)
    assert 0.4 < second["at"] - first["at"] < 10


def test_explain_tells_what_was_seen_decided_and_written_in_order(director):
    done = run(f"explain 127.0.0.2:{director.dead.port}", director.path)
    assert (done.exit_code, done.stderr) == (0, "")
    parts = [
        "web/rs2",
        "DOWN for ",
        "weight 0 in the kernel, as it should be; 3 is configured",
        "Why:",
        "DOWN: weight 0 (on_failure = quiesce)",
        "every 200ms, UP after 2 passes, DOWN after 2 failures",
        "x FAIL (refused) connection refused",
        "What happened:",
        f"written  ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.2:{director.dead.port} -m -w 0",
        "UNKNOWN → DOWN",
    ]
    places = [done.stdout.find(part) for part in parts]
    assert [-1, *places] == sorted({-1, *places}), done.stdout


def test_a_sorry_server_is_explained_by_its_address(director):
    (found,) = document("explain 127.0.0.99", director.path)["destinations"]
    assert (found["rule"], found["weight"]["observed"], found["weight"]["desired"]) == ("sorry", None, None)
    assert "out" in found["because"][-1]


def test_explain_as_json_counts_every_outcome(director):
    (found,) = document("explain web/rs1", director.path)["destinations"]
    (stretches,) = found["outcomes"].values()
    assert [each["verdict"] for each in stretches] == ["PASS"]
    assert stretches[0]["count"] >= 2
    assert found["virtual"] == {"name": "web", "key": "192.0.2.10:80/tcp"}
    assert found["rule"] == "configured"


def test_probe_dest_is_the_daemons_own_run_and_counts(director):
    done = run("probe --dest web/rs2", director.path)
    assert (done.exit_code, done.stderr) == (1, "")
    assert f"-- connecting to 127.0.0.2 port {director.dead.port}" in done.stdout
    assert "FAIL (refused): connection refused" in done.stdout
    assert re.search(r"  counted: DOWN, (failure 2 of 2|\d+ failures in a row)\n$", done.stdout)
    before = _runs("web/rs1", director.path)
    found = document("probe --dest web/rs1", director.path)
    (ran,) = found["runs"]
    assert (ran["verdict"], ran["after"]["health"], found["exit_code"]) == ("PASS", "UP", 0)
    assert [each["event"] for each in ran["transcript"]] == ["connecting", "connected"]
    assert _runs("web/rs1", director.path) > before


def _runs(dest, path):
    (found,) = document(f"explain {dest}", path)["destinations"]
    return sum(each["count"] for stretches in found["outcomes"].values() for each in stretches)


def test_plan_says_what_a_reload_would_change_and_changes_nothing(director):
    done = run("plan", director.path)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "# nothing would change\n", "")
    before = document("status", director.path, 1)
    file = director.path.parent / "monitors.d" / "web.toml"
    kept = file.read_text()
    try:
        configuration(
            director.path.parent,
            virtual=web(director.alive, extra='weight = 7\nscheduler = "rr"', probe='kind = "tcp"\nfall = 5'),
        )
        done = run("plan", director.path)
        assert (done.exit_code, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert lines[:2] == [
            "ipvsadm -E -t 192.0.2.10:80 -s rr",
            f"ipvsadm -d -t 192.0.2.10:80 -r 127.0.0.2:{director.dead.port}",
        ]
        place = f"tcp:127.0.0.1:{director.alive.port}#"
        assert lines[2].startswith(f"# probe changed: {place}")
        assert lines[2].endswith(" for web/rs1: fall")
        assert lines[3].startswith(f"# probe gone: tcp:127.0.0.2:{director.dead.port}#")
        file.write_text(kept.replace("[[virtual]]", "[[virtual]]\nschedular = 1"))
        done = run("plan", director.path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert 'did you mean "scheduler"?' in done.stderr
    finally:
        file.write_text(kept)
    after = document("status", director.path, 1)
    assert before["virtuals"][0]["destinations"][1]["weight"] == after["virtuals"][0]["destinations"][1]["weight"]
    assert "# nothing would change" in run("plan", director.path).stdout


def test_who_may_not_connect_is_told_who_may(director, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("lvsmon.control.client.socket.socket.connect", refuse)
    done = run("status", director.path)
    owner = director.path.owner()
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("lvsmon status: not permitted to ask the daemon: ")
    assert done.stderr.endswith(f"control.sock is for {owner}: run as {owner}\n")


def test_colour_is_there_only_where_it_is_asked_for(director):
    assert "\x1b" not in run("status", director.path).stdout
    assert "\x1b[1;31mDOWN\x1b[0m" in run("status --colour always", director.path).stdout


def test_the_socket_can_be_named(director, monkeypatch):
    socket = director.path.parent / "control.sock"
    assert 1 == CliRunner().invoke(main, ["status", "--socket", str(socket)]).exit_code
    monkeypatch.setenv("LVSMON_SOCKET", str(socket))
    assert 1 == CliRunner().invoke(main, ["status"]).exit_code
