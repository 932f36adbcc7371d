"""Coroutines that wait for sockets of ours, run to their ends."""

import select
from pathlib import Path

from lvsmon.net.reactor import Reactor


def completed(work, seconds=20.0):
    """Return what ``work(engine)`` returns, run in a reactor of its own; raise TimeoutError where it takes longer."""
    with Reactor() as reactor:
        (done,) = reactor.complete(in_time(reactor, work, seconds))
    return done


async def in_time(engine, work, seconds=20.0):
    """Return what ``work(engine)`` returns; raise TimeoutError (it is ended then) where it takes longer."""
    done = []

    async def part():
        done.append(await work(engine))

    await engine.within(seconds, part())
    if not done:
        raise TimeoutError
    return done[0]


def armed(reactor):
    """Return the descriptors on which the kernel still watches for ``reactor``: a watch that is spent has no events."""
    words = [line.split() for line in Path(f"/proc/self/fdinfo/{reactor.fileno()}").read_text().splitlines()]
    live = select.EPOLLIN | select.EPOLLOUT
    return {int(line[1]) for line in words if line[0] == "tfd:" and int(line[3], 16) & live}
