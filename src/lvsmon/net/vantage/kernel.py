"""What the kernel is asked for beside sockets: routes and links by netlink, and another network namespace."""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lvsmon.net.vantage.messages import NLMSG_ERROR, Message, parts

_NETLINK_ROUTE: Final = 0
_NLMSG_DONE: Final = 3
_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_TIMEOUT: Final = 2.0
"""Seconds for an answer, which the kernel gives within the send: this ends only what has gone wrong."""

_libc = ctypes.CDLL(None, use_errno=True)


class Routing:
    """An rtnetlink socket in the network namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
        self._sock.settimeout(_TIMEOUT)
        self._sock.bind((0, 0))
        self._number = 0

    def ask(self, message: Message) -> list[bytes]:
        """Return the bodies of the answers to ``message``; raise OSError with what the kernel says."""
        self._number += 1
        self._sock.send(message.encoded(self._number))
        found: list[bytes] = []
        while True:
            for kind, number, body in parts(self._sock.recv(65536)):
                if number != self._number:
                    continue  # of a question that was given up
                if kind == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", body)
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return found
                if kind == _NLMSG_DONE:
                    return found
                found.append(body)
            if found and not message.flags:  # one question, one answer
                return found

    def close(self) -> None:
        self._sock.close()


def own_namespace() -> int:
    """Return a descriptor of the network namespace that this thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def leave() -> None:
    """Put this thread alone into a new network namespace; raise OSError."""
    _call(_libc.unshare, _CLONE_NEWNET)


def enter(namespace: int) -> None:
    """Put this thread alone into another network namespace; raise OSError."""
    _call(_libc.setns, namespace, _CLONE_NEWNET)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Be in another network namespace for a moment."""
    here = own_namespace()
    try:
        enter(namespace)
        try:
            yield
        finally:
            enter(here)
    finally:
        os.close(here)


def sysctl(name: str, value: int) -> None:
    """Set net.NAME in this thread's network namespace; where the kernel has none of that name, nothing is to be set."""
    try:
        Path("/proc/sys/net", name).write_text(str(value), encoding="ascii")
    except FileNotFoundError:
        if not name.startswith("ipv6/"):
            raise


def read_sysctl(name: str) -> str:
    """Return net.NAME of this thread's network namespace, "" where there is none."""
    try:
        return Path("/proc/sys/net", name).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _call(function: "ctypes._NamedFuncPointer", *arguments: int) -> None:
    if function(*arguments):
        number = ctypes.get_errno()
        if number == errno.EPERM:
            raise PermissionError(number, "that takes CAP_SYS_ADMIN")
        raise OSError(number, os.strerror(number))
