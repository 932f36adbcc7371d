"""Wishes in the running daemon: saved before they are in force, and said where that fails."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from lvsmon.config.plan import Plan
from lvsmon.control.access import Peer
from lvsmon.control.office import Office
from lvsmon.control.verbs import disable
from lvsmon.control.wishing import Changed, Place, Standing
from lvsmon.errors import ControlRefused, StateError
from lvsmon.model import (
    Choice,
    Destination,
    DestinationKey,
    DestinationSettings,
    Health,
    Protocol,
    RealServer,
    Rule,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Wish,
    WishKind,
)
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.pool import Decided

OUT = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs1")
ONE = Destination(
    realserver=RealServer("rs1", "10.0.0.1"), key=DestinationKey("10.0.0.1", 80), settings=DestinationSettings()
)
SHOP = VirtualService(
    name="shop",
    key=VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80),
    settings=VirtualSettings(),
    destinations=(ONE,),
)


class Told:
    """A director and a state file that write down in which order they are asked."""

    def __init__(self, trouble=None, weight=1):
        self.order, self.trouble, self.weight, self.held = [], trouble, weight, ()

    def snapshot(self):
        return SimpleNamespace(plan=SimpleNamespace(virtuals=(SHOP,)))

    def wishes(self):
        return self.held

    def foresee(self, wishes):
        weight = 0 if wishes else self.weight
        return Decided(table={}, choices={(SHOP.key, ONE.key): Choice(Health.UP, weight, Rule.CONFIGURED)})

    def wish(self, wishes):
        self.order.append(("in force", wishes))
        self.held = wishes

    async def reconciled(self):
        self.order.append("reconciled")
        return "no kernel here"

    async def save_wishes(self, wishes):
        self.order.append(("saved", wishes))
        if self.trouble is not None:
            raise StateError(self.trouble)


def add(before):
    return Changed(wishes=(*before.wishes, OUT), places=(Place("rs1"),), made=(OUT,))


def office(told):
    return Office(Path("lvsmon.toml"), told, told, SimpleNamespace(), took=print, refused=print)


@pytest.mark.parametrize("trouble", [None, "the disk is full"])
def test_it_is_saved_then_in_force_then_answered(trouble):
    told = Told(trouble)
    changed, report, unsaved = asyncio.run(office(told).wish(add, "alice", force=True))
    assert told.order == [("saved", (OUT,)), ("in force", (OUT,)), "reconciled"]
    assert (changed.made, report, unsaved) == ((OUT,), "no kernel here", trouble)


def test_the_last_one_that_serves_stays_in_unless_forced():
    told = Told()
    with pytest.raises(ControlRefused, match="--force does it all the same") as refused:
        asyncio.run(office(told).wish(add, "alice", force=False))
    assert refused.value.lines == ("shop: nobody would serve",)
    assert told.order == []


def test_where_nobody_serves_anyway_nobody_is_the_last():
    told = Told(weight=0)
    asyncio.run(office(told).wish(add, "alice", force=False))
    assert told.held == (OUT,)


@pytest.mark.parametrize(("uid", "by"), [(0, "alice"), (1000, "the user of the socket")])
def test_only_root_asks_on_behalf_of_somebody(uid, by):
    """Through sudo; anybody else is who the kernel says."""

    async def name_of(_peer):
        return "the user of the socket"

    asked_by = []

    async def wish(change, by, *, force):
        asked_by.append((by, force))
        changed = change(Standing(virtuals=(SHOP,), wishes=(), by=by, now=1000.0))
        return changed, "no kernel here", None

    snapshot = Snapshot(Plan(virtuals=(SHOP,), probes={}), {}, {}, Decided(table={}))
    office = SimpleNamespace(name_of=name_of, wish=wish, director=SimpleNamespace(snapshot=lambda: snapshot))
    arguments = disable.VERB.read({"realservers": ["rs1"], "on_behalf_of": "alice", "force": True})
    asked = SimpleNamespace(arguments=arguments, office=office, peer=Peer(1, uid, frozenset()))
    answer = asyncio.run(disable.answer(asked))
    assert asked_by == [(by, True)]
    assert [made["by"] for made in answer["made"]] == [by]
