"""The lag meter hears stalls, and only stalls."""

import asyncio

from lvsmon.monitor.lag import LagMeter
from lvsmon.net.nested import NestedReactor
from lvsmon.testing.clock import run_virtual


def test_only_time_in_which_the_loop_did_not_run_is_counted():
    async def main():
        reactor = NestedReactor()
        meter = LagMeter(reactor)
        await asyncio.sleep(30)
        calm = meter.stalled()
        asyncio.get_running_loop().stall(5.0)
        during = meter.stalled()
        assert meter.lately().longest > 4.8
        await asyncio.sleep(30)
        after = meter.stalled()
        meter.close()
        reactor.close()
        return calm, during, after

    calm, during, after = run_virtual(main())
    assert calm < 0.001
    assert 4.8 <= during <= 5.0
    assert 4.8 <= after <= 5.001


def test_a_loop_that_is_a_little_late_all_the_time_has_not_stalled():
    """A busy director comes late to each beat; a silent realserver would never be found if that were summed up."""

    async def main():
        reactor = NestedReactor()
        meter = LagMeter(reactor)
        loop = asyncio.get_running_loop()
        for _ in range(300):
            await asyncio.sleep(0.1)
            loop.stall(0.06)
        lost = meter.stalled()
        meter.close()
        reactor.close()
        return lost

    assert run_virtual(main()) == 0.0
