"""Secrets: written in place, in a file of their own (``password_file``) or in the environment (``password_env``)."""

import os
import stat
from pathlib import Path
from typing import Final

from lvsmon.config.complaints import Where
from lvsmon.model.settings import Secret, shown

MAX_SECRET: Final = 64 * 1024
"""Bytes of a secret file: a large private key is a tenth of it."""


def from_file(name: str, where: Where) -> Secret:
    """Return what the file holds, without one newline at its end; raise ValueError saying what to mend.

    A relative ``name`` starts at the folder of the file it is written in. The file is checked after it is opened, so
    that nobody can exchange it between.
    """
    path = where.source.path.parent / name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ValueError(f"the secret file {shown(str(path))} cannot be read: {(why or str(error)).lower()}") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError(f"the secret file {shown(str(path))} is not a regular file")
        if stat.S_IMODE(mode) & 0o077:
            raise ValueError(f"the secret file {shown(str(path))} is open to others: chmod 600 it")
        raw = os.read(handle, MAX_SECRET + 1)
    finally:
        os.close(handle)
    if len(raw) > MAX_SECRET:
        raise ValueError(
            f"the secret file {shown(str(path))} is larger than {MAX_SECRET // 1024} KiB: it holds no secret"
        )
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {shown(str(path))} is not UTF-8") from None
    if not text:
        raise ValueError(f"the secret file {shown(str(path))} is empty")
    return Secret(text)


def from_environment(name: str) -> Secret:
    """Return the variable's value; raise ValueError where it is not set or empty."""
    text = os.environ.get(name, "")
    if not text:
        raise ValueError(f"the environment variable {shown(name)} is not set, or is empty")
    return Secret(text)


def in_place(secret: Secret, where: Where) -> Secret:
    """Return the secret; raise ValueError where it is empty or others can read the file it is written in."""
    if not secret.reveal():
        raise ValueError("a secret must not be empty")
    try:
        about = Path(where.source.path).stat()
    except OSError as error:
        raise ValueError(f"{shown(where.source.name)} cannot be looked at: {error.strerror}") from None
    if stat.S_ISREG(about.st_mode) and stat.S_IMODE(about.st_mode) & 0o077:
        raise ValueError(
            f"a secret stands here, and {shown(where.source.name)} is open to others:"
            " chmod 600 it, or move the secret to a file of its own"
        )
    return secret
