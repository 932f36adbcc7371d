"""The socket's file: put in place whole, with the right mode; a dead daemon's is replaced, a living one's never."""

import errno
import fcntl
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from lvsmon.control.access import Rules
from lvsmon.errors import ControlUnusable

_BACKLOG: Final = 64
"""Connections that wait to be accepted: as many as are served at once."""

_ADVICE: Final = {
    errno.EACCES: "permission denied: run as root, or set socket under [control] to a path that this user may write",
    errno.EPERM: "not permitted: run as root, or set socket under [control] to a path that this user may write",
    errno.EROFS: "the file system is read-only: set socket under [control] to a path on a writable one",
    errno.EEXIST: "a part of the path is a file: set socket under [control] elsewhere",
    errno.ENOTDIR: "a part of the path is a file: set socket under [control] elsewhere",
}


class Listener:
    """A listening socket at ``path``. Blocking calls, all of them short."""

    def __init__(
        self, path: Path, listening: socket.socket, identity: tuple[int, int] | None, notes: tuple[str, ...]
    ) -> None:
        """``identity`` is that of its file."""
        self.path = path
        self.socket = listening
        self.notes = notes
        """What is not as it was asked for."""
        self._identity = identity

    @classmethod
    def open(cls, path: Path, rules: Rules) -> Self:
        """Listen at ``path``; raise ControlUnusable, saying what to do, if that cannot be.

        Who opens holds a lock on the directory meanwhile, so of two daemons that start at once one finds the other.
        The file comes under its name by a rename, when it has its mode and is listened on: nobody ever finds it half
        made, and a dead daemon's file leaves no gap.
        """
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _make_room(path)
                return cls._placed(path, rules)
            finally:
                os.close(directory)
        except BlockingIOError:
            raise ControlUnusable(f"{path.parent} is locked by another program: trying again soon") from None
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0) or error.strerror
            raise ControlUnusable(f"cannot listen at {path}: {advice}") from error

    @classmethod
    def _placed(cls, path: Path, rules: Rules) -> Self:
        unready = path.with_name(path.name + ".new")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            unready.unlink(missing_ok=True)
            listening.bind(str(unready))
            notes = _give(unready, rules)
            listening.listen(_BACKLOG)
            identity = _identity(unready)  # before somebody can take it away
            unready.rename(path)
            return cls(path, listening, identity, notes)
        except BaseException:
            listening.close()
            with suppress(OSError):
                unready.unlink(missing_ok=True)
            raise

    def in_place(self) -> bool:
        """Say whether the file is still there and still this socket's."""
        return _identity(self.path) == self._identity

    def close(self) -> None:
        """Stop listening and take the file away; another one's stays."""
        if self.in_place():
            with suppress(OSError):  # a directory that is gone or read-only: a stale file harms nobody
                self.path.unlink()
        self.socket.close()


def _make_room(path: Path) -> None:
    """Raise ControlUnusable if what is at ``path`` is not a dead daemon's socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlUnusable(f"{path} is no socket: move it away, or set socket under [control] elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            return
        except BlockingIOError:
            pass  # somebody listens, and is busy
    raise ControlUnusable(f"another daemon answers at {path}: stop it, or set socket under [control] elsewhere")


def _give(path: Path, rules: Rules) -> tuple[str, ...]:
    mode, group = rules.file
    try:
        if group is not None:
            os.chown(path, -1, group)
    except PermissionError:
        path.chmod(0o600)
        return (f"{path} cannot be given to group {group} by this user: only root and this user can connect",)
    path.chmod(mode)
    return ()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
