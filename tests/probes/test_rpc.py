"""rpc: what a server that answers wrongly, late, elsewhere or never is judged to be."""

import asyncio
import itertools

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.probes.onc import MAX_STRAYS
from lvsmon.probes.rpc import RpcProbe
from lvsmon.wire import rpc
from probes.rpcserver import Server, accepted, asked, denied, outcome_of, portmapper, record, text, words, xid

NFS, MOUNTD = 100003, 100005
DIRECT = RpcProbe(program="nfs", version=3, portmapper=False)
OVER_UDP = RpcProbe(program="nfs", version=3, over="udp", retransmit=0.03)
BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


def verdict(outcome):
    return outcome.verdict, outcome.reason


PASS = (Verdict.PASS, Reason.OK)

# What a server says to a null call, and what becomes of it, over TCP and over UDP alike.
ANSWERS = {
    "success": (accepted, PASS, "nfs version 3 answers"),
    "success with something behind": (lambda call: accepted(call) + b"more", PASS, ""),
    "with a verifier": (lambda call: words(xid(call), 1, 0, 1) + text(b"short") + words(0), PASS, ""),
    "no such program": (
        lambda call: accepted(call, 1),
        (Verdict.FAIL, Reason.REJECTED),
        "does not serve program 100003",
    ),
    "other versions": (
        lambda call: accepted(call, 2, words(2, 4)),
        (Verdict.FAIL, Reason.REJECTED),
        "version 3 is not served, only 2 to 4",
    ),
    "no such procedure": (lambda call: accepted(call, 3), (Verdict.FAIL, Reason.REJECTED), "procedure 0"),
    "garbage arguments": (lambda call: accepted(call, 4), (Verdict.FAIL, Reason.REJECTED), "arguments"),
    "system error": (lambda call: accepted(call, 5), (Verdict.FAIL, Reason.REJECTED), "system error"),
    "other RPC version": (lambda call: denied(call, 0, 3, 4), (Verdict.FAIL, Reason.REJECTED), "RPC versions 3 to 4"),
    "too weak": (lambda call: denied(call, 1, 5), (Verdict.FAIL, Reason.AUTHENTICATION), "AUTH_TOOWEAK"),
    "unknown refusal": (lambda call: denied(call, 1, 77), (Verdict.FAIL, Reason.AUTHENTICATION), "auth_stat 77"),
    "the call itself": (lambda call: call, (Verdict.FAIL, Reason.PROTOCOL), "sends back what it gets"),
    "another type": (lambda call: words(xid(call), 9), (Verdict.FAIL, Reason.PROTOCOL), "unknown type 9"),
    "truncated": (lambda call: accepted(call)[:-2], (Verdict.FAIL, Reason.PROTOCOL), "ends early"),
    "too long": (
        lambda call: accepted(call) + bytes(rpc.SMALL_REPLY),
        (Verdict.FAIL, Reason.PROTOCOL),
        "where 4096 are the limit",
    ),
    "another transaction": (
        lambda call: words(xid(call) ^ 1) + accepted(call)[4:],
        (Verdict.FAIL, Reason.DEADLINE),
        "",
    ),
    "half a word": (lambda call: accepted(call)[:3], (Verdict.FAIL, Reason.DEADLINE), ""),
}


@BOTH
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_told_apart(name, address):
    answer, wanted, says = ANSWERS[name]
    over_tcp, _ = outcome_of(DIRECT, tcp=lambda call: [record(answer(call))], address=address)
    over_udp, _ = outcome_of(OVER_UDP, udp=lambda call: [answer(call)], address=address)
    assert wanted == verdict(over_tcp) == verdict(over_udp), (over_tcp, over_udp)
    assert says in over_tcp.detail
    assert says in over_udp.detail


