"""Datagrams to a socket of this host: the log's, the journal's. Never blocks, whoever reads at the other end or not."""

import asyncio
import errno
import socket
from collections.abc import Mapping
from typing import Final

from lvsmon.actions.failing import failed, why
from lvsmon.model.settings import shown

MAX_PATH: Final = 107
"""Bytes of a socket's path (unix(7))."""

_HINTS: Final[Mapping[int, str]] = {errno.EPROTOTYPE: ": it is a socket for streams, not for datagrams"}


def refuse_path(path: str) -> None:
    """Raise ValueError, in words for users, where a socket cannot have this ``path``."""
    if not path.startswith("/") or "\0" in path or len(path.encode(errors="replace")) > MAX_PATH:
        raise ValueError(f"path: write the absolute path of a socket, of at most {MAX_PATH} bytes, not {shown(path)}")


async def send(channel: object, path: str, message: bytes) -> None:
    """Send it as soon as there is room in the other side's queue; raise `ActionFailed`, worded for ``channel``."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, path)
            await loop.sock_sendall(sock, message)
        except OSError as error:
            text = f"{path}: {why(error)}{_HINTS.get(error.errno or 0, '')}"
            raise failed(channel, text, final=error.errno == errno.EMSGSIZE) from None
