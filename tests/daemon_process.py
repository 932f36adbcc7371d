"""A real `lvsmon daemon` process whose log is read as it is written."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

PATIENCE = 15


class DaemonProcess:
    """Starts the daemon on a configuration; waits for events in its log. ``prefix`` is a program that becomes it."""

    def __init__(self, config, prefix=(), **environment):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "lvsmon", "daemon", "--config", str(config), "--log-format", "json"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )
        self.events = []
        self.names = []  # of all events, those waited for too
        self.said = []
        self._queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self._queue.put(line)
        self._queue.put(None)

    def _take(self, deadline):
        """Move one line from the process to `events`; False at its end or at the deadline."""
        try:
            line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return False
        if line is None:
            return False
        try:
            self.events.append(json.loads(line))
            self.names.append(self.events[-1]["event"])
        except ValueError:
            self.said.append(line)
        return True

    def wait_for(self, event, patience=PATIENCE, **fields):
        """Return the next event of that name whose fields contain the given texts; fail after ``patience`` s."""
        deadline = time.monotonic() + patience
        seen = 0
        while True:
            for each in self.events[seen:]:
                seen += 1
                if each["event"] == event and all(text in str(each.get(key, "")) for key, text in fields.items()):
                    del self.events[:seen]
                    return each
            if not self._take(deadline):
                raise AssertionError(f"no {event} {fields} within {patience} s; seen: {self.events} {self.said}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Send ``number``, read the log to its end, return the exit status."""
        self.send(number)
        status = self.process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while self._take(deadline):
            pass
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stderr.close()


class Realserver:
    """A listening socket that can go and come back on the same port."""

    def __init__(self, address="127.0.0.1"):
        self.address = address
        self._listener = socket.create_server((address, 0), backlog=100)
        self.port = self._listener.getsockname()[1]

    def stop(self):
        self._listener.close()

    def start(self):
        self._listener = socket.create_server((self.address, self.port), backlog=100)


def configuration(directory, *, main="", virtual=""):
    """Write a configuration with fast timings and the memory backend; return its main file.

    The timer never comes: what is written to the table is written because something happened.
    """
    path = directory / "lvsmon.toml"
    state = directory / "state"
    path.write_text(
        f'[director]\nbackend = "memory"\nstate_directory = "{state}"\nreconcile_interval = "1h"\n'
        f'[control]\nsocket = "{directory}/control.sock"\n'
        '[defaults]\ninterval = "200ms"\ntimeout = "150ms"\nrise = 2\nfall = 2\n' + main
    )
    (directory / "monitors.d").mkdir(exist_ok=True)
    (directory / "monitors.d" / "web.toml").write_text(virtual)
    return path


def web(*realservers, extra="", probe='kind = "tcp"'):
    """Return one virtual service over ``realservers`` and their declarations."""
    declared = "".join(
        f'[[realserver]]\nname = "rs{n}"\naddress = "{each.address}"\n' for n, each in enumerate(realservers, 1)
    )
    entries = ", ".join(f'{{ name = "rs{n}", port = {each.port} }}' for n, each in enumerate(realservers, 1))
    return declared + (
        f'[[virtual]]\nname = "web"\nvip = "192.0.2.10"\nport = 80\nrealservers = [{entries}]\n{extra}\n'
        f"[[virtual.probe]]\n{probe}\n"
    )
