"""Where a tripwire may be: not where a connection that says nothing harms the realserver."""

from collections.abc import Mapping
from typing import Final

from lvsmon.config.kinds import Kind
from lvsmon.model.settings import shown

_IDLE_HARMS: Final[Mapping[str, tuple[int, str]]] = {
    "agent": (0, "an agent says its line and closes, so it would end at once every time"),
    "mysql": (3306, "a server counts it as a failed handshake, and after max_connect_errors refuses the director"),
    "pgsql": (5432, "a server keeps a process for it until authentication_timeout, out of max_connections"),
    "ssh": (22, "sshd counts it towards MaxStartups, and then refuses people"),
    "telnet": (23, "inetd starts a telnetd with a terminal for it"),
}
"""Kind -> its usual port (0: none), and what is wrong there with a connection that never says anything."""


def objection(kind: Kind, port: int) -> str | None:
    """Return why a probe of ``kind`` may hold no tripwire to ``port``; None where it may."""
    if kind.transport != "tcp" or not kind.uses_port:
        harm = "it is a TCP connection, and this kind does not speak TCP alone"
        return f"leave it out with kind {shown(kind.name)}: {harm}"
    for name, (usual, harm) in _IDLE_HARMS.items():
        if kind.name == name:
            return f"leave it out with kind {shown(name)}: {harm}"
        if port == usual:
            return f"leave it out at port {port}, {name}'s: {harm}"
    return None
