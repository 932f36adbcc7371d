"""Who may ask what: credentials that the kernel vouches for, held against two groups.

The credentials are those of the process at the moment when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS), so
nothing that a client says of itself counts.
"""

import grp
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, Self

from lvsmon.config.plan import ControlSettings

_SO_PEERGROUPS: Final = 59
"""include/uapi/asm-generic/socket.h, Linux 4.13; Python has no name for it."""

_LONGEST: Final = 1024
"""Bytes that Python takes of a socket option: 256 groups. Of somebody in more of them only the first group counts."""

_CREDENTIALS: Final = struct.Struct("3i")
_ROOT: Final = 0


class Access(StrEnum):
    """READ changes nothing; WRITE does, and includes READ."""

    READ = "read"
    WRITE = "write"


class Connected(Protocol):
    """What is asked of a socket: asyncio's, too."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end. ``pid`` is 0 where it is of another PID namespace."""

    pid: int
    uid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, connected: Connected) -> Self:
        """Raise OSError if the kernel does not tell."""
        packed = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(packed)
        try:
            more = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _LONGEST)
        except OSError:
            more = b""
        return cls(pid, uid, frozenset({gid, *struct.unpack(f"{len(more) // 4}I", more)}))

    def __str__(self) -> str:
        return f"uid {self.uid}, pid {self.pid}"

    @property
    def own(self) -> bool:
        """Whether it is root or the daemon's own user."""
        return self.uid in (_ROOT, os.geteuid())


@dataclass(frozen=True, slots=True)
class Rules:
    """Which group may do what, None for none; ``notes`` says which configured group this machine does not have."""

    read: int | None = None
    write: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: ControlSettings, look_up: Callable[[str], int] | None = None) -> Self:
        """Look the groups up by their names: blocking."""
        notes = []

        def number(key: str, name: str | None) -> int | None:
            if name is None:
                return None
            try:
                return (look_up or _gid)(name)
            except KeyError:
                notes.append(f"{key}: there is no group {name} here: nobody has its rights")
                return None

        read, write = number("read_group", settings.read_group), number("write_group", settings.write_group)
        return cls(read, write, tuple(notes))

    def allow(self, peer: Peer, access: Access) -> bool:
        """Say whether ``peer`` may do what needs ``access``."""
        groups = {self.write} if access is Access.WRITE else {self.read, self.write}
        return peer.own or not peer.groups.isdisjoint(groups - {None})

    @property
    def file(self) -> tuple[int, int | None]:
        """Mode and group of the socket's file: no wider than who may ask.

        A file has one group: where there are two, everybody may connect, and is asked who he is.
        """
        groups = {self.read, self.write} - {None}
        if len(groups) > 1:
            return 0o666, None
        return (0o660, groups.pop()) if groups else (0o600, None)


def _gid(name: str) -> int:
    return grp.getgrnam(name).gr_gid
