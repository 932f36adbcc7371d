"""The network namespace that probes of ``vantage = "vip"`` are sent from. All of it runs in one thread.

Each step says what it is about, so that a director where it cannot be done hears what to do.
"""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Final

from lvsmon.errors import LocalFault
from lvsmon.model import Forward, Reason, Through
from lvsmon.net.vantage import messages
from lvsmon.net.vantage.duplicates import owner_of
from lvsmon.net.vantage.kernel import Routing, enter, inside, leave, own_namespace, read_sysctl, sysctl

FIRST_MARK: Final = 0x4C560001  # "LV"
MOST_SLOTS: Final = 4096
"""Realservers reached at once; more than that in one process's life take the place of those used longest ago."""

DETECTION: Final = 4.0
"""Seconds that IPv6 may take to find out whether an address is free: it takes one or two."""

_LAN: Final = "probe0"
_BACK: Final = "probe1"
_SO_MARK: Final = 36  # asm-generic/socket.h
_IP_BIND_ADDRESS_NO_PORT: Final = 24  # linux/in.h
_QUIET: Final = {
    "ipv4/ip_forward": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/arp_ignore": 1,
    "ipv4/conf/all/arp_announce": 2,
    "ipv4/conf/all/accept_redirects": 0,
    "ipv4/conf/default/accept_redirects": 0,
    "ipv6/conf/all/accept_ra": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/default/autoconf": 0,
    "ipv6/conf/all/accept_redirects": 0,
    "ipv6/conf/default/accept_redirects": 0,
}
"""Set before there is an interface: answers come from the VIP by an interface that has no route to it, and routes are
nobody's business but ours."""

_HOP: Final = 1
"""The TTL of what is sent: a realserver without the VIP that forwards would give it back to the director, whose table
would choose another one, and that one's answer would count for this one (RFC 791 section 3.2)."""


