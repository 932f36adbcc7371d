"""FTP's two connections: what is said on the one and what comes on the other, in passive and in active mode."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lvsmon.errors import ConnectFailed, PeerClosed, ProbeFailed, ProtocolViolation, Rejected, TlsFailed, clip
from lvsmon.net.base import Stream
from lvsmon.probes.ftp_control import Control, done, quoted, refusal
from lvsmon.probes.talk import READ
from lvsmon.wire.ftp import Reply, extended_port, extended_port_command, passive_address, port_command

Mode: TypeAlias = Literal["passive", "active"]
Ports: TypeAlias = tuple[int, int]

NOT_KNOWN: Final = frozenset({500, 501, 502, 504, 522})
"""Codes of a server that does not know a command or its address family (RFC 959 section 4.2, RFC 2428 section 2)."""

_NO_DATA_CONNECTION: Final = 425
_SHARE: Final = 0.8
"""Share of what is left of the run for hearing why a data connection failed: the deadline must not cover that up."""

_TRANSFER_DONE: Final = frozenset({226, 250})


@dataclass(frozen=True, slots=True)
class Way:
    """How data connections are made.

    ``extended``: EPSV and EPRT over IPv4 too; ``ports``: to listen on; ``resume``: offer the control connection's TLS
    session, where they are secured.
    """

    mode: Mode
    extended: bool = False
    ports: Ports | None = None
    resume: bool = True


@dataclass(frozen=True, slots=True)
class Passive:
    """What a server said of its data connection; ``address`` is None after EPSV, which names none."""

    address: str | None
    port: int


@dataclass(frozen=True, slots=True)
class Transferred:
    """``named`` is the address that a 227 named; ``resumed`` whether the TLS session was; None where there was none."""

    named: str | None = None
    resumed: bool | None = None


async def transfer(
    control: Control, way: Way, command: str, argument: str, take: Callable[[bytes], None]
) -> Transferred:
    """Have ``command`` send its data and give it to ``take``.

    It is complete where its connection was closed and the control connection says 226 or 250 (RFC 959 section 5.4:
    250 where the server leaves the connection to be used again, which none does in stream mode). Many servers close
    without close_notify, and clients take it: nobody else can have said 226 on a secured control connection. Raise
    `ProbeFailed` or `LocalFault`; what ``take`` raises ends the transfer.
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
        resumed = None
        if control.protected:
            resumed = await _secure(control, way, data, command, end)
        try:
            control.ctx.net.awaiting(f"the end of what {command} sends")
            while piece := await data.read(READ):
                take(piece)
        except (ConnectFailed, TlsFailed) as error:
            raise await _explained(error, control, command, end) from None
        data.close()
        _ended(control, end or await control.answer(f"226 after {command}"), command, where, resumed=resumed)
    except ProbeFailed as error:
        error.args = (clip(f"{way.mode} mode: {error}"),)
        raise
    return Transferred(named, resumed)


async def _secure(control: Control, way: Way, data: Stream, command: str, end: Reply | None) -> bool:
    """Do the handshake, as its client in both modes (RFC 4217 section 7), and say whether the session was resumed.

    The certificate is judged as the control connection's.
    """
    settings, target = control.settings, control.target
    resume = control.stream if way.resume else None
    try:
        session = await data.start_tls(settings.profile(), settings.server_name(target), resume=resume)
        settings.judge(session, settings.name_asked_for(target))
    except (ConnectFailed, PeerClosed, TlsFailed) as error:
        error.args = (f"TLS on the data connection: {error}",)
        raise await _explained(error, control, command, end) from None
    return session.resumed


async def _explained(error: ProbeFailed, control: Control, command: str, end: Reply | None) -> ProbeFailed:
    """Return ``error``, which ended a data connection, with what the server says of it, if it says so soon."""
    patience = _SHARE * (control.ctx.deadline.at - control.ctx.clock.monotonic())
    try:
        reply = end or await control.ctx.net.within(patience, control.answer(f"the reply to {command}"))
    except ProbeFailed:
        return error  # the first finding stands
    if reply is not None:
        error.args = (f"{error}; it says {quoted(reply)}",)
    return error


async def _passive(control: Control, *, extended: bool) -> Passive:
    """Ask where to connect to, as clients do: PASV over IPv4, EPSV over IPv6, the other one where it is not known."""
    over_ipv6 = ":" in control.target.address
    commands = ["EPSV"] if over_ipv6 else ["EPSV", "PASV"] if extended else ["PASV", "EPSV"]
    reply = await control.command(commands[0])
    if reply.code in NOT_KNOWN and len(commands) > 1:
        commands.pop(0)
        reply = await control.command(commands[0])
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
                _ended(control, end, command, f"to {where}")
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
        reply = await control.command(*words(address, port).split(" ", 1))
        if reply.code not in NOT_KNOWN or number == len(ways):
            done(reply, name)
            return


async def _begin(control: Control, command: str, where: str, early: Reply | None = None) -> None:
    """Hear the 150 or 125 that comes before data; raise where it is something else."""
    reply = early or await control.answer(f"the answer to {command}")
    if reply.code == 200:  # some servers say so before the 150, and clients pass over it
        reply = await control.answer(f"the answer to {command}")
    if reply.code >= 400:
        raise _refused(control, reply, command, where)
    if not reply.preliminary:
        raise ProtocolViolation(f"{command} is answered without 150 or 125 before its data: {quoted(reply)}")


def _ended(control: Control, reply: Reply, command: str, where: str, *, resumed: bool | None = None) -> None:
    """Raise where ``reply`` is not the one that says that all was sent."""
    if reply.code >= 400 and resumed is False:
        cause = "its TLS session was not resumed from the control connection's: does the server demand that?"
        raise Rejected(f"{command} fails on its data connection: {quoted(reply)}; {cause}", refusal(reply))
    if reply.code >= 400:
        raise _refused(control, reply, command, where)
    if reply.code not in _TRANSFER_DONE:
        raise ProtocolViolation(f"{command} ends neither with 226 nor with 250: {quoted(reply)}")


def _refused(control: Control, reply: Reply, command: str, where: str) -> Rejected:
    if reply.code != _NO_DATA_CONNECTION:
        return Rejected(f"{command} is refused: {quoted(reply)}{control.why(reply)}", refusal(reply))
    cause = "; does a firewall, perhaps the director's own, let none through?" if where.startswith("to ") else ""
    return Rejected(f"{command} gets no data connection {where}: {quoted(reply)}{cause}")
