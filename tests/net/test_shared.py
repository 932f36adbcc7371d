"""What runs share: one of them asks for all, and the memory has a bound."""

import asyncio
from math import inf

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net.nested import NestedReactor
from lvsmon.net.shared import Shared
from lvsmon.testing.clock import run_virtual


class Oracle:
    """Answers 1, 2, 3 ... after a second of virtual time each."""

    def __init__(self, engine, fault=None):
        self.engine = engine
        self.asked = 0
        self.fault = fault

    async def __call__(self):
        self.asked += 1
        answer = self.asked
        await self.engine.pause(1)
        if self.fault:
            raise self.fault
        return answer


def ask(shared, oracle, since=-inf, key="k"):
    async def once():
        answer, _ = await shared.once(key, since, oracle.engine.time, oracle, oracle.engine.event)
        return answer

    return oracle.engine.finish(once())


def test_one_asks_for_all():
    async def main():
        shared, oracle = Shared(), Oracle(NestedReactor())
        assert [1] * 50 == await asyncio.gather(*(ask(shared, oracle) for _ in range(50)))
        assert 1 == await ask(shared, oracle)
        assert 2 == await ask(shared, oracle, key="another")

    run_virtual(main())


def test_an_answer_is_as_old_as_its_question():
    async def main():
        shared, oracle = Shared(), Oracle(NestedReactor())
        asked_at = oracle.engine.time()
        await ask(shared, oracle)
        again = shared.once("k", asked_at, oracle.engine.time, oracle, oracle.engine.event)
        assert (1, asked_at) == await oracle.engine.finish(again)
        assert 2 == await ask(shared, oracle, since=0.5)

    run_virtual(main())


def test_where_the_asker_is_cancelled_the_next_one_asks():
    async def main():
        shared, oracle = Shared(), Oracle(NestedReactor())
        first = asyncio.create_task(ask(shared, oracle))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(ask(shared, oracle))
        await asyncio.sleep(0)
        first.cancel()
        assert 2 == await second

    run_virtual(main())


def test_an_error_of_the_asker_is_no_answer_to_others():
    async def main():
        shared, oracle = Shared(), Oracle(NestedReactor(), LocalFault("no time left", Reason.REFERENCE))
        first = asyncio.create_task(ask(shared, oracle))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(ask(shared, oracle))
        with pytest.raises(LocalFault):
            await first
        oracle.fault = None
        assert 2 == await second

    run_virtual(main())


def test_what_was_used_longest_ago_is_forgotten_first():
    shared = Shared(limit=2)
    for key in ("a", "b"):
        shared.remember(key, key.upper())
    assert "A" == shared.recall("a")
    shared.remember("c", "C")
    assert [None, "A", "C"] == [shared.recall(key) for key in ("b", "a", "c")]
    shared.remember("a", None)
    assert shared.recall("a") is None
