"""sip against Kamailio over UDP, TCP and TLS, healthy and as it fails in life."""

import signal

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once, ready
from lvsmon.model import Reason, Verdict
from lvsmon.probes.sip import SipProbe

CONF = """
log_stderror = yes
children = 1
tcp_children = 1
socket_workers = 1
disable_tcp = no
enable_tls = {tls}
auto_aliases = no
dns = no
rev_dns = no
alias = "sip.example.org"
user_agent_header = "User-Agent: kamailio"
server_header = "Server: kamailio"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
{modules}
listen = udp:127.0.0.1:{port}
listen = udp:[::1]:{port}
listen = tcp:127.0.0.1:{port}
listen = tcp:[::1]:{port}
{listen}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("OPTIONS") && $rd == "sip.example.org") {{
        {answer}
        exit;
    }}
    sl_send_reply("404", "Not here");
}}
"""
OK = 'append_to_reply("Allow: INVITE, OPTIONS\\r\\n"); sl_send_reply("200", "Keepalive");'
PROBE = {"uri": "sip:sip.example.org"}


def kamailio(start, directory, answer=OK, modules="", listen="", tls="no"):
    """Start a proxy; return it and its port."""
    port = free_port()
    files = {"kamailio.cfg": CONF.format(**locals())}
    daemon = start(
        "kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-f", "{directory}/kamailio.cfg", "-Y", "{directory}",
        files=files, directory=directory,
    )  # fmt: skip
    for over in ("udp", "tcp"):
        ready(
            lambda over=over: probe_once(SipProbe(over=over), port, timeout=0.5),
            lambda found: "status" in found.facts or "final" in found.detail,
        )
    return daemon, port


def told(outcome):
    return outcome.verdict, outcome.reason


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    return kamailio(start, tmp_path_factory.mktemp("sip"))


@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_proxy_that_answers(server, host, over):
    outcome = probe_once(SipProbe(**PROBE, over=over), server[1], host)
    assert (Verdict.PASS, "200 Keepalive") == (outcome.verdict, outcome.detail)
    assert ("kamailio", "INVITE, OPTIONS") == (outcome.facts["server"], outcome.facts["allow"])


@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("host", HOSTS)
def test_what_it_says_no_to(server, host, over):
    """A domain that is not its own, and a request that may go no further."""
    outcome = probe_once(SipProbe(over=over), server[1], host)
    assert ((Verdict.FAIL, Reason.REJECTED), "status 404 Not here, wanted 200") == (told(outcome), outcome.detail)
    outcome = probe_once(SipProbe(**PROBE, over=over, max_forwards=0), server[1], host)
    assert (Reason.REJECTED, 483) == (outcome.reason, outcome.facts["status"])


ANSWERS = {
    "503": (
        'append_to_reply("Retry-After: 30\\r\\n"); sl_send_reply("503", "No gateway");',
        Reason.REJECTED,
        "after 30 s",
    ),
    "401": ('sl_send_reply("401", "Unauthorized");', Reason.AUTHENTICATION, "401 Unauthorized"),
    "302": (
        'append_to_reply("Contact: <sip:192.0.2.9>\\r\\n"); sl_send_reply("302", "Moved");',
        Reason.EXPECTATION,
        "redirects to <sip:192.0.2.9>",
    ),
    "603": ('sl_send_reply("603", "Decline");', Reason.REJECTED, "603 Decline"),
    "100 alone": ('sl_send_reply("100", "Trying");', Reason.DEADLINE, "the final response, after 100 Trying"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_that_do_not_pass(start, tmp_path, case):
    answer, reason, words = ANSWERS[case]
    _, port = kamailio(start, tmp_path, answer)
    for over, host in (("udp", "127.0.0.1"), ("tcp", "::1")):
        outcome = probe_once(SipProbe(**PROBE, over=over), port, host, timeout=0.4)
        assert (Verdict.FAIL, reason, True) == (*told(outcome), words in outcome.detail), outcome


def test_a_final_response_behind_a_provisional_one(start, tmp_path):
    """Statefully, as proxies do that pass requests on."""
    answer = 't_newtran(); t_reply("100", "Trying"); t_reply("200", "At last");'
    _, port = kamailio(start, tmp_path, answer)
    for over in ("udp", "tcp"):
        outcome = probe_once(SipProbe(**PROBE, over=over), port)
        assert (Verdict.PASS, "200 At last") == (outcome.verdict, outcome.detail)


def test_a_proxy_that_hangs_or_is_gone(start, tmp_path):
    daemon, port = kamailio(start, tmp_path)
    daemon.stop()
    for over in ("udp", "tcp"):
        assert Reason.DEADLINE is probe_once(SipProbe(**PROBE, over=over), port, timeout=0.4).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(SipProbe(**PROBE), port)).verdict
    daemon.end()
    for over in ("udp", "tcp"):
        for host in HOSTS:
            assert (Verdict.FAIL, Reason.REFUSED) == told(probe_once(SipProbe(**PROBE, over=over), port, host))


def test_within_tls(start, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server().write(tmp_path, "server")
    tls = free_port()
    _, port = kamailio(
        start,
        tmp_path,
        modules='loadmodule "tls.so"\nmodparam("tls", "tls_method", "TLSv1.2+")\n'
        f'modparam("tls", "certificate", "{certificate}")\nmodparam("tls", "private_key", "{key}")',
        listen=f"listen = tls:127.0.0.1:{tls}\nlisten = tls:[::1]:{tls}",
        tls="yes",
    )
    settings = {**PROBE, "tls": "implicit", "tls_ca_file": authority.ca_file}
    for host in HOSTS:
        outcome = probe_once(SipProbe(**settings, tls_name="shop.example.org"), tls, host)
        assert (Verdict.PASS, True) == (outcome.verdict, "tls_version" in outcome.facts), outcome
        outcome = probe_once(SipProbe(**settings, tls_name="other.example.org"), tls, host)
        assert (Verdict.FAIL, Reason.CERTIFICATE) == told(outcome)
    for probe, where in ((SipProbe(**PROBE, over="tcp"), tls), (SipProbe(**settings), port)):
        assert Verdict.FAIL is probe_once(probe, where, timeout=0.5).verdict
