"""The ordered commands: what they come to, what they never do, whatever the tables and wherever one is interrupted."""

import time
from dataclasses import replace

import pytest
from hypothesis import given

from ipvs import strategies
from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
)
from lvsmon.actions.ipvs.kernel import canonical, canonical_destination
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.actions.ipvs.table import Drift, DriftKind, Foreign, Owned, after, diff, serves
from lvsmon.model import (
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)

WEB = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
OTHER = VirtualKey.of_fwmark(7, Family.INET)
RS1, RS2, SORRY = (DestinationKey(f"10.1.0.{number}", 443) for number in (11, 12, 99))


def entry(**weights):
    keys = {"rs1": RS1, "rs2": RS2, "sorry": SORRY}
    return VirtualEntry(
        VirtualSettings(),
        {keys[name]: DestinationEntry(DestinationSettings(weight=weight)) for name, weight in weights.items()},
    )


def settings(weight):
    return DestinationSettings(weight=weight)


def plain(table):
    """What the kernel keeps of ``table``."""
    return {
        key: (
            canonical(key, found.settings),
            {to: canonical_destination(at.settings) for to, at in found.destinations.items()},
        )
        for key, found in table.items()
    }


def kernel(table):
    """A memory table with ``table`` in it, written through the front door."""
    ipvs = MemoryIpvs()
    for key, found in table.items():
        commands = [AddVirtual(key, found.settings)]
        commands += [AddDestination(key, to, at.settings) for to, at in found.destinations.items()]
        assert not any(ipvs.apply(commands))
    return ipvs


def expected(desired, observed, owned):
    """The desired table and whatever is foreign."""
    result = plain(desired)
    for key, (kept, destinations) in plain(observed).items():
        foreign = {to: at for to, at in destinations.items() if not owned.has(key, to)}
        if key in desired:
            result[key] = (result[key][0], foreign | result[key][1])
        elif not owned.has(key):
            result[key] = (kept, destinations)
        elif foreign:
            result[key] = (kept, foreign)
    return result


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_the_commands_make_the_desired_table_and_nothing_is_left_to_do(desired, before, owned):
    ipvs = kernel(before)
    observed = ipvs.dump()
    commands = diff(desired, observed, owned).commands
    assert ipvs.apply(commands) == [None] * len(commands)
    assert plain(ipvs.dump()) == expected(desired, observed, owned)
    again = diff(desired, ipvs.dump(), owned)
    assert again.commands == []
    assert {drift.kind for drift in again.drift} <= {DriftKind.VIRTUAL_UNWANTED}  # others' destinations are in it


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_no_virtual_service_is_without_a_serving_destination_in_between(desired, before, owned):
    ipvs = kernel(before)
    served = {key for key, found in before.items() if serves(found) and serves(desired.get(key))}
    for command in diff(desired, ipvs.dump(), owned).commands:
        assert ipvs.apply([command]) == [None]
        table = ipvs.dump()
        assert all(serves(table[key]) for key in served)


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_interrupted_after_any_command_it_converges(desired, before, owned):
    observed = kernel(before).dump()
    commands = diff(desired, observed, owned).commands
    for cut in range(len(commands)):
        ipvs = kernel(before)
        ipvs.apply(commands[:cut])
        rest = diff(desired, ipvs.dump(), owned).commands
        assert len(rest) == len(commands) - cut
        ipvs.apply(rest)
        assert plain(ipvs.dump()) == expected(desired, observed, owned)


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_what_is_neither_desired_nor_owned_is_reported_and_untouched(desired, before, owned):
    found = diff(desired, before, owned)
    for key, seen in before.items():
        if key not in desired and not owned.has(key):
            assert Foreign(key) in found.foreign
            continue
        for to in seen.destinations:
            if not owned.has(key, to) and (key not in desired or to not in desired[key].destinations):
                assert Foreign(key, to) in found.foreign
    touched = {(command.virtual, command.key) for command in found.commands if isinstance(command, DeleteDestination)}
    touched |= {(command.key, None) for command in found.commands if isinstance(command, DeleteVirtual)}
    assert not touched & {(item.virtual, item.destination) for item in found.foreign}
    assert len(found.foreign) == len(set(found.foreign))


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_nothing_is_deleted_and_added_again(desired, before, owned):
    """A weight is changed in place: what is in both tables is edited."""
    commands = diff(desired, before, owned).commands
    added = {(command.virtual, command.key) for command in commands if isinstance(command, AddDestination)}
    deleted = {(command.virtual, command.key) for command in commands if isinstance(command, DeleteDestination)}
    assert not added & deleted
    assert not any(
        key in desired for key in (command.key for command in commands if isinstance(command, DeleteVirtual))
    )


