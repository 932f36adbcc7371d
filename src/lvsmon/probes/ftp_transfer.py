"""FTP's two connections: what is said on the one and what comes on the other, in passive and in active mode."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lvsmon.errors import ConnectFailed, ExpectationFailed, PeerClosed, ProtocolViolation, Rejected
from lvsmon.model import Reason, Target
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context
from lvsmon.probes.talk import READ, next_event, shown
from lvsmon.wire.ftp import (
    Reply,
    ReplyReader,
    extended_port,
    extended_port_command,
    passive_address,
    port_command,
)

Mode: TypeAlias = Literal["passive", "active"]
Ports: TypeAlias = tuple[int, int]

NOT_KNOWN: Final = frozenset({500, 501, 502, 504, 522})
"""Codes of a server that does not know a command or its address family (RFC 959 section 4.2, RFC 2428 section 2)."""

_NOT_LOGGED_IN: Final = frozenset({430, 530, 532})
_NO_DATA_CONNECTION: Final = 425
_TRANSFER_DONE: Final = frozenset({226, 250})


class Control:
    """The control connection: commands one at a time, each with its answer."""

    def __init__(self, stream: Stream, target: Target, ctx: Context) -> None:
        self.stream: Final = stream
        self.target: Final = target
        self.ctx: Final = ctx
        self._reader = ReplyReader()

    async def say(self, command: str, argument: str = "") -> Reply:
        """Send a command and return its answer."""
        await self.send(command, argument)
        return await self.answer(f"the answer to {command}")

    async def send(self, command: str, argument: str = "") -> None:
        line = f"{command} {argument}" if argument else command
        await self.stream.write(line.encode() + b"\r\n")

    async def answer(self, what: str) -> Reply:
        """Return the next reply, which is ``what``; raise `Rejected` where it is a goodbye."""
        self.ctx.net.awaiting(what)
        try:
            reply = await next_event(self.stream, self._reader)
        except PeerClosed as error:
            raise PeerClosed(f"{error}, where {what} was due") from None
        if reply.code == 421:  # section 5.4 allows it as the answer to anything
            raise Rejected(f"the realserver ends the service instead of {what}: {quoted(reply)}")
        return reply

    def heard(self) -> Reply | None:
        """Return a reply that has been read along with an earlier one."""
        return self._reader.next_event()

    async def demand(self, command: str, argument: str = "") -> Reply:
        """Send a command that must succeed."""
        return done(await self.say(command, argument), command)


def done(reply: Reply, command: str) -> Reply:
    """Return ``reply`` where it is a success; raise `Rejected` or `ProtocolViolation`."""
    if reply.code >= 400:
        raise Rejected(f"{command} is refused: {quoted(reply)}", refusal(reply))
    if not reply.completed:
        raise ProtocolViolation(f"the answer to {command} is neither a success nor a failure: {quoted(reply)}")
    return reply


def refusal(reply: Reply) -> Reason:
    """Return why a reply of 400 or more was given."""
    return Reason.AUTHENTICATION if reply.code in _NOT_LOGGED_IN else Reason.REJECTED


def quoted(reply: Reply) -> str:
    """Return the reply for a detail."""
    return shown(str(reply).encode(), 160)


@dataclass(frozen=True, slots=True)
class Way:
    """How data connections are made. ``extended``: EPSV and EPRT over IPv4 too; ``ports``: to listen on."""

    mode: Mode
    extended: bool = False
    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class Passive:
    """What a server said of its data connection; ``address`` is None after EPSV, which names none."""

    address: str | None
    port: int


async def transfer(
    control: Control, way: Way, command: str, argument: str, take: Callable[[bytes], None]
) -> str | None:
    """Have ``command`` send its data and give it to ``take``; return the address that a 227 named.

    It is complete where its connection was closed and the control connection says 226 or 250 (RFC 959 section 5.4:
    250 where the server leaves the connection to be used again, which none does in stream mode). Raise `ProbeFailed`
    or `LocalFault`; what ``take`` raises ends the transfer.
    """
    named = None
    try:
        if way.mode == "passive":
            passive = await _passive(control, extended=way.extended)
            named = passive.address
            where = f"over the one to its port {passive.port}"
            data = await _connect(control, passive.port)
            await control.send(command, argument)
            await _begin(control, command, where)
            end = None
        else:
            where = "to the director"
            data, end = await _active(control, way, command, argument)
        control.ctx.net.awaiting(f"the end of what {command} sends")
        while piece := await data.read(READ):
            take(piece)
        data.close()
        _ended(end or await control.answer(f"226 after {command}"), command, where)
    except (ConnectFailed, ExpectationFailed, PeerClosed, ProtocolViolation, Rejected) as error:
        raise type(error)(f"{way.mode} mode: {error}", error.reason) from None
    return named


async def _passive(control: Control, *, extended: bool) -> Passive:
    """Ask where to connect to, as clients do: PASV over IPv4, EPSV over IPv6, the other one where it is not known."""
    over_ipv6 = ":" in control.target.address
    commands = ["EPSV"] if over_ipv6 else ["EPSV", "PASV"] if extended else ["PASV", "EPSV"]
    reply = await control.say(commands[0])
    if reply.code in NOT_KNOWN and len(commands) > 1:
        commands.pop(0)
        reply = await control.say(commands[0])
    done(reply, commands[0])
    wanted = {"PASV": 227, "EPSV": 229}[commands[0]]
    if reply.code != wanted:
        raise ProtocolViolation(f"the answer to {commands[0]} is not {wanted}: {quoted(reply)}")
    return Passive(None, extended_port(reply)) if wanted == 229 else Passive(*passive_address(reply))


async def _connect(control: Control, port: int) -> Stream:
    """Connect to the realserver probed, whatever address it named."""
    try:
        return await control.ctx.net.connect(control.target.address, port)
    except ConnectFailed as error:
        raise ConnectFailed(f"the data connection to its port {port} fails: {error}", error.reason) from None


async def _active(control: Control, way: Way, command: str, argument: str) -> tuple[Stream, Reply | None]:
    """Have the server connect to us; return its connection, and the reply that ends the transfer if it came before.

    Either may come first: most servers connect and then say 150, some say it before. A word on the control connection
    ends the waiting where it is a refusal.
    """
    net = control.ctx.net
    listener = await net.listen(control.stream, way.ports)
    try:
        await _announce(control, listener.address, listener.port, extended=way.extended)
        await control.send(command, argument)
        where = f"{listener.address} port {listener.port}"
        begun, end = False, None
        while True:
            early = control.heard() if end is None else None
            if early is None:
                net.awaiting(
                    f"the realserver's data connection to {where} (active mode): either it opens none,"
                    " or a firewall, perhaps the director's own, lets none through"
                )
                data = await listener.accept(control.stream if end is None else None)
                if data is not None:
                    break
            if begun:
                end = early or await control.answer(f"226 after {command}")
                _ended(end, command, f"to {where}")
            else:
                await _begin(control, command, f"to {where}", early)
                begun = True
    finally:
        listener.close()
    if not begun:
        await _begin(control, command, f"to {where}")
    return data, end


async def _announce(control: Control, address: str, port: int, *, extended: bool) -> None:
    """Say where the server is to connect to: PORT over IPv4, EPRT over IPv6, the other one where it is not known."""
    port_words = ("PORT", port_command)
    extended_words = ("EPRT", extended_port_command)
    if ":" in address:
        ways = [extended_words]
    else:
        ways = [extended_words, port_words] if extended else [port_words, extended_words]
    for number, (name, words) in enumerate(ways, 1):
        reply = await control.say(*words(address, port).split(" ", 1))
        if reply.code not in NOT_KNOWN or number == len(ways):
            done(reply, name)
            return


async def _begin(control: Control, command: str, where: str, early: Reply | None = None) -> None:
    """Hear the 150 or 125 that comes before data; raise where it is something else."""
    reply = early or await control.answer(f"the answer to {command}")
    if reply.code == 200:  # some servers say so before the 150, and clients pass over it
        reply = await control.answer(f"the answer to {command}")
    if reply.code >= 400:
        raise _refused(reply, command, where)
    if not reply.preliminary:
        raise ProtocolViolation(f"{command} is answered without 150 or 125 before its data: {quoted(reply)}")


def _ended(reply: Reply, command: str, where: str) -> None:
    """Raise where ``reply`` is not the one that says that all was sent."""
    if reply.code >= 400:
        raise _refused(reply, command, where)
    if reply.code not in _TRANSFER_DONE:
        raise ProtocolViolation(f"{command} ends neither with 226 nor with 250: {quoted(reply)}")


def _refused(reply: Reply, command: str, where: str) -> Rejected:
    if reply.code != _NO_DATA_CONNECTION:
        return Rejected(f"{command} is refused: {quoted(reply)}", refusal(reply))
    cause = "; does a firewall, perhaps the director's own, let none through?" if where.startswith("to ") else ""
    return Rejected(f"{command} gets no data connection {where}: {quoted(reply)}{cause}")
