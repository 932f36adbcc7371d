"""Programs of exec probes, asked for by a worker and started by the supervisor's spawner.

A worker says which probe's program it wants, for how long, and what mon's variables are. Everything else is what the
configuration says: the request is made anew here, so that no worker can have anything run but what its own probes run,
as whom they run it and within their limits.
"""

import json
import os
import socket
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from lvsmon.net import spawner
from lvsmon.net.programs import Program
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.exec import ExecProbe

_FREE: Final = frozenset(
    {
        "MON_LAST_SUMMARY", "MON_LAST_OUTPUT", "MON_FIRST_FAILURE", "MON_LAST_FAILURE", "MON_FIRST_SUCCESS",
        "MON_LAST_SUCCESS",
    }
)  # fmt: skip
"""Variables that a worker fills in: what was seen of the realserver before."""

AT_ONCE: Final = 8
"""Programs of one identity that run or wait to: of probes that run the same, and those that are being ended."""

_MOST_OF_VARIABLE: Final = 65536
_DESCRIPTORS: Final = 1  # the way of the answer; nothing is read by these programs


class NotAsked(ValueError):
    """A worker asked for what none of its probes is."""


class Gate:
    """The programs of one worker's probes."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[ExecProbe, ProbeSpec]]] = {}

    def update(self, probes: Mapping[str, ProbeSpec]) -> None:
        """Take ``probes`` as all of the worker's."""
        self._known = {}
        for spec in probes.values():
            if isinstance(spec.probe, ExecProbe):
                identity = spec.probe.one_run(spec.target, 1, {}).identity
                self._known.setdefault(identity, []).append((spec.probe, spec))

    def program(self, request: bytes) -> Program:
        """Return the program that is asked for, as the configuration has it; raise `NotAsked`."""
        try:
            asked: Any = json.loads(request)
            known = self._known[asked["identity"]]
            environment = asked["environment"]
            timeout = int(environment["LVSMON_TIMEOUT"][:9])
            memory = {name: environment[name] for name in _FREE & environment.keys()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NotAsked("a program that none of its probes runs") from None
        for probe, spec in known:
            if 1 <= timeout <= ceil(spec.timeout) and all(map(_is_text, memory.values())):
                return probe.one_run(spec.target, timeout, memory if probe.style == "mon" else {})
        raise NotAsked("a program in a way in which its probe does not run it")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_OF_VARIABLE and "\0" not in value


def take(way: socket.socket, gate: Gate) -> tuple[Program, list[int]] | None:
    """Take one request of a worker; None for nothing. Who gets descriptors closes them. Raise `NotAsked`."""
    try:
        request, descriptors, _, _ = socket.recv_fds(way, spawner.MAX_REQUEST, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return None
    if not request and not descriptors:
        return None
    if not descriptors:
        raise NotAsked("a program without a way to answer")
    try:
        return gate.program(request), descriptors
    except NotAsked:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
