"""`lvsmon check --alert`: runs of cron tell of each incident once, and once that it is over."""

import json
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from daemon_process import Realserver
from lvsmon.cli import main
from lvsmon.cli.check import command
from lvsmon.errors import IpvsError
from lvsmon.model import Wish, WishKind
from lvsmon.oneshot.probing import run_all
from lvsmon.store import Lock, Store
from lvsmon.store.alerts import AlertStore
from oneshot_support import listening

START = 1_700_000_000.0
ROUTE = '[channel.book]\nkind = "file"\npath = "{book}"\n[[alert]]\nname = "all"\nto = ["book"]\n'


class Cron:
    """Runs the command once a minute, on a clock of the test's own; ``told`` is what the channel has been sent."""

    def __init__(self, director, realserver, directory, monkeypatch):
        self.director, self.realserver, self.book, self.now = director, realserver, directory / "book", START
        self.more = ROUTE.format(book=self.book)
        monkeypatch.setattr("time.time", lambda: self.now)

    def configure(self, text="", *, main=lambda text: text):
        self.director.configure(self.director.ports)
        whole = main(self.director.config.read_text())
        self.director.config.write_text(f"{whole}\n{self.more}{text}")

    def run(self, *words):
        result = self.director.check("--alert", *words)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        self.now += 60
        return result

    def runs(self, count):
        return [self.run().exit_code for _ in range(count)]

    @property
    def told(self):
        if not self.book.exists():
            return []
        return [json.loads(line) for line in self.book.read_text().splitlines()]

    @property
    def stages(self):
        return [one["stage"] for one in self.told]


@pytest.fixture
def cron(director, tmp_path, monkeypatch):
    realserver = Realserver("127.0.0.2")
    realserver.stop()
    director.ports = (director.ports[0], realserver.port)
    made = Cron(director, realserver, tmp_path, monkeypatch)
    made.configure()
    return made


@contextmanager
def up(cron):
    """Have rs2 accept connections meanwhile."""
    cron.realserver.start()
    yield
    cron.realserver.stop()


@pytest.fixture
def died(cron):
    """The incident of rs2, after `fall` runs."""
    cron.runs(2)
    assert cron.stages == ["opened"]
    return cron


def test_one_alert_for_an_incident_and_one_when_it_is_over(cron):
    """Also without --apply rise and fall are counted over runs; exit codes say what they always say."""
    assert cron.runs(5) == [1, 1, 1, 1, 1]
    (opened,) = cron.told
    assert opened["subject"].endswith(f"rs2 (127.0.0.2:{cron.realserver.port}) of shop is DOWN")
    assert "Look closer:  lvsmon check shop\n" in opened["text"]
    with up(cron):
        assert cron.runs(3) == [0, 0, 0]
    assert [(one["stage"], one["incident"]) for one in cron.told] == [
        ("opened", opened["incident"]), ("resolved", opened["incident"]),
    ]  # fmt: skip
    assert cron.runs(2) == [1, 1]
    assert [one["incident"] != opened["incident"] for one in cron.told[2:]] == [True]


def test_it_says_what_was_done_in_the_kernel_and_what_was_not(cron):
    with up(cron):
        cron.run("--apply")
    cron.runs(2)
    assert "done    nothing yet: the kernel still has weight 1" in cron.told[0]["text"]
    assert cron.run("--apply").exit_code == 1
    cron.book.unlink()
    cron.configure('every = "1m"')
    cron.run("--apply")
    assert "done    no new connections are sent there: ipvsadm -e" in cron.told[0]["text"]


def test_failures_are_counted_over_runs_and_a_pass_begins_anew(cron):
    """More of them than make DOWN; a single pass, which is not enough to be UP, breaks the row too."""
    cron.configure("after = 4", main=lambda text: text.replace("rise = 1", "rise = 2"))
    cron.runs(3)
    with up(cron):
        cron.run()
    cron.runs(3)
    assert cron.stages == []
    cron.run()
    assert cron.stages == ["opened"]


def test_it_is_repeated_each_so_many_runs_though_cron_is_not_even(cron):
    cron.configure('every = "3m"')
    cron.runs(2)
    cron.now -= 2
    cron.runs(7)
    assert [(one["stage"], one["at"] - START) for one in cron.told] == [
        ("opened", 60.0), ("repeated", 238.0), ("repeated", 418.0),
    ]  # fmt: skip


def test_what_somebody_has_taken_on_is_not_repeated(died):
    died.configure('every = "1m"')
    (opened,) = died.told
    ack = ["alert", "ack", opened["incident"], "--user", "anna", "--config", str(died.director.config)]
    assert CliRunner().invoke(main, ack).exit_code == 0
    died.runs(3)
    assert died.stages == ["opened", "acknowledged"]
    with up(died):
        died.run()
    assert died.stages == ["opened", "acknowledged", "resolved"]


