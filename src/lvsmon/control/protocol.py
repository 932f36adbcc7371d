"""What is said over the control socket: one JSON document per line, in UTF-8. Pure.

    request   {"lvsmon": 1, "verb": "status", "arguments": {"names": ["shop"]}}
    reply     {"lvsmon": 1, "progress": {...}}                    as many as there are, then one of
              {"lvsmon": 1, "result": {...}}
              {"lvsmon": 1, "error": {"code": "forbidden", "message": "...", "lines": []}}

A connection carries one request. Documents are read strictly: no key twice, none that is unknown in a request, no
number that JSON does not have. Within one `VERSION` keys and verbs are only ever added to what is answered.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from lvsmon.errors import ControlRefused, clip

VERSION: Final = 1

MAX_REQUEST: Final = 64 * 1024
"""Bytes of a request: a thousand names of virtual services, of 64 characters each, fill it."""

MAX_REPLY: Final = 16 * 1024 * 1024
"""Bytes of one line of an answer: a hundred destinations with two probes each take 0.3 MB of it."""

MAX_DEPTH: Final = 16
"""Documents within documents in a request: the deepest that any verb takes has three."""

_VERB: Final = re.compile(r"[a-z][a-z-]{0,31}")
_REQUEST_KEYS: Final = frozenset({"lvsmon", "verb", "arguments"})


class Code(StrEnum):
    """Why a request is refused: a closed list, for programs."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    BUSY = "busy"
    VERSION = "version"
    FORBIDDEN = "forbidden"
    UNKNOWN_VERB = "unknown-verb"
    ARGUMENTS = "arguments"
    UNKNOWN_NAME = "unknown-name"
    CONFIGURATION = "configuration"
    REFUSED = "refused"
    STOPPING = "stopping"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Request:
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """A part of an answer that is still being made."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The end of an answer."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of a request that was not carried out."""

    code: str
    message: str
    lines: Sequence[str] = ()


Reply: TypeAlias = Progress | Result | Failure


def encode_request(request: Request) -> bytes:
    """Return the line of ``request``; raise ValueError where it is longer than a daemon takes."""
    line = _line({"verb": request.verb, "arguments": request.arguments})
    if len(line) > MAX_REQUEST:
        raise ValueError(f"a request has at most {MAX_REQUEST} bytes, this one {len(line)}")
    return line


def encode_reply(reply: Reply) -> bytes:
    """Return the line of ``reply``."""
    match reply:
        case Progress(body):
            return _line({"progress": body})
        case Result(body):
            return _line({"result": body})
        case Failure(code, message, lines):
            return _line({"error": {"code": code, "message": message, "lines": list(lines)}})


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps({"lvsmon": VERSION, **document}, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class _Reader:
    """Bytes in, documents out, until ``_done``; raises `ControlRefused` where a line is longer than ``limit`` bytes,
    cut short, or no document.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._done = False
        self._buffer = bytearray()
        self._searched = 0
        self._ended = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        self._ended = True

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        length = end + 1 if end >= 0 else len(self._buffer)
        if length > self._limit:
            raise ControlRefused(Code.TOO_LARGE, f"a line has at most {self._limit} bytes here, this one has more")
        if end < 0:
            self._searched = len(self._buffer)
            if self._ended and self._buffer:
                raise ControlRefused(Code.MALFORMED, "the connection ended in the midst of a line")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def _next_document(self) -> dict[str, Any] | None:
        line = None if self._done else self._next_line()
        return None if line is None else _document(line)


class RequestReader(_Reader):
    """The daemon's end: bytes in, at most one `Request` out. What follows it is not read.

    Raises `ControlRefused` with the sentence that the client is told.
    """

    def __init__(self) -> None:
        super().__init__(MAX_REQUEST)

    def next_event(self) -> Request | None:
        document = self._next_document()
        if document is None:
            return None
        if _depth(document) > MAX_DEPTH:
            raise ControlRefused(Code.MALFORMED, f"nested more than {MAX_DEPTH} deep: no verb takes that")
        _check_version(document, f"this daemon speaks version {VERSION} of the control protocol")
        for key in document.keys() - _REQUEST_KEYS:
            raise ControlRefused(Code.MALFORMED, f"unknown key {clip(key, 40)!a}: there is lvsmon, verb, arguments")
        verb, arguments = document.get("verb"), document.get("arguments", {})
        if not isinstance(verb, str) or not _VERB.fullmatch(verb):
            raise ControlRefused(Code.MALFORMED, 'verb: write a string of lower-case letters, such as "status"')
        if not isinstance(arguments, dict):
            raise ControlRefused(Code.MALFORMED, "arguments: write an object, {}")
        self._done = True
        return Request(verb, arguments)


class ReplyReader(_Reader):
    """The client's end: bytes in, the parts of one answer out. Raises `ControlRefused` for what is no answer."""

    def __init__(self) -> None:
        super().__init__(MAX_REPLY)

    def next_event(self) -> Reply | None:
        document = self._next_document()
        if document is None:
            return None
        _check_version(document, f"this lvsmon speaks version {VERSION} of the control protocol")
        reply = _reply(document)
        self._done = not isinstance(reply, Progress)
        return reply


def _reply(document: Mapping[str, Any]) -> Reply:
    for key, kind in (("progress", Progress), ("result", Result)):
        body = document.get(key)
        if isinstance(body, dict):
            return kind(body)
    error = document.get("error")
    if not isinstance(error, dict):
        raise ControlRefused(Code.MALFORMED, "neither progress nor result nor error")
    code, message, lines = error.get("code"), error.get("message"), error.get("lines", [])
    if not (isinstance(code, str) and isinstance(message, str) and isinstance(lines, list)):
        raise ControlRefused(Code.MALFORMED, "an error without code and message")
    return Failure(code, message, tuple(map(str, lines)))


def _document(line: bytes) -> dict[str, Any]:
    """Read one line; a number that JSON does not have (NaN, Infinity, 1e999) is refused like any other mistake."""
    try:
        document = json.loads(
            line.decode(), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )  # fmt: skip
    except RecursionError:
        raise ControlRefused(Code.MALFORMED, "nested too deeply") from None
    except ValueError as error:
        raise ControlRefused(Code.MALFORMED, f"no JSON document in UTF-8: {clip(str(error), 100)}") from None
    if not isinstance(document, dict):
        raise ControlRefused(Code.MALFORMED, 'no JSON object: write for example {"lvsmon": 1, "verb": "status"}')
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _depth(document: Mapping[str, Any]) -> int:
    """Return how deep ``document`` goes, without recursion."""
    depth = 0
    level: list[Any] = [document]
    while level:
        depth += 1
        inner: list[Any] = []
        for each in level:
            inner += each.values() if isinstance(each, dict) else each
        level = [each for each in inner if isinstance(each, dict | list)]
    return depth


def _check_version(document: Mapping[str, Any], ours: str) -> None:
    spoken = document.get("lvsmon")
    if isinstance(spoken, bool) or not isinstance(spoken, int):
        raise ControlRefused(Code.MALFORMED, f'lvsmon: write the version of the protocol, "lvsmon": {VERSION}')
    if spoken != VERSION:
        other = clip(repr(spoken), 20) if abs(spoken) < 10**20 else "another"
        raise ControlRefused(Code.VERSION, f"{ours}, the other side version {other}: both must be of one release")
