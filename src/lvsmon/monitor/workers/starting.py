"""Starting a worker process: what it inherits, and nothing else."""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from lvsmon.monitor.workers.process import WORDS

COMMAND: Final = ("-P", "-m", "lvsmon.monitor.workers")
"""What Python is to run."""

_ABOVE: Final = 16
"""Numbers of descriptors from which on none is one that the worker gets."""

_KEPT: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF")
"""Variables that a worker gets; others may hold secrets of the supervisor."""


@dataclass(frozen=True, slots=True)
class Started:
    """The supervisor's ends. ``last_words`` is a file in memory that holds what the worker writes to standard error."""

    pid: int
    watch: int
    """A pidfd: readable once the process has ended."""
    words: socket.socket
    programs: socket.socket
    pings: socket.socket
    ways: socket.socket
    last_words: int

    @property
    def all(self) -> tuple[socket.socket, ...]:
        return self.words, self.programs, self.pings, self.ways

    def close(self) -> None:
        """Close everything but the pidfd, which is closed when the process was reaped."""
        for each in self.all:
            each.close()
        os.close(self.last_words)


def start() -> Started:
    """Start a worker; raise OSError. It is still who we are, with all that we may, until it is told to begin."""
    with ExitStack() as stack:
        words, their_words = _pair(stack, socket.SOCK_STREAM)
        programs, their_programs = _pair(stack, socket.SOCK_SEQPACKET)
        pings, their_pings = _pair(stack, socket.SOCK_SEQPACKET)
        ways, their_ways = _pair(stack, socket.SOCK_SEQPACKET)
        theirs = (their_words, their_programs, their_pings, their_ways)
        last_words = os.memfd_create("lvsmon-worker-stderr")
        stack.callback(os.close, last_words)
        with _high([last_words, *(each.fileno() for each in theirs)]) as given:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, *COMMAND],
                _environment(),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    *((os.POSIX_SPAWN_DUP2, each, WORDS - 1 + number) for number, each in enumerate(given)),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
            )
        for each in theirs:
            each.close()
        watch = os.pidfd_open(pid)
        stack.pop_all()
        return Started(pid, watch, words, programs, pings, ways, last_words)


def _pair(stack: ExitStack, kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    stack.callback(ours.close)
    stack.callback(theirs.close)
    ours.setblocking(False)
    return ours, theirs


@contextmanager
def _high(descriptors: list[int]) -> Iterator[list[int]]:
    """Give copies with numbers that are in nobody's way while they are put where the worker looks for them."""
    made: list[int] = []
    try:
        made += (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for each in descriptors)
        yield made
    finally:
        for each in made:
            os.close(each)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
