"""What the kernel's table alone suggests."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from lvsmon.model import DestinationKey, Forward, Protocol, VirtualKey
from lvsmon.oneshot.discover import _suggested, discovered
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.rtsp import RtspProbe
from lvsmon.probes.sip import SipProbe
from oneshot_support import destination, in_kernel, spec, virtual


def describe(table: Mapping[VirtualKey, Sequence[tuple[DestinationKey, Forward]]]) -> dict[str, str]:
    """Return what discovery makes of a table: each destination's probe and target, or why there is none."""
    made = {}
    for key, destinations in table.items():
        service = virtual("x", [destination("rs", spec(to.address, to.port)) for to, _ in destinations], key=key)
        entry = in_kernel(service, [1] * len(destinations))[key]
        settings = {
            to: replace(entry.destinations[to], settings=replace(entry.destinations[to].settings, forward=forward))
            for to, forward in destinations
        }
        made[key] = replace(entry, destinations=settings)
    plan, unprobed = discovered(made)
    found = {f"{key} {to}": reason for (key, to), reason in unprobed.items()}
    for service in plan.virtuals:
        for each in service.destinations:
            for name in each.probes:
                probe = plan.probes[name]
                found[f"{service.key} {each.key}"] = f"{probe.probe.kind} {probe.target}"
    return found


@pytest.mark.parametrize(
    ("port", "kind"),
    [
        (21, "ftp"),
        (80, "http"),
        (8080, "http"),
        (23, "telnet"),
        (25, "smtp"),
        (24, "lmtp"),
        (110, "pop3"),
        (113, "identd"),
        (119, "nntp"),
        (143, "imap"),
        (465, "submission"),
        (563, "nntp"),
        (587, "submission"),
        (993, "imap"),
        (995, "pop3"),
        (443, "https"),
        (636, "ldap"),
        (389, "ldap"),
        (22, "ssh"),
        (111, "rpc"),
        (2049, "nfs"),
        (3128, "proxy"),
        (3306, "mysql"),
        (322, "rtsp"),
        (554, "rtsp"),
        (8554, "rtsp"),
        (5060, "sip"),
        (5061, "sip"),
        (5432, "pgsql"),
        (6379, "redis"),
        (11211, "memcached"),
        (9042, "tcp"),
    ],
)
def test_the_port_suggests_the_kind(port: int, kind: str) -> None:
    """Well-known ports get their protocol, everything else a connection."""
    key = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", port)
    to = DestinationKey("10.1.0.11", port)
    assert describe({key: [(to, Forward.MASQ)]}) == {f"{key} {to}": f"{kind} {to}"}


@pytest.mark.parametrize(
    ("port", "tls"),
    [(465, "implicit"), (563, "implicit"), (587, "none"), (993, "implicit"), (995, "implicit"), (143, "none")],
)
def test_the_port_says_whether_mail_begins_with_tls(port: int, tls: str) -> None:
    """Which certificate it must be cannot be known; what else it must offer, neither."""
    probe = _suggested(port, over_udp=False)
    assert isinstance(probe, OptionalTls)
    assert (tls, tls == "none") == (probe.tls, probe.tls_verify)
    assert not getattr(probe, "auth", ())


@pytest.mark.parametrize("port", [21, 389, 6379, 11211])
def test_that_a_login_is_wanted_is_answer_enough_without_one(port: int) -> None:
    """A look must not tell a healthy server down for what nobody has told us."""
    assert getattr(_suggested(port, over_udp=False), "login", None) == "optional"


@pytest.mark.parametrize(("port", "kind"), [(53, "dns"), (111, "rpc"), (123, "ntp"), (2049, "nfs"), (5060, "sip")])
def test_some_protocols_over_udp_are_known_by_their_ports(port: int, kind: str) -> None:
    """Elsewhere nothing can be told of what speaks UDP."""
    udp = VirtualKey.of_address(Protocol.UDP, "192.0.2.10", port)
    to = DestinationKey("10.1.0.11", port)
    assert describe({udp: [(to, Forward.MASQ)]}) == {f"{udp} {to}": f"{kind} {to}"}


def test_a_radius_server_answers_only_who_knows_its_secret() -> None:
    """Without a configuration nobody does."""
    udp = VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 1812)
    found = describe({udp: [(DestinationKey("10.1.0.11", 1812), Forward.MASQ)]})
    assert ["a RADIUS server answers only who knows its secret: configure a probe of kind radius to know"] == list(
        found.values()
    )


def test_sip_is_spoken_in_tls_on_its_port_and_any_answer_does() -> None:
    """No domain and no certificate can be expected of a server that nobody has named."""
    for port, over, tls in ((5060, "udp", "none"), (5060, "tcp", "none"), (5061, "tcp", "implicit")):
        probe = _suggested(port, over_udp=over == "udp")
        assert isinstance(probe, SipProbe)
        assert (over, tls, tls == "none", 404 in probe.status) == (probe.over, probe.tls, probe.tls_verify, True)


def test_a_media_server_may_want_a_login() -> None:
    """Any answer does, since nobody has given us a user or a certificate's name."""
    for port, tls in ((322, "implicit"), (554, "none")):
        probe = _suggested(port, over_udp=False)
        assert isinstance(probe, RtspProbe)
        assert (tls, tls == "none", True) == (probe.tls, probe.tls_verify, 401 in probe.status)


@pytest.mark.parametrize("port", [53, 111, 2049, 5060])
def test_a_server_of_both_protocols_is_probed_over_each(port: int) -> None:
    """Behind a virtual service for each, the same port of the same realserver is probed twice."""
    to = DestinationKey("10.1.0.11", port)
    made = {}
    for protocol in (Protocol.TCP, Protocol.UDP):
        key = VirtualKey.of_address(protocol, "192.0.2.10", port)
        made |= in_kernel(virtual("x", [destination("rs", spec(to.address, to.port))], key=key), [1])
    plan, unprobed = discovered(made)
    assert not unprobed
    assert sorted(getattr(each.probe, "over", "") for each in plan.probes.values()) == ["tcp", "udp"]


def test_the_forwarding_method_decides_the_port() -> None:
    """masq goes to the destination's port; route and tunnel leave the VIP's port in the packets (trap 9)."""
    key = VirtualKey.of_address(Protocol.TCP, "2001:db8::10", 80)
    found = describe(
        {
            key: [
                (DestinationKey("fd00::11", 8443), Forward.MASQ),
                (DestinationKey("fd00::12", 9999), Forward.ROUTE),
                (DestinationKey("fd00::13", 9999), Forward.TUNNEL),
            ]
        }
    )
    assert list(found.values()) == ["https [fd00::11]:8443", "http [fd00::12]:80", "http [fd00::13]:80"]
