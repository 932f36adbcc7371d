"""The cookies of one run: what one answer sets, later requests carry (RFC 6265), as far as one web site needs it.

All requests of a run go to one host, so Domain decides nothing. A cookie is gone when its Max-Age is not above zero, or
when its Expires is at the beginning of the epoch, which is how sites take a cookie back: no other date passes within
a run.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_COOKIES: Final = 50
MAX_COOKIE: Final = 4096
"""Cookies of one run, and bytes of one, name and value together: what section 6.1 demands of browsers at least."""

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[^\x00-\x20\x7f;]*(?: +[^\x00-\x20\x7f;]+)*")
_GONE: Final = re.compile(rb"-[0-9]+|0+")
_EPOCH: Final = re.compile(rb"01[ -]Jan[ -](?:19)?70", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: bytes
    path: str
    secure: bool


class Cookies:
    """Keeps what ``Set-Cookie`` sets; ``secure`` says whether the requests go over TLS."""

    __slots__ = ("_found", "_secure")

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._found: dict[tuple[bytes, str], _Cookie] = {}

    def take(self, headers: Iterable[tuple[bytes, bytes]], path: str) -> None:
        """Take the cookies of an answer to a request of ``path``; what is none is passed over (section 5.2)."""
        for name, value in headers:
            if name == b"set-cookie":
                self._set(value, path)

    def _set(self, line: bytes, request_path: str) -> None:
        pair, *attributes = line.split(b";")
        name, equals, value = (part.strip() for part in pair.partition(b"="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or len(pair) > MAX_COOKIE:
            return
        path = _directory(request_path)
        secure = gone = False
        for attribute in attributes:
            key, _, said = (part.strip() for part in attribute.partition(b"="))
            match key.lower():
                case b"secure":
                    secure = True
                case b"path" if said.startswith(b"/"):
                    path = said.decode("utf-8", "surrogateescape")
                case b"max-age":
                    gone = bool(_GONE.fullmatch(said))
                case b"expires":
                    gone = gone or bool(_EPOCH.search(said))
        self._found.pop((name, path), None)
        if not gone and len(self._found) < MAX_COOKIES:
            self._found[name, path] = _Cookie(value, path, secure)

    def header(self, path: str) -> bytes:
        """Return the value of ``Cookie`` for a request of ``path``, b"" where there is none to send."""
        bare = path.partition("?")[0]
        sent = [
            name + b"=" + cookie.value
            for (name, _), cookie in sorted(self._found.items(), key=lambda one: -len(one[1].path))
            if _matches(bare, cookie.path) and (self._secure or not cookie.secure)
        ]
        return b"; ".join(sent)


def _directory(path: str) -> str:
    """Return the default path of a cookie (section 5.1.4)."""
    return path.partition("?")[0].rpartition("/")[0] or "/"


def _matches(path: str, of_cookie: str) -> bool:
    """Section 5.1.4."""
    return path == of_cookie or (
        path.startswith(of_cookie) and (of_cookie.endswith("/") or path[len(of_cookie)] == "/")
    )
