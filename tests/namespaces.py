"""A network namespace of a test's own, entered by one thread; nothing in it reaches the host's network.

    with Namespace() as space:
        space.run("ip", "addr", "add", "10.9.0.1/24", "dev", "lo")
        outcome = space.call(lambda: asyncio.run(...))  # sockets made here are the namespace's

Needs root. Linux keeps namespace and capabilities for each thread, so the test process itself stays where it is.
"""

import ctypes
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
CAP_NET_RAW = 13
_CAPABILITY_VERSION = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    def __enter__(self):
        self._thread = ThreadPoolExecutor(1, "namespace")
        try:
            self.call(self._enter)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    def _enter(self):
        if _libc.unshare(CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def call(self, function):
        """Run ``function`` in the namespace and return its result."""
        return self._thread.submit(function).result()

    def run(self, *command):
        """Run a program to its end in the namespace; return what it printed."""
        return self.call(lambda: subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def start(self, *command, **settings):
        """Start a program in the namespace."""
        return self.call(lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, **settings))

    def sysctl(self, name, value):
        """Set one of net.*: /proc/sys shows each thread the settings of the namespace that it is in."""
        self.call(lambda: Path("/proc/sys", *name.split(".")).write_text(value))

    def __exit__(self, *error):
        self._thread.shutdown()


def without(capability, function):
    """Call ``function`` while this thread has not that capability."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    before, after = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert not _libc.capget(header, before), "capget"
    after[:] = before[:]
    after[0] &= ~(1 << capability)
    assert not _libc.capset(header, after), "capset"
    try:
        return function()
    finally:
        assert not _libc.capset(header, before), "capset back"
