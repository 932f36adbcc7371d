"""radius against FreeRADIUS, healthy and as it fails in life."""

import signal

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.radius import RadiusProbe

CONF = """
logdir = {directory}
run_dir = {directory}
libdir = /usr/lib/freeradius
max_request_time = 5
log {{
    destination = stdout
}}
security {{
    status_server = {status_server}
    reject_delay = {reject_delay}
}}
thread pool {{
    start_servers = 1
    max_servers = 4
    min_spare_servers = 1
    max_spare_servers = 3
    max_requests_per_server = 0
}}
modules {{
    pap {{
    }}
    files {{
        filename = {directory}/users
    }}
    always handled {{
        rcode = handled
    }}
}}
client director4 {{
    ipaddr = 127.0.0.1
    secret = s3cret
}}
client director6 {{
    ipv6addr = ::1
    secret = s3cret
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    listen {{
        type = auth
        ipv6addr = ::1
        port = {port}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting}
    }}
    listen {{
        type = acct
        ipv6addr = ::1
        port = {accounting}
    }}
    authorize {{
        files
        {authorize}
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
    }}
    post-auth {{
        {post_auth}
        Post-Auth-Type REJECT {{
            {post_auth}
        }}
        Post-Auth-Type Challenge {{
            {post_auth}
        }}
    }}
}}
"""
USERS = """
probe Cleartext-Password := "wink"
    Reply-Message := "hello, probe"
locked Auth-Type := Reject
    Reply-Message := "account locked"
token Auth-Type := Accept, Response-Packet-Type := Access-Challenge
    Reply-Message := "your code?"
"""
SIGNS = "update reply {\n            Message-Authenticator := 0x00\n        }"
OURS = {"secret": Secret("s3cret"), "retransmit": 0.2}
LOGIN = {**OURS, "username": "probe", "password": Secret("wink")}


def freeradius(start, directory, post_auth=SIGNS, authorize="", status_server="yes", reject_delay=0):
    """Start a server; return it and its ports."""
    port, accounting = free_port(), free_port()
    conf = CONF.format(**locals())
    daemon = start(
        "freeradius", "-f", "-l", "stdout", "-d", "{directory}", "-D", "/usr/share/freeradius",
        files={"radiusd.conf": conf, "users": USERS}, directory=directory,
    )  # fmt: skip
    eventually(daemon.log, lambda log: "Ready to process requests" in log)
    return daemon, port, accounting


def told(outcome):
    return outcome.verdict, outcome.reason


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    return freeradius(start, tmp_path_factory.mktemp("radius"))


@pytest.mark.parametrize("host", HOSTS)
def test_a_user_is_let_in_and_the_server_is_at_work(server, host):
    _, port, accounting = server
    outcome = probe_once(RadiusProbe(**LOGIN), port, host)
    assert (Verdict.PASS, "Access-Accept: hello, probe") == (outcome.verdict, outcome.detail)
    assert outcome.facts["message_authenticator"]
    assert Verdict.PASS is probe_once(RadiusProbe(**OURS), port, host).verdict
    outcome = probe_once(RadiusProbe(**OURS, accounting=True), accounting, host)
    assert (Verdict.PASS, "Accounting-Response") == (outcome.verdict, outcome.facts["reply"])


@pytest.mark.parametrize("host", HOSTS)
def test_replies_that_are_wanted_or_not(server, host):
    for user, expect, reason in (
        ("nobody", "accept", Reason.AUTHENTICATION),
        ("nobody", "reject", Reason.OK),
        ("locked", "any", Reason.OK),
        ("token", "accept", Reason.EXPECTATION),
        ("token", "challenge", Reason.OK),
        ("probe", "accept", Reason.AUTHENTICATION),  # the password is wrong
    ):
        probe = RadiusProbe(**OURS, username=user, password=Secret("word"), expect=expect)
        assert reason is probe_once(probe, server[1], host).reason, (user, expect)
    assert Reason.EXPECTATION is probe_once(RadiusProbe(**LOGIN, expect="reject"), server[1], host).reason
    outcome = probe_once(RadiusProbe(**OURS, username="locked", password=Secret("word")), server[1], host)
    assert "Access-Reject: account locked" in outcome.detail


def test_a_server_that_signs_no_replies_is_the_older_one(start, tmp_path):
    """FreeRADIUS before 3.2.5, as Debian 12 has it, sends no Message-Authenticator of its own accord."""
    _, port, _ = freeradius(start, tmp_path, post_auth="")
    outcome = probe_once(RadiusProbe(**LOGIN), port)
    assert ((Verdict.FAIL, Reason.AUTHENTICATION), True) == (told(outcome), "CVE-2024-3596" in outcome.detail)
    assert Verdict.WARN is probe_once(RadiusProbe(**LOGIN, message_authenticator="warn"), port).verdict
    assert Verdict.PASS is probe_once(RadiusProbe(**LOGIN, message_authenticator="ignore"), port).verdict
    assert Verdict.PASS is probe_once(RadiusProbe(**OURS), port).verdict


def test_a_secret_that_the_server_does_not_know_is_met_with_silence(server):
    for settings in ({}, {"username": "probe", "password": Secret("wink")}):
        outcome = probe_once(RadiusProbe(secret=Secret("other"), **settings), server[1], timeout=0.3)
        assert (Verdict.FAIL, Reason.DEADLINE) == told(outcome)
        assert "says nothing to a client, or to a secret, that it does not know" in outcome.detail


def test_a_server_that_drops_what_it_is_asked(start, tmp_path):
    """Its policy is not to answer, as where the accounts' database is gone; and Status-Server is switched off."""
    daemon, port, _ = freeradius(start, tmp_path / "first", status_server="no")
    assert Reason.DEADLINE is probe_once(RadiusProbe(**OURS), port, timeout=0.3).reason
    assert Verdict.PASS is probe_once(RadiusProbe(**LOGIN), port).verdict
    daemon.end()
    policy = "update control {\n            Response-Packet-Type := Do-Not-Respond\n        }\n        handled"
    _, port, _ = freeradius(start, tmp_path / "second", authorize=policy)
    assert Reason.DEADLINE is probe_once(RadiusProbe(**LOGIN), port, timeout=0.5).reason
    assert Verdict.PASS is probe_once(RadiusProbe(**OURS), port).verdict


def test_a_delayed_reject_is_waited_for(start, tmp_path):
    """Servers delay rejects by a second, and drop what is sent again meanwhile."""
    _, port, _ = freeradius(start, tmp_path, reject_delay=1)
    outcome = probe_once(RadiusProbe(**OURS, username="nobody", password=Secret("x"), expect="reject"), port)
    assert (Verdict.PASS, True) == (outcome.verdict, outcome.phases.total > 0.5), outcome


def test_a_server_that_hangs_or_is_gone(start, tmp_path):
    daemon, port, _ = freeradius(start, tmp_path)
    daemon.stop()
    assert Reason.DEADLINE is probe_once(RadiusProbe(**LOGIN), port, timeout=0.4).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(RadiusProbe(**LOGIN), port)).verdict
    daemon.end()
    for host in HOSTS:
        outcome = probe_once(RadiusProbe(**LOGIN), port, host)
        assert (Verdict.FAIL, Reason.REFUSED) == told(outcome)
