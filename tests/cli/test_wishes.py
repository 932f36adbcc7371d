"""drain, disable, enable, weight and maintenance: against a daemon, and where none runs."""

import json
import os
import shlex
import time

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, Realserver, configuration, web
from lvsmon.cli import main
from lvsmon.config import load
from lvsmon.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("LVSMON_CONFIG", "LVSMON_SOCKET", "COLUMNS", "NO_COLOR", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def realservers():
    pair = Realserver(), Realserver("127.0.0.2")
    yield pair
    for each in pair:
        each.stop()


def run(words, path, code=0):
    done = CliRunner().invoke(main, [*shlex.split(words), "--config", str(path)])
    assert done.exit_code == code, done.output
    return done


def wishes(path):
    answer = json.loads(CliRunner().invoke(main, ["maintenance", "-o", "json", "--config", str(path)]).stdout)
    return {(each["realserver"], each["virtual"], each["name"]): each for each in answer["wishes"]}


def weights(path):
    answer = json.loads(CliRunner().invoke(main, ["status", "-o", "json", "--config", str(path)]).stdout)
    return {each["realserver"]: each["weight"]["desired"] for each in answer["virtuals"][0]["destinations"]}


def healths(path):
    answer = json.loads(CliRunner().invoke(main, ["status", "-o", "json", "--config", str(path)]).stdout)
    return {each["health"] for each in answer["virtuals"][0]["destinations"]}


def until(look, wanted):
    """Wait for what a probe decides."""
    deadline = time.monotonic() + 15
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)  # between looks


def test_reasons_add_up_outlive_kill_9_and_must_all_be_cleared(tmp_path, realservers, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    asker = "alice" if os.geteuid() == 0 else None
    path = configuration(tmp_path, virtual=web(*realservers, extra="weight = 4"))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: weights(path), {"rs1": 4, "rs2": 4})
        done = run("disable rs1 --reason disk --for 2h", path)
        head, place, write = done.stdout.splitlines()
        assert head.startswith("rs1: disabled, reason disk, by ")
        assert place == "  web: weight 0 of 4"
        assert write == f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{realservers[0].port} -m -w 0"
        told = daemon.wait_for("wish", reason="disk", realserver="rs1")
        assert asker in {None, told["by"]}
        run("drain web/rs1 --reason kernel", path)
        last = run("disable rs2", path, 1)
        assert last.stderr.splitlines() == [
            "web: nobody would serve",
            "lvsmon disable: these are the last that serve: --force does it all the same",
        ]
        assert weights(path) == {"rs1": 0, "rs2": 4}
        daemon.end(9)
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: healths(path), {"UP"})
        assert weights(path) == {"rs1": 0, "rs2": 4}
        assert set(wishes(path)) == {("rs1", None, "disk"), ("rs1", "web", "kernel")}
        several = run("enable rs1", path, 1)
        assert "there are several reasons: say --reason disk, or --all" in several.stderr
        done = run("enable rs1 --reason kernel", path)
        assert done.stdout.splitlines()[1].startswith("still there: rs1: disabled, reason disk, by ")
        assert weights(path) == {"rs1": 0, "rs2": 4}
        done = run("enable rs1 --service web", path, 1)
        assert "leave --service out" in done.stdout
        done = run("enable rs1", path)
        assert "its probes must pass once more first" in done.stdout
        daemon.wait_for("wish_cleared", reason="disk")
        until(lambda: weights(path), {"rs1": 4, "rs2": 4})
        assert run("enable rs1", path).stdout == "rs1: nothing to clear\n"
        assert 0 == daemon.end()


def test_a_reload_that_drops_the_realserver_keeps_the_wish_and_says_so(tmp_path, realservers):
    path = configuration(tmp_path, virtual=web(*realservers))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        run("disable rs2 --force", path)
        configuration(tmp_path, virtual=web(realservers[0]))
        run("reload", path)
        assert "  not in the configuration: kept until it is cleared, or over" in run("maintenance", path).stdout
        assert run("maintenance rs2", path).stdout.startswith("rs2: disabled")
        configuration(tmp_path, virtual=web(*realservers))
        run("reload", path)
        assert weights(path)["rs2"] == 0
        run("enable rs2", path)
        assert run("maintenance", path).stdout == "nobody wishes for anything: all is by configuration and health\n"


def test_a_wish_that_is_over_lets_in_again(tmp_path, realservers):
    path = configuration(tmp_path, virtual=web(realservers[0]))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: weights(path), {"rs1": 1})
        run("disable rs1 --force --for 1s", path)
        assert weights(path) == {"rs1": 0}
        until(lambda: weights(path), {"rs1": 1})
        assert wishes(path) == {}


