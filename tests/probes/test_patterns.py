"""Wherever a user's pattern meets a realserver's bytes, the time that takes is bounded."""

import time
import typing

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Written, pattern
from lvsmon.probes import BUILTIN, load
from lvsmon.probes.ftp import FtpProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.identd import IdentdProbe
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.lmtp import LmtpProbe
from lvsmon.probes.nntp import NntpProbe
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.ssh import SshProbe
from lvsmon.probes.submission import SubmissionProbe
from lvsmon.probes.tcp import TcpProbe
from lvsmon.probes.telnet import TelnetProbe
from lvsmon.probes.udp import UdpProbe
from lvsmon.testing.network import Close, Script, ScriptedConnector, Send, Until, run_scripted

EVIL = pattern("(a+)+$")
"""Exponential for a matcher that backtracks: 30 letters take it minutes."""

RS = Target(address="10.1.0.11", port=21, vip="192.0.2.10")


def long(size):
    return b"a" * (size - 1) + b"!"


LISTING = Script(Send(long(8000) + b"\r\n"), Close())
LOGIN = (Until(b"USER anonymous\r\n"), Send(b"230 in\r\n"), Until(b"TYPE A\r\n"), Send(b"200 ok\r\n"))
PASSIVE = (Until(b"PASV\r\n"), Send(b"227 =10,1,0,11,200,0\r\n"), Until(b"LIST\r\n"), Send(b"150 \r\n226 \r\n"))
MESSAGES = {
    "ftp expect": (
        FtpProbe(expect=EVIL, modes=("passive",)),
        (Script(Send(b"220 \r\n"), *LOGIN, *PASSIVE), LISTING),
    ),
    "ftp expect_banner": (FtpProbe(expect_banner=EVIL), (Script(Send(b"220 " + long(4000) + b"\r\n")),)),
    "http expect": (HttpProbe(expect=EVIL), (Script(Send(b"HTTP/1.0 200 OK\r\n\r\n" + long(65536)), Close()),)),
    "http expect_absent": (
        HttpProbe(expect_absent=EVIL),
        (Script(Send(b"HTTP/1.0 200 OK\r\n\r\n" + long(65536)), Close()),),
    ),
    "identd": (IdentdProbe(owner=EVIL), (Script(Send(b"113 , 1 : USERID : UNIX : " + long(400) + b"\r\n")),)),
    "imap": (ImapProbe(expect_banner=EVIL), (Script(Send(b"* OK " + long(4000) + b"\r\n")),)),
    "lmtp": (LmtpProbe(expect_banner=EVIL), (Script(Send(b"220 x " + long(400) + b"\r\n")),)),
    "nntp": (NntpProbe(expect_banner=EVIL), (Script(Send(b"200 " + long(400) + b"\r\n")),)),
    "pop3": (Pop3Probe(expect_banner=EVIL), (Script(Send(b"+OK " + long(400) + b"\r\n")),)),
    "smtp": (SmtpProbe(expect_banner=EVIL), (Script(Send(b"220 x " + long(400) + b"\r\n")),)),
    "ssh": (SshProbe(expect_banner=EVIL), (Script(Send(b"SSH-2.0-" + long(200) + b"\r\n")),)),
    "submission": (SubmissionProbe(expect_banner=EVIL), (Script(Send(b"220 x " + long(400) + b"\r\n")),)),
    "tcp expect": (TcpProbe(expect=EVIL, max_read=65536), (Script(Send(4 * long(16384))),)),
    "telnet expect": (TelnetProbe(expect=EVIL, max_read=65536), (Script(Send(4 * long(16384))),)),
    "telnet banner": (TelnetProbe(banner=EVIL, max_read=65536), (Script(Send(long(65000) + b"login: ")),)),
    "udp": (UdpProbe(send=b"x", expect=EVIL), (Script(Send(long(65000))),)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_catastrophic_pattern_costs_one_run_little_and_others_nothing(name):
    """It does not match, and that is all."""
    probe, scripts = MESSAGES[name]
    began = time.process_time()
    outcome = run_scripted(probe, RS, ScriptedConnector(*scripts))
    assert time.process_time() - began < 1
    if name == "http expect_absent":
        assert Verdict.PASS is outcome.verdict
    else:
        assert Verdict.FAIL is outcome.verdict
        assert outcome.reason is Reason.EXPECTATION


def test_no_kind_takes_patterns_of_another_sort():
    """Whoever writes a kind gets linear time by `lvsmon.model.settings.Pattern`, and there is nothing else."""
    kinds = set()
    for kind in BUILTIN:
        for name, hint in typing.get_type_hints(load(kind), include_extras=True).items():
            assert "re.Pattern" not in str(hint)
            inner = typing.get_args(hint)
            for one in (hint, *inner, *(deeper for outer in inner for deeper in typing.get_args(outer))):
                if typing.get_origin(one) is typing.Annotated and one.__origin__ is Regex:
                    kinds.add(kind)
                    assert [pattern] == [mark.read for mark in one.__metadata__ if isinstance(mark, Written)], name
    alike = {"ajp", "content", "fastcgi", "https", "ldap", "proxy", "rtsp"}
    assert {name.partition(" ")[0] for name in MESSAGES} | alike == kinds


def test_what_matches_is_left_out():
    assert b"at : ok" == pattern(r"\d+").without(b"at 12:30 ok")
    assert b"" == pattern("(?s)a(?:.*b)?").without(b"a" * 4096)


def test_what_matches_again_and_again_is_looked_for_so_often_as_takes_bounded_time():
    """Each look goes on to the end in vain, so that all of them would take quadratic time."""
    began = time.process_time()
    with pytest.raises(ValueError, match="it matches more than 8192 times in 65536 bytes"):
        pattern("(?s)a(?:.*b)?").without(b"a" * 65536)
    assert time.process_time() - began < 5


def test_a_realserver_that_makes_a_pattern_match_too_often_fails_by_its_setting():
    script = Script(Send(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 65536), Close())
    outcome = run_scripted(HttpProbe(digest_ignore=(pattern("a"),)), RS, ScriptedConnector(script))
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
    assert "digest_ignore: 'a': it matches more than 8192 times in 65536 bytes; match more at once" == outcome.detail
