"""Whose fault an errno is, and that connecting says so: theirs is FAIL, ours is UNKNOWN."""

import errno
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import PhaseTrace, run
from lvsmon.net import faults
from lvsmon.net.reactor import Reactor
from lvsmon.net.sockets import SocketConnector
from lvsmon.probes.tcp import TcpProbe
from reactors import armed, completed

LOOPBACKS = ["127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.ECONNRESET, Reason.RESET),
        (errno.EPIPE, Reason.RESET),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
        (errno.ENETUNREACH, Reason.UNREACHABLE),
        (errno.EACCES, Reason.UNREACHABLE),
        (errno.ETIMEDOUT, Reason.UNREACHABLE),
    ],
)
def test_what_a_packet_brought_is_the_realservers_fault(number, reason):
    error = faults.later(number)
    assert isinstance(error, ConnectFailed)
    assert reason is error.reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EMFILE, Reason.LOCAL_RESOURCES),
        (errno.ENOBUFS, Reason.LOCAL_RESOURCES),
        (errno.EADDRNOTAVAIL, Reason.LOCAL_RESOURCES),
        (errno.EPERM, Reason.LOCAL_PERMISSION),
        (errno.EACCES, Reason.LOCAL_PERMISSION),
        (errno.ENETUNREACH, Reason.LOCAL_NETWORK),
        (errno.EAFNOSUPPORT, Reason.LOCAL_NETWORK),
        (errno.EIO, Reason.LOCAL_FAULT),
    ],
)
def test_what_a_call_says_at_once_is_the_directors_fault(number, reason):
    error = faults.at_once(number)
    assert isinstance(error, LocalFault)
    assert reason is error.reason
    assert errno.errorcode[number] in str(error)


def test_a_refusal_at_once_is_still_the_realservers():
    assert isinstance(faults.at_once(errno.ECONNREFUSED), ConnectFailed)


def _run(target, probe=None, timeout=5):
    return completed(lambda engine: run(probe or TcpProbe(), target, timeout, engine))


@pytest.mark.parametrize("address", LOOPBACKS)
def test_refused(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as holder:
        holder.bind((address, 0))
        outcome = _run(Target(address=address, port=holder.getsockname()[1]))
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)
    assert outcome.phases.connect is None


def test_no_way_out_of_the_director_is_unknown():
    """TCP to a multicast address is refused by the kernel's own routing, on every host."""
    outcome = _run(Target(address="224.0.0.1", port=80))
    assert (Verdict.UNKNOWN, Reason.LOCAL_NETWORK) == (outcome.verdict, outcome.reason)


_STARVED = """
import os, resource, sys
from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.reactor import Reactor
from lvsmon.probes.tcp import TcpProbe

reactor = Reactor()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1,) * 2)
(outcome,) = reactor.complete(run(TcpProbe(), Target(address=sys.argv[1], port=9), 1, reactor))
print(outcome.verdict, outcome.reason, outcome.detail)
"""


@pytest.mark.parametrize("address", LOOPBACKS)
def test_no_descriptors_is_unknown(address):
    done = subprocess.run(
        [sys.executable, "-c", _STARVED, address], capture_output=True, check=True, text=True, timeout=30
    )
    assert done.stdout.startswith("UNKNOWN local_resources EMFILE on the director: "), done.stderr


def _descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("address", LOOPBACKS)
@pytest.mark.parametrize("phase", ["connect", "read", "write"])
def test_a_cancelled_run_leaves_no_descriptor_and_no_watch(address, phase):
    """Cancelled while connecting, reading or writing, a run closes what it opened; cancellation passes through."""

    class Stuck:
        kind = "stuck"
        uses_hostname = False

        async def check(self, target, ctx):
            stream = await ctx.net.connect(target.address, target.port)
            if phase == "write":
                await stream.write(bytes(64 * 1024 * 1024))
            await stream.read()

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener, socket.socket(family) as filler:
        listener.bind((address, 0))
        listener.listen(0)
        if phase == "connect":
            filler.connect(listener.getsockname())  # the backlog is full: another connect gets no answer
        target = Target(address=address, port=listener.getsockname()[1])
        with Reactor() as reactor:
            before = _descriptors()
            stuck = reactor.start(run(Stuck(), target, 30, reactor))
            while not (stuck.done or armed(reactor)):
                reactor.turn()
            waits = time.monotonic() + 0.05  # connected, it goes on to what it is stuck in
            while time.monotonic() < waits:
                reactor.turn()
            assert armed(reactor)
            stuck.cancel()
            assert stuck.cancelled
            assert before == _descriptors()
            assert not armed(reactor)


@pytest.mark.parametrize("address", LOOPBACKS)
def test_a_datagram_to_a_closed_port_is_refused(address):
    """ICMP port unreachable comes back as `ConnectFailed`, not as silence."""

    async def whole(engine):
        connector = SocketConnector(engine, PhaseTrace())
        try:
            datagram = await connector.datagram(address, holder.getsockname()[1])
            await datagram.send(b"x")
            await datagram.receive()
        finally:
            connector.close_all()

    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.bind((address, 0))
        with pytest.raises(ConnectFailed) as caught:
            completed(whole)
    assert Reason.REFUSED is caught.value.reason


@pytest.mark.parametrize("address", LOOPBACKS)
def test_a_flood_does_not_keep_the_deadline_from_being_noticed(address):
    """A probe that reads for ever from a server that is always faster still ends at its deadline."""

    class Glutton:
        kind = "glutton"
        uses_hostname = False

        async def check(self, target, ctx):
            stream = await ctx.net.connect(target.address, target.port)
            while True:
                await stream.read(1)

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()

        def _feed():
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(10)
                try:
                    while True:
                        peer.sendall(bytes(1 << 20))
                except OSError:
                    return

        feeder = threading.Thread(target=_feed)
        feeder.start()
        target = Target(address=address, port=listener.getsockname()[1])
        outcome = completed(lambda engine: run(Glutton(), target, 0.1, engine))
        feeder.join()
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    assert outcome.phases.total < 2