@pytest.mark.parametrize(
    ("pieces", "reason", "says"),
    [
        (lambda _: [words(0x7FFFFFFF)], Reason.PROTOCOL, "an RPC record of 2147483647 bytes"),
        (lambda _: [words(0)] * (rpc.MAX_FRAGMENTS + 1), Reason.PROTOCOL, "more than 1024 fragments"),
        (lambda _: [words(4) + b"abcd"] * 2000, Reason.PROTOCOL, "or more, where 4096"),
        (lambda call: [record(accepted(call))[:-1], None], Reason.CLOSED, "in the middle of a reply"),
        (lambda _: [None], Reason.CLOSED, "before its reply"),
        (lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"], Reason.PROTOCOL, "an RPC record of 1213486160 bytes"),
        (lambda _: [record(words(n)) for n in range(MAX_STRAYS + 1)], Reason.PROTOCOL, "of other transaction ids"),
        (lambda call: [record(accepted(call))[:5]], Reason.DEADLINE, "talking with 127.0.0.1 port"),
        (lambda _: [], Reason.DEADLINE, "waiting for the first byte from 127.0.0.1 port"),
    ],
)
def test_streams_that_lead_nowhere(pieces, reason, says):
    outcome, _ = outcome_of(DIRECT, tcp=pieces)
    assert (Verdict.FAIL, reason) == verdict(outcome)
    assert says in outcome.detail


def test_a_reply_comes_in_fragments_after_late_ones_of_others():
    def pieces(call):
        reply = accepted(call)
        return [record(words(1, 1, 0, 0, 0, 0)), record(b"", reply[:5], b"", reply[5:], b"")]

    outcome, _ = outcome_of(DIRECT, tcp=pieces)
    assert PASS == verdict(outcome), outcome


def test_an_unanswered_datagram_is_sent_again_as_it_was():
    """RFC 5531 section 5: the same transaction id; the wait doubles."""
    lost = itertools.count()
    outcome, server = outcome_of(OVER_UDP, udp=lambda call: [] if next(lost) < 3 else [accepted(call)], timeout=2)
    assert PASS == verdict(outcome)
    assert 4 == len(server.calls)
    assert 1 == len(set(server.calls))
    assert 0.03 + 0.06 + 0.12 <= outcome.phases.total < 1


def test_strange_datagrams_before_the_answer_are_passed_over():
    def answers(call):
        return [b"", b"x", words(1), accepted(call, 1)[:-1][::-1], accepted(call), accepted(call, 5)]

    assert PASS == verdict(outcome_of(OVER_UDP, udp=answers)[0])


def test_a_flood_of_strange_datagrams_ends_at_the_deadline():
    outcome, _ = outcome_of(OVER_UDP, udp=lambda _: [bytes(1000)] * 2000, timeout=0.2)
    assert (Verdict.FAIL, Reason.DEADLINE) == verdict(outcome)
    assert outcome.phases.total < 0.3


def test_a_reply_from_another_port_is_no_reply():
    """Nobody behind the VIP would take it: the answer must come from where the call went."""

    async def main():
        async with Server("127.0.0.1", udp=lambda _: []) as other:

            def elsewhere(call):
                other._datagram.sendto(accepted(call), peers[-1])
                return []

            async with Server("127.0.0.1", udp=elsewhere) as server:
                protocol = server._datagram.get_protocol()
                received, peers = protocol.datagram_received, []
                protocol.datagram_received = lambda data, peer: (peers.append(peer), received(data, peer))
                return await server.probe(OVER_UDP, 0.2), len(peers)

    outcome, calls = asyncio.run(main())
    assert (Verdict.FAIL, Reason.DEADLINE) == verdict(outcome)
    assert calls > 1


@BOTH
def test_nothing_listens(address):
    for probe in (DIRECT, OVER_UDP):
        assert (Verdict.FAIL, Reason.REFUSED) == verdict(outcome_of(probe, address=address)[0])


def test_the_highest_version_is_called_where_none_is_given():
    def answer(call):
        return [record(accepted(call) if asked(call)[1] == 4 else accepted(call, 2, words(3, 4)))]

    outcome, server = outcome_of(RpcProbe(program=NFS, portmapper=False), tcp=answer)
    assert PASS == verdict(outcome)
    assert [0, 4] == [asked(call)[1] for call in server.calls]
    assert 1 == server.connections
    outcome, _ = outcome_of(
        RpcProbe(program=NFS, portmapper=False), tcp=lambda call: [record(accepted(call, 2, words(3, 4)))]
    )
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)


