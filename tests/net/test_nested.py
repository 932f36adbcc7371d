"""A reactor within asyncio: both get their turns, and who waits for a run takes it with them."""

import asyncio
import socket
import time

import pytest

from lvsmon.net.nested import NestedReactor, in_reactor
from lvsmon.testing.clock import run_virtual


def test_the_loop_gets_its_turn_while_there_is_always_something_to_do():
    """Runs that are never done waiting: ten milliseconds of processor time at most between two turns of the loop."""

    async def main():
        with NestedReactor() as reactor:
            pairs = [socket.socketpair() for _ in range(20)]

            async def busy(ours, theirs):
                while True:
                    theirs.send(b"x")
                    await reactor.readable(ours.fileno())
                    ours.recv(1)

            for both in pairs:
                reactor.start(busy(*both))
            longest = 0.0
            for _ in range(100):
                before = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - before)
        for both in pairs:
            for sock in both:
                sock.close()
        return longest

    assert asyncio.run(main()) <= 0.010


def test_a_task_that_is_cancelled_cancels_its_run():
    ended = []

    async def waits(reactor):
        try:
            await reactor.pause(3600)
        finally:
            ended.append(reactor.time())

    async def main():
        task = asyncio.create_task(in_reactor(waits))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
    assert [pytest.approx(1.0)] == ended


def test_it_sleeps_until_something_is_due():
    """On virtual time a turn too early would be seen: the loop would turn for ever without the clock moving."""

    async def main():
        with NestedReactor() as reactor:
            called = []
            reactor.call_at(reactor.time() + 10, lambda: called.append(reactor.time()))
            early = reactor.call_at(reactor.time() + 5, lambda: called.append("never"))
            early.cancel()
            await asyncio.sleep(20)
            return called

    assert [pytest.approx(10.0, abs=0.002)] == run_virtual(main())
