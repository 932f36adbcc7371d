"""How much of what was decided is written, and what becomes of others' changes."""

from dataclasses import replace

import pytest

from lvsmon.model import (
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Forward,
    Manage,
    OnDrift,
    OnFailure,
    VirtualEntry,
    VirtualSettings,
)
from pool.streams import VIP, Stream, destination


def kernel(scheduler="rr", **weights):
    """Return a table as somebody else made it: direct routing, and another scheduler than ours."""
    entries = {
        DestinationKey(f"10.0.0.{name[2:]}", 80): DestinationEntry(DestinationSettings(weight, Forward.ROUTE))
        for name, weight in weights.items()
    }
    return {VIP: VirtualEntry(VirtualSettings(scheduler=scheduler), entries)}


def stream(manage="full", on_drift="mend", **settings):
    return Stream(destination(1), destination(2), manage=Manage(manage), on_drift=OnDrift(on_drift), **settings)


def test_weights_only_changes_weights_and_nothing_else():
    one = stream("weights")
    one.observed = kernel(rs1=3, rs2=3, rs9=7)
    assert {1: 10, 2: 0} == one.see("UD")
    entry = one.decided.table[VIP]
    assert "rr" == entry.settings.scheduler
    assert {Forward.ROUTE} == {each.settings.forward for each in entry.destinations.values()}


def test_weights_only_adds_nobody_and_removes_nobody():
    one = Stream(destination(1), destination(2, on_failure=OnFailure.REMOVE), manage=Manage.WEIGHTS)
    one.observed = kernel(rs2=3)
    assert {2: 0} == one.see("UD")
    assert ["missing"] == one.notices()
    one.observed = {}
    assert {} == one.see("UU")
    assert VIP not in one.decided.table
    assert ["missing"] == one.notices()


def test_weights_only_raises_a_sorry_server_that_is_there():
    one = stream("weights", sorry=destination(99, 1))
    one.observed = kernel(rs1=3, rs2=3, rs99=0)
    assert {1: 0, 2: 0, 99: 1} == one.see("DD")
    assert {1: 10, 2: 0, 99: 0} == one.see("UD")


def test_observe_decides_and_writes_nothing():
    one = stream("observe")
    one.observed = kernel(rs1=3, rs2=3)
    assert {} == one.see("UD")
    assert {} == one.decided.table
    assert (10, 0) == (one.choice(1).weight, one.choice(2).weight)


def change(one, host, weight):
    """Somebody else changes the kernel's table."""
    entry = one.observed[VIP]
    key = DestinationKey(f"10.0.0.{host}", 80)
    destinations = dict(entry.destinations)
    if weight is None:
        del destinations[key]
    else:
        destinations[key] = DestinationEntry(replace(destination(host).settings, weight=weight))
    one.observed = {VIP: replace(entry, destinations=destinations)}


@pytest.mark.parametrize("weight", [5, 0, None])
def test_what_others_change_is_mended(weight):
    one = stream()
    one.see("UU")
    change(one, 1, weight)
    assert {1: 10, 2: 10} == one.see("UU")
    assert [] == one.notices()


@pytest.mark.parametrize("weight", [5, 0, None])
def test_or_told_of_and_left_until_something_of_our_own_changes(weight):
    one = stream(on_drift="report")
    one.see("UU")
    change(one, 1, weight)
    left = {2: 10} if weight is None else {1: weight, 2: 10}
    for _ in range(3):
        assert left == one.see("UU")
        assert ["drift"] == one.notices()
    assert {**left, 2: 0} == one.see("UD"), "our own change of another destination is written"
    assert 0 == one.see("DD")[1], "and so is one of this one"
    assert {1: 10, 2: 10} == one.see("UU")
    assert [] == one.notices()


def test_at_the_start_everything_is_put_right_whatever_is_only_reported_later():
    one = stream(on_drift="report")
    one.observed = kernel(rs1=3)
    assert {1: 10, 2: 10} == one.see("UU")
    assert "wlc" == one.decided.table[VIP].settings.scheduler


def test_changed_settings_and_a_flushed_table_are_left_too():
    one = stream(on_drift="report")
    one.see("UU")
    one.observed = {VIP: replace(one.observed[VIP], settings=VirtualSettings(scheduler="sh"))}
    one.see("UU")
    assert "sh" == one.decided.table[VIP].settings.scheduler
    one.observed = {}
    assert {} == one.see("UU")
    assert ["drift"] == one.notices()
