"""Reading small files of the director without ever waiting for a disk: a file on a dead NFS server hangs its reader.

So a thread reads, and the run waits for the thread as it waits for a socket. Where an earlier read of the same file
still hangs, no other is begun: nothing piles up.
"""

import errno
import os
import socket
import stat
import threading
import time
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net.engine import Engine


@dataclass(frozen=True, slots=True)
class Contents:
    """The first bytes of a file, and how many seconds ago it was last written (0 for a time to come).

    ``data`` is None where there is no such file.
    """

    data: bytes | None
    age: float = 0.0


HANGING: Final = 1.0
"""Seconds after which a read hangs: a disk that must first spin up takes that long, a dead server for ever."""

_lock: Final = threading.Lock()
_reads: Final[dict[str, list[float]]] = {}
"""When the reads of each file that go on now began (monotonic); for the whole process, as its threads are."""


async def read(path: str, limit: int, engine: Engine) -> Contents:
    """Return up to ``limit`` bytes of the regular file ``path``; raise `LocalFault` where it cannot be read.

    It is opened once, and what is judged is what was opened, whatever the name means a moment later. A symbolic link,
    a device or a pipe at its place is refused, unread.
    """
    began = time.monotonic()
    with _lock:
        oldest = min(_reads.get(path, [began]))
    if began - oldest > HANGING:
        raise LocalFault(f"{path} cannot be read: an earlier read of it still hangs", Reason.LOCAL_RESOURCES)
    try:
        ours, theirs = socket.socketpair()
    except OSError as error:
        raise _fault(path, error) from error
    found: list[Contents | OSError] = []
    with ours:
        with _lock:
            _reads.setdefault(path, []).append(began)
        try:
            work = (path, limit, found, theirs, began)
            threading.Thread(target=_work, args=work, name="file", daemon=True).start()
        except RuntimeError as error:
            _over(path, began)
            theirs.close()
            raise LocalFault(f"{path} cannot be read: {error}", Reason.LOCAL_RESOURCES) from error
        await engine.readable(ours.fileno())
    (answer,) = found
    if isinstance(answer, OSError):
        raise _fault(path, answer) from answer
    return answer


def _work(path: str, limit: int, found: list[Contents | OSError], done: socket.socket, began: float) -> None:
    with done:
        try:
            found.append(_read(path, limit))
        except OSError as error:
            found.append(error)
        finally:
            _over(path, began)


def _over(path: str, began: float) -> None:
    with _lock:
        _reads[path].remove(began)
        if not _reads[path]:
            del _reads[path]


def _read(path: str, limit: int) -> Contents:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Contents(None)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return Contents(os.read(descriptor, limit), max(0.0, time.time() - seen.st_mtime))
    finally:
        os.close(descriptor)


def _fault(path: str, error: OSError) -> LocalFault:
    words = "it is a symbolic link: write the path of the file itself" if error.errno == errno.ELOOP else error.strerror
    refused = error.errno in (errno.EACCES, errno.EPERM)
    return LocalFault(f"{path} cannot be read: {words}", Reason.LOCAL_PERMISSION if refused else Reason.LOCAL_FAULT)
