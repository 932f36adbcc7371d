"""The engine: who is woken when, what is left behind, and that nobody keeps the others waiting."""

import contextlib
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net.reactor import BATCH, EVENTS, Reactor
from lvsmon.net.silent import SilentTrace
from lvsmon.net.sockets import SocketStream
from lvsmon.net.timers import PER_SECOND, Timers
from reactors import armed


class Bell:
    def __init__(self):
        self.rang = 0

    def ring(self):
        self.rang += 1


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.booleans()), max_size=50), st.floats(0.0, 110.0))
def test_timers_ring_in_their_slot_and_never_before(entries, now):
    timers, kept = Timers(), []
    for when, wanted in entries:
        bell = Bell()
        slot = timers.enter(when, bell)
        if wanted:
            kept.append((when, bell))
        else:
            timers.take_back(slot, bell)
    due = timers.next_due()
    assert (due is None) is (not kept)
    assert due is None or 0 < due - min(when for when, _ in kept) <= 1 / PER_SECOND
    rung = timers.due(now)
    assert len(rung) == len(set(map(id, rung)))
    for when, bell in kept:
        assert when <= now if bell in rung else when > now - 1 / PER_SECOND
    assert [] == timers.due(now)


@pytest.fixture
def reactor():
    with Reactor() as made:
        yield made
    assert not made.runs


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def later(heard):
    """Return something that keeps the runs that end in ``heard``."""
    return heard.append


def test_a_run_that_raises_is_told_to_who_started_it_and_the_others_go_on(reactor, caplog):
    async def fails():
        await reactor.pause(0.0)
        raise KeyError("x")

    async def goes_on():
        await reactor.pause(0.01)
        return "done"

    heard = []
    reactor.start(fails(), later(heard))
    reactor.start(fails())  # nobody hears: it is logged
    reactor.start(goes_on(), lambda _: 1 / 0)
    assert ["done"] == reactor.complete(goes_on())
    assert isinstance(heard[0].error, KeyError)
    assert ["a bug in a run", "a bug in what hears of the end of a run"] == sorted(r.message for r in caplog.records)


def test_a_call_that_raises_does_not_keep_the_others_from_their_time(reactor, caplog):
    at, called = reactor.time() + 0.01, []
    for call in (lambda: 1 / 0, lambda: called.append(1)):
        reactor.call_at(at, call)
    reactor.turn_until(lambda: bool(called))
    assert "a bug in what is done at its time" in caplog.text


def test_what_outlives_its_time_is_ended_even_if_it_will_not(reactor):
    """A part that swallows its end and waits on is a bug of ours, never a lost deadline."""

    async def stubborn():
        with contextlib.suppress(BaseException):
            await reactor.pause(3600)
        await reactor.pause(3600)

    heard = []
    reactor.start(reactor_within(reactor, 0.01, stubborn()), later(heard))
    reactor.turn_until(lambda: bool(heard))
    assert "ignored GeneratorExit" in str(heard[0].error)


async def reactor_within(reactor, seconds, part):
    return await reactor.within(seconds, part)


def test_an_inner_limit_ends_its_part_and_the_outer_one_goes_on(reactor, pair):
    async def whole():
        inner = await reactor.within(0.01, reactor_readable(reactor, pair[0]))
        pair[1].send(b"x")
        return inner, await reactor.within(20, reactor_readable(reactor, pair[0]))

    (ended,) = reactor.complete(reactor_within(reactor, 20, whole()))
    assert (None, b"x") == ended


async def reactor_readable(reactor, sock):
    await reactor.readable(sock.fileno())
    return sock.recv(1)


def test_no_event_of_a_closed_descriptor_wakes_who_has_its_number(reactor):
    """Two are readable at one look; the first that runs ends the second, and a third gets its number meanwhile."""
    steps = []
    first, second = socket.socketpair(), socket.socketpair()
    number = second[0].fileno()

    async def reads(sock, name):
        await reactor.readable(sock.fileno())
        steps.append(name)

    async def ends_the_other():
        await reactor.readable(first[0].fileno())
        victim.cancel()
        second[0].close()
        third = socket.socketpair()
        sockets.extend(third)
        fresh = next(sock for sock in third if sock.fileno() == number)
        reactor.start(reads(fresh, "third"))
        steps.append("first")

    sockets = [*first, *second]
    reactor.start(ends_the_other())
    victim = reactor.start(reads(second[0], "second"))
    reactor.turn()
    first[1].send(b"x")
    second[1].send(b"x")
    for _ in range(20):
        reactor.turn()
    assert ["first"] == steps
    assert {number} == armed(reactor)
    for sock in sockets:
        sock.close()


def test_a_copy_in_a_child_keeps_no_watch_alive(reactor):
    """The kernel watches a closed descriptor on while a child has a copy of it: so the watch is taken back before."""
    ours, theirs = socket.socketpair()

    async def waits(sock):
        await reactor.readable(sock.fileno())

    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[ours.fileno()]) as child, theirs:
        run = reactor.start(waits(ours))
        reactor.turn()
        assert {ours.fileno()} == armed(reactor)
        run.cancel()
        ours.close()
        theirs.send(b"x")
        assert [] == select.select([reactor.fileno()], [], [], 0)[0]
        child.stdin.close()


