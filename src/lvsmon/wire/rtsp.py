"""RTSP from the side of a client that has not set up anything yet: requests and their responses (RFC 2326, RFC 7826).

A response belongs to the request whose CSeq it repeats. Media that a server sends within the connection, framed by a
dollar sign, may come before it and is passed over (RFC 2326 section 10.12, RFC 7826 section 14).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.messages import Dialect, Message

DIALECT: Final = Dialect(prefix=b"RTSP/", aliases={}, frames=True)

_STATUS: Final = re.compile(rb"RTSP/[12]\.0[ \t]+([1-5]\d\d)(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_CSEQ: Final = re.compile(rb"[0-9]{1,10}")
_MEDIA: Final = re.compile(rb"m=([!-~]+) [0-9]+(?:/[0-9]+)? [!-~]+ [!-~]")


def request(method: str, uri: str, version: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the bytes of a request without a body; the caller has checked that nothing holds CR or LF."""
    lines = [f"{method} {uri} RTSP/{version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")  # a realm is said back as it was said


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: bytes
    sequence: int
    message: Message


def read(message: Message) -> Response:
    """Return the response that ``message`` is; raise `ProtocolViolation`."""
    status = _STATUS.fullmatch(message.start)
    if status is None:
        raise ProtocolViolation(f"not an RTSP status line: {message.start[:80]!r}")
    sequence = message.get(b"cseq")
    if sequence is None or not _CSEQ.fullmatch(sequence):
        raise ProtocolViolation("an RTSP answer that does not say to what: no CSeq, or not one number")
    return Response(int(status[1]), status[2] or b"", int(sequence), message)


def media(description: bytes) -> tuple[str, ...]:
    """Return the kinds of media (audio, video) that a session description offers, in its order (RFC 8866).

    Raise `ProtocolViolation` where it is none. Lines that are not understood are skipped, as players do.
    """
    lines = [line.removesuffix(b"\r") for line in description.strip().split(b"\n")]
    if lines[0] != b"v=0":
        raise ProtocolViolation(f"not a session description, which begins with v=0: {description[:60]!r}")
    kinds = []
    for line in lines:
        if line.startswith(b"m="):
            found = _MEDIA.match(line)
            if found is None:
                raise ProtocolViolation(f"not a line of media: {line[:80]!r}")
            kinds.append(found[1].decode("ascii"))
    return tuple(kinds)
