"""A dead relay keeps no probe waiting, and no other channel."""

import pytest

from monitor.alerting import relays


@pytest.mark.slow
def test_probes_start_in_time_beside_every_kind_of_dead_relay():
    """A try waits 3 s for the relay: were it in the way of anybody, a start or a beat would be as late."""
    for name, found in relays.turns(seconds=4.0, rounds=1, count=40).items():
        assert len(found.starts) > 100, name
        assert len(found.told) >= 6, name
        for values in (found.starts, found.beats):
            median, _, longest = relays.milliseconds(values)
            assert median < 100, name
            assert longest < 2000, name