def test_a_call_may_carry_a_user():
    outcome, server = outcome_of(
        RpcProbe(program=NFS, version=3, portmapper=False, credential="sys"), tcp=lambda call: [record(accepted(call))]
    )
    assert PASS == verdict(outcome)
    assert words(1) == server.calls[0][24:28]


class World:
    """A portmapper, and programs in a server of their own that answer null calls unless ``says`` has another answer."""

    def __init__(self, version=2, says=None, address="127.0.0.1"):
        self.version, self.says, self.address = version, says or {}, address

    def run(self, probe, *registered, timeout=0.5):
        async def main():
            def answer(call):
                return self.says.get(asked(call)[:2], accepted)(call)

            async with Server(
                self.address, lambda call: [record(answer(call))], lambda call: [answer(call)]
            ) as programs:
                listed = [(*one, programs.port) if len(one) == 3 else one for one in registered]
                asks = portmapper(listed, self.version)
                async with Server(self.address, lambda call: [record(asks(call))], lambda call: [asks(call)]) as mapper:
                    return await mapper.probe(probe, timeout), mapper, programs

        return asyncio.run(main())


FULL = [(NFS, 3, "tcp"), (NFS, 3, "udp"), (NFS, 4, "tcp"), (MOUNTD, 3, "udp")]


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({"program": "nfs", "portmapper": True}, 3),
        ({"program": "nfs", "portmapper": True, "over": "udp"}, 1),
        ({"program": "nfs", "portmapper": True, "version": 3}, 2),
        ({"program": "nfs", "portmapper": True, "version": 3, "over": "udp"}, 1),
        ({"program": NFS, "portmapper": True, "version": 4, "over": "tcp"}, 1),
        ({}, 4),
        ({"all": True}, 4),
        ({"all": True, "ignore": ("mountd",)}, 3),
        ({"all": True, "required": ("nfs/4", "100005/3", MOUNTD)}, 4),
        ({"required": ("mountd",)}, 1),
    ],
)
def test_what_is_registered_is_called(settings, calls, version):
    """In whatever version the portmapper speaks; IPv4's clients begin with 2."""
    outcome, _, programs = World(version).run(RpcProbe(**settings), *FULL)
    assert PASS == verdict(outcome), outcome
    assert calls == len(programs.calls) == outcome.facts.get("calls", 1)


@pytest.mark.parametrize("version", [3, 4])
def test_over_ipv6_the_portmapper_is_asked_for_ipv6(version):
    registered = [(NFS, 3, "tcp6"), (NFS, 3, "udp6"), (NFS, 2, "tcp", 9), (MOUNTD, 3, "local", 9)]
    world = World(version, address="::1")
    for settings in ({"all": True}, {"program": "nfs", "version": 3, "over": "udp", "portmapper": True}):
        outcome, _, programs = world.run(RpcProbe(**settings), *registered)
        assert PASS == verdict(outcome), outcome
        assert {3} == {asked(call)[1] for call in programs.calls}


def test_a_portmapper_of_version_2_is_no_use_over_ipv6():
    outcome, _, _ = World(2, address="::1").run(RpcProbe(all=True), *FULL)
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)
    assert "version 4 is not served, only 2" in outcome.detail
    outcome, _, _ = World(2, address="::1").run(RpcProbe(all=True, rpcbind_version=2), *FULL)
    assert Verdict.UNKNOWN is outcome.verdict


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"program": "ypserv", "portmapper": True}, "not registered with the portmapper: ypserv"),
        ({"program": "nfs", "version": 2, "portmapper": True}, "nfs version 2 (only 3, 4)"),
        ({"program": "mountd", "over": "tcp", "portmapper": True}, "not registered"),
        ({"program": "mountd", "over": "tcp", "version": 3, "portmapper": True}, "not registered"),
        ({"all": True, "required": ("nfs", "ypserv", "nlm")}, "ypserv, nlockmgr"),
        ({"required": ("nfs/5",)}, "nfs version 5 (only 3, 4)"),
    ],
)
def test_what_is_not_registered_fails(settings, says):
    outcome, _, _ = World().run(RpcProbe(**settings), *FULL)
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)
    assert says in outcome.detail


