"""A worker has programs run that its own probes run, as the configuration has them, and no others."""

import asyncio
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lvsmon.monitor.workers import gate
from lvsmon.monitor.workers.gate import Gate, NotAsked
from lvsmon.net import programs
from lvsmon.net.programs import Program, _request
from lvsmon.probes.exec import ExecProbe
from oneshot_support import spec

PROBE = ExecProbe(command=("/usr/local/bin/look", "{address}", "{timeout}"), user="nobody", style="mon")
SPEC = replace(spec("192.0.2.1", 80, timeout=2.5), probe=PROBE)


def asked(timeout=2, memory=None, **changes):
    """Return the request of a worker whose probe has so many seconds left."""
    made = json.loads(_request(PROBE.one_run(SPEC.target, timeout, memory or {})))
    return json.dumps({**made, **changes}).encode()


def gate_of(*specs):
    made = Gate()
    made.update({each.id: each for each in specs})
    return made


def test_what_a_probe_runs_is_made_anew_from_the_configuration():
    memory = {"MON_LAST_SUMMARY": "it was down"}
    program = gate_of(SPEC).program(asked(3, memory, argv=["/bin/sh", "-c", "evil"], user=None, trusted=True, umask=0))
    assert program == PROBE.one_run(SPEC.target, 3, memory)
    assert program.argv == ("/usr/local/bin/look", "192.0.2.1", "3", "192.0.2.1")
    assert (program.user, program.trusted) == ("nobody", False)


def test_variables_that_are_not_mons_memory_are_not_taken():
    environment = PROBE.one_run(SPEC.target, 1, {}).environment
    request = asked(1, environment={**environment, "LD_PRELOAD": "/evil.so", "MON_LAST_OUTPUT": "x"})
    assert gate_of(SPEC).program(request).environment == {**environment, "MON_LAST_OUTPUT": "x"}


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        asked(identity="another"),
        asked(identity=["x"]),
        asked(timeout=4),
        asked(environment={}),
        asked(environment={"LVSMON_TIMEOUT": 1}),
        asked(environment={"LVSMON_TIMEOUT": "0"}),
        asked(environment={"LVSMON_TIMEOUT": "9" * 10_000}),
        asked(memory={"MON_LAST_OUTPUT": "a\0b"}),
        asked(memory={"MON_LAST_OUTPUT": "x" * 70_000}),
    ],
)
def test_anything_else_is_not_run(request_):
    with pytest.raises(NotAsked):
        gate_of(SPEC).program(request_)


def test_a_probe_of_another_worker_is_not_run():
    with pytest.raises(NotAsked):
        gate_of(replace(spec("192.0.2.2", 80), probe=PROBE)).program(asked())


def test_probes_that_run_the_same_may_have_different_times():
    """Each may take its own."""
    slow = replace(SPEC, id="slow", timeout=9.0)
    assert gate_of(slow, SPEC).program(asked(9)) == gate_of(SPEC, slow).program(asked(9))


def test_a_request_brings_the_way_for_its_answer_and_no_descriptor_is_lost():
    before = set(Path("/proc/self/fd").iterdir())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        assert gate.take(ours, gate_of(SPEC)) is None, "nothing was asked"
        socket.send_fds(theirs, [asked()], [0])
        program, (descriptor,) = gate.take(ours, gate_of(SPEC))
        assert program.argv[0] == "/usr/local/bin/look"
        os.close(descriptor)
        for request, descriptors in ((asked(), []), (b"{}", [0]), (asked(), [0, 1, 2])):
            socket.send_fds(theirs, [request], descriptors)
            if len(descriptors) < 2:
                with pytest.raises(NotAsked):
                    gate.take(ours, gate_of(SPEC))
            else:  # the kernel gives no more than were asked for
                os.close(gate.take(ours, gate_of(SPEC))[1][0])
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_no_more_of_one_program_run_at_once_than_may():
    """A worker cannot fill the director with the programs of its probes."""
    sleeping = Program(argv=("/bin/sleep", "60"), environment={}, identity="sleeping", trusted=True)
    ways = [socket.socketpair() for _ in range(3)]
    try:
        for _, theirs in ways:
            theirs.settimeout(20)
            assert programs.forward(sleeping, [theirs.fileno()], at_once=2)
            theirs.close()
        assert [ours.recv(1) for ours, _ in ways] == [b"+", b"+", b"{"]
        assert b"as many of it run already as may" in ways[2][0].recv(1000)
    finally:
        for ours, _ in ways:
            ours.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:  # what begins now waits for the ends of the others
        ours.settimeout(20)
        assert programs.forward(replace(sleeping, argv=("/bin/true",)), [theirs.fileno()], at_once=2)
        theirs.close()
        while ours.recv(1000):
            continue


def test_closed_ends_of_a_worker_are_seen():
    async def main():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.close()
        with ours:
            ours.setblocking(False)
            assert gate.take(ours, gate_of(SPEC)) is None

    asyncio.run(main())
