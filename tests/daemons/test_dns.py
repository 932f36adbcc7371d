"""dns against BIND (primary, resolver) and NSD (secondary), healthy and as they fail in life."""

import asyncio
import os
import re
import signal
import socket
import time

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.net.nested import NestedReactor
from lvsmon.net.shared import Shared
from lvsmon.probes.dns import DnsProbe

KEY = "bHZzbW9uIHRlc3Qga2V5IGx2c21vbiB0ZXN0IGtleQ=="
ZONE = """$TTL 60
@ IN SOA ns1.example.org. admin.example.org. ( {serial} 3600 600 86400 60 )
  IN NS ns1.example.org.
  IN MX 10 mail
  IN MX 20 mail2
ns1 IN A 127.0.0.1
www IN A 192.0.2.80
www IN A 192.0.2.81
shop IN CNAME www
alias IN CNAME nowhere
six IN AAAA 2001:db8::80
mail IN A 192.0.2.25
mail2 IN A 192.0.2.26
sub IN NS ns.sub
ns.sub IN A 192.0.2.53
""" + "".join(f'big IN TXT "{n:03} {"x" * 200}"\n' for n in range(20))

NAMED = """
key "check." {{ algorithm hmac-sha256; secret "{key}"; }};
controls {{ }};
options {{
    directory "{directory}"; pid-file "named.pid"; session-keyfile "session.key"; lock-file none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 port {port} {{ ::1; }};
    recursion no; dnssec-validation no; notify explicit; notify-delay 0;
    also-notify {{ 127.0.0.1 port {secondary}; }};
    allow-transfer {{ any; }}; max-udp-size 1232; minimal-responses no; server-id none; version none;
    {extra}
}};
{zones}
"""
NSD = """
server:
    username: ""
    ip-address: 127.0.0.1@{port}
    ip-address: ::1@{port}
    zonesdir: "{directory}"
    pidfile: "{directory}/nsd.pid"
    xfrdfile: "{directory}/xfrd.state"
    zonelistfile: "{directory}/zone.list"
    xfrdir: "{directory}"
    database: ""
    server-count: 1
    xfrd-reload-timeout: 0
    refuse-any: yes
remote-control:
    control-enable: no
key:
    name: "check."
    algorithm: hmac-sha256
    secret: "{key}"
zone:
    name: "example.org"
    zonefile: "example.org.zone"
    {transfer}
"""


class Site:
    """A primary (BIND), its secondary (NSD), and a BIND that is a resolver in front of the primary."""

    def __init__(self, start, tmp):
        self.primary_port, self.secondary_port, self.resolver_port, self.lame_port = (free_port() for _ in range(4))
        self.serial = 10
        self._zone = tmp / "primary" / "example.org.zone"
        self.primary = start(
            "named", "-g", "-c", "named.conf", files=self._primary_files(tmp / "primary"), directory=tmp / "primary"
        )
        self.resolver = start(
            "named", "-g", "-c", "named.conf", files=self._resolver_files(tmp / "resolver"), directory=tmp / "resolver"
        )
        nsd = NSD.format(
            directory=tmp / "secondary",
            port=self.secondary_port,
            key=KEY,
            transfer=f"request-xfr: AXFR 127.0.0.1@{self.primary_port} NOKEY\n    allow-notify: 127.0.0.1 NOKEY",
        )
        zone = ZONE.format(serial=self.serial)
        files = {"nsd.conf": nsd, "example.org.zone": zone}
        self.secondary = start("nsd", "-d", "-c", "nsd.conf", files=files, directory=tmp / "secondary")
        for port, more in (
            (self.primary_port, {}),
            (self.secondary_port, {}),
            (self.resolver_port, {"recursive": True}),
        ):
            eventually(lambda port=port, more=more: probe_once(DnsProbe(name="example.org", **more), port, timeout=1))

    def _primary_files(self, directory):
        zones = (
            'zone "example.org" { type primary; file "example.org.zone"; };\n'
            'zone "secret.org" { type primary; file "example.org.zone"; allow-query { key "check."; }; };\n'
            'zone "broken.org" { type primary; file "missing.zone"; };\n'
            'zone "0.org" { type primary; file "zero.zone"; };\n'
        )
        conf = NAMED.format(
            directory=directory, port=self.primary_port, secondary=self.secondary_port, key=KEY, extra="", zones=zones
        )
        zone = ZONE.format(serial=self.serial)
        return {"named.conf": conf, "example.org.zone": zone, "zero.zone": ZONE.format(serial=0)}

    def _resolver_files(self, directory):
        primary = f"127.0.0.1 port {self.primary_port}"
        zones = f'zone "example.org" {{ type forward; forward only; forwarders {{ {primary}; }}; }};'
        conf = NAMED.format(
            directory=directory,
            port=self.resolver_port,
            secondary=self.secondary_port,
            key=KEY,
            extra="allow-recursion { any; }; allow-query-cache { any; };",
            zones=zones,
        )
        return {"named.conf": conf.replace("recursion no;", "recursion yes;")}

    def publish(self, serial):
        """Have the primary load another serial (and notify the secondary)."""
        self.serial = serial
        self._zone.write_text(ZONE.format(serial=serial))
        stamp = time.time() + serial % 1000  # BIND loads a zone whose file has another time
        os.utime(self._zone, (stamp, stamp))
        self.primary.signal_all(signal.SIGHUP)
        eventually(
            lambda: probe_once(DnsProbe(name="example.org"), self.primary_port),
            lambda outcome: outcome.facts.get("serial") == serial,
        )

    @property
    def at_self(self):
        return f"127.0.0.1:{self.primary_port}"


