"""nfs: the server answers in the versions asked for; what goes with it (mountd, exports, locks) answers too."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, Rejected
from lvsmon.model import FactValue, Outcome, Target
from lvsmon.model.settings import Duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.onc import MEMORY, Caller, NotRegistered, Over, Portmapper, Refused, about
from lvsmon.probes.talk import shown
from lvsmon.wire import nfs, rpc, rpcbind
from lvsmon.wire.rpc import Answer, Call

_EITHER: Final = (4, 3)
"""The versions tried where none is asked for, the one that clients try first in front."""

_SHOWN: Final = 5
"""Exports that a failure names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NfsProbe:
    """Call the null procedure of NFS; for a minor version of 4 send an empty COMPOUND."""

    kind: ClassVar[str] = "nfs"
    default_port: ClassVar[int] = 2049
    transport: ClassVar[str] = "any"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = MEMORY + 1024 * 1024  # a thousand exports with their hosts

    versions: tuple[Literal["2", "3", "4", "4.0", "4.1", "4.2"], ...] = ()
    """The versions that must all be served; if not given, version 4 or version 3 will do."""
    over: Literal["udp", "tcp"] = "tcp"
    """The transport that NFS is called over; version 4 has none but tcp."""
    registered: bool = False
    """NFS must be registered with the portmapper, at the port probed: clients of version 3 ask there first."""
    mountd: bool = False
    """The mount daemon must answer, which clients of version 3 need."""
    exports: tuple[str, ...] = ()
    """Paths that the mount daemon must list as exported (what showmount -e shows)."""
    lock_manager: bool = False
    """The lock manager (NLM) must answer, which clients of version 3 need for locks."""
    status: bool = False
    """The status monitor (NSM, rpc.statd) must answer, without which locks are not recovered after a crash."""
    rpcbind_port: int = rpcbind.PORT
    """The port of the portmapper, which tells where mountd and the others listen; NFS itself is not looked up there."""
    mountd_port: int | None = None
    """The mount daemon's port where it is fixed; if not given the portmapper is asked."""
    retransmit: Duration = 0.4
    """How long an answer over UDP is waited for before the call is sent again; doubled each time."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or can never pass."""
        if self.over == "udp" and any(version.startswith("4") for version in self.versions):
            raise ValueError('over: NFS version 4 is not served over UDP: write "tcp", or only versions 2 and 3')
        for path in self.exports:
            if not path.startswith("/") or len(path.encode()) > nfs.MAX_PATH:
                raise ValueError(f"exports: {path[:80]!r} is no path: write it from the root, such as /srv/data")
        for name, port in (("rpcbind_port", self.rpcbind_port), ("mountd_port", self.mountd_port)):
            if port is not None and not 1 <= port <= 65535:
                raise ValueError(f"{name}: write a port from 1 to 65535")
        if self.mountd_port is not None and not (self.mountd or self.exports):
            raise ValueError("mountd_port: it goes with mountd = true or exports")
        if not 0.01 <= self.retransmit <= 60:
            raise ValueError('retransmit: write a duration from "10ms" to "1m"')

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        caller = Caller(ctx, target.address, self.retransmit)
        portmapper = Portmapper(caller, self.rpcbind_port)
        facts: dict[str, FactValue] = {}
        if self.registered:
            await self._hold_registered(portmapper, target.port)
        served = await self._call_nfs(caller, target.port)
        facts["versions"] = ", ".join(served)
        also = []
        if self.mountd or self.exports:
            also.append(await self._call_mountd(caller, portmapper, facts))
        if self.lock_manager:
            also.append(await _call_helper(caller, portmapper, "lock manager", nfs.LOCK_PROGRAM, nfs.LOCK_VERSION))
        if self.status:
            also.append(
                await _call_helper(caller, portmapper, "status monitor", nfs.STATUS_PROGRAM, nfs.STATUS_VERSION)
            )
        caller.close()
        return passed(f"NFS answers in version {' and '.join(served)}" + "".join(f"; {one}" for one in also), facts)

    async def _hold_registered(self, portmapper: Portmapper, port: int) -> None:
        """Raise `ProbeFailed` unless the portmapper names the port that clients of the VIP come to."""
        versions = [int(version[0]) for version in self.versions] or [_EITHER[-1]]
        for version in sorted(set(versions)):
            with about(f"NFS version {version}"):
                found = await portmapper.find(nfs.PROGRAM, version, self.over)
                if found != port:
                    raise ExpectationFailed(f"the portmapper sends clients to port {found}, not to {port}")

    async def _call_nfs(self, caller: Caller, port: int) -> list[str]:
        """Return the versions that answered; raise `ProbeFailed`."""
        where = f"at {self.over} port {port}" + (", registered with the portmapper" if self.registered else "")
        if not self.versions:
            return [await self._call_either(caller, port, where)]
        for version in self.versions:
            with about(f"NFS version {version} {where}"):
                await self._call_version(caller, port, version)
        return list(self.versions)

    async def _call_either(self, caller: Caller, port: int, where: str) -> str:
        with about(f"NFS {where}"):
            for version in _EITHER if self.over == "tcp" else _EITHER[1:]:
                try:
                    await caller.call(self.over, port, Call(nfs.PROGRAM, version))
                except Refused as error:
                    if error.reply.answer is not Answer.VERSION_MISMATCH or version == _EITHER[-1]:
                        raise
                else:
                    return str(version)
        raise AssertionError("the last version either answers or raises")

    async def _call_version(self, caller: Caller, port: int, version: str) -> None:
        major, dot, minor = version.partition(".")
        if not dot:
            await caller.call(self.over, port, Call(nfs.PROGRAM, int(major)))
            return
        call = Call(nfs.PROGRAM, int(major), nfs.COMPOUND, nfs.pack_compound(int(minor)))
        status = nfs.parse_compound(await caller.call(self.over, port, call))
        if status == nfs.MINOR_MISMATCH:
            raise Rejected(f"this minor version of {major} is not served (NFS4ERR_MINOR_VERS_MISMATCH)")
        if status != nfs.OK:
            raise Rejected(f"an empty COMPOUND is answered with error {status}")

    async def _call_mountd(self, caller: Caller, portmapper: Portmapper, facts: dict[str, FactValue]) -> str:
        """Call mountd and hold its list against the exports wanted; return what to say."""
        with about("mountd"):
            if self.mountd_port is not None:
                over: Over = "tcp"
                port = self.mountd_port
            else:
                over, port = await _find(portmapper, nfs.MOUNT_PROGRAM, nfs.MOUNT_VERSION)
        with about(f"mountd at {over} port {port}"):
            await caller.call(over, port, Call(nfs.MOUNT_PROGRAM, nfs.MOUNT_VERSION))
            if not self.exports:
                return "mountd answers"
            call = Call(nfs.MOUNT_PROGRAM, nfs.MOUNT_VERSION, nfs.EXPORT, limit=rpc.LARGE_REPLY)
            listed = nfs.parse_exports(await caller.call(over, port, call))
        facts["exports"] = len(listed)
        there = {_trimmed(path) for path in listed}
        missing = [path for path in self.exports if _trimmed(path.encode()) not in there]
        if missing:
            some = ", ".join(shown(path, 60) for path in sorted(listed)[:_SHOWN]) or "nothing"
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            raise ExpectationFailed(f"not exported: {', '.join(missing)}; mountd lists {some}{more}")
        return f"mountd exports {', '.join(self.exports)}"


async def _call_helper(caller: Caller, portmapper: Portmapper, name: str, program: int, version: int) -> str:
    with about(f"the {name}"):
        over, port = await _find(portmapper, program, version)
    with about(f"the {name} at {over} port {port}"):
        await caller.call(over, port, Call(program, version))
    return f"the {name} answers"


async def _find(portmapper: Portmapper, program: int, version: int) -> tuple[Over, int]:
    """Return where the program listens: over TCP, or else over UDP, which is all that some servers have."""
    try:
        return "tcp", await portmapper.find(program, version, "tcp")
    except NotRegistered:
        try:
            return "udp", await portmapper.find(program, version, "udp")
        except NotRegistered as error:
            raise NotRegistered(f"{error} (and not for tcp)") from error


def _trimmed(path: bytes) -> bytes:
    """Return the path without a slash at its end, which exports(5) and people write as they like."""
    return path.rstrip(b"/") or b"/"