def test_registered_is_not_answering():
    """The traps: nothing listens there, another program does, it is too weak for us; each is told."""
    world = World(says={(NFS, 4): lambda call: denied(call, 1, 5), (MOUNTD, 3): lambda call: accepted(call, 1)})
    outcome, _, _ = world.run(
        RpcProbe(all=True), (NFS, 3, "tcp"), (NFS, 4, "tcp"), (MOUNTD, 3, "udp"), (7, 1, "tcp", 1)
    )
    assert (Verdict.FAIL, Reason.REFUSED) == verdict(outcome)
    assert outcome.detail.startswith(
        "3 of 4 calls failed: program 7 version 1, registered at tcp port 1: connection refused"
    )
    assert "AUTH_TOOWEAK" in outcome.detail
    assert "does not serve program 100005" in outcome.detail


def test_nothing_registered_at_all_fails():
    outcome, _, _ = World().run(RpcProbe(all=True))
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)


def test_port_0_fails():
    outcome, _, _ = World().run(RpcProbe(all=True), (NFS, 3, "tcp", 0))
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)


def test_a_portmapper_that_lists_thousands_is_refused():
    outcome, _, _ = World().run(RpcProbe(all=True), *[(NFS, number, "tcp", 9) for number in range(3000)])
    assert (Verdict.FAIL, Reason.PROTOCOL) == verdict(outcome)
    assert "more than 1024 registrations" in outcome.detail


def test_the_same_registration_many_times_is_called_once():
    outcome, _, programs = World().run(RpcProbe(all=True), *[(NFS, 3, "tcp")] * 500)
    assert PASS == verdict(outcome)
    assert 1 == len(programs.calls)


def test_portmappers_that_name_each_other_versions_do_not_keep_us_going_round():
    def liar(call):
        version = asked(call)[1]
        other = {2: 4, 3: 2, 4: 3}[version]
        return [record(accepted(call, 2, words(other, other)))]

    outcome, server = outcome_of(RpcProbe(all=True), tcp=liar)
    assert (Verdict.FAIL, Reason.REJECTED) == verdict(outcome)
    assert len(server.calls) <= 3


def test_a_program_that_ends_its_connection_after_each_answer_is_served_anew():
    def once(call):
        return [record(accepted(call) if asked(call)[1] else accepted(call, 2, words(3, 4))), None]

    outcome, server = outcome_of(RpcProbe(program=NFS, portmapper=False), tcp=once)
    assert PASS == verdict(outcome)
    assert 2 == server.connections


def test_port_111_is_the_portmappers_and_others_are_a_programs_own():
    """Nothing to configure for either: what is asked shows which it was."""
    _, server = outcome_of(RpcProbe(program="nfs", version=3), tcp=lambda call: [record(accepted(call))])
    assert NFS == asked(server.calls[0])[0]
    _, server = outcome_of(RpcProbe(program="nfs", version=3, portmapper=True), tcp=lambda _: [None])
    assert 100000 == asked(server.calls[0])[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"program": "nfs", "all": True}, "program, all and required"),
        ({"program": "nfs", "required": ("nfs",)}, "program, all and required"),
        ({"program": "nsf"}, "no RPC program 'nsf' is known"),
        ({"program": -1}, "no RPC program"),
        ({"program": 2**32}, "no RPC program"),
        ({"program": "nfs", "version": -1}, "version:"),
        ({"all": True, "version": 3}, "version:"),
        ({"required": ("nfs/x",)}, "names no version"),
        ({"required": ("nfs",), "ignore": ("nfs",)}, "ignore: it goes with all"),
        ({"all": True, "required": ("nfs",), "ignore": (NFS,)}, "ignore: nfs is required as well"),
        ({"all": True, "portmapper": False}, "portmapper:"),
        ({"program": "nfs", "retransmit": 0.0}, "retransmit:"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        RpcProbe(**settings)


@pytest.mark.parametrize("name", ["nfs", "nlm", "lockd", "statd", "portmapper", "rpcbind", "100003", 100003])
def test_programs_have_names(name):
    assert RpcProbe(program=name)
