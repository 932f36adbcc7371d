"""One lvsmon at a time may write a director's table.

The lock is the kernel's (flock(2)), so it ends with the process that holds it, however that ends. What the file says
is only for people: a stale text locks nobody out.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lvsmon.errors import LockHeld, StateError
from lvsmon.store.directory import advice, make_directory

_NAME: Final = "lock"
_LOOK_AGAIN: Final = 0.05  # seconds between two attempts while waiting


class Lock:
    """The right to write. Ends with `release`, at the end of a ``with`` block, or with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, directory: Path, what: str, *, wait: float = 0.0) -> Self:
        """Take the lock of ``directory`` as ``what`` ("daemon", "check"), trying for ``wait`` seconds.

        Raise LockHeld, naming the holder, if another process keeps it; StateError if the file cannot be used.
        """
        make_directory(directory)
        path = directory / _NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            raise StateError(f"cannot open {path}: {advice(error)}") from error
        try:
            _flock(descriptor, path, time.monotonic() + wait)
            with suppress(OSError):  # the text is for people; a full disk takes no lock away
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{what} {os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(descriptor)
            raise StateError(f"cannot lock {path}: {advice(error)}") from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _flock(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = until - time.monotonic()
            if left <= 0:
                raise _held(descriptor, path) from None
            time.sleep(min(_LOOK_AGAIN, left))
        else:
            return


def _held(descriptor: int, path: Path) -> LockHeld:
    words = os.pread(descriptor, 64, 0).decode("ascii", "replace").split()
    if len(words) == 2 and words[1].isdecimal():  # otherwise its holder is just about to write
        return LockHeld(path, words[0], int(words[1]))
    return LockHeld(path, "", None)
