"""What lvsmon says of healthy realservers while its own processor is taken away: stopped, and beside a busy neighbour.

Every `PERIOD` seconds the daemon and its workers are stopped (SIGSTOP) for `STOPPED`; for half of the time a program
that never sleeps is bound to their processor. The realservers are on another one and healthy all the time, so that each
FAIL is false.
"""

import json
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

from processes import running

PERIOD = 20.0
STOPPED = 5.0
DELAY = "0.1"
"""Seconds that a realserver takes for its answer (http), so that there are many who wait when the daemon is stopped."""

PATIENCE = 60.0
"""Seconds without any outcome after which the daemon hangs."""

NEIGHBOUR = [sys.executable, "-c", "while True: pass"]


def asked(directory):
    """Return what the daemon knows of itself."""
    command = [
        sys.executable,
        "-m",
        "lvsmon",
        "status",
        "rs0",
        "--output",
        "json",
        "--socket",
        f"{directory}/control.sock",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if not done.stdout:
        raise RuntimeError(f"lvsmon status ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["director"]


def starve(daemon, directory, cpu, outcomes):
    """Take the processor from ``daemon`` until it has had so many outcomes; return (its vitals, number of stops)."""
    stops, seen = 0, 0
    while seen < outcomes:
        with running(NEIGHBOUR, directory / "neighbour", cpu=cpu) if stops % 2 else nullcontext():
            daemon.must_run()
            daemon.signal(signal.SIGSTOP)
            time.sleep(STOPPED)
            daemon.signal(signal.SIGCONT)
            stops += 1
            time.sleep(min(PERIOD - STOPPED, 2.0 + (outcomes - seen) / 1000))
            vitals = asked(directory)
        now = sum(vitals["outcomes"].values())
        if now == seen:
            raise RuntimeError(f"no outcome in {PERIOD} s")
        seen = now
    if vitals["stalled_seconds"] < 0.9 * STOPPED * stops:
        raise RuntimeError(f"stopped {stops} times, but it lost {vitals['stalled_seconds']} s only")
    return vitals, stops
