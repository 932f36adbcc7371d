"""Writing a whole file or nothing: a collector that reads at any moment finds the old text or the new one."""

import os
import stat
from pathlib import Path

from lvsmon.errors import StateError


def write(path: Path, text: str) -> None:
    """Replace ``path`` by a file that holds ``text``; raise StateError saying what is wrong.

    The text is first written beside it, under a name that node_exporter (``*.prom``) passes over. Only a regular file
    is replaced: never a device, a pipe or a directory.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise StateError(f"cannot write {path}: it is no regular file: leave --output-file out to print")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from error
