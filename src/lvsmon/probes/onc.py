"""Calling ONC RPC programs: what the kinds rpc and nfs share."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from lvsmon.errors import ConnectFailed, PeerClosed, ProbeFailed, ProtocolViolation, Rejected
from lvsmon.model import Reason
from lvsmon.net.base import Datagram, Stream
from lvsmon.probes.base import Context
from lvsmon.probes.talk import next_event
from lvsmon.wire import rpc, rpcbind
from lvsmon.wire.rpc import Answer, Call, Credential, RecordReader, Reply
from lvsmon.wire.xdr import Cursor

Over: TypeAlias = Literal["udp", "tcp"]

_LONGEST_WAIT: Final = 4.0
"""Seconds between two sendings at most: the wait doubles, and a probe does not last much longer."""

MAX_STRAYS: Final = 64
"""Replies to other calls that are skipped on one connection: late ones of a retransmitted call are a handful."""

MEMORY: Final = 2 * rpc.LARGE_REPLY + 512 * 1024
"""Bytes of a run: a reply in its fragments and whole, what was read at once, and a list of 1,024 registrations."""


class Refused(Rejected):
    """The reply says that the call was not carried out; ``reply`` says why."""

    def __init__(self, detail: str, reply: Reply) -> None:
        reason = Reason.AUTHENTICATION if reply.answer is Answer.AUTHENTICATION else Reason.REJECTED
        super().__init__(detail, reason)
        self.reply: Final = reply


@contextmanager
def about(what: str) -> Iterator[None]:
    """Put ``what`` in front of the failures inside, so that a person knows which of many calls it was."""
    try:
        yield
    except Refused as error:
        raise Refused(f"{what}: {error}", error.reply) from error
    except ProbeFailed as error:
        raise ProbeFailed(f"{what}: {error}", error.reason) from error


class NotRegistered(Rejected):
    """The portmapper answers, and knows no such program."""


@dataclass(slots=True)
class _Connection:
    stream: Stream
    reader: RecordReader = field(default_factory=RecordReader)
    strays: int = 0


class Caller:
    """Makes the calls of one run to one realserver, one after the other; calls to one port share a socket."""

    def __init__(self, ctx: Context, address: str, retransmit: float, sender: Credential = Credential.NONE) -> None:
        """``retransmit`` is the seconds after which an unanswered datagram is sent again; the wait then doubles."""
        self._ctx = ctx
        self._address = address
        self._retransmit = retransmit
        self._sender = sender
        self._connections: dict[int, _Connection] = {}
        self._datagrams: dict[int, Datagram] = {}

    @property
    def family(self) -> Literal["ipv4", "ipv6"]:
        return "ipv6" if ":" in self._address else "ipv4"

    async def call(self, over: Over, port: int, call: Call) -> Cursor:
        """Return the results; raise `Refused` where the reply is another than success, or another `ProbeFailed`."""
        xid = secrets.randbits(32)
        message = rpc.pack_call(xid, call, self._sender)
        send = self._call_tcp if over == "tcp" else self._call_udp
        reply = rpc.parse_reply(await send(port, xid, message, call.limit))
        if reply.answer is not Answer.SUCCESS:
            raise Refused(_refusal(call, reply), reply)
        return reply.results

    async def _call_udp(self, port: int, xid: int, message: bytes, limit: int) -> bytes:
        """Send the datagram until it is answered (RFC 5531 section 5: the same transaction id each time)."""
        datagram = self._datagrams.get(port)
        if datagram is None:
            datagram = self._datagrams[port] = await self._ctx.net.datagram(self._address, port)
        wait = self._retransmit
        while True:
            await datagram.send(message)
            until = self._ctx.clock.monotonic() + wait
            while (left := until - self._ctx.clock.monotonic()) > 0:
                answer = await self._ctx.net.within(left, datagram.receive())
                if answer is not None and rpc.is_reply_to(xid, answer):
                    if len(answer) > limit:
                        raise ProtocolViolation(f"an RPC reply of {len(answer)} bytes, where {limit} are the limit")
                    return answer
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _call_tcp(self, port: int, xid: int, message: bytes, limit: int) -> bytes:
        """Send the record on the port's connection; where that one was ended after an earlier call, on a new one."""
        connection = self._connections.get(port)
        if connection is not None:
            try:
                return await self._exchange(connection, xid, message, limit)
            except (PeerClosed, ConnectFailed):
                connection.stream.close()
            except ProbeFailed:
                self._drop(port)
                raise
        connection = self._connections[port] = _Connection(await self._ctx.net.connect(self._address, port))
        try:
            return await self._exchange(connection, xid, message, limit)
        except ProbeFailed:
            self._drop(port)
            raise

    async def _exchange(self, connection: _Connection, xid: int, message: bytes, limit: int) -> bytes:
        await connection.stream.write(rpc.pack_record(message))
        connection.reader.limit = limit
        while True:
            record = await next_event(connection.stream, connection.reader)
            if rpc.is_reply_to(xid, record):
                return record
            connection.strays += 1
            if connection.strays > MAX_STRAYS:
                raise ProtocolViolation(f"{MAX_STRAYS} RPC messages of other transaction ids and no reply")

    def _drop(self, port: int) -> None:
        self._connections.pop(port).stream.close()

    def close(self) -> None:
        """End the connections gracefully."""
        for connection in self._connections.values():
            connection.stream.close()
        for datagram in self._datagrams.values():
            datagram.close()


