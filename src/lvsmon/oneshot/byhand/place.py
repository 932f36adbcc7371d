"""ADDRESS[:PORT] of a command line, and the address of a host name."""

import ipaddress
import re
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lvsmon.config.values import address, hostname
from lvsmon.errors import LocalFault
from lvsmon.model import Reason

_HELP: Final = (
    'write an address or a host name, with a port as "192.0.2.10:80", "[2001:db8::10]:80" or "www.example.org:80"'
)
_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be probed: an address, or a name that has one. ``port`` is None where none is written."""

    host: str
    port: int | None
    is_name: bool


def parse(text: str) -> Place:
    """Return what ``text`` names; raise ValueError saying what to write instead."""
    _, is_url, rest = text.partition("://")
    if is_url:
        host = rest.partition("/")[0].rpartition("@")[2]
        raise ValueError(
            f"a URL is no address: write {host!r} alone, and what is asked for there as settings, path=/..."
        )
    host, port = _split(text)
    if _is_address(host):
        return Place(address(host), port, is_name=False)
    name = host.removesuffix(".")
    if not name or _NUMBER.fullmatch(name.rpartition(".")[2]):  # what inet_aton(3) would take for an address
        raise ValueError(f"{text!r} is no IP address: {_HELP}")
    try:
        return Place(hostname(name), port, is_name=True)
    except ValueError:
        raise ValueError(f"{text!r} is no address and no host name: {_HELP}") from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r}: {_HELP}")
        return host, _port(rest[1:], text) if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, _port(port, text)
    return text, None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65535):
        raise ValueError(f"{whole!r}: write a port from 1 to 65535 behind the last colon")
    return int(text)


def resolve(name: str, patience: float, family: socket.AddressFamily = socket.AF_UNSPEC) -> Sequence[str]:
    """Return the addresses of ``name``, the one that this host would use first at the front.

    Raise `LocalFault` where there is none within ``patience`` seconds: what the director cannot look up says nothing
    about a realserver. The lookup is left to itself then, for it cannot be broken off.
    """
    answers: list[Sequence[str] | LocalFault] = []
    asking = threading.Thread(target=lambda: answers.append(_ask(name, family)), daemon=True)
    asking.start()
    asking.join(patience)
    if not answers:
        raise LocalFault(
            f"looking up {name} took longer than {patience:g} s: no name server answers", Reason.LOCAL_NETWORK
        )
    if isinstance(answers[0], LocalFault):
        raise answers[0]
    return answers[0]


def _ask(name: str, family: socket.AddressFamily) -> Sequence[str] | LocalFault:
    try:
        found = socket.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        return LocalFault(f"the name {name} cannot be looked up here: {why or error}", Reason.LOCAL_NETWORK)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
