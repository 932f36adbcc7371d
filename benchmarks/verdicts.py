"""From a verdict to the kernel's table, as the daemon itself has measured it, while it probes at a high rate.

`FLAPPING` realservers beside those that are well go down and come up again, together, in turns; then, in a fresh
daemon, a thousand realservers fail at once. In the kernel lab the table is the kernel's, elsewhere it is in memory.
"""

import os
import socket
import time

from contestants import Lvsmon, address
from processes import PATIENCE
from starved import asked

FLAPPING = 10
TURNS = 25
TURN = 0.8
"""Seconds down, and seconds up: twice what two failures at the interval take, and fewer than a minute in all."""

INTERVAL = 0.1
MANY = 1000
FORGOTTEN = 71.0
"""Seconds after which nothing that the start took is among the figures of the last minute."""

IN_LAB = os.environ.get("LVSMON_LAB") == "1"


def prepare(directory, count, port, interval, flapping=None):
    """Return the command of a daemon that probes ``count`` realservers, and ``FLAPPING`` more on another port."""
    command = Lvsmon().prepare(directory, "tcp", count, port, interval=interval)
    path = directory / "lvsmon.toml"
    text = path.read_text().replace("[defaults]\n", "[defaults]\nfall = 2\nrise = 2\n")
    if IN_LAB:
        text = text.replace('backend = "memory"\n', "")
    if flapping is not None:
        numbers = range(count, count + FLAPPING)
        text += "".join(f'[[realserver]]\nname = "rs{each}"\naddress = "{address(each)}"\n' for each in numbers)
        names = ", ".join(f'"rs{each}"' for each in numbers)
        text += f'[[virtual]]\nname = "flapping"\nvip = "198.51.100.1"\nport = {flapping}\nrealservers = [{names}]\n'
        text += '[[virtual.probe]]\nkind = "tcp"\n'
    path.write_text(text)
    return command


def flap(daemon, directory, port):
    """Have the flapping realservers fail in turns; return what the daemon knows of itself then."""
    for _ in range(TURNS):
        daemon.must_run()
        with socket.create_server(("", port), backlog=4096):
            time.sleep(TURN)
        time.sleep(TURN)
    return asked(directory)


def fail_at_once(daemon, responder, directory):
    """End the responder of all realservers when what the start took is forgotten; return what the daemon knows."""
    time.sleep(FORGOTTEN)
    responder.process.kill()
    deadline = time.monotonic() + PATIENCE
    while (vitals := asked(directory))["verdict_to_write"]["count"] < MANY:
        daemon.must_run()
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all of {MANY} were written: {vitals}")
    return vitals
