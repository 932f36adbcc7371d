"""A desk that is killed with SIGKILL: before each statement of SQLite, and before and after each hand-over.

Run with a directory: for each moment in turn a process of its own tells the story until it is killed there, and another
one goes on from what it left. Prints for each moment, and first for the story without a kill, what was taken.
"""

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from alerts.streams import START, condition, route
from lvsmon.alerts.facts import About
from lvsmon.alerts.incidents import Acknowledgement
from lvsmon.alerts.setup import Setup
from lvsmon.errors import ActionFailed
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.store.alerts import AlertStore

RS1, RS2 = condition("web/rs1"), condition("web/rs2")
STORY = [[RS1], [RS1, RS2], [RS2], [], [RS1]]
FAILS, ACKNOWLEDGED = 1, 2
"""The steps in which the mail relay is away at first, and in which somebody takes on what is open."""

CHANNELS = ("mail", "pager")
SETUP = Setup(routes=(route(to=CHANNELS),), channels=dict.fromkeys(CHANNELS))


def play(directory, moment):
    """Go on with the story where ``directory`` says; ``moment`` is called at each moment."""
    store = AlertStore.open(directory / "state")
    store._file._connection.set_trace_callback(moment)
    desk = Desk(SETUP, store, About(director="lb1"))
    place = directory / "step"
    failed = False
    for step in range(int(place.read_text()) if place.exists() else 0, len(STORY)):
        place.write_text(str(step))
        now = START + 1000 * step
        if step == ACKNOWLEDGED:
            for incident in desk.state.incidents.values():
                store.ask(incident.id, Acknowledgement(user="anna", at=now))
        desk.look(STORY[step], now)
        for name in CHANNELS:
            while (entry := desk.outbox.take(name, now)) is not None:
                moment("")
                if step == FAILS and name == "mail" and not failed:
                    failed = True
                    desk.failed(entry, ActionFailed("the relay is away"), now)
                    now += 100
                    continue
                alert = entry.alert
                with (directory / "taken").open("a") as taken:
                    taken.write(json.dumps([name, alert.id, alert.incident, alert.number, alert.stage]) + "\n")
                moment("")
                desk.took(entry)


def in_a_process_of_its_own(directory, kill_at):
    """Return whether it came to the end of the story."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    moments = itertools.count(1)

    def moment(_):
        if next(moments) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        play(directory, moment)
    except BaseException as error:  # noqa: BLE001  a process that was forked must not go on as its parent
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main(folder):
    for kill_at in itertools.count():
        directory = folder / str(kill_at)
        directory.mkdir()
        ended = in_a_process_of_its_own(directory, kill_at)
        if not ended and not in_a_process_of_its_own(directory, 0):
            sys.exit(f"what a kill at {kill_at} leaves cannot be gone on from")
        taken = (directory / "taken").read_text().splitlines()
        sys.stdout.write(f"[{', '.join(taken)}]\n")
        if ended and kill_at:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
