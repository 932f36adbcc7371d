"""The one table from errno to whose fault it is.

An errno that connect() or sendto() gives *at once* comes from our own routing table or limits, so it is ours; the same
number reported later through SO_ERROR was brought by a packet (ICMP, RST), so it is theirs.
"""

import errno
import os
from collections.abc import Mapping
from typing import Final

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason

_THEIRS: Final[Mapping[int, tuple[Reason, str]]] = {
    errno.ECONNREFUSED: (Reason.REFUSED, "connection refused: nothing listens on the port"),
    errno.ECONNRESET: (Reason.RESET, "connection reset by the realserver"),
    errno.ECONNABORTED: (Reason.RESET, "connection aborted"),
    errno.EPIPE: (Reason.RESET, "the realserver has closed the connection"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "host unreachable"),
    errno.EHOSTDOWN: (Reason.UNREACHABLE, "host down"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "a router says that the network is unreachable"),
    errno.ENOPROTOOPT: (Reason.UNREACHABLE, "the realserver's host says that it does not speak the protocol"),
    errno.EACCES: (Reason.UNREACHABLE, "a router or firewall forbids it (ICMPv6: administratively prohibited)"),
    errno.ENONET: (Reason.UNREACHABLE, "a router says that the host is isolated"),
    errno.EOPNOTSUPP: (Reason.UNREACHABLE, "a router says that the source route failed"),
    errno.ETIMEDOUT: (Reason.UNREACHABLE, "no answer: the kernel gave the connection up"),
    errno.EPROTO: (Reason.PROTOCOL, "protocol error"),
}

_OURS: Final[Mapping[int, Reason]] = {
    errno.EMFILE: Reason.LOCAL_RESOURCES,
    errno.ENFILE: Reason.LOCAL_RESOURCES,
    errno.ENOBUFS: Reason.LOCAL_RESOURCES,
    errno.ENOMEM: Reason.LOCAL_RESOURCES,
    errno.EAGAIN: Reason.LOCAL_RESOURCES,  # connect(): no free local port
    errno.EADDRNOTAVAIL: Reason.LOCAL_RESOURCES,
    errno.EADDRINUSE: Reason.LOCAL_RESOURCES,
    errno.EPERM: Reason.LOCAL_PERMISSION,
    errno.EACCES: Reason.LOCAL_PERMISSION,
    errno.ENETUNREACH: Reason.LOCAL_NETWORK,
    errno.EHOSTUNREACH: Reason.LOCAL_NETWORK,
    errno.ENETDOWN: Reason.LOCAL_NETWORK,
    errno.EAFNOSUPPORT: Reason.LOCAL_NETWORK,
}

_AT_ONCE_THEIRS: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


_WORDS: Final[Mapping[int, str]] = {
    errno.EADDRNOTAVAIL: "it has no address of that family to connect from, or no local port is free",
    errno.EAFNOSUPPORT: "its kernel does not speak IP of that version",
    errno.EHOSTUNREACH: "it has no route to the address",
    errno.ENETUNREACH: "it has no route to the address",
    errno.ENETDOWN: "the interface that leads to the address is down",
    errno.EAGAIN: "no local port is free",
    errno.EPERM: "not permitted: its own firewall drops what is sent, or a capability is missing",
}
"""What the kernel's own words do not say; the others are good enough."""


def at_once(number: int) -> LocalFault | ConnectFailed:
    """Return the error for an errno given by a call itself: socket(), bind(), connect(), sendto()."""
    if number in _AT_ONCE_THEIRS:
        return later(number)
    return _ours(number)


def later(number: int) -> LocalFault | ConnectFailed:
    """Return the error for an errno that the network brought: SO_ERROR after connect(), recv(), send()."""
    known = _THEIRS.get(number)
    if known is not None:
        return ConnectFailed(known[1], known[0])
    return _ours(number)


def _ours(number: int) -> LocalFault:
    name, words = errno.errorcode.get(number, str(number)), _WORDS.get(number) or os.strerror(number)
    return LocalFault(f"{name} on the director: {words}", _OURS.get(number, Reason.LOCAL_FAULT))
