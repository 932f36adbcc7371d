"""What every `Ipvs` must do, the kernel's own answers being the measure.

A pytest-style suite without pytest: derive a class from `IpvsConformance` and give it a fixture ``ipvs`` that returns
an empty table.

    class TestMine(IpvsConformance):
        @pytest.fixture
        def ipvs(self):
            return MyIpvs()
"""

import errno
from collections.abc import Mapping, Sequence
from typing import Final

from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    Command,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
    Ipvs,
)
from lvsmon.model import (
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualKey,
    VirtualSettings,
)

WEB: Final = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
WEB6: Final = VirtualKey.of_address(Protocol.TCP, "2001:db8::10", 443)
MARK: Final = VirtualKey.of_fwmark(7, Family.INET)
MARK6: Final = VirtualKey.of_fwmark(7, Family.INET6)
RS1: Final = DestinationKey("10.1.0.11", 443)
RS2: Final = DestinationKey("10.1.0.12", 443)
RS6: Final = DestinationKey("fd00::11", 443)

VIRTUALS: Final[Mapping[VirtualKey, VirtualSettings]] = {
    WEB: VirtualSettings(),
    WEB6: VirtualSettings(scheduler="rr", persistence=600, prefix=64),
    MARK: VirtualSettings(scheduler="wrr", persistence=300, prefix=24),
    MARK6: VirtualSettings(scheduler="rr", persistence=300),
    VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 53): VirtualSettings(scheduler="rr", flags=frozenset({"ops"})),
    VirtualKey.of_address(Protocol.SCTP, "192.0.2.10", 3868): VirtualSettings(scheduler="lc"),
    VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 5060): VirtualSettings(
        scheduler="rr", persistence=60, pe_name="sip"
    ),
    VirtualKey.of_address(Protocol.TCP, "192.0.2.11", 80): VirtualSettings(
        scheduler="sh", flags=frozenset({"sh-port", "sh-fallback"})
    ),
    VirtualKey.of_address(Protocol.TCP, "192.0.2.11", 81): VirtualSettings(
        scheduler="mh", flags=frozenset({"mh-port"})
    ),
    VirtualKey.of_address(Protocol.TCP, "192.0.2.11", 82): VirtualSettings(flags=frozenset({"flag-1", "flag-3"})),
}
"""Virtual services in every form, each of which the kernel gives back exactly so."""

DESTINATIONS: Final[Sequence[tuple[VirtualKey, DestinationKey, DestinationSettings]]] = (
    (WEB, RS1, DestinationSettings(weight=3, forward=Forward.ROUTE)),
    (WEB, RS2, DestinationSettings(weight=0, upper_threshold=100, lower_threshold=80)),
    (WEB, DestinationKey("10.1.0.13", 8443), DestinationSettings(weight=65535)),
    (WEB, DestinationKey("10.1.0.14", 443), DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel())),
    (
        WEB,
        DestinationKey("10.1.0.15", 443),
        DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 6080, "full")),
    ),
    (
        WEB,
        DestinationKey("10.1.0.16", 443),
        DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 6081, "remote")),
    ),
    (
        WEB,
        DestinationKey("10.1.0.17", 443),
        DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GRE, 0, "full")),
    ),
    (WEB, DestinationKey("fd00::17", 443), DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel())),
    (WEB6, RS6, DestinationSettings(weight=2, forward=Forward.ROUTE)),
    (WEB6, DestinationKey("10.1.0.18", 443), DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel())),
    (MARK, DestinationKey("10.1.0.11", 0), DestinationSettings(forward=Forward.ROUTE)),
    (MARK6, DestinationKey("fd00::11", 0), DestinationSettings(forward=Forward.MASQ)),
)
"""Destinations in every form, each of which the kernel gives back exactly so."""


def everything() -> list[Command]:
    """Return the commands that make all of `VIRTUALS` and `DESTINATIONS`."""
    commands: list[Command] = [AddVirtual(key, settings) for key, settings in VIRTUALS.items()]
    return commands + [AddDestination(virtual, to, settings) for virtual, to, settings in DESTINATIONS]