def _refusal(call: Call, reply: Reply) -> str:
    match reply.answer:
        case Answer.VERSION_MISMATCH:
            there = f"{reply.low}" if reply.low == reply.high else f"{reply.low} to {reply.high}"
            return f"version {call.version} is not served, only {there}"
        case Answer.PROGRAM_UNAVAILABLE:
            return f"whoever listens there does not serve program {call.program}"
        case Answer.PROCEDURE_UNAVAILABLE:
            return f"procedure {call.procedure} of version {call.version} is not served"
        case Answer.GARBAGE_ARGUMENTS:
            return "it could not read the call's arguments"
        case Answer.SYSTEM_ERROR:
            return "it reports a system error of its own"
        case Answer.RPC_MISMATCH:
            return f"it speaks RPC versions {reply.low} to {reply.high}, not {rpc.RPC_VERSION}"
        case _:
            name = rpc.AUTH_NAMES.get(reply.auth, f"auth_stat {reply.auth}")
            return f"it refuses who calls: {name}"


class Portmapper:
    """The portmapper of one realserver, in the version that its family and the realserver have."""

    def __init__(self, caller: Caller, port: int, version: int | None = None) -> None:
        """``version`` None asks as clients do: in 2 over IPv4, 4 over IPv6, or another that the portmapper names."""
        self._caller = caller
        self._port = port
        self._fixed = version
        self._version = version or (4 if caller.family == "ipv6" else 2)

    async def find(self, program: int, version: int, over: Over) -> int:
        """Return the port; raise `NotRegistered` where the program is not for this network."""
        network = over if self._caller.family == "ipv4" else f"{over}6"
        with about(f"the portmapper at {over} port {self._port}"):
            while True:
                try:
                    port = await self._find(program, version, over, network)
                    break
                except Refused as error:
                    self._version = self._other_version(error)
        if port == 0:
            raise NotRegistered(f"not registered with the portmapper at port {self._port} for {network}")
        return port

    async def _find(self, program: int, version: int, over: Over, network: str) -> int:
        if self._version == 2:
            arguments = rpcbind.pack_getport(program, version, over)
            call = Call(rpcbind.PROGRAM, 2, rpcbind.GETPORT, arguments)
            return rpcbind.parse_getport(await self._caller.call(over, self._port, call))
        arguments = rpcbind.pack_getaddr(program, version, network)
        call = Call(rpcbind.PROGRAM, self._version, rpcbind.GETPORT, arguments)
        return rpcbind.parse_getaddr(await self._caller.call(over, self._port, call))

    async def dump(self) -> tuple[rpcbind.Registration, ...]:
        """Return all that is registered for this family; asked over TCP, because a datagram may not hold it."""
        networks = ("tcp", "udp") if self._caller.family == "ipv4" else ("tcp6", "udp6")
        with about(f"the portmapper at tcp port {self._port}"):
            while True:
                call = Call(rpcbind.PROGRAM, self._version, rpcbind.DUMP, limit=rpc.LARGE_REPLY)
                try:
                    listed = rpcbind.parse_dump(self._version, await self._caller.call("tcp", self._port, call))
                    break
                except Refused as error:
                    self._version = self._other_version(error)
        return tuple(sorted({entry for entry in listed if entry.network in networks}))

    def _other_version(self, error: Refused) -> int:
        """Return a version that the portmapper names instead; raise ``error`` where there is none that helps."""
        reply = error.reply
        least = 3 if self._caller.family == "ipv6" else 2
        others = [number for number in (4, 3, 2) if number != self._version and reply.low <= number <= reply.high]
        # Only downwards over IPv6 and only upwards over IPv4, so that two liars cannot keep us going round.
        fit = [number for number in others if number >= least and (number > self._version) == (least == 2)]
        if reply.answer is not Answer.VERSION_MISMATCH or self._fixed is not None or not fit:
            raise error
        return fit[0]
