"""Commands read as a person would type them."""

import pytest

from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
)
from lvsmon.actions.ipvs.table import ipvsadm
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

V4 = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
V6 = VirtualKey.of_address(Protocol.UDP, "2001:db8::10", 53)
SCTP = VirtualKey.of_address(Protocol.SCTP, "192.0.2.10", 3868)
MARK = VirtualKey.of_fwmark(7, Family.INET)
MARK6 = VirtualKey.of_fwmark(7, Family.INET6)
RS = DestinationKey("10.1.0.11", 443)
RS6 = DestinationKey("fd00::11", 0)


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        (
            AddDestination(V4, RS, DestinationSettings(weight=3, forward=Forward.ROUTE)),
            "-a -t 192.0.2.10:443 -r 10.1.0.11:443 -g -w 3",
        ),
        (
            EditDestination(V4, RS, DestinationSettings(weight=0, upper_threshold=100, lower_threshold=80)),
            "-e -t 192.0.2.10:443 -r 10.1.0.11:443 -m -w 0 -x 100 -y 80",
        ),
        (DeleteDestination(V4, RS), "-d -t 192.0.2.10:443 -r 10.1.0.11:443"),
        (DeleteDestination(MARK6, RS6), "-d -f 7 -6 -r [fd00::11]:0"),
        (
            AddDestination(MARK, DestinationKey("10.1.0.11", 0), DestinationSettings(forward=Forward.TUNNEL)),
            "-a -f 7 -r 10.1.0.11:0 -i -w 1",
        ),
        (
            AddDestination(
                V4, RS, DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 6080, "full"))
            ),
            "-a -t 192.0.2.10:443 -r 10.1.0.11:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
        ),
        (
            AddDestination(V4, RS, DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GRE))),
            "-a -t 192.0.2.10:443 -r 10.1.0.11:443 -i -w 1 --tun-type gre --tun-nocsum",
        ),
        (
            AddDestination(
                V4, RS, DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 1, "remote"))
            ),
            "-a -t 192.0.2.10:443 -r 10.1.0.11:443 -i -w 1 --tun-type gue --tun-port 1 --tun-remcsum",
        ),
        (AddVirtual(V4, VirtualSettings()), "-A -t 192.0.2.10:443 -s wlc"),
        (
            AddVirtual(V4, VirtualSettings(scheduler="rr", persistence=600, prefix=24)),
            "-A -t 192.0.2.10:443 -s rr -p 600 -M 255.255.255.0",
        ),
        (
            EditVirtual(
                V6,
                VirtualSettings("sh", frozenset({"sh-port", "sh-fallback", "ops"}), 300, 64, "sip"),
            ),
            "-E -u [2001:db8::10]:53 -s sh -p 300 -M 64 --pe sip -o -b sh-fallback,sh-port",
        ),
        (
            AddVirtual(SCTP, VirtualSettings("mh", frozenset({"flag-1"}))),
            "-A --sctp-service 192.0.2.10:3868 -s mh -b mh-fallback",
        ),
        (AddVirtual(MARK6, VirtualSettings("wrr", frozenset({"flag-3"}))), "-A -f 7 -6 -s wrr -b flag-3"),
        (DeleteVirtual(MARK), "-D -f 7"),
    ],
)
def test_ipvsadm(command, typed):
    assert ipvsadm(command) == "ipvsadm " + typed


def test_what_means_nothing_is_not_written():
    """A netmask without persistence, the whole address as netmask and a tunnel under masq say nothing."""
    assert ipvsadm(AddVirtual(V4, VirtualSettings(prefix=24))).endswith("-s wlc")
    assert ipvsadm(AddVirtual(V4, VirtualSettings(persistence=60, prefix=32))).endswith("-p 60")
    gue = Tunnel(TunnelType.GUE, 6080)
    assert ipvsadm(AddDestination(V4, RS, DestinationSettings(tunnel=gue))).endswith("-m -w 1")


def test_an_unknown_flag_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'sticky' is no scheduler flag: write one of flag-1, .*ops"):
        ipvsadm(AddVirtual(V4, VirtualSettings(flags=frozenset({"sticky"}))))
