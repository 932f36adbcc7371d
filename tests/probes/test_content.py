"""kind content by hand: one realserver alone, and what it would be compared by."""

import asyncio
from pathlib import Path

import pytest

from lvsmon import probes
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.base import aim
from lvsmon.probes.content import ContentProbe
from lvsmon.probes.dns import DnsProbe
from lvsmon.probes.exec import ExecProbe
from lvsmon.probes.ftp import FtpProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.https import HttpsProbe
from lvsmon.probes.ldap import LdapProbe
from lvsmon.probes.ping import PingProbe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.ssh import SshProbe
from lvsmon.probes.tcp import TcpProbe
from lvsmon.probes.tls import TlsProbe
from lvsmon.probes.udp import UdpProbe
from lvsmon.secrets.masking import secrets_in
from probe_support import answering

ROOT = Path(__file__).parents[2]
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def run_on(probe, port):
    async def main():
        return await in_reactor(lambda engine: run(probe, aim(probe, "127.0.0.1", port), 5, engine))

    return asyncio.run(main())


def page(body, **settings):
    """Return the outcome of a look at a server that answers with ``body``."""
    with answering(PAGE + body) as port:
        return run_on(ContentProbe(of=HttpProbe(**settings)), port)


def test_it_shows_what_would_be_compared():
    outcome = page(b"hello")
    assert (outcome.verdict, outcome.facts["digest"]) == (Verdict.PASS, "2cf24dba5fb0a30e")
    assert "digest 2cf24dba5fb0a30e: 200 OK, 5 bytes" == outcome.detail


def test_what_is_ignored_changes_no_digest():
    ignoring = (Regex(rb"\d"),)
    one, two, other = (page(body, digest_ignore=ignoring).facts["digest"] for body in (b"at 12", b"at 07", b"on 07"))
    assert one == two != other


def test_a_body_too_large_is_undecided():
    outcome = page(b"hello", max_body=4)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)


def test_what_is_wrong_is_wrong():
    with answering(b"HTTP/1.1 500 no\r\n\r\n") as port:
        assert Verdict.FAIL is run_on(ContentProbe(of=HttpProbe()), port).verdict


@pytest.mark.parametrize(
    ("of", "fact"),
    [
        (HttpProbe(), "digest"),
        (HttpsProbe(), "digest"),
        (HttpProbe(method="HEAD"), None),
        (TlsProbe(), "certificate_sha256"),
        (FtpProbe(), "listing_digest"),
        (FtpProbe(login="none"), "banner"),
        (DnsProbe(name="example.org"), "serial"),
        (DnsProbe(name="example.org", type="MX"), "answer_digest"),
        (DnsProbe(name="example.org", rcode="NXDOMAIN"), None),
        (SshProbe(), "host_key"),
        (SshProbe(mode="banner"), "banner"),
        (SmtpProbe(), "banner"),
        (TcpProbe(), None),
        (TcpProbe(send=b"x"), None),
        (TcpProbe(expect=Regex(b"x")), "banner"),
        (UdpProbe(), None),
        (UdpProbe(reply=True), "reply"),
        (LdapProbe(), None),
        (LdapProbe(base="o=x", scope="base", attribute="contextCSN"), "value"),
        (PingProbe(), None),
        (ExecProbe(command=("/bin/true",)), None),
    ],
)
def test_what_a_kind_is_compared_by_depends_on_its_settings(of, fact):
    if fact is None:
        with pytest.raises(ValueError, match=f'of: "{of.kind}" with these settings tells nothing'):
            ContentProbe(of=of)
    else:
        assert fact == ContentProbe(of=of).fact


def test_a_comparison_of_a_comparison_is_refused():
    with pytest.raises(ValueError, match="of: "):
        ContentProbe(of=ContentProbe(of=HttpProbe()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"agree": "reference"}, "agree: name the realserver that is right"),
        ({"agree": "majority", "reference": "rs1"}, "agree: the majority has no reference"),
        ({"ignore": (Regex(b"x"),)}, 'write digest_ignore among the settings of "http"'),
        ({"ignore": (Regex(b"x*"),), "of": SmtpProbe()}, "ignore: 'x\\*' matches even the empty text"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ContentProbe(**{"of": HttpProbe(), **settings})


def test_it_is_aimed_as_what_is_compared():
    probe = ContentProbe(of=HttpsProbe(path="/x"))
    assert aim(probe, "10.0.0.1", 443, hostname="a.example", vip="192.0.2.1", vport=443) == aim(
        probe.of, "10.0.0.1", 443, hostname="a.example", vip="192.0.2.1", vport=443
    )
    assert (443, True) == (probe.default_port, probe.memory_bound == probe.of.memory_bound)
    smtp = ContentProbe(of=SmtpProbe(expect_hostname=True))
    assert (smtp.needs_hostname, ContentProbe(of=FtpProbe()).uses_vip) == (True, True)


def test_kinds_that_can_be_compared_are_on_the_page():
    text = (ROOT / "docs/probes/content.md").read_text()
    for kind in probes.BUILTIN:
        if hasattr(probes.load(kind), "comparable"):
            assert f"`{kind}`" in text, kind


def test_secrets_within_are_secrets():
    probe = ContentProbe(of=HttpProbe(username="u", password=Secret("hunter2")))
    assert [Secret("hunter2")] == list(secrets_in(probe))
