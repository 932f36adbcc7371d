"""Clients of the VIPs for a run full of faults: each exchange is bounded in time and bytes, whoever answers."""

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Final

import dns.exception
import dns.message
import dns.query

from kernel.lab.client import DO, DONT, WONT

TIMEOUT: Final = 4.0
"""Seconds for a whole exchange: the guest starts a program for some, and a daemon may have been thawed just now."""

MOST_BYTES: Final = 1 << 16
FIRST_PORT: Final = 15000
PORTS: Final = 9000
"""Source ports of one client: at the fastest pace they last for over 20 minutes."""

Exchange = Callable[[str, int, int], str]


def source_ports(client: int) -> Iterator[int]:
    """Give each exchange a source port of its own: one used again may meet the kernel's entry of an old connection."""
    return (FIRST_PORT + client * PORTS + number % PORTS for number in count())


def _talk(request: bytes, wanted: bytes) -> Exchange:
    """Send ``request`` and read until ``wanted`` is there, whose group is the name of who answered."""

    def exchange(address: str, port: int, source: int) -> str:
        deadline = time.monotonic() + TIMEOUT
        heard = b""
        with socket.create_connection((address, port), TIMEOUT, ("", source)) as stream:
            stream.sendall(request)
            while not (found := re.search(wanted, heard, re.DOTALL)):
                stream.settimeout(max(0.001, deadline - time.monotonic()))
                data = stream.recv(4096)
                if not data or len(heard) > MOST_BYTES or time.monotonic() > deadline:
                    raise ConnectionError(f"not served: {heard[:60]!r}")
                for _, option in re.findall(rb"\xff([\xfb-\xfe])(.)", data, re.DOTALL):
                    stream.sendall(bytes([255, WONT if _[0] in (DO, DONT) else DONT]) + option)
                heard += re.sub(rb"\xff[\xfb-\xfe].", b"", data, flags=re.DOTALL)
        return found[1].decode()

    return exchange


def _name(address: str, port: int, source: int) -> str:
    query = dns.message.make_query("whoami.lab", "TXT")
    try:
        answer = dns.query.udp(query, address, timeout=TIMEOUT, port=port, source_port=source)
    except dns.exception.DNSException as trouble:
        raise ConnectionError(f"{type(trouble).__name__}: {trouble}") from trouble
    if not answer.answer:
        raise ConnectionError(f"no answer in {answer.rcode()}")
    return str(answer.answer[0][0].strings[0].decode())


EXCHANGES: Final[Mapping[str, Exchange]] = {
    "nginx": _talk(b"GET / HTTP/1.0\r\n\r\n", rb"^HTTP/1\.\d 200 .*\r\n\r\n(rs\d)\n"),
    "exim": _talk(b"", rb"^220 (rs\d)\.lab "),
    "telnetd": _talk(b"", rb"(rs\d) login: "),
    "dnsmasq": _name,
}
"""How a client of each daemon finds out who answers."""

PACE: Final = {"nginx": 0.15, "exim": 0.5, "telnetd": 1.5, "dnsmasq": 0.2}
"""Seconds between two exchanges: the rarer, the more programs the guest starts for one."""
