"""radius: replies that are wanted, that are not, and that are not the server's own."""

import pytest

from lvsmon.errors import ConnectFailed
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.transcript import Recorder, masked
from lvsmon.probes.radius import RadiusProbe
from lvsmon.secrets.masking import masker_of
from lvsmon.testing.network import run_scripted
from lvsmon.wire.radius import Code, Request, Type
from probes.datagram_server import AnsweringNet
from radius_messages import SECRET, reply

TARGET = Target(address="10.1.0.11", port=1812)
STATUS = {"secret": Secret("xyzzy5461")}
LOGIN = {**STATUS, "username": "nemo", "password": Secret("arctangent")}


def says(*replies, after=0.01):
    """Return a server that gives each request ``replies``: functions of the request, datagrams, or errors."""

    def answer(data, _):
        asked = Request(data, SECRET)
        return [(after, each(asked) if callable(each) else each) for each in replies]

    return answer


def made(code, *attributes, **more):
    return lambda asked: reply(code, *attributes, asked=asked, **more)


def outcome_of(answer, timeout=5.0, **settings):
    net = AnsweringNet(answer)
    return run_scripted(RadiusProbe(**{**LOGIN, **settings}), TARGET, net, timeout), net


ACCEPT = made(Code.ACCESS_ACCEPT)
REPLIES = {
    "accept": (ACCEPT, {}, Reason.OK, "Access-Accept"),
    "reject": (made(3, (18, b"locked")), {}, Reason.AUTHENTICATION, "Access-Reject: locked, wanted is Access-Accept"),
    "challenge": (made(11), {}, Reason.EXPECTATION, "Access-Challenge, wanted is Access-Accept"),
    "reject wanted": (made(3), {"expect": "reject"}, Reason.OK, "Access-Reject"),
    "accept not wanted": (ACCEPT, {"expect": "reject"}, Reason.EXPECTATION, "wanted is Access-Reject"),
    "challenge wanted": (made(11), {"expect": "challenge"}, Reason.OK, "Access-Challenge"),
    "any": (made(3), {"expect": "any"}, Reason.OK, "Access-Reject"),
    "any, but no answer to it": (made(5), {"expect": "any"}, Reason.PROTOCOL, "Accounting-Response"),
    "protocol error": (made(52), {}, Reason.PROTOCOL, "code 52"),
    "not signed": (made(2, sign=False), {}, Reason.AUTHENTICATION, "without a Message-Authenticator"),
    "not signed, any": (made(3, sign=False), {"expect": "any"}, Reason.AUTHENTICATION, "CVE-2024-3596"),
    "not signed, warned": (made(2, sign=False), {"message_authenticator": "warn"}, Reason.DEGRADED, "CVE-2024-3596"),
    "signed": (ACCEPT, {"message_authenticator": "warn"}, Reason.OK, "Access-Accept"),
    "not signed, let be": (made(2, sign=False), {"message_authenticator": "ignore"}, Reason.OK, "Access-Accept"),
    "reject, not signed": (made(3, sign=False), {"message_authenticator": "warn"}, Reason.AUTHENTICATION, "Reject"),
    "another secret": (made(2, secret=b"x"), {}, Reason.AUTHENTICATION, "not signed with our secret"),
    "another identifier": (
        lambda asked: reply(2, asked=asked, identifier=asked.identifier ^ 1), {}, Reason.DEADLINE, "nothing to a"
    ),
    "an echo": (lambda asked: asked.packet, {}, Reason.PROTOCOL, "echoes"),
    "no RADIUS": (b"SSH-2.0-x", {}, Reason.PROTOCOL, "no RADIUS"),
    "refused": (ConnectFailed("connection refused"), {}, Reason.REFUSED, "connection refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLIES)
def test_replies_for_a_user(case):
    answer, settings, reason, words = REPLIES[case]
    outcome, _ = outcome_of(says(answer), **settings)
    assert (reason, True) == (outcome.reason, words in outcome.detail), outcome
    verdicts = {Reason.OK: Verdict.PASS, Reason.DEGRADED: Verdict.WARN}
    assert verdicts.get(reason, Verdict.FAIL) is outcome.verdict


@pytest.mark.parametrize("accounting", [False, True])
def test_status_server(accounting):
    """Its reply need not be signed (RFC 5997 section 6); it is that of the kind of server asked."""
    right, wrong = (Code.ACCOUNTING_RESPONSE, 2) if accounting else (Code.ACCESS_ACCEPT, 3)
    net = AnsweringNet(says(made(right, sign=False)))
    probe = RadiusProbe(**STATUS, accounting=accounting)
    outcome = run_scripted(probe, TARGET, net)
    assert (Verdict.PASS, f"at work: {right}", 12) == (outcome.verdict, outcome.detail, net.sent[0][1][0])
    assert (1813 if accounting else 1812) == probe.default_port
    for code in (wrong, 11, 1):
        outcome = run_scripted(probe, TARGET, AnsweringNet(says(made(code))))
        assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason)


FORGED = {
    "another secret": made(2, secret=b"x"),
    "not signed": made(2, sign=False),
    "rubbish": b"\2",
    "an echo": lambda asked: asked.packet,
    "another identifier": lambda asked: reply(3, asked=asked, identifier=asked.identifier ^ 1),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_right_reply_counts_behind_a_forged_one(case):
    """And what comes after it counts no more."""
    outcome, _ = outcome_of(says(FORGED[case], ACCEPT, made(3)), retries=0)
    assert Verdict.PASS is outcome.verdict, outcome


def test_a_wrong_reply_is_told_shortly_before_the_end_and_the_first_of_several():
    """So that a right one has time to follow, and the deadline does not cover it up; also one that comes last."""
    wrong, signed_wrong = b"SSH-2.0-x", made(2, secret=b"x")
    net = AnsweringNet(says(wrong, signed_wrong))
    outcome = run_scripted(RadiusProbe(**LOGIN), TARGET, net, 5.0)
    assert (Reason.PROTOCOL, 4.0) == (outcome.reason, net.clock.monotonic())
    late = AnsweringNet(lambda data, count: [(2.5, signed_wrong(Request(data, SECRET)))] if count == 3 else [])
    outcome = run_scripted(RadiusProbe(**LOGIN), TARGET, late, 5.0)
    assert (Reason.AUTHENTICATION, 4.5) == (outcome.reason, late.clock.monotonic())


def test_what_is_lost_is_sent_again_as_it_was():
    """The same packet, so that the server sees that it is one request (RFC 5080 section 2.2.1)."""

    def answer(data, count):
        return says(ACCEPT)(data, count) if count == 3 else []

    outcome, net = outcome_of(answer, retransmit=0.5)
    assert (Verdict.PASS, [0.0, 0.5, 1.0]) == (outcome.verdict, [at for at, _ in net.sent])
    assert 1 == len({data for _, data in net.sent})


def test_a_late_reply_is_waited_for_to_the_end_and_silence_is_explained():
    outcome, _ = outcome_of(lambda data, count: says(ACCEPT, after=4.5)(data, count) if count == 1 else [])
    assert Verdict.PASS is outcome.verdict
    outcome, net = outcome_of(lambda _, __: [])
    assert (Reason.DEADLINE, 3) == (outcome.reason, len(net.sent))
    assert "to a secret, that it does not know" in outcome.detail


def test_two_runs_share_no_random_number():
    sent = [outcome_of(says(ACCEPT))[1].sent[0][1] for _ in range(2)]
    assert sent[0][4:20] != sent[1][4:20]


def test_what_the_server_is_told():
    _, net = outcome_of(says(ACCEPT), nas_identifier="lb1", nas_address="192.0.2.1")
    packet = net.sent[0][1]
    assert bytes((Type.NAS_IDENTIFIER, 5)) + b"lb1" in packet
    assert bytes((Type.NAS_IP_ADDRESS, 6, 192, 0, 2, 1)) in packet
    assert b"\1\x06nemo" in packet
    _, net = outcome_of(says(ACCEPT), nas_address="2001:db8::1")
    assert bytes((Type.NAS_IPV6_ADDRESS, 18, 0x20, 1, 0x0D, 0xB8)) in net.sent[0][1]


def test_no_secret_stands_in_a_dialogue():
    """Nor in what is told of it, though the server repeats the password."""
    probe = RadiusProbe(**LOGIN)
    net = AnsweringNet(says(made(3, (18, b"arctangent is wrong, xyzzy5461"))))
    net.trace = Recorder()
    outcome = run_scripted(probe, TARGET, net)
    shown = repr((outcome, masked(net.trace.transcript(), masker_of(probe)), probe))
    assert "******** is wrong" in shown
    assert "arctangent" not in shown
    assert "xyzzy5461" not in shown


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"secret": Secret("")}, "secret: it must not be empty"),
        ({"username": None}, "username and password: give both"),
        ({"password": None}, "username and password: give both"),
        ({"username": None, "password": None, "expect": "any"}, "expect: is the reply for a user"),
        ({"username": None, "password": None, "message_authenticator": "warn"}, "message_authenticator: is of replies"),
        ({"accounting": True}, "accounting: an accounting server lets nobody in"),
        ({"username": ""}, "username: write 1 to 253 bytes"),
        ({"username": "ä" * 127}, "username: write 1 to 253 bytes"),
        ({"password": Secret("x" * 129)}, "password: write 1 to 128 bytes"),
        ({"password": Secret("a\0")}, "password: write 1 to 128 bytes without a NUL"),
        ({"nas_identifier": ""}, "nas_identifier: write 1 to 253 bytes"),
        ({"nas_address": "lb1.example.org"}, "nas_address: write an IPv4 or IPv6 address, not 'lb1.example.org'"),
        ({"retries": 11}, "retries: write a number from 0 to 10"),
        ({"retransmit": 0.0}, "retransmit: write a time longer than nothing"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RadiusProbe(**{**LOGIN, **settings})
