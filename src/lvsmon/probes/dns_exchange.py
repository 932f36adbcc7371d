"""One question and its answer: UDP with retransmission, truncated answers over TCP (RFC 1035, 5452, 7766, 8945).

dnspython is the codec. What is not an answer to the question (another id, another question, no response at all) may be
forged, so it is passed over and the wait goes on; over TCP, where nobody else can have sent it, it is a failure.
"""

from dataclasses import dataclass, replace
from typing import Final

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig

from lvsmon.errors import PeerClosed, ProbeFailed, ProtocolViolation
from lvsmon.model import Reason
from lvsmon.net.base import Connector, Datagram, Stream
from lvsmon.probes.reference import Server
from lvsmon.wire.dns_cost import MAX_MESSAGE, demand_affordable

PAYLOAD: Final = 1232
"""Bytes of a UDP answer that pass every network unfragmented (DNS flag day 2020)."""

_WITHOUT_EDNS: Final = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP})
"""How servers from before RFC 6891 take the OPT record; its section 7 has clients ask again without."""


class OwnClock(Exception):
    """A signature's time is not the director's: one of the two clocks is wrong, and nothing here says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and how."""

    name: dns.name.Name
    type: dns.rdatatype.RdataType
    recursive: bool = False
    edns: bool = True
    dnssec: bool = False
    key: dns.tsig.Key | None = None
    over_tcp: bool = False
    retries: int = 2
    retransmit: float = 1.0

    def message(self) -> dns.message.QueryMessage:
        """Return a new message with a random id."""
        query = dns.message.make_query(
            self.name,
            self.type,
            use_edns=0 if self.edns else False,
            want_dnssec=self.dnssec,
            payload=PAYLOAD,
            flags=dns.flags.RD if self.recursive else 0,
        )
        if self.key is not None:
            query.use_tsig(self.key)
        return query


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the question asked, its signature proved where the question was signed."""

    message: dns.message.Message
    over: str
    """udp, tcp, or "tcp after a truncated udp answer"."""


async def ask(net: Connector, server: Server, question: Question) -> Answer:
    """Return the answer; waits for ever where there is none.

    Raise `ProbeFailed` where what is there does not speak DNS or does not sign as it should, `LocalFault`,
    and `OwnClock`.
    """
    answer = await _exchange(net, server, question)
    if question.edns and not question.dnssec and answer.message.edns < 0 and answer.message.rcode() in _WITHOUT_EDNS:
        answer = await _exchange(net, server, replace(question, edns=False))
    if question.key is not None and not answer.message.had_tsig:
        said = dns.rcode.to_text(answer.message.rcode())
        raise ProbeFailed(f"the answer ({said}) to a signed question is not signed", Reason.AUTHENTICATION)
    return answer


async def _exchange(net: Connector, server: Server, question: Question) -> Answer:
    query = question.message()
    if question.over_tcp:
        return Answer(await _over_tcp(net, server, query), "tcp")
    message = await _over_udp(net, server, question, query)
    if message is not None:
        return Answer(message, "udp")
    try:
        return Answer(await _over_tcp(net, server, query), "tcp after a truncated udp answer")
    except ProbeFailed as error:
        raise ProbeFailed(f"the answer over UDP is truncated, and over TCP: {error}", error.reason) from error


async def _over_udp(
    net: Connector, server: Server, question: Question, query: dns.message.QueryMessage
) -> dns.message.Message | None:
    """Return the answer, None for a truncated one."""
    datagram = await net.datagram(server.address, server.port)
    wire = query.to_wire()
    ear = _Ear(net, datagram, query)
    for _ in range(question.retries + 1):
        await datagram.send(wire)
        if await net.within(question.retransmit, ear.hear()):
            break
        if ear.complaint is not None:
            raise ear.complaint
    else:
        await ear.hear(patient=False)
    datagram.close()
    return ear.answer


class _Ear:
    """Listens for the answer to one query and passes over what is not."""

    def __init__(self, net: Connector, datagram: Datagram, query: dns.message.QueryMessage) -> None:
        self._net = net
        self._datagram = datagram
        self._others = 0
        self._query = query
        self.answer: dns.message.Message | None = None
        self.complaint: ProbeFailed | None = None

    async def hear(self, *, patient: bool = True) -> bool:
        """Return True once there is an answer, which is None where it was truncated.

        What carries our id and is no answer is complained of at once if not ``patient``; else a right one may still
        follow it.
        """
        while True:
            wire = await self._datagram.receive()
            if len(wire) < 12 or int.from_bytes(wire[:2]) != self._query.id:
                self._others += 1
                what = f"what came ({self._others}) has another id than what was asked, late or forged"
                self._net.awaiting(f"an answer: {what}")
                continue
            flags = int.from_bytes(wire[2:4])
            try:
                message = _read(wire, self._query)
            except ProbeFailed as error:
                # A server may cut the message anywhere to make it fit: then only its header can be read.
                if flags & dns.flags.QR and flags & dns.flags.TC and error.reason is Reason.PROTOCOL:
                    return True
                if not patient or error.reason is not Reason.PROTOCOL:
                    raise
                self.complaint = self.complaint or error
                continue
            self.answer = None if message.flags & dns.flags.TC else message
            return True


async def _over_tcp(net: Connector, server: Server, query: dns.message.QueryMessage) -> dns.message.Message:
    wire = query.to_wire()
    stream = await net.connect(server.address, server.port)
    await stream.write(len(wire).to_bytes(2) + wire)
    length = int.from_bytes(await _read_exactly(stream, 2))
    if not 12 <= length <= MAX_MESSAGE:
        raise ProtocolViolation(f"an answer of {length} bytes over TCP: those of 12 to {MAX_MESSAGE} are read")
    message = _read(await _read_exactly(stream, length), query)
    if message.flags & dns.flags.TC:
        raise ProtocolViolation("the answer is truncated even over TCP")
    stream.close()
    return message


async def _read_exactly(stream: Stream, length: int) -> bytes:
    got = bytearray()
    while len(got) < length:
        data = await stream.read(length - len(got))
        if not data:
            raise PeerClosed(f"the realserver closed the connection after {len(got)} of {length} bytes of its answer")
        got += data
    return bytes(got)


def _read(wire: bytes, query: dns.message.QueryMessage) -> dns.message.Message:
    """Return the message if it answers ``query``.

    Raise `ProbeFailed`: ProtocolViolation where it does not, another where its signature or its sender's says no.
    """
    if not int.from_bytes(wire[2:4]) & dns.flags.QR:
        raise ProtocolViolation("what came back is a query, not a response: something echoes")
    demand_affordable(wire)
    try:
        message = _parse(wire, query)
    except (dns.tsig.BadTime, dns.tsig.PeerBadTime) as error:
        raise OwnClock(f"TSIG: {error}") from error
    except (dns.tsig.BadSignature, dns.tsig.PeerError, dns.message.UnknownTSIGKey, dns.tsig.BadAlgorithm) as error:
        raise ProbeFailed(f"TSIG: {error}", Reason.AUTHENTICATION) from error
    except (dns.exception.DNSException, ValueError) as error:
        raise ProtocolViolation(f"not a DNS message: {str(error) or type(error).__name__}") from error
    if not query.is_response(message):
        raise ProtocolViolation("a response, but not to the question that was asked")
    return message


def _parse(wire: bytes, query: dns.message.QueryMessage) -> dns.message.Message:
    try:
        return dns.message.from_wire(wire, keyring=query.keyring, request_mac=query.mac)
    except dns.exception.FormError:
        if not query.mac:
            raise
        return dns.message.from_wire(wire)  # dnspython calls it malformed too where it is merely not signed