def test_a_drain_is_waited_for_and_removed(tmp_path, realservers):
    """The memory's table has no connections, so it is drained at once."""
    path = configuration(tmp_path, virtual=web(*realservers))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: weights(path), {"rs1": 1, "rs2": 1})
        done = run("drain rs2 --remove --wait", path)
        assert done.stdout.endswith("web/rs2: out of the table\n")
        assert weights(path)["rs2"] is None
        run("enable rs2", path)
        until(lambda: weights(path), {"rs1": 1, "rs2": 1})
        assert run("drain rs2 --wait", path).stdout.endswith("web/rs2: drained, nothing is left\n")


def test_a_weight_stands_in_place_of_the_configured_one_and_the_probe_that_asks_for_less_wins(tmp_path, realservers):
    wish = tmp_path / "weight"
    wish.write_text("3\n")
    extra = f"weight = 10\n[[virtual.probe]]\nkind = 'file'\npath = '{wish}'"
    path = configuration(tmp_path, virtual=web(*realservers, extra=extra))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: weights(path), {"rs1": 3, "rs2": 3})
        done = run("weight rs1 5", path)
        assert "web: weight 3 of 10: wish 'operator' by " in done.stdout
        assert "a probe asks for weight 3 of the wished 5, which is less" in done.stdout
        run("weight rs1 2", path)
        assert weights(path) == {"rs1": 2, "rs2": 3}
        run("weight rs1 default", path)
        assert weights(path) == {"rs1": 3, "rs2": 3}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("disable", "Missing argument 'REALSERVER...'"),
        ("disable rs1 --for 2", "write a duration with its unit"),
        ("disable rs1 --for 2h --until 2027-01-01", "write one of them"),
        ("disable rs1 --until tomorrow", "write a date and time by the local clock"),
        ("disable rs1 --until 2020-01-01", "write a time in the future"),
        ("disable rs1 --reason ''", "reason"),
        ("disable rs3", "did you mean rs1?"),
        ("drain rs1 --timeout 0s", "write a duration"),
        ("drain rs1 --timeout 40d", "write a duration"),
        ("weight rs1 70000", "write a number from 0 to 65535, or default, not 70000"),
        ("weight rs1 default --for 1h", "needs no end"),
        ("maintenance nobody", "no virtual service and no realserver is named nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(tmp_path, words, complaint):
    path = configuration(tmp_path, virtual=web(Rs))
    assert complaint in run(words, path, 2).output
    assert wishes(path) == {}


class Rs:
    address, port = "127.0.0.1", 9


def test_without_a_daemon_it_is_noted_for_the_next_one_and_for_check(tmp_path, realservers):
    path = configuration(tmp_path, virtual=web(*realservers, extra="weight = 4"))
    done = run("disable rs1 --reason disk", path)
    assert done.stderr.endswith("control.sock: noted for the next one\n")
    run("weight web/rs2 7", path)
    page = run("maintenance", path, 3).stdout
    assert "no daemon runs here" in page
    assert "web/rs2: weight 7, reason operator, by " in page
    run("drain rs1 --wait", path, 3)
    with Store.read(load(path).state_directory) as store:
        assert len(store.load_wishes()) == 3
    assert "are several reasons" in run("enable rs1", path, 1).stderr
    run("enable rs1 --reason operator", path)
    for _ in range(2):  # rise
        checked = run("check --apply --output json", path)
    assert "wish 'disk' by " in checked.stdout
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        until(lambda: weights(path), {"rs1": 0, "rs2": 7})


@pytest.mark.parametrize("running", [False, True])
def test_a_maintenance_window_is_listed_and_nobody_enables_against_it(tmp_path, realservers, running):
    """It is the configuration's word: what an operator may clear is an operator's."""
    begun = time.gmtime().tm_hour
    window = (
        f'[[maintenance]]\nname = "nightly"\nstart = "0 {begun} * * *"\nduration = "23h"\ntimezone = "UTC"\n'
        'realservers = ["rs1"]\n'
    )
    path = configuration(tmp_path, virtual=web(*realservers) + window)
    listed = "web/rs1: disabled, reason nightly, by its maintenance window"

    def held():
        assert listed in run("maintenance", path, 0 if running else 3).stdout
        done = run("enable rs1", path, 1)
        assert done.stdout.startswith("rs1: nothing to clear\nstill there: " + listed)

    if not running:
        held()
        return
    with DaemonProcess(path) as daemon:
        daemon.wait_for("control_listening")
        held()
        until(lambda: weights(path), {"rs1": 0, "rs2": 1})
