"""A dead relay keeps no probe waiting, and no other channel."""

import pytest

from monitor.alerting import relays


@pytest.mark.slow
def test_probes_start_in_time_beside_every_kind_of_dead_relay():
    """A try waits 3 s for the relay: were it in the way of anybody, half of the starts would be late by a second."""
    found = relays.turns(seconds=4.0, rounds=1, count=40)
    usual = found.pop(relays.WELL)
    for name, made in found.items():
        assert len(made.starts) > len(usual.starts) / 2, name
        assert len(made.told) >= len(usual.told) / 2 > 0, name
        late, beats = (relays.milliseconds(values)[0] for values in (made.starts, made.beats))
        assert late < 500 + 3 * relays.milliseconds(usual.starts)[0], name
        assert beats < 500 + 3 * relays.milliseconds(usual.beats)[0], name
