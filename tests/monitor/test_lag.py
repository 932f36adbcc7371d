"""The lag meter hears stalls, and only stalls."""

import asyncio

from lvsmon.monitor.lag import LagMeter
from lvsmon.testing.clock import run_virtual


def test_only_time_in_which_the_loop_did_not_run_is_counted():
    async def main():
        meter = LagMeter()
        await asyncio.sleep(30)
        calm = meter.stalled()
        asyncio.get_running_loop().stall(5.0)
        during = meter.stalled()
        await asyncio.sleep(30)
        after = meter.stalled()
        meter.close()
        return calm, during, after

    calm, during, after = run_virtual(main())
    assert calm < 0.001
    assert 4.8 <= during <= 5.0
    assert 4.8 <= after <= 5.001
