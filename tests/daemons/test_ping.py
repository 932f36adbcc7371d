"""ping on real ICMP, in a namespace: both kinds of socket, a host that is gone, one that lies, no permission."""

import asyncio
import fcntl
import os
import struct
import threading

import pytest

from daemons.conftest import seen
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.net.reactor import Reactor
from lvsmon.probes.ping import PingProbe
from namespaces import CAP_NET_RAW, Namespace, without

pytestmark = pytest.mark.daemons

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
NOBODY, EVERYBODY = "1 0", "0 2147483647"


@pytest.fixture(scope="module")
def space():
    if os.geteuid() != 0:
        pytest.skip("only root can make a network namespace: run the tests as root")
    with Namespace() as made:
        yield made


@pytest.fixture(params=["raw socket", "ping socket"])
def kind(request, space):
    space.sysctl("net.ipv4.ping_group_range", NOBODY if request.param == "raw socket" else EVERYBODY)
    return request.param


def ping(probe, address, timeout=2.0):
    async def once():
        return await in_reactor(lambda engine: run(probe, Target(address=address, port=0), timeout, engine))

    return seen(probe, address, 0, asyncio.run(once()))


BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@BOTH
def test_a_host_answers(space, kind, address):
    outcome = space.call(lambda: ping(PingProbe(warn_loss=1, spacing=0.01, size=1400, warn_rtt=1.0), address))
    assert (Verdict.PASS, 3, 0) == (outcome.verdict, outcome.facts["answered"], outcome.facts["loss"]), outcome
    assert 0 < outcome.facts["rtt"] <= outcome.facts["rtt_max"] < 0.1


@BOTH
def test_ping_sockets_need_no_privilege(space, address):
    space.sysctl("net.ipv4.ping_group_range", EVERYBODY)
    assert Verdict.PASS is space.call(lambda: without(CAP_NET_RAW, lambda: ping(PingProbe(), address))).verdict


@BOTH
def test_without_permission_the_run_is_unknown_and_says_what_to_grant(space, address):
    space.sysctl("net.ipv4.ping_group_range", NOBODY)
    outcome = space.call(lambda: without(CAP_NET_RAW, lambda: ping(PingProbe(), address)))
    assert (Verdict.UNKNOWN, Reason.LOCAL_PERMISSION) == (outcome.verdict, outcome.reason)
    assert "AmbientCapabilities=CAP_NET_RAW" in outcome.detail
    assert f'net.ipv4.ping_group_range="{os.getegid()} {os.getegid()}"' in outcome.detail


def test_no_route_is_our_fault(space, kind):
    for address in ("203.0.113.1", "2001:db8::1"):
        outcome = space.call(lambda address=address: ping(PingProbe(), address))
        assert (Verdict.UNKNOWN, Reason.LOCAL_NETWORK) == (outcome.verdict, outcome.reason)


def test_many_at_once_do_not_hear_each_other(space, kind):
    """Each of 200 runs to one address, and to others, has its own answers and no more."""
    probe = PingProbe(count=3, spacing=0.01, warn_loss=1)

    def together():
        targets = [Target(address=f"127.0.0.{number % 4 + 1}", port=0) for number in range(200)]
        with Reactor() as reactor:
            return reactor.complete(*(run(probe, target, 5.0, reactor) for target in targets))

    for outcome in space.call(together):
        assert (Verdict.PASS, 3, None) == (outcome.verdict, outcome.facts["answered"], outcome.facts.get("altered"))


class Far:
    """Hosts behind a TUN device: ``answer(packet)`` gives the packets that come back for one that went out."""

    def __init__(self, space, answer):
        self.space, self.answer = space, answer

    def __enter__(self):
        def make():
            descriptor = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", b"far0", IFF_TUN_NO_PI))
            return descriptor

        self.descriptor = self.space.call(make)
        self.space.run("ip", "address", "add", "10.9.0.1/24", "dev", "far0")
        self.space.run("ip", "-6", "address", "add", "fd09::1/64", "dev", "far0", "nodad")
        self.space.run("ip", "link", "set", "far0", "up")
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def serve(self):
        while True:
            packet = os.read(self.descriptor, 65536)
            if packet[16:20] == bytes([10, 9, 0, 255]):
                return
            for reply in self.answer(packet):
                os.write(self.descriptor, reply)

    def __exit__(self, *error):
        self.space.call(lambda: without_answer("10.9.0.255"))
        self.thread.join()
        os.close(self.descriptor)