class Space:
    """A namespace with an interface on ``interface`` of the director; its thread is in it from the start."""

    def __init__(self, interface: str) -> None:
        """Raise `LocalFault`, with nothing left behind and the thread where it was."""
        self._interface = interface
        self._sources: set[str] = set()
        self._backs: set[str] = set()
        self._slots: dict[Through, int] = {}
        self._leg = 0
        """The director's end of the way back."""
        with ExitStack() as undo:
            with _doing("a network namespace cannot be made"):
                self._outside = own_namespace()
                undo.callback(os.close, self._outside)
                self._director = undo.enter_context(closing(Routing()))
                try:
                    self._parent = socket.if_nametoindex(interface)
                except OSError as error:
                    raise LocalFault(_nowhere(interface), Reason.LOCAL_NETWORK) from error
                leave()
                undo.callback(enter, self._outside)
                self._inside = undo.enter_context(closing(Routing()))
            undo.callback(self._take_links_away)
            with _doing(f"no interface can be put on {interface} (macvlan)"):
                self._lan = self._first_link()
            self._undo = undo.pop_all()

    def _first_link(self) -> int:
        for name, value in _QUIET.items():
            sysctl(name, value)
        here = own_namespace()
        try:
            self._director.ask(messages.new_macvlan(_LAN, self._parent, here))
        finally:
            os.close(here)
        self._raise_link("lo")
        index = self._raise_link(_LAN)
        for family in (socket.AF_INET, socket.AF_INET6):
            self._inside.ask(messages.no_other_way(family))
        return index

    def socket(self, through: Through, family: int, kind: int) -> socket.socket:
        """Return a socket whose packets go through; raise `LocalFault`."""
        mark = self._slots.pop(through, None)
        self._slots[through] = mark = self._open(through) if mark is None else mark  # the latest is the last
        with _doing("no socket can be made"):
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            try:
                sock.setsockopt(socket.SOL_SOCKET, _SO_MARK, mark)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _HOP)
                else:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _HOP)
                if through.back is not None:  # the port is for connect() or another bind() to choose
                    sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                    sock.bind((through.back, 0))
            except BaseException:
                sock.close()
                raise
        return sock

    def close(self) -> None:
        """Take it all away and leave."""
        self._undo.close()

    def _take_links_away(self) -> None:
        """Without its interfaces a namespace answers for no address: it lives on while a socket of it is open."""
        for name in (_LAN, _BACK):
            self._delete(name)

    def _delete(self, name: str) -> None:
        with suppress(OSError):  # it is not there, or gone already with the interface that it was on
            self._inside.ask(messages.delete_link(socket.if_nametoindex(name)))

    def _open(self, through: Through) -> int:
        """Make the way to one realserver; return its mark."""
        self._look_at_way(through)
        if through.source not in self._sources:
            self._take_source(through.source)
        if through.back is not None and through.back not in self._backs:
            self._take_back(through.back)
        family = _family(through.source)
        mark = self._free_mark()
        with _doing(f"no way to {through.rip} can be made"):
            self._inside.ask(messages.new_host_route(through.rip, self._lan))
            gateway, index = through.rip, self._lan
            if through.forward is Forward.TUNNEL:
                name = f"tun{mark:x}"
                self._delete(name)  # of a try that came no further
                self._inside.ask(messages.new_ipip(name, through.source, through.rip))
                index = self._raise_link(name)
                sysctl(f"ipv4/conf/{name}/rp_filter", 0)
            tunnel = through.forward is Forward.TUNNEL
            self._inside.ask(messages.new_default_route(mark, through.source, index, None if tunnel else gateway))
            self._inside.ask(messages.new_rule(mark, family))
        return mark

    def _free_mark(self) -> int:
        """Return a mark that nobody has, where need be that of the way used longest ago."""
        if len(self._slots) < MOST_SLOTS:
            return FIRST_MARK + len(self._slots)
        oldest, mark = next(iter(self._slots.items()))
        del self._slots[oldest]
        with _doing(f"the way to {oldest.rip} cannot be taken away"):
            self._inside.ask(messages.delete_rule(mark, _family(oldest.source)))
            if oldest.forward is Forward.TUNNEL:
                self._delete(f"tun{mark:x}")
        return mark

    def _look_at_way(self, through: Through) -> None:
        """Refuse a realserver that would be found dead only because it is not on the link beside the director."""
        with _doing(f"nobody can say where {through.rip} is"):
            (answer,) = self._director.ask(messages.get_route(through.rip))
        route = messages.route_of(answer)
        if not route.direct or route.interface != self._parent:
            raise LocalFault(
                f'vantage = "vip": the director does not reach {through.rip} directly by {self._interface}:'
                ' write vantage = "rip" there, or the interface in [vantage]',
                Reason.LOCAL_NETWORK,
            )
        if through.back is not None:
            with inside(self._outside):
                quick = read_sysctl("ipv4/vs/nat_icmp_send")
            if quick == "1":
                raise LocalFault(
                    'vantage = "vip": net.ipv4.vs.nat_icmp_send = 1 has the director refuse the answers:'
                    ' set it to 0, or write vantage = "rip"',
                    Reason.LOCAL_NETWORK,
                )

    def _take_source(self, source: str) -> None:
        self._lock(source)
        if ":" not in source:
            with _doing(f"nobody can be asked who has {source}"):
                owner = owner_of(source, _LAN)
            if owner is not None:
                raise _taken(source, owner)
        with _doing(f"{source} cannot be put on {self._interface}"):
            self._inside.ask(messages.new_address(source, self._lan, detect=True))
            self._wait_until_free(source)
        self._sources.add(source)

    def _lock(self, source: str) -> None:
        """Keep another lvsmon of this director, and the director itself, from having the same address."""
        with inside(self._outside):
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            try:
                lock.bind(f"\0lvsmon vantage {source}")
            except OSError as error:
                lock.close()
                raise LocalFault(
                    f'vantage = "vip": another lvsmon of this director sends its probes from {source} now',
                    Reason.LOCAL_RESOURCES,
                ) from error
            self._undo.callback(lock.close)
            with socket.socket(_family(source), socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as trial:
                try:
                    trial.bind((source, 0))
                except OSError:
                    return
        raise _taken(source, "the director itself")

    def _wait_until_free(self, source: str) -> None:
        until = time.monotonic() + DETECTION
        while True:
            states = [messages.state_of(body) for body in self._inside.ask(messages.all_addresses(_family(source)))]
            looking, taken = next(found[2:] for found in states if found[:2] == (self._lan, source))
            if taken:
                raise _taken(source, "somebody else")
            if not looking:
                return
            if time.monotonic() > until:
                raise OSError(errno.ETIMEDOUT, "its duplicate address detection does not end")
            time.sleep(0.05)

    def _take_back(self, back: str) -> None:
        """Lay a way from the director to ``back``, as to a client behind it."""
        with _doing(f"no way can be laid from the director to {back} (veth)"):
            if not self._backs:
                name, here = f"lvsmon{os.getpid()}", own_namespace()
                try:
                    self._director.ask(messages.new_pair(name, _BACK, here))
                finally:
                    os.close(here)
                with inside(self._outside):
                    self._leg = socket.if_nametoindex(name)
                self._director.ask(messages.set_up(self._leg))
                self._raise_link(_BACK)
            self._inside.ask(messages.new_address(back, socket.if_nametoindex(_BACK), detect=False))
            self._director.ask(messages.new_host_route(back, self._leg))
        self._backs.add(back)

    def _raise_link(self, name: str) -> int:
        index = socket.if_nametoindex(name)
        self._inside.ask(messages.set_up(index))
        return index


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _nowhere(interface: str) -> str:
    return f'vantage = "vip": the director has no interface {interface}: write another one in [vantage]'


def _taken(source: str, owner: str) -> LocalFault:
    return LocalFault(
        f'vantage = "vip": {source} is in use by {owner}: write an address in [vantage] that only this director has',
        Reason.LOCAL_NETWORK,
    )


@contextmanager
def _doing(what: str) -> Iterator[None]:
    """Turn what the kernel says into a fault of the director's."""
    try:
        yield
    except OSError as error:
        reason = Reason.LOCAL_PERMISSION if error.errno in (errno.EPERM, errno.EACCES) else Reason.LOCAL_NETWORK
        raise LocalFault(f'vantage = "vip": {what}: {error.strerror or error}', reason) from error
