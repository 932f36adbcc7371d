"""Revocation staples as nginx sends them: good, revoked, out of date, none; under TLS 1.2 and 1.3, IPv4 and IPv6."""

import asyncio
from typing import NamedTuple

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, seen
from daemons.test_https import NAME, NGINX, NGINX_SERVER
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.https import HttpsProbe
from lvsmon.probes.tls import TlsProbe
from staples import delegate, refused, staple


class Web(NamedTuple):
    authority: Authority
    ports: dict[str, int]


@pytest.fixture(scope="module")
def web(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stapling")
    folder.chmod(0o755)
    authority = Authority(folder)
    issued = authority.server()
    certificate, key = issued.write(folder, "server")
    by, responder = authority.inter, delegate(authority.inter)
    staples = {
        "good": staple(issued, by),
        "good12": staple(issued, by),
        "delegated": staple(issued, by, signer=responder, send=(responder,)),
        "demanding": staple(issued, by),
        "revoked": staple(issued, by, status="REVOKED"),
        "revoked12": staple(issued, by, status="REVOKED"),
        "expired": staple(issued, by, begins=-9, ends=-2),
        "unknown": staple(issued, by, status="UNKNOWN"),
        "refused": refused(),
        "none": None,
    }
    ports, servers = {}, ""
    for name, one in staples.items():
        ports[name] = free_port()
        more = "ssl_protocols TLSv1.2;" if name.endswith("12") else "ssl_protocols TLSv1.2 TLSv1.3;"
        if one is not None:
            (folder / name).write_bytes(one)
            more += f" ssl_stapling on; ssl_stapling_file {folder}/{name};"
        if name == "demanding":
            more += f" ssl_client_certificate {authority.ca_file}; ssl_verify_client optional;"
        more += f" ssl_certificate {certificate}; ssl_certificate_key {key};"
        servers += NGINX_SERVER.format(port=ports[name], flags="ssl", name=NAME, more=more)
    files = {"nginx.conf": NGINX.format(folder=folder, servers=servers)}
    start("nginx", "-p", "{directory}", "-c", "{directory}/nginx.conf", "-e", "stderr", files=files, directory=folder)
    web = Web(authority, ports)
    eventually(lambda: probe(web, "none"))
    return web


def probe(web, name, host=HOSTS[0], kind=TlsProbe, **settings):
    made = kind(tls_ca_file=web.authority.ca_file, **settings)

    async def whole():
        target = Target(address=host, port=web.ports[name], hostname=NAME)
        return await in_reactor(lambda engine: run(made, target, 5.0, engine))

    return seen(made, host, web.ports[name], asyncio.run(whole()))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", ["good", "good12", "delegated", "demanding"])
def test_a_good_staple_passes(web, name, host):
    outcome = probe(web, name, host, tls_staple="require")
    assert (Verdict.PASS, "good") == (outcome.verdict, outcome.facts["revocation"]), outcome
    assert outcome.facts["revocation_until"].endswith("UTC")
    https = probe(web, name, host, HttpsProbe, tls_staple="check")
    assert (Verdict.PASS, "good") == (https.verdict, https.facts["revocation"])


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", ["revoked", "revoked12"])
def test_a_revoked_certificate_fails_where_somebody_looks(web, name, host):
    for wanted in ("check", "require"):
        outcome = probe(web, name, host, tls_staple=wanted)
        assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason), outcome
        assert outcome.detail.startswith("the certificate was revoked on 20")
        assert outcome.detail.endswith("(keyCompromise), says its revocation staple")
        assert "revoked" == outcome.facts["revocation"]
    outcome = probe(web, name, host)
    assert (Verdict.PASS, False) == (outcome.verdict, "revocation" in outcome.facts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "the revocation staple expired on 20"),
        ("unknown", "the responder does not know the certificate"),
        ("refused", "holds no answer: the responder said try_later"),
    ],
)
def test_a_staple_of_no_use_warns_or_fails(web, name, words):
    outcome = probe(web, name, tls_staple="check")
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    outcome = probe(web, name, tls_staple="require")
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_no_staple_fails_where_one_is_required(web):
    outcome = probe(web, "none", tls_staple="check")
    assert (Verdict.PASS, "none") == (outcome.verdict, outcome.facts["revocation"])
    outcome = probe(web, "none", tls_staple="require")
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert "no revocation staple is sent, and tls_staple demands a good one" == outcome.detail