def without_answer(address):
    """Send a packet there: it ends the thread that reads the device."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(b"", (address, 9))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", total ^ 0xFFFF)


def packet4(source, destination, message):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 64, 1, 0) + source + destination
    return head[:10] + checksum(head) + head[12:] + message


def icmp4(head, rest):
    message = bytes(head) + b"\0\0" + rest
    return message[:2] + checksum(message) + message[4:]


def requests(packet):
    """Return source, destination and the ICMP message of an IPv4 echo request with an even length, or None."""
    if packet[0] >> 4 == 4 and packet[9] == 1 and packet[20] == 8:
        return packet[12:16], packet[16:20], packet[20:]
    return None


def mirrored(alter=lambda rest: rest):
    """Return a host that answers with what ``alter`` makes of identifier, sequence number and data."""

    def answer(packet):
        request = requests(packet)
        return [packet4(request[1], request[0], icmp4([0, 0], alter(request[2][4:])))] if request else []

    return answer


def unreachable(code):
    """Return a router, 10.9.0.254, that says destination unreachable with this code."""

    def answer(packet):
        if not requests(packet):
            return []
        return [packet4(bytes([10, 9, 0, 254]), packet[12:16], icmp4([3, code], bytes(4) + packet[:48]))]

    return answer


PROBE = PingProbe(count=2, spacing=0.02, wait=0.1)


@pytest.mark.parametrize(
    ("answer", "wanted", "says"),
    [
        (mirrored(), (Verdict.PASS, Reason.OK), "1 of 1 echo requests answered"),
        (lambda _: [], (Verdict.FAIL, Reason.DEADLINE), "0 of 2"),
        (lambda packet: [packet], (Verdict.FAIL, Reason.DEADLINE), "0 of 2"),
        (lambda packet: mirrored()(packet) * 50, (Verdict.PASS, Reason.OK), "1 of 1"),
        (mirrored(lambda rest: rest[:-2] + b"??"), (Verdict.FAIL, Reason.PROTOCOL), "not what was sent"),
        (mirrored(lambda rest: rest[:20]), (Verdict.FAIL, Reason.PROTOCOL), "not what was sent"),
        (mirrored(lambda rest: bytes([rest[0] ^ 1]) + rest[1:]), (Verdict.FAIL, Reason.DEADLINE), "0 of 2"),
        (unreachable(1), (Verdict.FAIL, Reason.UNREACHABLE), "10.9.0.254 says: host unreachable"),
        (unreachable(13), (Verdict.FAIL, Reason.UNREACHABLE), "10.9.0.254 says: administratively prohibited"),
        (unreachable(3), (Verdict.FAIL, Reason.UNREACHABLE), "10.9.0.254 says: destination unreachable"),
    ],
)
def test_far_hosts(space, kind, answer, wanted, says):
    """A mirror that sends requests back is no host; a foreign identifier is somebody else's answer."""
    with Far(space, answer):
        outcome = space.call(lambda: ping(PROBE, "10.9.0.7"))
    assert wanted == (outcome.verdict, outcome.reason), outcome
    assert says in outcome.detail


def test_a_damaged_answer_is_none(space, kind):
    """The kernel checks what a ping socket gets; what a raw one gets, we do."""

    def damaged(packet):
        return [reply[:-1] + bytes([reply[-1] ^ 1]) for reply in mirrored()(packet)]

    with Far(space, damaged):
        outcome = space.call(lambda: ping(PROBE, "10.9.0.7"))
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason), outcome


def test_an_answer_from_another_address_is_none(space, kind):
    def from_another(packet):
        return [packet4(bytes([10, 9, 0, 8]), reply[16:20], reply[20:]) for reply in mirrored()(packet)]

    with Far(space, from_another):
        outcome = space.call(lambda: ping(PROBE, "10.9.0.7"))
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason), outcome


def test_a_flood_of_answers_ends_in_time(space, kind):
    with Far(space, lambda packet: mirrored(lambda rest: rest[:-2] + b"??")(packet) * 3000):
        outcome = space.call(lambda: ping(PROBE, "10.9.0.7"))
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason), outcome
    assert outcome.phases.total < 1


def test_a_host_that_is_gone_from_the_link(space, kind):
    """Nobody answers for its address: neighbour discovery fails, IPv6's as IPv4's, and the kernel says so."""
    space.run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "near1")
    try:
        space.run("ip", "address", "add", "10.7.0.1/24", "dev", "near0")
        space.run("ip", "-6", "address", "add", "fd07::1/64", "dev", "near0", "nodad")
        for name in ("near0", "near1"):
            space.run("ip", "link", "set", name, "up")
        space.sysctl("net.ipv4.neigh.near0.retrans_time_ms", "20")
        space.sysctl("net.ipv6.neigh.near0.retrans_time_ms", "20")
        for address in ("10.7.0.7", "fd07::7"):
            outcome = space.call(lambda address=address: ping(PROBE, address))
            assert (Verdict.FAIL, Reason.UNREACHABLE) == (outcome.verdict, outcome.reason), outcome
    finally:
        space.run("ip", "link", "delete", "near0")
