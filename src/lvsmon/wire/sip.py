"""SIP from the side of a client that asks OPTIONS: the request, and the responses to it (RFC 3261, RFC 3581).

A response belongs to the request whose branch its topmost Via has, and whose method its CSeq names (section 17.1.3).
It has that Via alone: one with more has lost its way (section 8.1.3.3).
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.messages import Dialect, Message, body_length, end_of_head, parse_head, refuse_other

DIALECT: Final = Dialect(
    prefix=b"SIP/2.0 ",
    aliases={
        b"c": b"content-type",
        b"e": b"content-encoding",
        b"f": b"from",
        b"i": b"call-id",
        b"k": b"supported",
        b"l": b"content-length",
        b"m": b"contact",
        b"s": b"subject",
        b"t": b"to",
        b"v": b"via",
    },
    needs_length=True,
)
"""Messages in a stream: there Content-Length must be given (section 20.14)."""

COOKIE: Final = "z9hG4bK"
"""What every branch begins with (section 8.1.1.7)."""

_STATUS: Final = re.compile(rb"SIP/2\.0[ \t]+([1-6]\d\d)(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_CSEQ: Final = re.compile(rb"([0-9]{1,10})[ \t]+([^ \t]+)")
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # one that never ends is not looked for again
_BRANCH: Final = re.compile(rb";[ \t]*branch[ \t]*=[ \t]*([^;, \t]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """An OPTIONS request and what makes it one of its own.

    ``local`` is where the answer is to come to, ``over`` what it goes over (UDP, TCP, TLS).
    """

    uri: str
    sender: str
    local: tuple[str, int]
    over: str
    branch: str
    tag: str
    call_id: str
    sequence: int
    max_forwards: int
    user_agent: str

    def request(self) -> bytes:
        """Return the bytes of the request; the caller has checked that nothing holds CR or LF."""
        host, port = self.local
        here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        rport = ";rport" if self.over == "UDP" else ""  # RFC 3581: to the port it came from, whatever Via says
        transport = "" if self.over == "UDP" else f";transport={self.over.lower()}"
        lines = [
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.over} {here};branch={self.branch}{rport}",
            f"Max-Forwards: {self.max_forwards}",
            f"From: <{self.sender}>;tag={self.tag}",
            f"To: <{self.uri}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.sequence} OPTIONS",
            f"Contact: <sip:{here}{transport}>",
            "Accept: application/sdp",
            *([f"User-Agent: {self.user_agent}"] if self.user_agent else []),
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def is_answered_by(self, response: "Response") -> bool:
        """Say whether ``response`` belongs to this request."""
        return response.branch == self.branch.encode() and response.sequence == (self.sequence, b"OPTIONS")


@dataclass(frozen=True, slots=True)
class Response:
    """A response; ``branch`` is that of its Via, ``sequence`` its CSeq's number and method."""

    status: int
    reason: bytes
    branch: bytes
    sequence: tuple[int, bytes]
    message: Message

    @property
    def final(self) -> bool:
        return self.status >= 200


def read_datagram(data: bytes) -> Response:
    """Return the response that a datagram is; raise `ProtocolViolation`. What follows its body is left (18.3)."""
    refuse_other(data, DIALECT.prefix)
    end = end_of_head(data)
    if end is None:
        raise ProtocolViolation("a SIP answer without the empty line that ends its head")
    head = parse_head(data[:end], DIALECT.aliases)
    length = body_length(head)
    if length is not None and length > len(data) - end:
        raise ProtocolViolation(f"a SIP answer cut short: a body of {length} bytes, and {len(data) - end} came")
    return read(head)


def read(message: Message) -> Response:
    """Return the response that ``message`` is; raise `ProtocolViolation`."""
    status = _STATUS.fullmatch(message.start)
    if status is None:
        raise ProtocolViolation(f"not a SIP status line: {message.start[:80]!r}")
    vias = [via for line in message.all(b"via") for via in _QUOTED.sub(b"", line).split(b",")]
    if len(vias) != 1:
        raise ProtocolViolation(f"a SIP answer with {len(vias) or 'no'} Via, and one is ours")
    branch = _BRANCH.search(vias[0])
    sequence = _CSEQ.fullmatch(message.get(b"cseq") or b"")
    if branch is None or sequence is None:
        raise ProtocolViolation("a SIP answer that does not say to what: no branch in its Via, or no CSeq")
    found = int(sequence[1]), sequence[2]
    return Response(int(status[1]), status[2] or b"", branch[1], found, message)
