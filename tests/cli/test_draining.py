"""`lvsmon drain --wait`: what it shows while something is left, and how it ends."""

import pytest

from lvsmon.cli import draining
from lvsmon.errors import ControlRefused, ControlUnreachable

SINCE = 1000.0


class Clock:
    """Stands still until somebody sleeps."""

    def __init__(self):
        self.now = SINCE

    def sleep(self, seconds):
        self.now += seconds

    def time(self):
        return self.now

    monotonic = time


def wish(stage, active=0, inactive=0, persistent=0, *, left=60.0, remove=False, **more):
    destination = {
        "virtual": "shop",
        "manage": "full",
        "weight": {"configured": 3, "desired": 0, "observed": 3 if stage == "pending" else 0},
        "active": active,
        "inactive": inactive,
        "persistent": persistent,
        "persistence_seconds": 600,
        "drain": {"stage": stage, "left": left, "endless": False, "removes": remove},
    }
    return {
        "realserver": "rs1", "virtual": None, "name": "operator", "kind": "drain", "since": SINCE,
        "remove": remove, "deadline": SINCE + 60, "destinations": [destination | more],
    }  # fmt: skip


@pytest.fixture
def waited(monkeypatch, capsys):
    """Return what waits on a series of looks, and gives the exit status, what was printed and what was complained."""

    def wait(*looks):
        clock, series = Clock(), iter(looks)

        def ask(_socket, verb, arguments, *, progress):
            assert (verb, arguments) == ("maintenance", {"names": ["rs1"]})
            found = next(series, looks[-1])
            if isinstance(found, BaseException):
                raise found
            for each in found:
                progress({"wish": each})

        monkeypatch.setattr(draining, "time", clock)
        monkeypatch.setattr(draining.client, "ask", ask)
        status = draining.wait([wish("pending")], "socket")
        return status, *capsys.readouterr()

    return wait


def test_what_is_left_is_shown_until_nothing_is(waited):
    status, printed, complaints = waited(
        [wish("pending")], [wish("draining", 2, 11, 1)], *[[wish("draining", 1)]] * 12, [wish("drained")]
    )
    assert (status, complaints) == (0, "")
    assert printed.splitlines() == [
        "shop/rs1: still weight 3 in the kernel",
        "shop/rs1: 1 active, 0 inactive, 0 persistent, 1m00s to the deadline",
        "shop/rs1: drained, nothing is left",
    ]


def test_on_a_terminal_it_is_one_line(waited, monkeypatch):
    monkeypatch.setattr(draining.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    _, printed, _ = waited([wish("draining", 2, 11, 1)], [wish("draining", 1)], [wish("drained")])
    assert printed.count("\n") == 1
    shown = printed.split("\r\x1b[K")
    assert shown[1] == "shop/rs1: 2 active, 11 inactive, 1 persistent, 1m00s to ..."
    assert shown[-1] == "shop/rs1: drained, nothing is left\n"


def test_drained_is_not_over_where_it_is_to_be_removed(waited):
    status, printed, _ = waited([wish("drained", remove=True)], [wish("removed", remove=True)])
    assert (status, printed.splitlines()[-1]) == (0, "shop/rs1: out of the table")


def test_what_is_left_at_the_deadline_gives_4(waited):
    status, printed, _ = waited([wish("draining", 3)], [wish("overdue", 3, left=0.0)])
    assert status == 4
    assert printed.endswith("shop/rs1: deadline over, left: 3 active, 0 inactive, 0 persistent\n")


def test_a_paused_monitor_is_not_waited_for_for_ever(waited):
    status, printed, _ = waited([wish("pending")])
    assert status == 4
    assert printed.endswith("shop/rs1: still weight 3 in the kernel\n")


def test_where_nothing_is_written_there_is_nothing_to_wait_for(waited):
    status, printed, _ = waited([wish("pending", manage="observe")])
    assert printed == 'shop/rs1: nothing is written here (manage = "observe")\n'
    assert status == 4


@pytest.mark.parametrize("later", [[], [wish("draining") | {"since": SINCE + 5}]])
def test_somebody_who_clears_or_replaces_it_ends_the_waiting(waited, later):
    status, _, complaints = waited([wish("draining", 1)], later)
    assert (status, complaints) == (1, "lvsmon drain: it is over before its time: somebody cleared or replaced it\n")


def test_a_daemon_that_is_restarted_is_waited_for(waited):
    gone = ControlUnreachable("no daemon runs here")
    status, _, complaints = waited([wish("draining", 1)], gone, gone, [wish("drained")])
    assert status == 0
    assert complaints == "lvsmon drain: no daemon runs here; the drain is saved: waiting for a daemon\n"


def test_a_daemon_that_does_not_come_back_gives_4_after_the_deadline(waited):
    assert waited([wish("draining", 1)], ControlUnreachable("gone"))[0] == 4


def test_a_right_that_is_taken_away_ends_the_waiting(waited):
    status, _, complaints = waited(ControlRefused("forbidden", "no"))
    assert (status, complaints) == (1, "lvsmon drain: no: the drain goes on\n")


def test_interrupting_leaves_the_drain_going_and_says_how_to_end_it(waited, capsys):
    with pytest.raises(KeyboardInterrupt):
        waited([wish("draining", 1)], KeyboardInterrupt())
    assert (
        "interrupted, and the drain goes on: `lvsmon enable rs1 --reason operator` ends it" in capsys.readouterr().err
    )
