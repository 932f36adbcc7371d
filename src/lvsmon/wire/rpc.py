"""ONC RPC version 2 (RFC 5531): calls, replies, and the record marking of TCP.

A call names program, version and procedure and carries a transaction id (xid) that its reply repeats. A reply is
*accepted* (the program ran, or could not: no such program, version, procedure, ...) or *denied* (another version of
RPC, or the credential). Procedure 0 of every program does nothing and answers nothing: the null procedure (section 8,
"ping"). Over UDP a message is a datagram; over TCP it is a record, cut into fragments that each carry their length and
whether they are the last (section 11).
"""

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.xdr import Cursor, pack_opaque, pack_uint

NULL: Final = 0
"""The procedure that does nothing."""

RPC_VERSION: Final = 2

MAX_AUTH: Final = 400
"""Bytes of a verifier's body (section 8.2)."""

SMALL_REPLY: Final = 4096
"""Bytes of a reply that carries a number or a short text: header and verifier are at most 428, the rest is room for
servers that send more than they were asked for."""

LARGE_REPLY: Final = 256 * 1024
"""Bytes of a reply that carries a list. A host registers about sixty programs (2 KiB) and some export a thousand
folders (60 KiB)."""

MAX_FRAGMENTS: Final = 1024
"""Fragments of one record: the smallest fragments in the field hold some 400 bytes. Without a limit, empty fragments
that are never the last would be read for ever."""


class Credential(Enum):
    """What a call says about who calls (section 8.2, appendix A): nothing, or a user of a host, unproven."""

    NONE = "none"
    SYS = "sys"


class Answer(Enum):
    """What became of a call: accept_stat, and the two ways to be denied (section 9)."""

    SUCCESS = 0
    PROGRAM_UNAVAILABLE = 1
    VERSION_MISMATCH = 2
    PROCEDURE_UNAVAILABLE = 3
    GARBAGE_ARGUMENTS = 4
    SYSTEM_ERROR = 5
    RPC_MISMATCH = 100
    AUTHENTICATION = 101


AUTH_NAMES: Final = {
    1: "AUTH_BADCRED",
    2: "AUTH_REJECTEDCRED",
    3: "AUTH_BADVERF",
    4: "AUTH_REJECTEDVERF",
    5: "AUTH_TOOWEAK",
    6: "AUTH_INVALIDRESP",
    7: "AUTH_FAILED",
    8: "AUTH_KERB_GENERIC",
    9: "AUTH_TIMEEXPIRE",
    10: "AUTH_TKT_FILE",
    11: "AUTH_DECODE",
    12: "AUTH_NET_ADDR",
    13: "RPCSEC_GSS_CREDPROBLEM",
    14: "RPCSEC_GSS_CTXPROBLEM",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: ``low`` and ``high`` are the versions there are (mismatches), ``auth`` is the auth_stat (denied).

    ``results`` stands where the procedure's results begin.
    """

    answer: Answer
    results: Cursor
    low: int = 0
    high: int = 0
    auth: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call: a procedure of a version of a program, its arguments, and the most bytes its reply may have."""

    program: int
    version: int
    procedure: int = NULL
    arguments: bytes = b""
    limit: int = SMALL_REPLY


def pack_call(xid: int, call: Call, sender: Credential = Credential.NONE) -> bytes:
    """Return a call message (section 9) with an empty verifier."""
    header = pack_uint(xid, 0, RPC_VERSION, call.program, call.version, call.procedure)
    return header + _pack_credential(sender) + pack_uint(0, 0) + call.arguments


def _pack_credential(sender: Credential) -> bytes:
    if sender is Credential.NONE:
        return pack_uint(0, 0)
    # stamp, machine name, uid, gid, groups: appendix A.
    return pack_uint(1) + pack_opaque(pack_uint(0) + pack_opaque(b"lvsmon") + pack_uint(0, 0, 0))


def pack_record(message: bytes) -> bytes:
    """Return ``message`` as a record of one fragment (section 11)."""
    return struct.pack(">I", 0x80000000 | len(message)) + message


def is_reply_to(xid: int, message: bytes) -> bool:
    """Whether ``message`` has this transaction id; one that has another belongs to another conversation."""
    return message[:4] == pack_uint(xid)


def parse_reply(message: bytes) -> Reply:
    """Return the reply that ``message`` is, its transaction id not looked at; raise `ProtocolViolation`."""
    cursor = Cursor(message)
    cursor.uint()
    kind = cursor.uint()
    if kind == 0:
        raise ProtocolViolation("an RPC call where a reply was due: the realserver sends back what it gets")
    if kind != 1:
        raise ProtocolViolation(f"an RPC message of the unknown type {kind}")
    status = cursor.uint()
    if status == 0:
        return _parse_accepted(cursor)
    if status == 1:
        return _parse_denied(cursor)
    raise ProtocolViolation(f"an RPC reply of the unknown status {status}")


def _parse_accepted(cursor: Cursor) -> Reply:
    cursor.uint()
    cursor.opaque(MAX_AUTH)
    status = cursor.uint()
    if status > Answer.SYSTEM_ERROR.value:
        raise ProtocolViolation(f"an RPC reply accepted with the unknown status {status}")
    if status == Answer.VERSION_MISMATCH.value:
        return Reply(Answer.VERSION_MISMATCH, cursor, low=cursor.uint(), high=cursor.uint())
    return Reply(Answer(status), cursor)


def _parse_denied(cursor: Cursor) -> Reply:
    status = cursor.uint()
    if status == 0:
        return Reply(Answer.RPC_MISMATCH, cursor, low=cursor.uint(), high=cursor.uint())
    if status == 1:
        return Reply(Answer.AUTHENTICATION, cursor, auth=cursor.uint())
    raise ProtocolViolation(f"an RPC reply denied with the unknown status {status}")


class RecordReader:
    """Bytes of a TCP stream in, records out; holds at most ``limit`` bytes beyond what it was last fed."""

    __slots__ = ("_buffer", "_fragments", "_last", "_missing", "_record", "limit")

    def __init__(self, limit: int = SMALL_REPLY) -> None:
        """``limit`` is the longest record in bytes; it may be set anew before each record."""
        self.limit = limit
        self._buffer = bytearray()
        self._record = bytearray()
        self._missing = 0
        self._last = False
        self._fragments = 0

    @property
    def where(self) -> str:
        """Finishes the sentence "the realserver closed the connection ..."."""
        if self._buffer or self._fragments:
            return "in the middle of a reply"
        return "before its reply"

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        """A stream may end anywhere: what is not whole by then never comes out."""

    def next_event(self) -> bytes | None:
        """Return the next whole record, None where it is not whole yet; raise `ProtocolViolation`."""
        while True:
            piece = self._buffer[: self._missing]
            del self._buffer[: len(piece)]
            self._record += piece
            self._missing -= len(piece)
            if self._missing:
                return None
            if self._last:
                record = bytes(self._record)
                self._record.clear()
                self._last, self._fragments = False, 0
                return record
            if len(self._buffer) < 4:
                return None
            self._begin_fragment()

    def _begin_fragment(self) -> None:
        header = int.from_bytes(self._buffer[:4], "big")
        del self._buffer[:4]
        self._last, self._missing = bool(header >> 31), header & 0x7FFFFFFF
        self._fragments += 1
        if len(self._record) + self._missing > self.limit:
            length = len(self._record) + self._missing
            raise ProtocolViolation(f"an RPC record of {length} bytes or more, where {self.limit} are the limit")
        if self._fragments > MAX_FRAGMENTS:
            raise ProtocolViolation(f"an RPC record of more than {MAX_FRAGMENTS} fragments")
