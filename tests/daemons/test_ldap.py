"""ldap against OpenLDAP's slapd on loopback: healthy, and in the ways that directories fail."""

import asyncio
import signal
import subprocess

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, free_port, ready, seen
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.ldap import LdapProbe

NAME = "shop.example.org"
BASE = "dc=example,dc=org"
ADMIN = f"cn=admin,{BASE}"

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSCACertificateFile {certificate}
{more}
database mdb
suffix {base}
rootdn cn=admin,{base}
rootpw sesame
directory {folder}/data
maxsize 10485760
"""
ENTRIES = f"""
dn: {BASE}
objectClass: domain
dc: example

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: cn=one,ou=people,{BASE}
objectClass: person
cn: one
cn: eins
sn: First

dn: cn=two,ou=people,{BASE}
objectClass: person
cn: two
sn: Second
"""


class Directory:
    def __init__(self, start, folder, authority, issued=None, more="", entries=ENTRIES):
        folder.mkdir()
        (folder / "data").mkdir()
        certificate, key = (issued or authority.server()).write(folder, "slapd")
        conf = folder / "slapd.conf"
        conf.write_text(CONF.format(folder=folder, certificate=certificate, key=key, more=more, base=BASE))
        if entries:
            (folder / "entries.ldif").write_text(entries)
            subprocess.run(["/usr/sbin/slapadd", "-f", conf, "-l", folder / "entries.ldif"], check=True)
        self.plain, self.secure = free_port(), free_port()
        ports = (("ldap", self.plain), ("ldaps", self.secure))
        urls = " ".join(f"{scheme}://127.0.0.1:{port} {scheme}://[::1]:{port}" for scheme, port in ports)
        self.daemon = start("slapd", "-f", str(conf), "-h", urls, "-d", "0", directory=folder)
        ready(lambda: ask(self.plain))


def ask(port, host=HOSTS[0], timeout=5.0, **settings):
    probe = LdapProbe(**settings)

    async def whole():
        target = Target(address=host, port=port, hostname=NAME)
        return await in_reactor(lambda engine: run(probe, target, timeout, engine))

    return seen(probe, host, port, asyncio.run(whole()))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def make(start, authority, tmp_path):
    return lambda **more: Directory(start, tmp_path / "slapd", authority, **more)


@pytest.fixture(scope="module")
def directory(start, authority, tmp_path_factory):
    return Directory(start, tmp_path_factory.mktemp("ldap") / "slapd", authority)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_the_rootdse_is_found(directory, authority, host, tls):
    more = {} if tls == "none" else {"tls": tls, "tls_ca_file": authority.ca_file}
    outcome = ask(directory.secure if tls == "implicit" else directory.plain, host, **more)
    assert Verdict.PASS is outcome.verdict, outcome
    assert BASE == outcome.facts["naming_contexts"]
    assert (tls != "none") == ("tls_version" in outcome.facts)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "settings",
    [
        {"bind_dn": ADMIN, "password": Secret("sesame"), "base": BASE},
        {"base": BASE, "scope": "sub", "min_entries": 4, "max_entries": 4},
        {"base": BASE, "scope": "one", "max_entries": 1},
        {"base": BASE, "scope": "sub", "filter": "(&(objectClass=person)(sn=S*))", "attribute": "cn", "value": "two"},
        {"base": f"cn=one,ou=people,{BASE}", "attribute": "CN", "expect": Regex(b"^eins$")},
        {"base": BASE, "scope": "sub", "filter": "(cn=three)", "min_entries": 0, "max_entries": 0},
        {"base": f"cn=gone,{BASE}", "min_entries": 0, "max_entries": 0},
        {"attribute": "supportedLDAPVersion", "value": "3"},
    ],
)
def test_what_is_there_is_found(directory, host, settings):
    outcome = ask(directory.plain, host, **settings)
    assert Verdict.PASS is outcome.verdict, outcome


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        ({"bind_dn": ADMIN, "password": Secret("wrong")}, Reason.AUTHENTICATION, "invalidCredentials (49)"),
        ({"base": f"cn=gone,{BASE}"}, Reason.EXPECTATION, "noSuchObject (32)"),
        ({"base": "dc=elsewhere,dc=org"}, Reason.EXPECTATION, "noSuchObject (32)"),
        ({"base": BASE, "scope": "sub", "min_entries": 5}, Reason.EXPECTATION, "4 entries found"),
        ({"base": BASE, "scope": "sub", "max_entries": 3}, Reason.EXPECTATION, "more than 3 entries"),
        ({"base": BASE, "attribute": "ou"}, Reason.EXPECTATION, "no ou"),
        ({"base": BASE, "attribute": "dc", "value": "other"}, Reason.EXPECTATION, "has 'example'"),
        ({"tls": "implicit"}, Reason.CLOSED, ""),
    ],
)
def test_what_is_not_there_fails(directory, settings, reason, words):
    outcome = ask(directory.plain, **settings)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_for_another_name_fails(make, authority, tls):
    made = make(issued=authority.server(names=("rs2.example.org",)))
    outcome = ask(made.secure if tls == "implicit" else made.plain, HOSTS[1], tls=tls, tls_ca_file=authority.ca_file)
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert "rs2.example.org" in outcome.detail


def test_clear_text_on_the_port_of_ldaps_fails(directory):
    outcome = ask(directory.secure, timeout=1.0)
    assert Verdict.FAIL is outcome.verdict
    assert outcome.reason in {Reason.CLOSED, Reason.RESET, Reason.DEADLINE, Reason.PROTOCOL}


def test_a_directory_that_lost_its_data_fails(make):
    """A replica before its first synchronisation: it answers, and has nothing."""
    made = make(entries="")
    assert Verdict.PASS is ask(made.plain).verdict
    assert Reason.EXPECTATION is ask(made.plain, base=BASE).reason


def test_a_server_that_refers_elsewhere_is_named_as_such(make):
    made = make(more="referral ldap://master.example.org")
    outcome = ask(made.plain, base="dc=elsewhere,dc=org")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "ldap://master.example.org" in outcome.detail


def test_anonymous_binds_switched_off_are_told(make):
    outcome = ask(make(more="disallow bind_anon").plain)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert "inappropriateAuthentication (48)" in outcome.detail


def test_tls_demanded_for_everything_is_told(make, authority):
    made = make(more="security tls=1")
    outcome = ask(made.plain, base=BASE)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert "confidentialityRequired (13)" in outcome.detail
    assert Verdict.PASS is ask(made.plain, base=BASE, tls="starttls", tls_ca_file=authority.ca_file).verdict


def test_a_limit_of_the_server_that_hides_what_is_wanted_fails(make):
    made = make(more="sizelimit 2")
    assert Verdict.PASS is ask(made.plain, base=BASE, scope="sub", min_entries=2).verdict
    outcome = ask(made.plain, base=BASE, scope="sub", min_entries=3)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "sizeLimitExceeded" in outcome.detail


def test_a_stopped_and_an_ended_directory(make):
    made = make()
    made.daemon.stop()
    assert Reason.DEADLINE is ask(made.plain, timeout=0.3).reason
    made.daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is ask(made.plain).verdict
    made.daemon.end()
    assert Reason.REFUSED is ask(made.plain).reason
