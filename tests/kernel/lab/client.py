"""A client of the VIP: real connections from a namespace of its own, each of which finds out who answered."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import dns.exception
import dns.message
import dns.query

from kernel.lab.spaces import Host, enter

TIMEOUT: Final = 2.0
"""Seconds that one exchange may take: the guest is slow, and a login program is started for a telnet one."""

PACE: Final = {80: 0.05, 53: 0.05, 25: 0.1, 23: 0.3}
"""Seconds between the connections of a steady client, by port: for one to exim or telnetd the guest starts programs."""

IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251


def http(address: str, port: int, timeout: float) -> str:
    with socket.create_connection((address, port), timeout) as stream:
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = stream.makefile("rb").read().decode()
    head, _, body = answer.partition("\r\n\r\n")
    if " 200 " not in head.splitlines()[0]:
        raise ConnectionError(f"not served: {head.splitlines()[0]}")
    return body.strip()


def smtp(address: str, port: int, timeout: float) -> str:
    with socket.create_connection((address, port), timeout) as stream:
        reader = stream.makefile("rb")
        greeting = reader.readline().decode()
        stream.sendall(b"QUIT\r\n")
        reader.readline()
    found = re.match(r"220 (\w+)\.lab ", greeting)
    if not found:
        raise ConnectionError(f"not greeted: {greeting!r}")
    return found[1]


def telnet(address: str, port: int, timeout: float) -> str:
    """Refuse every option (RFC 854) and wait for the login prompt, which carries the host's name."""
    text = b""
    with socket.create_connection((address, port), timeout) as stream:
        while not (found := re.search(rb"(\w+) login: ", text)):
            data = stream.recv(4096)
            if not data:
                raise ConnectionError(f"closed before the prompt, after {text!r}")
            for command, option in re.findall(rb"\xff([\xfb\xfd])(.)", data, re.DOTALL):
                stream.sendall(bytes([IAC, DONT if command[0] == WILL else WONT]) + option)
            text += re.sub(rb"\xff[\xfb-\xfe].", b"", data, flags=re.DOTALL)
    return found[1].decode()


def dns_txt(address: str, port: int, timeout: float) -> str:
    query = dns.message.make_query("whoami.lab", "TXT")
    try:
        answer = dns.query.udp(query, address, timeout=timeout, port=port)
    except dns.exception.DNSException as trouble:
        raise ConnectionError(str(trouble)) from trouble
    if not answer.answer:
        raise ConnectionError(f"no answer in {answer.rcode()}")
    return str(answer.answer[0][0].strings[0].decode())


ASK: Final[Mapping[int, Callable[[str, int, float], str]]] = {80: http, 25: smtp, 23: telnet, 53: dns_txt}
"""What is spoken on which port."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One exchange; times on the monotonic clock; either the name of who answered or the trouble."""

    began: float
    ended: float
    answered: str | None
    trouble: str | None


@dataclass(slots=True)
class Record:
    """What a steady client has seen so far."""

    attempts: list[Attempt] = field(default_factory=list)

    def since(self, moment: float) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts) if attempt.began >= moment]

    def failures(self, since: float = 0.0) -> list[Attempt]:
        return [attempt for attempt in self.since(since) if attempt.trouble is not None]

    def answered(self, since: float = 0.0) -> set[str]:
        return {attempt.answered for attempt in self.since(since) if attempt.answered is not None}


class Client(Host):
    def get(self, address: str, port: int = 80, timeout: float = TIMEOUT) -> str:
        """Make one exchange with a VIP and return the name of the realserver that answered.

        Raise OSError as the client's kernel gives it (refused, reset, unreachable, timed out).
        """
        return self.inside(ASK[port], address, port, timeout)

    def who(self, address: str, port: int, times: int) -> dict[str, int]:
        """Return how many of so many exchanges each realserver answered."""
        answers = [self.get(address, port) for _ in range(times)]
        return {name: answers.count(name) for name in sorted(set(answers))}

    @contextmanager
    def steady(self, address: str, port: int = 80) -> Iterator[Record]:
        """Keep asking, one exchange after the other, until the block is left."""
        record, stop = Record(), threading.Event()

        def ask() -> None:
            enter(self.name)
            while not stop.wait(PACE[port]):
                began, answered, trouble = time.monotonic(), None, None
                try:
                    answered = ASK[port](address, port, TIMEOUT)
                except OSError as error:
                    trouble = f"{type(error).__name__}: {error}"
                record.attempts.append(Attempt(began, time.monotonic(), answered, trouble))

        thread = threading.Thread(target=ask, name="steady client")
        thread.start()
        try:
            yield record
        finally:
            stop.set()
            thread.join()
