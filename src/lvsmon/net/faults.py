"""The one table from errno to whose fault it is.

An errno that connect() or sendto() gives *at once* comes from our own routing table or limits, so it is ours; the same
number reported later through SO_ERROR was brought by a packet (ICMP, RST), so it is theirs.
"""

import errno
import os
from collections.abc import Mapping
from typing import Final

from lvsmon.errors import ConnectFailed, LocalFault, LvsmonError
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


def at_once(number: int) -> LvsmonError:
    """Return the error for an errno given by a call itself: socket(), bind(), connect(), sendto()."""
    if number in _AT_ONCE_THEIRS:
        return later(number)
    reason = _OURS.get(number, Reason.LOCAL_FAULT)
    return LocalFault(f"{_name(number)} on the director: {os.strerror(number)}", reason)


def later(number: int) -> LvsmonError:
    """Return the error for an errno that the network brought: SO_ERROR after connect(), recv(), send()."""
    known = _THEIRS.get(number)
    if known is not None:
        return ConnectFailed(known[1], known[0])
    reason = _OURS.get(number, Reason.LOCAL_FAULT)
    return LocalFault(f"{_name(number)} on the director: {os.strerror(number)}", reason)


def _name(number: int) -> str:
    return errno.errorcode.get(number, str(number))