@given(strategies.tables(), strategies.tables(), strategies.owned())
def test_after_foretells_what_the_kernel_will_show(desired, before, owned):
    ipvs = kernel(before)
    commands = diff(desired, ipvs.dump(), owned).commands
    foretold = after(ipvs.dump(), commands)
    ipvs.apply(commands)
    assert plain(foretold) == plain(ipvs.dump())


@given(strategies.tables())
def test_a_table_does_not_differ_from_itself(table):
    found = diff(table, kernel(table).dump(), Owned.of(table))
    assert (found.commands, found.drift, found.foreign) == ([], [], [])


@pytest.mark.parametrize(
    ("before", "desired", "commands"),
    [
        (
            {"rs1": 1},
            {"rs1": 0, "sorry": 1},
            [AddDestination(WEB, SORRY, settings(1)), EditDestination(WEB, RS1, settings(0))],
        ),
        (
            {"rs1": 0, "sorry": 1},
            {"rs1": 3},
            [EditDestination(WEB, RS1, settings(3)), DeleteDestination(WEB, SORRY)],
        ),
        ({"rs1": 1}, {"sorry": 1}, [AddDestination(WEB, SORRY, settings(1)), DeleteDestination(WEB, RS1)]),
        (
            {"rs1": 5, "rs2": 1},
            {"rs2": 2, "rs1": 0},
            [EditDestination(WEB, RS2, settings(2)), EditDestination(WEB, RS1, settings(0))],
        ),
        ({"rs1": 1}, {"rs1": 1, "rs2": 0}, [AddDestination(WEB, RS2, settings(0))]),
    ],
)
def test_the_sorry_server_is_there_before_the_last_one_goes_and_goes_after_the_first_is_back(before, desired, commands):
    owned = Owned({WEB: frozenset({RS1, RS2, SORRY})})
    assert diff({WEB: entry(**desired)}, {WEB: entry(**before)}, owned).commands == commands


def test_a_virtual_service_is_edited_before_its_destinations_and_stays_when_all_are_gone():
    """Health alone never deletes a virtual service (trap 8)."""
    desired = {WEB: replace(entry(), settings=VirtualSettings(scheduler="rr"))}
    commands = diff(desired, {WEB: entry(rs1=1)}, Owned({WEB: frozenset({RS1})})).commands
    assert commands == [EditVirtual(WEB, VirtualSettings(scheduler="rr")), DeleteDestination(WEB, RS1)]


def test_a_dropped_virtual_service_goes_whole_and_last():
    observed = {OTHER: entry(rs1=1), WEB: entry(rs1=1)}
    owned = Owned.of(observed)
    assert diff({WEB: entry(rs2=1, rs1=1)}, observed, owned).commands == [
        AddDestination(WEB, RS2, settings(1)),
        DeleteVirtual(OTHER),
    ]


def test_a_dropped_virtual_service_stays_while_others_have_destinations_in_it():
    found = diff({}, {WEB: entry(rs1=1, rs2=1)}, Owned({WEB: frozenset({RS1})}))
    assert found.commands == [DeleteDestination(WEB, RS1)]
    assert found.foreign == [Foreign(WEB, RS2)]