def test_many_cancelled_runs_leave_no_descriptor(reactor):
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def holds():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            await reactor.readable(ours.fileno())

    runs = [reactor.start(holds()) for _ in range(100)]
    for _ in range(100 // BATCH + 1):
        reactor.turn()
    assert 100 == len(armed(reactor))
    for run in runs:
        run.cancel()
        run.cancel()
    assert before == len(list(Path("/proc/self/fd").iterdir()))
    assert not armed(reactor)
    assert not reactor.runs


def test_a_run_that_cancels_itself_goes_on_to_where_it_waits_and_no_further(reactor):
    seen, runs = [], []

    async def whole():
        runs[0].cancel()
        seen.append("cancelled")
        await reactor.pause(0.0)
        seen.append("never")

    runs.append(reactor.start(whole()))
    reactor.turn_until(lambda: runs[0].done)
    assert ["cancelled"] == seen


def test_what_cannot_be_watched_is_our_fault(reactor, tmp_path):
    """epoll takes no regular file, and no more than the kernel lets it."""
    with (tmp_path / "file").open("wb") as file, pytest.raises(LocalFault, match="EPERM") as caught:
        reactor.complete(wait_for(reactor, file.fileno()))
    assert Reason.LOCAL_PERMISSION is caught.value.reason


async def wait_for(reactor, fd):
    await reactor.readable(fd)


def test_what_was_said_in_time_counts_however_late_the_director_comes():
    """A stall makes every deadline pass at once; those whose answers are there have been answered."""
    now = [0.0]
    pairs = [socket.socketpair() for _ in range(3 * EVENTS)]

    async def hears(ours):
        return await reactor.within(1.0, reactor_readable(reactor, ours))

    with Reactor(lambda: now[0]) as reactor:
        runs = [reactor.start(hears(ours)) for ours, _ in pairs]
        while len(armed(reactor)) < len(pairs):
            reactor.turn()
        for _, theirs in pairs[1:]:
            theirs.send(b"x")
        now[0] = 10.0
        reactor.turn()
        assert [None, *[b"x"] * (len(pairs) - 1)] == [run.result for run in runs]
    for both in pairs:
        for sock in both:
            sock.close()


def test_only_a_run_of_its_own_can_wait(reactor):
    with pytest.raises(RuntimeError, match="only a coroutine that the reactor runs"):
        reactor.pause(1).send(None)


def test_an_event_wakes_all_who_wait_and_none_who_came_later(reactor):
    event = reactor.event()

    async def waits():
        await event.wait()
        return reactor.time()

    async def sets():
        await reactor.pause(0.01)
        event.set()
        return reactor.time()

    times = reactor.complete(*(waits() for _ in range(50)), sets())
    assert max(times) == max(times[:-1]) >= times[-1]
    (at_once,) = reactor.complete(waits())
    assert at_once >= times[-1]


def test_whoever_was_answered_while_the_process_stood_still_has_missed_nothing():
    """More of them than are heard at one look: their deadlines ring only when all have been heard."""
    now = 100.0

    async def hears(fd):
        async def answered():
            await reactor.readable(fd)
            return "answered"

        return await reactor.within(1.0, answered())

    with contextlib.ExitStack() as stack:
        reactor = stack.enter_context(Reactor(lambda: now))
        pairs = [[stack.enter_context(end) for end in socket.socketpair()] for _ in range(3 * EVENTS)]
        runs = [reactor.start(hears(ours.fileno()), lambda _: None) for ours, _ in pairs]
        for _ in runs:
            now += 0.001
            reactor.turn()
        for _, theirs in pairs[1:]:
            theirs.send(b"x")
        now += 5.0
        reactor.turn()
        reactor.turn_until(lambda: all(run.done for run in runs))
        assert [run.result for run in runs] == [None, *["answered"] * (len(runs) - 1)]


_EMFILE = """
import os, resource, socket, sys
from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.reactor import Reactor
from lvsmon.probes.tcp import TcpProbe

with socket.create_server(("127.0.0.1", 0), backlog=1000) as server, Reactor() as reactor:
    target = Target(address="127.0.0.1", port=server.getsockname()[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 3,) * 2)
    for round in range(3):
        outcomes = reactor.complete(*(run(TcpProbe(), target, 5, reactor) for _ in range(200)))
        print(sorted({(o.verdict.value, o.reason.value) for o in outcomes}))
    (last,) = reactor.complete(run(TcpProbe(), target, 5, reactor))
    print(last.verdict)
"""


def test_without_descriptors_runs_are_unknown_and_the_reactor_goes_on():
    done = subprocess.run([sys.executable, "-c", _EMFILE], capture_output=True, check=True, text=True, timeout=60)
    *rounds, last = done.stdout.splitlines()
    assert {"[('PASS', 'ok'), ('UNKNOWN', 'local_resources')]"} == set(rounds)
    assert "PASS" == last


FLOOD = bytes(1 << 16)


@pytest.mark.parametrize("behaviour", ["floods", "drips"])
def test_who_floods_or_drips_delays_the_others_by_no_more_than_ten_milliseconds(reactor, behaviour):
    """Of the reactor's own time: what the machine takes away meanwhile is not counted."""
    over = threading.Event()

    def feed(sock):
        with contextlib.suppress(OSError):
            while not over.is_set():
                sock.send(FLOOD if behaviour == "floods" else b"x")

    async def hears(sock):
        stream = SocketStream(sock, reactor, SilentTrace())
        while await stream.read():
            pass

    longest = 0.0

    async def looks():
        nonlocal longest
        for _ in range(200):
            before = time.thread_time()
            await reactor.pause(0.0)
            longest = max(longest, time.thread_time() - before)

    pairs = [socket.socketpair() for _ in range(4)]
    threads = []
    for ours, theirs in pairs:
        ours.setblocking(False)
        theirs.settimeout(10)
        threads.append(threading.Thread(target=feed, args=(theirs,)))
        threads[-1].start()
        reactor.start(hears(ours))
    try:
        reactor.complete(looks())
    finally:
        over.set()
        for ours, _ in pairs:
            ours.close()
        for thread in threads:
            thread.join()
        for _, theirs in pairs:
            theirs.close()
    assert longest <= 0.010