@pytest.fixture(scope="module")
def site(start, tmp_path_factory):
    return Site(start, tmp_path_factory.mktemp("dns"))


def verdict(probe, port, host="127.0.0.1", **more):
    outcome = probe_once(probe, port, host, **more)
    return outcome.verdict, outcome.reason, outcome.detail


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("daemon", ["primary_port", "secondary_port"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_zone_is_served(site, host, daemon, transport):
    port = getattr(site, daemon)
    outcome = probe_once(DnsProbe(name="example.org", over=transport), port, host)
    assert (Verdict.PASS, site.serial, transport) == (outcome.verdict, outcome.facts["serial"], outcome.facts["over"])


GOOD = {
    "records": {"name": "www.example.org", "type": "A", "expect": ("192.0.2.80",)},
    "exactly these": {"name": "www.example.org", "type": "A", "expect": ("192.0.2.81", "192.0.2.80"), "match": "exact"},
    "any of these": {"name": "www.example.org", "type": "A", "expect": ("192.0.2.1", "192.0.2.80"), "match": "any"},
    "names in any case": {"name": "EXAMPLE.org", "type": "mx", "expect": ("10 Mail.Example.ORG",)},
    "through an alias": {"name": "shop.example.org", "type": "A", "expect": ("192.0.2.80",)},
    "the alias itself": {"name": "shop.example.org", "type": "CNAME", "expect": ("www.example.org.",)},
    "IPv6 records": {"name": "six.example.org", "type": "AAAA", "expect": ("2001:DB8:0::80",)},
    "no such name": {"name": "nowhere.example.org", "type": "A", "rcode": "NXDOMAIN"},
    "no such record": {"name": "mail.example.org", "type": "AAAA", "nodata": True},
    "no recursion": {"name": "other.example.com", "type": "A", "rcode": "REFUSED"},
    "two names of one host": {"name": "www.example.org", "type": "A", "shares_with": "shop.example.org"},
    "without EDNS": {"name": "example.org", "edns": False},
    "large, so over TCP": {"name": "big.example.org", "type": "TXT"},
}
BAD = {
    "a record is missing": (
        {"name": "www.example.org", "type": "A", "expect": ("192.0.2.80", "192.0.2.1")},
        Reason.EXPECTATION,
        "192.0.2.1 is missing",
    ),
    "a record too many": (
        {"name": "www.example.org", "type": "A", "expect": ("192.0.2.80",), "match": "exact"},
        Reason.EXPECTATION,
        "192.0.2.81 is there and not expected",
    ),
    "none of them": (
        {"name": "www.example.org", "type": "A", "expect": ("192.0.2.1",), "match": "any"},
        Reason.EXPECTATION,
        "none of the expected records",
    ),
    "no such name": ({"name": "nowhere.example.org", "type": "A"}, Reason.EXPECTATION, "NXDOMAIN"),
    "an alias to nowhere": ({"name": "alias.example.org", "type": "A"}, Reason.EXPECTATION, "NXDOMAIN|an alias of"),
    "no such record": ({"name": "mail.example.org", "type": "AAAA"}, Reason.EXPECTATION, "no AAAA record"),
    "a record where none should be": (
        {"name": "www.example.org", "type": "A", "nodata": True},
        Reason.EXPECTATION,
        "there is 192.0.2.8",
    ),
    "a name where none should be": (
        {"name": "www.example.org", "type": "A", "rcode": "NXDOMAIN"},
        Reason.EXPECTATION,
        "wanted NXDOMAIN, got NOERROR",
    ),
    "not this server's zone": ({"name": "example.net"}, Reason.REJECTED, "REFUSED"),
    "delegated away": ({"name": "sub.example.org", "type": "NS"}, Reason.EXPECTATION, "lame: .* refers to ns.sub"),
    "a part of a zone": (
        {"name": "www.example.org"},
        Reason.EXPECTATION,
        "not the top of a zone .* part of example.org",
    ),
    "no recursion": ({"name": "www.example.org", "type": "A", "recursive": True}, Reason.EXPECTATION, "no RA bit"),
    "nothing in common": (
        {"name": "www.example.org", "type": "A", "shares_with": "mail.example.org"},
        Reason.EXPECTATION,
        "no record in common",
    ),
    "not signed": ({"name": "example.org", "dnssec": True}, Reason.EXPECTATION, "no RRSIG"),
}


@pytest.mark.parametrize("daemon", ["primary_port", "secondary_port"])
@pytest.mark.parametrize("case", GOOD)
def test_what_is_wanted_passes(site, daemon, case):
    outcome = probe_once(DnsProbe(**GOOD[case]), getattr(site, daemon))
    assert Verdict.PASS is outcome.verdict, outcome
    if "TCP" in case:
        assert "tcp after a truncated udp answer" == outcome.facts["over"]


@pytest.mark.parametrize("daemon", ["primary_port", "secondary_port"])
@pytest.mark.parametrize("case", BAD)
def test_what_is_not_wanted_fails(site, daemon, case):
    settings, reason, words = BAD[case]
    outcome = probe_once(DnsProbe(**settings), getattr(site, daemon))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert re.search(words, outcome.detail), outcome.detail


def test_a_zone_that_did_not_load(site):
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(DnsProbe(name="broken.org"), site.primary_port)[:2]


def test_keys(site):
    """A zone for holders of a key, the right key, none, and wrong ones."""
    signed = {"name": "secret.org", "tsig_name": "check."}
    probe = DnsProbe(**signed, tsig_secret=Secret(KEY))
    assert Verdict.PASS is probe_once(probe, site.primary_port).verdict
    assert Reason.REJECTED is probe_once(DnsProbe(name="secret.org"), site.primary_port).reason
    wrong = DnsProbe(**signed, tsig_secret=Secret("AAAA" + KEY[4:]))
    assert Reason.AUTHENTICATION is probe_once(wrong, site.primary_port).reason
    unknown = DnsProbe(name="secret.org", tsig_name="other.", tsig_secret=Secret(KEY))
    assert Reason.AUTHENTICATION is probe_once(unknown, site.primary_port).reason


def test_a_resolver(site):
    name = {"name": "www.example.org", "type": "A", "recursive": True}
    assert Verdict.PASS is probe_once(DnsProbe(**name, expect=("192.0.2.80",)), site.resolver_port, "::1").verdict
    assert Verdict.PASS is probe_once(DnsProbe(**name, shares_with="shop.example.org"), site.resolver_port).verdict
    gone = probe_once(DnsProbe(name="nowhere.example.org", type="A", recursive=True), site.resolver_port)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (gone.verdict, gone.reason)
    cached = probe_once(DnsProbe(name="www.example.org", type="A"), site.resolver_port)
    assert Verdict.FAIL is cached.verdict
    assert "from a cache" in cached.detail


def test_serial_zero_is_a_serial(site):
    probe = DnsProbe(name="0.org", primaries=(site.at_self,))
    outcome = probe_once(probe, site.primary_port)
    assert (Verdict.PASS, 0) == (outcome.verdict, outcome.facts["serial"])


def test_a_secondary_follows_its_primary(site):
    """Behind while it cannot transfer, level once it has: by the real NOTIFY and AXFR."""
    probe = DnsProbe(name="example.org", primaries=(site.at_self,))
    assert Verdict.PASS is eventually(lambda: probe_once(probe, site.secondary_port)).verdict
    site.publish(site.serial + 5)
    caught_up = eventually(lambda: probe_once(probe, site.secondary_port))
    assert site.serial == caught_up.facts["serial"] == caught_up.facts["primary_serial"]


def test_a_secondary_that_cannot_transfer_is_behind_and_a_primary_turned_back_leaves_it_ahead(site, start, tmp_path):
    port = free_port()
    nsd = NSD.format(directory=tmp_path, port=port, key=KEY, transfer="")
    files = {"nsd.conf": nsd, "example.org.zone": ZONE.format(serial=site.serial - 3)}
    start("nsd", "-d", "-c", "nsd.conf", files=files, directory=tmp_path)
    eventually(lambda: probe_once(DnsProbe(name="example.org"), port, timeout=1))
    compared = {"name": "example.org", "primaries": (site.at_self,)}
    for host in HOSTS:
        behind = probe_once(DnsProbe(**compared), port, host)
        assert (Verdict.FAIL, Reason.EXPECTATION, -3) == (behind.verdict, behind.reason, behind.facts["ahead"])
        assert "is 3 behind" in behind.detail
    assert Verdict.PASS is probe_once(DnsProbe(**compared, max_behind=3), port).verdict
    assert Verdict.FAIL is probe_once(DnsProbe(**compared, max_behind=2), port).verdict
    assert Verdict.WARN is probe_once(DnsProbe(**compared, grace=600.0), port).verdict
    reverse = {"name": "example.org", "primaries": (f"[::1]:{port}",)}
    ahead = probe_once(DnsProbe(**reverse), site.primary_port)
    assert (Verdict.FAIL, 3) == (ahead.verdict, ahead.facts["ahead"])
    assert Verdict.PASS is probe_once(DnsProbe(**reverse, max_ahead=3), site.primary_port).verdict
    newest = DnsProbe(name="example.org", primaries=(f"127.0.0.1:{port}", site.at_self))
    assert Verdict.PASS is probe_once(newest, site.primary_port).verdict


def test_a_primary_that_is_gone_or_silent_is_unknown(site):
    """Refused, silent, without the zone: never a FAIL of the realserver; but a realserver that is gone is FAIL."""
    nobody = free_port()
    gone = DnsProbe(name="example.org", primaries=(f"127.0.0.1:{nobody}",))
    assert (Verdict.UNKNOWN, Reason.REFERENCE) == verdict(gone, site.secondary_port)[:2]
    without = DnsProbe(name="example.org", primaries=(f"127.0.0.1:{site.resolver_port}",))
    assert (Verdict.UNKNOWN, Reason.REFERENCE) == verdict(without, site.secondary_port)[:2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        probe = DnsProbe(name="example.org", primaries=(f"127.0.0.1:{silent.getsockname()[1]}",), retransmit=0.1)
        assert (Verdict.UNKNOWN, Reason.REFERENCE) == verdict(probe, site.secondary_port, timeout=0.5)[:2]
    assert (Verdict.FAIL, Reason.REFUSED) == verdict(gone, nobody)[:2]


@pytest.mark.parametrize("daemon", ["primary", "secondary"])
def test_a_daemon_that_hangs_costs_its_deadline(site, daemon):
    stopped = getattr(site, daemon)
    port = getattr(site, f"{daemon}_port")
    stopped.stop()
    try:
        for transport in ("udp", "tcp"):
            probe = DnsProbe(name="example.org", over=transport, retransmit=0.1)
            assert (Verdict.FAIL, Reason.DEADLINE) == verdict(probe, port, timeout=0.4)[:2]
    finally:
        stopped.signal_all(signal.SIGCONT)
    eventually(lambda: probe_once(DnsProbe(name="example.org"), port, timeout=1))


def test_a_daemon_that_was_killed_is_refused(start, tmp_path):
    port = free_port()
    nsd = NSD.format(directory=tmp_path, port=port, key=KEY, transfer="")
    files = {"nsd.conf": nsd, "example.org.zone": ZONE.format(serial=1)}
    daemon = start("nsd", "-d", "-c", "nsd.conf", files=files, directory=tmp_path)
    eventually(lambda: probe_once(DnsProbe(name="example.org"), port, timeout=1))
    daemon.end()
    for host in HOSTS:
        assert Reason.REFUSED is probe_once(DnsProbe(name="example.org"), port, host).reason


def test_the_primary_is_asked_once_for_all(site):
    """Many realservers, one question to the primary; asked again only once the answer is an interval old."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind(("127.0.0.1", 0))
        relay.setblocking(False)
        asked = []

        async def main():
            loop = asyncio.get_running_loop()

            async def pass_on():
                while True:
                    data, sender = await loop.sock_recvfrom(relay, 4096)
                    asked.append(data)
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                        out.setblocking(False)
                        await loop.sock_connect(out, ("127.0.0.1", site.primary_port))
                        await loop.sock_sendall(out, data)
                        await loop.sock_sendto(relay, await loop.sock_recv(out, 4096), sender)

            task = asyncio.create_task(pass_on())
            probe = DnsProbe(name="example.org", primaries=(f"127.0.0.1:{relay.getsockname()[1]}",))
            shared = Shared()
            targets = [Target(address=host, port=site.secondary_port) for host in HOSTS * 10]
            with NestedReactor() as engine:
                works = [engine.finish(run(probe, one, 3, engine, shared=shared)) for one in targets]
                outcomes = await asyncio.gather(*works)
            task.cancel()
            return outcomes

        outcomes = asyncio.run(main())
    assert {Verdict.PASS} == {outcome.verdict for outcome in outcomes}
    assert 1 == len(asked)