def test_local_is_whatever_was_asked_for():
    """The kernel's own word for an address of its own is no drift (trap 9); a weight still is."""
    local = {WEB: VirtualEntry(VirtualSettings(), {RS1: DestinationEntry(DestinationSettings(1, Forward.LOCAL))})}
    route = {WEB: VirtualEntry(VirtualSettings(), {RS1: DestinationEntry(DestinationSettings(1, Forward.ROUTE))})}
    assert diff(route, local, Owned()).commands == []
    local[WEB].destinations[RS1] = DestinationEntry(DestinationSettings(2, Forward.LOCAL))
    assert [str(drift) for drift in diff(route, local, Owned()).drift] == [
        "192.0.2.10:443/tcp 10.1.0.11:443: weight 2 instead of 1"
    ]


def test_quiescing_is_closing():
    """So that who carries it out can see in between whether the successor was accepted."""
    found = diff({WEB: entry(rs1=0, sorry=1)}, {WEB: entry(rs1=1)}, Owned())
    assert found.opening == [AddDestination(WEB, SORRY, settings(1))]
    assert found.closing == [EditDestination(WEB, RS1, settings(0))]


def test_settings_that_mean_nothing_are_no_difference():
    """The kernel keeps a netmask without persistence, and ipvsadm a tunnel under masq."""
    desired = {WEB: VirtualEntry(VirtualSettings(prefix=24, pe_name=""), {RS1: DestinationEntry(settings(1))})}
    seen = DestinationEntry(DestinationSettings(1, tunnel=Tunnel(TunnelType.GUE, 6080)))
    observed = {WEB: VirtualEntry(VirtualSettings(prefix=32), {RS1: seen})}
    assert diff(desired, observed, Owned()).commands == []


def test_a_forwarding_without_a_name_is_mended():
    other = {WEB: VirtualEntry(VirtualSettings(), {RS1: DestinationEntry(DestinationSettings(1, Forward.OTHER))})}
    assert diff({WEB: entry(rs1=1)}, other, Owned()).commands == [EditDestination(WEB, RS1, settings(1))]


def test_drift_is_named_in_words():
    wanted = VirtualSettings(scheduler="sh", flags=frozenset({"flag-2"}))
    desired = {
        WEB: VirtualEntry(wanted, entry(rs1=3, rs2=1).destinations),
        OTHER: entry(),
    }
    masq = DestinationEntry(DestinationSettings(5, Forward.ROUTE))
    observed = {WEB: VirtualEntry(VirtualSettings(), {RS1: masq, SORRY: masq})}
    found = diff(desired, observed, Owned({WEB: frozenset({SORRY})}))
    assert [(drift.kind, str(drift)) for drift in found.drift] == [
        (
            DriftKind.VIRTUAL_SETTINGS,
            "192.0.2.10:443/tcp: scheduler wlc instead of sh, flags none instead of sh-port",
        ),
        (
            DriftKind.DESTINATION_SETTINGS,
            "192.0.2.10:443/tcp 10.1.0.11:443: weight 5 instead of 3, forward route instead of masq",
        ),
        (DriftKind.DESTINATION_MISSING, "192.0.2.10:443/tcp 10.1.0.12:443: destination missing"),
        (DriftKind.DESTINATION_UNWANTED, "192.0.2.10:443/tcp 10.1.0.99:443: destination not wanted"),
        (DriftKind.VIRTUAL_MISSING, "fwmark 7: virtual service missing"),
    ]
    assert diff({WEB: entry(rs1=1)}, {WEB: entry(rs1=2)}, Owned()).drift == [
        Drift(DriftKind.WEIGHT, WEB, RS1, "weight 2 instead of 1")
    ]


def test_ten_thousand_destinations_are_compared_in_a_blink():
    """1,000 virtual services with 10 destinations each: the bound is far above what it takes, and below what hurts."""
    destinations = {DestinationKey(f"10.1.0.{number}", 80): DestinationEntry(settings(1)) for number in range(10)}
    table = {
        VirtualKey.of_fwmark(mark, Family.INET): VirtualEntry(VirtualSettings(), dict(destinations))
        for mark in range(1, 1001)
    }
    owned = Owned.of(table)
    started = time.process_time()
    assert diff(table, table | {}, owned).commands == []
    assert time.process_time() - started < 1.0