def test_what_is_as_planned_is_not_told(cron):
    """An operator's wish in the state directory, and a maintenance window that lets failures be."""
    cron.director.state.mkdir()
    with Store.open(cron.director.state) as store:
        store.save_wishes([Wish(name="disk", kind=WishKind.DISABLE, realserver="rs2", virtual=None, since=START)])
    cron.runs(3)
    with Store.open(cron.director.state) as store:
        store.save_wishes([])
    window = '[[maintenance]]\nname = "w"\nstart = "* * * * *"\nduration = "1h"\npurpose = "quiet"\ntimezone = "UTC"\n'
    cron.configure(window)
    cron.runs(3)
    assert cron.stages == []
    cron.configure()
    cron.run()
    assert cron.stages == ["opened"]


def test_what_cannot_be_told_opens_nothing_and_ends_nothing(died, monkeypatch):
    """A look without time to probe is UNKNOWN: that is the director's trouble, and told as such after `fall` looks."""

    def starved(specs, _, limit):
        return run_all(specs, 0.0, limit)

    monkeypatch.setattr("lvsmon.oneshot.job.run_all", starved)
    assert died.run().exit_code == 3
    assert died.stages == ["opened"]
    with up(died):
        died.run()
    severities = {one["severity"] for message in died.told[1:] for one in message["conditions"]}
    assert severities == {"down", "cannot_probe"}
    assert "resolved" not in died.stages


def test_a_look_at_some_ends_nothing_of_the_others(died):
    with up(died):
        died.run("rs1")
        assert died.stages == ["opened"]
        died.run("rs2")
    assert died.stages == ["opened", "resolved"]


def test_a_look_at_some_ends_nothing_of_the_whole_director(cron, monkeypatch):
    def unreadable(_):
        raise IpvsError(1, "dump", "not permitted")

    with up(cron):
        with monkeypatch.context() as patch:
            patch.setattr("lvsmon.actions.ipvs.open.open_ipvs", unreadable)
            cron.run("--apply")
        cron.run("--apply", "rs1")
        assert [(one["severity"], one["stage"]) for one in cron.told] == [("kernel", "opened")]
        cron.run("--apply")
    assert cron.stages == ["opened", "resolved"]


def test_people_are_told_where_the_table_cannot_be_read(cron, monkeypatch):
    """Without root, or on a host that is no director: what is wrong does not depend on the table."""

    def unreadable(_):
        raise IpvsError(1, "dump", "not permitted")

    monkeypatch.setattr("lvsmon.actions.ipvs.open.open_ipvs", unreadable)
    assert cron.runs(2) == [1, 1]
    (opened,) = cron.told
    assert "done    nothing: the IPVS table cannot be read: dump: not permitted" in opened["text"]
    cron.run("--apply")
    assert [one["severity"] for one in cron.told[1:]] == ["kernel"]


@pytest.mark.slow
def test_a_dead_relay_takes_no_longer_than_the_deadline_and_the_next_run_tries_again(cron):
    """A relay that takes the connection and says nothing. It is complained of once; what waits is listed."""
    mail = '[channel.mail]\nkind = "email"\nto = ["ann@example.org"]\nrelays = ["127.0.0.1:{port}"]\n'
    with listening() as relay:
        text = mail.format(port=relay.getsockname()[1]) + '[[alert]]\nname = "m"\nto = ["mail"]\n'
        cron.configure(text)
        cron.run("--deadline", "3s")
        begun = time.monotonic()
        second = cron.run("--deadline", "3s")
        took = time.monotonic() - begun
        third = cron.run("--deadline", "2s")
    assert took < 6
    assert (cron.stages, second.exit_code) == (["opened"], 1)
    (line,) = second.stderr.splitlines()
    assert line.startswith("lvsmon check: 1 alert waits for the channel mail, the next run tries again: not delivered")
    assert third.stderr == ""
    (waiting,) = AlertStore.read(cron.director.state).load()[1]
    assert (waiting.channel, waiting.tries, waiting.alert.incident) == ("mail", 2, cron.told[0]["incident"])


def test_a_sign_of_life_comes_each_so_often(cron):
    with up(cron):
        cron.configure('[heartbeat]\nto = ["book"]\nevery = "3m"\n')
        cron.runs(7)
    assert [one["at"] - START for one in cron.told] == [0.0, 180.0, 360.0]
    assert set(cron.stages) == {"heartbeat"}


def test_beside_a_daemon_it_refuses(cron):
    """Two would tell people twice."""
    with Lock.acquire(cron.director.state, "daemon"):
        refused = cron.run()
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert "it writes the table and alerts by itself: stop it first" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"), [(["--dry-run"], "--alert remembers whom it told"), ([], "no [[alert]] of the configuration")]
)
def test_what_makes_no_sense_is_refused(director, words, says):
    result = director.check("--alert", *words)
    assert (result.exit_code, says in result.stderr) == (2, True)


def test_without_a_configuration_there_is_nobody_to_tell(tmp_path, monkeypatch):
    monkeypatch.setattr("lvsmon.config.DEFAULT_PATH", tmp_path / "absent")
    monkeypatch.delenv("LVSMON_CONFIG", raising=False)
    result = CliRunner().invoke(command, ["--alert"])
    assert (result.exit_code, "--apply, --dry-run and --alert need" in result.stderr) == (2, True)
