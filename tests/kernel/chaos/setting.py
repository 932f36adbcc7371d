"""What the run is about: five virtual services with different policies, written for lvsmon and for the oracle alike."""

from typing import Final

from kernel.chaos.history import Rules, VirtualRules
from kernel.lab.daemons import DAEMONS
from kernel.lab.monitor import FALL, RECONCILE, RISE
from kernel.lab.topology import VIP, VIP6

BRAKE_WINDOW: Final = 10.0
SORRY: Final = "10.1.0.254"
"""The client's leg in the realservers' network: a host that answers pings, and the sorry server that serves nobody."""

_EVEN: Final = {"rs1": 1, "rs2": 2, "rs3": 1}

VIRTUALS: Final = (
    VirtualRules(name="web", shown=f"-t {VIP}:80", daemon="nginx", weights=_EVEN, interval=1.5, timeout=1.5),
    VirtualRules(
        name="web6", shown=f"-t [{VIP6}]:80", daemon="nginx", weights=_EVEN, interval=1.5, timeout=1.5,
        on_failure="remove", floor=1,
    ),
    VirtualRules(
        name="mail", shown=f"-t {VIP}:25", daemon="exim", weights=_EVEN, interval=2.0, timeout=2.0,
        on_failure="remove", sorry=f"{SORRY}:25",
    ),
    VirtualRules(
        name="login", shown=f"-t {VIP}:23", daemon="telnetd", weights=_EVEN, interval=3.0, timeout=3.0, floor=1
    ),
    VirtualRules(
        name="names", shown=f"-u {VIP}:53", daemon="dnsmasq", weights=_EVEN, interval=1.5, timeout=1.5,
        sorry=f"{SORRY}:53",
    ),
)  # fmt: skip

DROPPABLE: Final = ("web6", "login", "names")
"""What a reload may leave out; in "web" there is a foreign destination, which keeps it there."""

PROBES: Final = {
    "nginx": 'kind = "http"',
    "exim": 'kind = "smtp"',
    "telnetd": 'kind = "telnet"',
    "dnsmasq": 'kind = "dns"\nname = "whoami.lab"\ntype = "TXT"\nauthoritative = false\nretransmit = "500ms"',
}

MAIN: Final = f"""
[brake]
failing = "50%"
window = "{BRAKE_WINDOW:g}s"
self_test = ["gateway"]

[[host]]
name = "gateway"
address = "{SORRY}"

[[host.probe]]
kind = "ping"
interval = "1s"
timeout = "1s"
"""


def rules(virtuals: tuple[VirtualRules, ...]) -> Rules:
    return Rules(virtuals=virtuals, rise=RISE, fall=FALL, reconcile=RECONCILE, brake_window=BRAKE_WINDOW)


def text(virtual: VirtualRules, forward: str) -> str:
    """Return its file below monitors.d."""
    flag, place = virtual.shown.split()
    vip, _, port = place.rpartition(":")
    suffix = "-v6" if "[" in vip else ""
    servers = ", ".join(f'{{ name = "{name}{suffix}", weight = {weight} }}' for name, weight in virtual.weights.items())
    return "\n".join(
        [
            "[[virtual]]",
            f'name = "{virtual.name}"',
            f'vip = "{vip.strip("[]")}"',
            f"port = {port}",
            f'protocol = "{"udp" if flag == "-u" else "tcp"}"',
            f'forward = "{forward}"',
            'scheduler = "wrr"',
            f'interval = "{virtual.interval:g}s"',
            f'timeout = "{virtual.timeout:g}s"',
            f'on_failure = "{virtual.on_failure}"',
            f"realservers = [{servers}]",
            *([f"floor = {virtual.floor}"] if virtual.floor else []),
            *([f'sorry = "{SORRY}"'] if virtual.sorry else []),
            "",
            "[[virtual.probe]]",
            PROBES[virtual.daemon],
            "",
        ]
    )


def port_of(virtual: VirtualRules) -> int:
    return DAEMONS[virtual.daemon].port
