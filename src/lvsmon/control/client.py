"""The commands' end of the control socket: one request, one answer, and a sentence where there is none.

Blocking, and light to import: `lvsmon status` shall be there at once.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lvsmon.control.protocol import Code, Failure, Progress, ReplyReader, Request, Result, encode_request
from lvsmon.errors import ControlRefused, ControlUnreachable, DaemonAbsent

PATIENCE: Final = 10.0
"""Seconds of silence after which the daemon counts as not answering: it answers within some milliseconds."""

_CHUNK: Final = 256 * 1024
_LOOK_AGAIN: Final = 0.05  # seconds between two attempts while its queue is full
_CREDENTIALS: Final = struct.Struct("3i")


def ask(
    path: Path,
    verb: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    patience: float = PATIENCE,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> Mapping[str, Any]:
    """Ask the daemon that listens at ``path`` and return its result; ``progress`` gets each part before that.

    ``patience`` is in seconds, from one sign of life to the next. Raise DaemonAbsent where none runs,
    ControlUnreachable where it cannot be asked or does not answer, ControlRefused where it says no.
    """
    request = encode_request(Request(verb, arguments or {}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connected:
        _connect(connected, path, patience)
        pid = _pid(connected)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have said no already: that is to be read
                connected.sendall(request)
            return _answer(connected, pid, progress or (lambda _: None))
        except TimeoutError:
            raise ControlUnreachable(
                f"the daemon{pid} does not answer within {patience:g} s: it is stopped, or overloaded"
            ) from None
        except OSError as error:
            raise ControlUnreachable(f"the daemon{pid} broke off the conversation: {error.strerror}") from error


def _connect(connected: socket.socket, path: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        connected.settimeout(patience)
        try:
            connected.connect(os.fspath(path))
        except BlockingIOError:
            if time.monotonic() >= until:
                raise ControlUnreachable(
                    f"the daemon at {path} takes no connection within {patience:g} s: it is stopped, or overloaded"
                ) from None
            time.sleep(_LOOK_AGAIN)
        except FileNotFoundError:
            raise DaemonAbsent(f"no daemon runs here: there is no {path}") from None
        except ConnectionRefusedError:
            raise DaemonAbsent(f"no daemon runs here: nobody listens at {path} any more") from None
        except PermissionError:
            raise ControlUnreachable(f"not permitted to ask the daemon: {_whose(path)}") from None
        except OSError as error:
            raise ControlUnreachable(f"cannot ask the daemon at {path}: {_why(error)}") from error
        else:
            return


def _why(error: OSError) -> str:
    if error.errno == errno.EPROTOTYPE or error.errno is None:  # ValueError's kin: "AF_UNIX path too long"
        return "it is no control socket" if error.errno else str(error)
    return error.strerror or str(error)


def _whose(path: Path) -> str:
    """Return who may connect."""
    try:
        found = path.stat()
        group = path.group() if found.st_mode & 0o060 else None
        owner = path.owner()
    except (OSError, KeyError):
        return f"{path} is not for this user: run as root"
    members = f" and members of group {group}" if group else ""
    return f"{path} is for {owner}{members}: run as {owner}"


def _pid(connected: socket.socket) -> str:
    """Return " (pid 123)" of the process that listens; nothing where it is of another PID namespace."""
    pid, _, _ = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return f" (pid {pid})" if pid else ""


def _answer(connected: socket.socket, pid: str, progress: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
    codec = ReplyReader()
    try:
        while True:
            while (reply := codec.next_event()) is None:
                data = connected.recv(_CHUNK)
                if data:
                    codec.feed(data)
                    continue
                codec.feed_eof()
                if codec.next_event() is None:
                    raise ControlUnreachable(f"the daemon{pid} hung up without an answer: it was stopped or killed")
            match reply:
                case Progress(body):
                    progress(body)
                case Result(body):
                    return body
                case Failure(code, message, lines):
                    break
    except ControlRefused as error:
        if error.code == Code.VERSION:
            raise
        raise ControlUnreachable(f"what answers at the socket{pid} is no lvsmon: {error}") from None
    raise ControlRefused(code, message, lines)
