"""The state directory, and what to do about it when it cannot be used."""

import errno
import os
from pathlib import Path
from typing import Final

from lvsmon.errors import StateError

_MODE: Final = 0o750  # a group may be let in to read; nobody else learns what a probe saw

_ADVICE: Final = {
    errno.EACCES: "permission denied: run as root, or set state_directory to a directory that this user may write",
    errno.EPERM: "not permitted: run as root, or set state_directory to a directory that this user may write",
    errno.EROFS: "the file system is read-only: remount it, or set state_directory to a writable one",
    errno.ENOSPC: "the disk is full: make room, then run again",
    errno.EDQUOT: "the disk quota is used up: make room, then run again",
    errno.ENOTDIR: "a part of the path is a file: move it away, or set state_directory elsewhere",
    errno.EEXIST: "it is not a directory: move it away, or set state_directory elsewhere",
    errno.ELOOP: "it is a symbolic link: remove it; lvsmon makes a file of its own",
}


def advice(error: OSError) -> str:
    """Return what is wrong and what to do about it."""
    return _ADVICE.get(error.errno or 0) or os.strerror(error.errno or 0)


def make_directory(directory: Path) -> None:
    """Make ``directory`` and its parents where they are missing; raise StateError saying what to do."""
    try:
        directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot make the state directory {directory}: {advice(error)}") from error