def _numbers(ipvs: Ipvs, commands: Sequence[Command]) -> list[int]:
    """Return the errno of each command, 0 where it was carried out."""
    return [0 if error is None else error.errno for error in ipvs.apply(commands)]


def _weights(ipvs: Ipvs) -> dict[DestinationKey, int]:
    entry = ipvs.get(WEB)
    assert entry is not None
    return {to: found.settings.weight for to, found in entry.destinations.items()}


class IpvsConformance:
    """Every test begins with an empty table."""

    def test_an_empty_table_is_empty(self, ipvs: Ipvs) -> None:
        """Nothing is found where nothing is, and that is no error."""
        assert ipvs.dump() == {}
        assert ipvs.get(WEB) is None

    def test_info(self, ipvs: Ipvs) -> None:
        """IPVS says which it is: 1.2.1 in every kernel since 2.6."""
        info = ipvs.info()
        assert info.version[:2] == (1, 2)
        assert info.connection_table_size >= 256

    def test_everything_comes_back_as_it_was_written(self, ipvs: Ipvs) -> None:
        """All families, protocols, forwarding methods, tunnels, flags and thresholds survive the way there and back."""
        assert _numbers(ipvs, everything()) == [0] * len(everything())
        table = ipvs.dump()
        assert {key: entry.settings for key, entry in table.items()} == VIRTUALS
        found = {(key, to): at.settings for key, entry in table.items() for to, at in entry.destinations.items()}
        assert found == {(virtual, to): settings for virtual, to, settings in DESTINATIONS}
        for key, entry in table.items():
            seen = ipvs.get(key)
            assert seen is not None
            assert (seen.settings, dict(seen.destinations)) == (entry.settings, dict(entry.destinations))

    def test_counters_only_where_asked_for(self, ipvs: Ipvs) -> None:
        """A dump without counters has everything else; connection counts belong to the record itself."""
        ipvs.apply(everything())
        bare, full = ipvs.dump(counters=False), ipvs.dump(counters=True)
        assert {key: entry.settings for key, entry in bare.items()} == VIRTUALS
        for key, entry in bare.items():
            assert entry.counters is None
            counted = full[key].counters
            assert counted is not None
            assert (counted.connections, counted.out_byte_rate) == (0, 0)
            for to, at in entry.destinations.items():
                assert at.counters is None
                assert full[key].destinations[to].counters is not None
                assert (at.active, at.inactive, at.persistent) == (0, 0, 0)

    def test_a_flag_goes_by_its_schedulers_name(self, ipvs: Ipvs) -> None:
        """flag-2 of sh is sh-port: one setting, one name."""
        ipvs.apply([AddVirtual(WEB, VirtualSettings(scheduler="sh", flags=frozenset({"flag-2"})))])
        entry = ipvs.get(WEB)
        assert entry is not None
        assert entry.settings.flags == {"sh-port"}

    def test_an_edit_replaces_all_settings_and_keeps_the_destinations(self, ipvs: Ipvs) -> None:
        """Flags and persistence that are no longer asked for are gone; the destinations stay."""
        ipvs.apply([AddVirtual(WEB6, VIRTUALS[WEB6]), AddDestination(WEB6, RS6, DestinationSettings())])
        assert _numbers(ipvs, [EditVirtual(WEB6, VirtualSettings(scheduler="lc"))]) == [0]
        entry = ipvs.get(WEB6)
        assert entry is not None
        assert entry.settings == VirtualSettings(scheduler="lc")
        assert list(entry.destinations) == [RS6]

    def test_an_edit_takes_a_persistence_engine_away(self, ipvs: Ipvs) -> None:
        """What an edit does not name is gone, the persistence engine too."""
        sip = VirtualSettings(scheduler="rr", persistence=60, pe_name="sip")
        ipvs.apply([AddVirtual(WEB, sip), EditVirtual(WEB, VirtualSettings(scheduler="rr", persistence=60))])
        entry = ipvs.get(WEB)
        assert entry is not None
        assert entry.settings == VirtualSettings(scheduler="rr", persistence=60)

    def test_an_edit_replaces_the_whole_destination(self, ipvs: Ipvs) -> None:
        """Forwarding, weight, thresholds and tunnel are all as in the last record."""
        tunnel = DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 6080, "none"))
        ipvs.apply([AddVirtual(WEB, VirtualSettings()), AddDestination(WEB, RS1, tunnel)])
        for settings in (DestinationSettings(weight=0, upper_threshold=9), DestinationSettings(), tunnel):
            assert _numbers(ipvs, [EditDestination(WEB, RS1, settings)]) == [0]
            entry = ipvs.get(WEB)
            assert entry is not None
            assert entry.destinations[RS1].settings == settings

    def test_a_virtual_service_goes_with_its_destinations(self, ipvs: Ipvs) -> None:
        """Deleted and made anew, it is empty."""
        again: list[Command] = [AddVirtual(WEB, VirtualSettings()), AddDestination(WEB, RS1, DestinationSettings())]
        ipvs.apply(again)
        assert _numbers(ipvs, [DeleteVirtual(WEB), again[0]]) == [0, 0]
        assert _weights(ipvs) == {}

    def test_one_fwmark_of_two_families_is_two_virtual_services(self, ipvs: Ipvs) -> None:
        """Deleting the one leaves the other."""
        ipvs.apply([AddVirtual(MARK, VirtualSettings()), AddVirtual(MARK6, VirtualSettings(scheduler="rr"))])
        assert set(ipvs.dump()) == {MARK, MARK6}
        ipvs.apply([DeleteVirtual(MARK)])
        assert set(ipvs.dump()) == {MARK6}

    def test_a_destination_is_keyed_by_its_port_whatever_its_forwarding(self, ipvs: Ipvs) -> None:
        """The kernel does not correct a port of route; ipvsadm does that."""
        route = DestinationSettings(forward=Forward.ROUTE)
        other = DestinationKey(RS1.address, 8443)
        ipvs.apply([AddVirtual(WEB, VirtualSettings())])
        assert _numbers(ipvs, [AddDestination(WEB, RS1, route), AddDestination(WEB, other, route)]) == [0, 0]
        assert set(_weights(ipvs)) == {RS1, other}

    def test_errnos(self, ipvs: Ipvs) -> None:
        """Unknown virtual service ESRCH, unknown destination ENOENT, there already EEXIST, unknown scheduler ENOENT."""
        plain, new = VirtualSettings(), DestinationSettings()
        nobody = VirtualKey.of_address(Protocol.TCP, "192.0.2.99", 80)
        unknown = VirtualSettings(scheduler="nonesuch")
        cases: list[tuple[Command, int]] = [
            (EditVirtual(WEB, plain), errno.ESRCH),
            (DeleteVirtual(WEB), errno.ESRCH),
            (AddDestination(WEB, RS1, new), errno.ESRCH),
            (EditDestination(WEB, RS1, new), errno.ESRCH),
            (DeleteDestination(WEB, RS1), errno.ESRCH),
            (AddVirtual(WEB, plain), 0),
            (AddVirtual(WEB, plain), errno.EEXIST),
            (AddVirtual(WEB, unknown), errno.EEXIST),
            (AddVirtual(nobody, unknown), errno.ENOENT),
            (EditVirtual(WEB, unknown), errno.ENOENT),
            (AddVirtual(nobody, VirtualSettings(persistence=60, pe_name="nonesuch")), errno.ENOENT),
            (EditDestination(WEB, RS1, new), errno.ENOENT),
            (DeleteDestination(WEB, RS1), errno.ENOENT),
            (AddDestination(WEB, RS1, new), 0),
            (AddDestination(WEB, RS1, new), errno.EEXIST),
            (AddVirtual(WEB6, VirtualSettings(scheduler="rr", persistence=60, prefix=0)), errno.EINVAL),
        ]
        assert _numbers(ipvs, [command for command, _ in cases]) == [number for _, number in cases]
        assert _weights(ipvs) == {RS1: 1}

    def test_settings_that_no_destination_has(self, ipvs: Ipvs) -> None:
        """ERANGE for thresholds and weights, EINVAL for addresses, families and tunnels that cannot be."""
        gue = DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 0))
        cases = [
            (RS1, DestinationSettings(upper_threshold=5, lower_threshold=6), errno.ERANGE),
            (RS1, DestinationSettings(lower_threshold=6), errno.ERANGE),
            (RS1, DestinationSettings(weight=2**31), errno.ERANGE),
            (RS1, gue, errno.EINVAL),
            (RS6, DestinationSettings(), errno.EINVAL),
            (RS6, DestinationSettings(forward=Forward.ROUTE), errno.EINVAL),
            (DestinationKey("224.0.0.1", 443), DestinationSettings(), errno.EINVAL),
            (DestinationKey("255.255.255.255", 443), DestinationSettings(), errno.EINVAL),
            (DestinationKey("0.0.0.0", 443), DestinationSettings(), errno.EINVAL),
            (RS1, DestinationSettings(upper_threshold=5, lower_threshold=5, weight=2**31 - 1), 0),
        ]
        ipvs.apply([AddVirtual(WEB, VirtualSettings())])
        commands = [AddDestination(WEB, to, settings) for to, settings, _ in cases]
        assert _numbers(ipvs, commands) == [number for *_, number in cases]
        ipvs.apply([AddVirtual(WEB6, VirtualSettings())])
        cases6 = [
            (DestinationKey("fe80::1", 443), errno.EINVAL),
            (DestinationKey("ff02::1", 443), errno.EINVAL),
            (DestinationKey("::", 443), errno.EINVAL),
            (DestinationKey("::ffff:10.1.0.11", 443), errno.EINVAL),
            (DestinationKey("::1", 443), 0),
        ]
        commands = [AddDestination(WEB6, to, DestinationSettings()) for to, _ in cases6]
        assert _numbers(ipvs, commands) == [number for _, number in cases6]

    def test_an_edit_is_held_to_the_same_rules(self, ipvs: Ipvs) -> None:
        """A refused edit leaves the destination as it was."""
        ipvs.apply([AddVirtual(WEB, VirtualSettings()), AddDestination(WEB, RS1, DestinationSettings())])
        gue = DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 0))
        bad = [DestinationSettings(lower_threshold=6), DestinationSettings(weight=2**31), gue]
        commands = [EditDestination(WEB, RS1, settings) for settings in bad]
        assert _numbers(ipvs, commands) == [errno.ERANGE, errno.ERANGE, errno.EINVAL]
        assert _weights(ipvs) == {RS1: 1}

    def test_an_error_names_the_command_and_stops_no_other(self, ipvs: Ipvs) -> None:
        """The command stands in the error as a person would type it; what follows is carried out."""
        ipvs.apply([AddVirtual(WEB, VirtualSettings())])
        errors = ipvs.apply([DeleteDestination(WEB, RS1), AddDestination(WEB, RS2, DestinationSettings())])
        assert errors[1] is None
        assert errors[0] is not None
        assert errors[0].command == "ipvsadm -d -t 192.0.2.10:443 -r 10.1.0.11:443"
        assert _weights(ipvs) == {RS2: 1}

    def test_more_commands_than_go_in_one_send(self, ipvs: Ipvs) -> None:
        """Each of 450 commands gets its own answer, whichever of them fail."""
        ipvs.apply([AddVirtual(WEB, VirtualSettings())])
        keys = [DestinationKey(f"10.1.{number // 250}.{number % 250 + 1}", 443) for number in range(225)]
        commands = [AddDestination(WEB, key, DestinationSettings()) for key in keys for _ in (1, 2)]
        assert _numbers(ipvs, commands) == [0, errno.EEXIST] * 225
        assert _numbers(ipvs, [EditDestination(WEB, key, DestinationSettings(weight=0)) for key in keys]) == [0] * 225
        assert _weights(ipvs) == dict.fromkeys(keys, 0)

    def test_it_can_be_closed_and_used_again(self, ipvs: Ipvs) -> None:
        """close() ends the conversation, not the table."""
        ipvs.apply([AddVirtual(WEB, VirtualSettings())])
        ipvs.close()
        assert set(ipvs.dump()) == {WEB}
        ipvs.close()
        ipvs.close()
