"""dns: name servers that lie, stall, cut and forge; what decides a serial; settings that are refused."""

import asyncio
import re
from dataclasses import replace

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Damping, Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import PhaseTrace, judge, run
from lvsmon.net.nested import NestedReactor, in_reactor
from lvsmon.net.shared import Shared
from lvsmon.net.sockets import SocketConnector
from lvsmon.oneshot.probing import run_all
from lvsmon.probes import dns_answer
from lvsmon.probes.base import Context, Deadline, ProbeSpec
from lvsmon.probes.dns import DnsProbe
from lvsmon.probes.dns_exchange import _read
from lvsmon.testing.network import Script, ScriptedClock, ScriptedConnector, run_scripted
from probes.name_server import KEY, NameServer, framed, outcome_of, respond, serving, silent, soa

PROBE = DnsProbe(name="example.org", retransmit=0.1)
A = DnsProbe(name="www.example.org", type="A", retransmit=0.1)


def good(query):
    return respond(query, soa(7))


def address(*texts, name="www.example.org."):
    return dns.rrset.from_text(name, 60, "IN", "A", *texts)


def forged(change):
    def answer(query):
        message = good(query)
        change(message)
        return message

    return answer


def other_id(message):
    message.id ^= 1


def other_name(message):
    message.question = [dns.rrset.from_text("evil.org.", 0, "IN", "SOA")]
    message.question = dns.message.make_query("evil.org.", "SOA").question


def no_question(message):
    message.question = []


def a_query(message):
    message.flags &= ~dns.flags.QR


def other_opcode(message):
    message.set_opcode(4)


JUNK = {
    "another id": forged(other_id),
    "another question": forged(other_name),
    "no question": forged(no_question),
    "the query sent back": forged(a_query),
    "another opcode": forged(other_opcode),
    "nothing": lambda _: b"",
    "a few bytes": lambda query: query.id.to_bytes(2) + b"\x84\0\0",
    "garbage with our id": lambda query: query.id.to_bytes(2) + b"\x84\0" + b"\xff" * 40,
    "cut in a record": lambda query: good(query).to_wire()[:-3],
    "more than the message": lambda query: good(query).to_wire() + b"more",
    "a name that points to itself": lambda query: good(query).to_wire()[:12] + b"\xc0\x0c\0\6\0\1",
}


@pytest.mark.parametrize("case", JUNK)
def test_what_is_no_answer_never_passes(case):
    outcome = outcome_of(PROBE, NameServer(udp=JUNK[case]), timeout=0.35)
    assert Verdict.FAIL is outcome.verdict
    assert outcome.reason in {Reason.DEADLINE, Reason.PROTOCOL}


@pytest.mark.parametrize("case", JUNK)
def test_what_is_no_answer_does_not_hide_the_one_behind_it(case):
    """Off-path attackers and old answers send such: the true answer counts (RFC 5452)."""
    outcome = outcome_of(PROBE, NameServer(udp=lambda query: [JUNK[case](query), good(query)]))
    assert (Verdict.PASS, 7) == (outcome.verdict, outcome.facts["serial"])


@pytest.mark.parametrize("case", [case for case in JUNK if case != "nothing"])
def test_over_tcp_nobody_else_can_have_sent_it(case):
    server = NameServer(tcp=lambda query: [framed(*[JUNK[case](query)]), framed(good(query))])
    outcome = outcome_of(replace(PROBE, over="tcp"), server)
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_lost_datagrams_are_sent_again(host):
    server = NameServer(udp=lambda query: good(query) if len(server.asked) == 3 else [])
    outcome = outcome_of(PROBE, server, host=host)
    assert (Verdict.PASS, ["udp"] * 3) == (outcome.verdict, server.asked)


def test_silence_lasts_to_the_deadline_and_is_asked_no_more_than_retries_say():
    net = ScriptedConnector(Script())
    outcome = run_scripted(replace(PROBE, retries=1), Target(address="192.0.2.1", port=53), net, 60)
    assert (Verdict.FAIL, Reason.DEADLINE, 2) == (outcome.verdict, outcome.reason, len(net.opened[0].sent))


def truncated(query):
    message = respond(query)
    message.flags |= dns.flags.TC
    return message


def cut_anywhere(query):
    message = good(query)
    message.flags |= dns.flags.TC
    return message.to_wire()[:-7]


@pytest.mark.parametrize("cut", [truncated, cut_anywhere])
def test_a_truncated_answer_is_fetched_over_tcp(cut):
    outcome = outcome_of(PROBE, NameServer(udp=cut, tcp=lambda query: framed(good(query))))
    assert (Verdict.PASS, "tcp after a truncated udp answer") == (outcome.verdict, outcome.facts["over"])


def test_a_deadline_tells_of_answers_to_something_else():
    forged = NameServer(udp=lambda query: [bytes([query.id >> 8 ^ 1]) + good(query).to_wire()[1:]] * 3)
    outcome = outcome_of(PROBE, forged, timeout=0.4)
    assert Reason.DEADLINE is outcome.reason
    assert re.search(r"an answer: what came \([1-9]\d*\) has another id than what was asked", outcome.detail), outcome


TCP = {
    "closed": (None, Reason.REFUSED, "over UDP is truncated, and over TCP: connection refused"),
    "closes at once": (lambda _: None, Reason.CLOSED, "0 of 2 bytes"),
    "closes early": (lambda query: [framed(good(query))[:9], None], Reason.CLOSED, "7 of"),
    "a length of nothing": (lambda _: b"\0\0", Reason.PROTOCOL, "0 bytes"),
    "truncated too": (lambda query: framed(truncated(query)), Reason.PROTOCOL, "truncated even over TCP"),
    "silent": (lambda _: [3600], Reason.DEADLINE, "no answer within"),
    "drips": (lambda query: [x for byte in framed(good(query)) for x in (bytes([byte]), 0.05)], Reason.DEADLINE, ""),
}


@pytest.mark.parametrize("case", TCP)
def test_tcp_must_work_where_udp_sends_there(case):
    tcp, reason, words = TCP[case]
    outcome = outcome_of(PROBE, NameServer(udp=truncated, tcp=tcp), timeout=0.4 if reason is Reason.DEADLINE else 5)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


def test_over_tcp_an_answer_may_come_in_pieces():
    server = NameServer(tcp=lambda query: [bytes([byte]) for byte in framed(good(query))])
    assert Verdict.PASS is outcome_of(replace(PROBE, over="tcp"), server).verdict
    assert ["tcp"] == server.asked


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [("SERVFAIL", Reason.REJECTED), ("REFUSED", Reason.REJECTED), ("FORMERR", Reason.REJECTED),
     ("NOTIMP", Reason.REJECTED), ("NOTAUTH", Reason.REJECTED), ("NXDOMAIN", Reason.EXPECTATION)],
)  # fmt: skip
@pytest.mark.parametrize("records", [(), (soa(7),)])
def test_a_code_of_failure_fails_whatever_comes_with_it(rcode, reason, records):
    outcome = outcome_of(
        PROBE, NameServer(udp=lambda query: respond(query, *records, rcode=dns.rcode.from_text(rcode)))
    )
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert rcode in outcome.detail


def test_an_extended_error_is_told():
    def answer(query):
        message = respond(query, rcode=dns.rcode.SERVFAIL)
        message.use_edns(0, options=[dns.edns.EDEOption(7, "since Monday")])
        return message

    assert "signature expired, 'since Monday'" in outcome_of(PROBE, NameServer(udp=answer)).detail


ANSWERS = {
    "no answer at all": (PROBE, respond, "no SOA record"),
    "no authority": (PROBE, lambda query: respond(query, soa(7), aa=False), "from a cache"),
    "a referral": (
        PROBE,
        lambda query: respond(
            query, aa=False, authority=[dns.rrset.from_text("org.", 60, "IN", "NS", "a.org.", "b.org.")]
        ),
        "lame: .* a.org., b.org.",
    ),
    "another zone's SOA": (PROBE, lambda query: respond(query, soa(7, "org.")), "no SOA record"),
    "a SOA by an alias": (
        PROBE,
        lambda query: respond(
            query, dns.rrset.from_text("example.org.", 60, "IN", "CNAME", "example.net."), soa(7, "example.net.")
        ),
        "an alias of example.net.",
    ),
    "another type": (A, lambda query: respond(query, soa(7, "www.example.org.")), "no A record"),
    "another name": (A, lambda query: respond(query, address("192.0.2.1", name="x.")), "no A record"),
    "aliases in a circle": (
        A,
        lambda query: respond(
            query,
            dns.rrset.from_text("www.example.org.", 60, "IN", "CNAME", "x.example.org."),
            dns.rrset.from_text("x.example.org.", 60, "IN", "CNAME", "www.example.org."),
        ),
        "alias of",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_to_something_else_fails(case):
    probe, answer, words = ANSWERS[case]
    outcome = outcome_of(probe, NameServer(udp=answer))
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
    assert re.search(words, outcome.detail), outcome.detail


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_a_server_from_before_edns_is_asked_again_without(rcode):
    def old(query):
        if query.edns >= 0:
            message = respond(query, rcode=rcode)
            message.use_edns(False)
            return message
        return good(query)

    outcome = outcome_of(PROBE, NameServer(udp=old))
    assert (Verdict.PASS, False) == (outcome.verdict, outcome.facts["edns"])


OTHER_KEY = dns.tsig.Key("check.", "b3RoZXI=", "hmac-sha256.")
SIGNED = replace(PROBE, tsig_name="check.", tsig_secret=Secret("c2VjcmV0"))


def sign(message, query, key=KEY, **more):
    message.use_tsig(key, **more)
    message.request_mac = query.mac
    return message


def unsigned(query, **more):
    message = dns.message.from_wire(respond(dns.message.make_query("example.org.", "SOA"), soa(7), **more).to_wire())
    message.id = query.id
    return message


def test_an_answer_with_the_right_signature_passes():
    assert Verdict.PASS is outcome_of(SIGNED, NameServer(udp=lambda query: sign(good(query), query))).verdict


SIGNATURES = {
    "none": (unsigned, Reason.AUTHENTICATION, "NOERROR.* is not signed"),
    "none, with an error": (lambda query: unsigned(query, rcode=5), Reason.AUTHENTICATION, "REFUSED.* is not signed"),
    "another key's": (
        lambda query: sign(good(query), query, OTHER_KEY), Reason.AUTHENTICATION, "signature fails to verify",
    ),
    "a refusal of the key": (
        lambda query: sign(respond(query, rcode=9), query, tsig_error=17), Reason.AUTHENTICATION, "didn't know the key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SIGNATURES)
def test_an_answer_without_the_right_signature_fails(case):
    answer, reason, words = SIGNATURES[case]
    outcome = outcome_of(SIGNED, NameServer(udp=answer))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert re.search(words, outcome.detail), outcome.detail


@pytest.mark.parametrize(("synchronised", "verdict"), [(True, Verdict.FAIL), (False, Verdict.UNKNOWN)])
def test_a_signature_of_another_time_is_blamed_on_the_clock_that_nothing_keeps(synchronised, verdict):
    def answer(query):
        return sign(respond(query, rcode=9), query, tsig_error=18)

    assert verdict is checked(SIGNED, NameServer(udp=answer), ScriptedClock(synchronised=synchronised))


async def check_at(probe, target, clock, shared=None):
    """Return the verdict of a run by this clock."""

    async def work(engine):
        connector = SocketConnector(engine, PhaseTrace())
        deadline = Deadline(clock.monotonic() + 2)
        context = Context(net=connector, deadline=deadline, clock=clock, shared=shared or Shared(), interval=1.0)
        try:
            return (await engine.within(5, probe.check(target, context))).verdict
        except (ProbeFailed, LocalFault) as error:
            return judge(error).verdict
        finally:
            connector.close_all()

    return await in_reactor(work)


def checked(probe, server, clock):
    async def main():
        async with serving(probe, server) as (told, target):
            return await check_at(told, target, clock)

    return asyncio.run(main())


def serials(*told):
    """Return a name server that tells one serial after another, the last one for ever."""
    left = list(told)
    return NameServer(udp=lambda query: respond(query, soa(left.pop(0) if len(left) > 1 else left[0])))


WRAP = (1 << 32) - 2


@pytest.mark.parametrize(
    ("own", "primary", "settings", "verdict"),
    [
        (7, 7, {}, Verdict.PASS),
        (0, 0, {}, Verdict.PASS),
        (6, 7, {}, Verdict.FAIL),
        (8, 7, {}, Verdict.FAIL),
        (6, 7, {"max_behind": 1}, Verdict.PASS),
        (5, 7, {"max_behind": 1}, Verdict.FAIL),
        (8, 7, {"max_ahead": 1}, Verdict.PASS),
        (8, 7, {"max_behind": 5}, Verdict.FAIL),
        (WRAP, 0, {"max_behind": 2}, Verdict.PASS),
        (WRAP, 1, {"max_behind": 2}, Verdict.FAIL),
        (1, WRAP, {"max_ahead": 3}, Verdict.PASS),
        (1 << 31, 0, {"max_ahead": (1 << 31) - 1, "max_behind": (1 << 31) - 1}, Verdict.FAIL),
        (6, 7, {"grace": 60.0}, Verdict.WARN),
        (8, 7, {"grace": 60.0}, Verdict.WARN),
    ],
)
def test_a_serial_is_held_against_the_primary(own, primary, settings, verdict):
    outcome = outcome_of(replace(PROBE, primaries=("192.0.2.1",), **settings), serials(own), serials(primary))
    assert verdict is outcome.verdict


def test_grace_runs_from_when_it_was_first_seen_behind_and_ends():
    shared, clock, verdicts = Shared(), ScriptedClock(), []

    async def main():
        probe = replace(PROBE, primaries=("192.0.2.1",), grace=60.0)
        async with serving(probe, serials(6), serials(7)) as (told, target):
            for clock.now in (0.0, 59.0, 61.0, 120.0):
                verdicts.append(await check_at(told, target, clock, shared))

    asyncio.run(main())
    assert [Verdict.WARN, Verdict.WARN, Verdict.FAIL, Verdict.FAIL] == verdicts


def test_a_zone_that_changes_between_two_questions_is_looked_at_again():
    """Behind the primary that was asked later, level when asked again: as by a transfer in between."""
    own = serials(7, 8)
    outcome = outcome_of(PROBE, own, serials(8))
    assert (Verdict.PASS, 8, 2) == (outcome.verdict, outcome.facts["serial"], len(own.asked))


def test_an_old_answer_of_the_primary_does_not_put_a_secondary_ahead():
    """A secondary that is newer than what the primary said a while ago: the primary is asked anew, and only then."""
    primary = serials(7, 8)

    async def main():
        shared = Shared()
        async with serving(PROBE, serials(7, 8), primary) as (told, target):
            with NestedReactor() as engine:
                runs = (run(told, target, 1, engine, shared=shared, interval=60.0) for _ in range(3))
                return [await engine.finish(one) for one in runs]

    outcomes = asyncio.run(main())
    assert [(Verdict.PASS, serial) for serial in (7, 8, 8)] == [
        (outcome.verdict, outcome.facts["primary_serial"]) for outcome in outcomes
    ]
    assert 2 == len(primary.asked)


def test_an_answer_of_the_primary_older_than_an_interval_is_not_used():
    primary = serials(7)

    async def main():
        clock, shared = ScriptedClock(), Shared()
        async with serving(PROBE, serials(7), primary) as (told, target):
            for clock.now in (0.0, 0.5, 1.0, 1.5, 2.6):
                assert Verdict.PASS is await check_at(told, target, clock, shared)

    asyncio.run(main())
    assert 3 == len(primary.asked)


PRIMARIES = {
    "silent": silent,
    "REFUSED": lambda query: respond(query, rcode=dns.rcode.REFUSED),
    "without authority": lambda query: respond(query, soa(7), aa=False),
    "without the zone": respond,
    "garbage": lambda query: query.id.to_bytes(2) + b"\x84\0" + b"\xff" * 40,
}


@pytest.mark.parametrize("case", PRIMARIES)
def test_a_primary_that_tells_nothing_is_asked_once_and_is_unknown_for_all(case):
    primary = NameServer(udp=PRIMARIES[case])
    outcomes = outcome_of(replace(PROBE, retries=0), serials(7), primary, runs=5, shared=Shared(), timeout=1)
    assert {(Verdict.UNKNOWN, Reason.REFERENCE)} == {(outcome.verdict, outcome.reason) for outcome in outcomes}
    assert 1 == len(primary.asked)


def test_a_slow_realserver_does_not_make_the_primary_unknown_to_others():
    """It leaves the primary little time; the silence of that time is its own UNKNOWN, no answer to all."""

    async def main():
        shared = Shared()
        late, lively = lambda query: [0.6, respond(query, soa(7))], lambda query: [0.3, respond(query, soa(7))]
        async with serving(PROBE, NameServer(udp=late), NameServer(udp=lively)) as (told, target):
            first = await in_reactor(lambda engine: run(told, target, 0.8, engine, shared=shared))
            return first, await in_reactor(lambda engine: run(told, target, 5, engine, shared=shared))

    first, second = asyncio.run(main())
    assert (Verdict.UNKNOWN, Reason.REFERENCE) == (first.verdict, first.reason)
    assert Verdict.PASS is second.verdict


def test_one_of_several_primaries_is_enough_and_the_newest_is_right():
    outcome = outcome_of(PROBE, serials(3), NameServer(udp=silent), serials(WRAP), serials(3))
    assert (Verdict.PASS, 3) == (outcome.verdict, outcome.facts["primary_serial"])


def test_a_realserver_that_fails_fails_whatever_its_primary_does():
    outcome = outcome_of(PROBE, NameServer(udp=lambda query: respond(query, rcode=2)), NameServer(udp=silent))
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("rcode", "verdict"),
    [("NOERROR", Verdict.PASS), ("REFUSED", Verdict.PASS), ("NXDOMAIN", Verdict.PASS), ("SERVFAIL", Verdict.FAIL),
     ("NOTIMP", Verdict.FAIL)],
)  # fmt: skip
def test_any_answer_will_do_that_is_no_failure(rcode, verdict):
    """For a name server of which nothing is known, as `lvsmon check` meets it without a configuration."""
    server = NameServer(udp=lambda query: respond(query, aa=False, rcode=dns.rcode.from_text(rcode)))
    assert verdict is outcome_of(replace(PROBE, rcode="ANY"), server).verdict


def test_one_round_asks_the_primary_once():
    primary = serials(7)

    async def main():
        async with serving(PROBE, serials(7), primary) as (told, target):
            specs = [
                ProbeSpec(id=str(n), probe=told, target=target, interval=9, timeout=2, damping=Damping(rise=1, fall=1))
                for n in range(10)
            ]
            return await asyncio.to_thread(run_all, specs, 5, 10)

    assert {Verdict.PASS} == {outcome.verdict for outcome in asyncio.run(main()).values()}
    assert 1 == len(primary.asked)


WORDS = st.sampled_from(
    [
        b"\xc0\x0c", b"\0", b"\3www\7example\3org\0", b"\0\1\0\1", b"\0\6\0\1", b"\0\0\0\x3c", b"\0\4\xc0\0\2\1",
        b"\0\x29\4\xd0", b"\0\xfa\0\xff", b"\0\x10\0\1\0\0\0\0\0\3\2ab", b"\xff" * 5,
    ]
)  # fmt: skip


@given(st.lists(WORDS | st.binary(max_size=6), max_size=16).map(b"".join), st.lists(st.integers(0, 3), min_size=4))
def test_any_bytes_are_an_answer_or_a_failure_of_the_realserver(data, counts):
    query = dns.message.make_query("www.example.org.", "A")
    head = query.id.to_bytes(2) + b"\x84\0" + b"".join(count.to_bytes(2) for count in counts[:4])
    for wire in (head + data, query.id.to_bytes(2) + data):
        try:
            message = _read(wire.ljust(12, b"\0"), query)
            dns_answer.demand_rcode(message, dns.rcode.NOERROR)
            dns_answer.shown(dns_answer.demand_records(message, query.question[0].name, dns.rdatatype.A))
        except ProbeFailed:
            continue


def signatures(inception, expiration):
    text = f"SOA 8 2 60 {expiration} {inception} 12345 example.org. AAAA"
    return lambda query: respond(query, soa(7), dns.rrset.from_text("example.org.", 60, "IN", "RRSIG", text))


@pytest.mark.parametrize(
    ("inception", "expiration", "synchronised", "verdict"),
    [
        (1_749_990_000, 1_750_010_000, True, Verdict.PASS),
        (1_749_980_000, 1_749_999_000, True, Verdict.FAIL),
        (1_750_001_000, 1_750_010_000, True, Verdict.FAIL),
        (1_749_980_000, 1_749_999_000, False, Verdict.UNKNOWN),
        (1_749_000_000, 1_749_100_000, False, Verdict.FAIL),
    ],
)
def test_signatures_must_be_valid_now(inception, expiration, synchronised, verdict):
    """Without a clock that is kept right, only those that are out by more than a day are the realserver's fault."""
    server = NameServer(udp=signatures(inception, expiration))
    clock = ScriptedClock(1_750_000_000.0, synchronised=synchronised)
    assert verdict is checked(replace(PROBE, dnssec=True), server, clock)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ""}, "name: write a domain name"),
        ({"name": "a..b"}, "is no domain name"),
        ({"name": "x" * 64}, "is no domain name"),
        ({"name": "x", "type": "NOSUCH"}, "type: there is no record type 'NOSUCH'"),
        ({"name": "x", "type": "ANY"}, "type: ANY is no type of record"),
        ({"name": "x", "rcode": "FINE"}, "rcode: there is no code 'FINE'"),
        ({"name": "x", "type": "A", "expect": ("1.2.3",)}, "expect: '1.2.3' is no A record"),
        ({"name": "x", "type": "MX", "expect": ("mail",)}, "expect: 'mail' is no MX record"),
        ({"name": "x", "rcode": "NXDOMAIN", "type": "A", "expect": ("1.2.3.4",)}, "there are no records then"),
        ({"name": "x", "nodata": True, "rcode": "NXDOMAIN"}, "nodata is about a name that exists"),
        ({"name": "x", "nodata": True, "shares_with": "y"}, "nodata: there are no records then"),
        ({"name": "x", "match": "any"}, "match any is about expect"),
        ({"name": "x", "type": "A", "primaries": ("192.0.2.1",)}, "leave type A out"),
        ({"name": "x", "recursive": True, "primaries": ("192.0.2.1",)}, "as old as its cache"),
        ({"name": "x", "primaries": ("ns1.example.org",)}, "is no address (a probe does not look up names)"),
        ({"name": "x", "primaries": ("192.0.2.1:0",)}, "a port from 1 to 65535"),
        ({"name": "x", "primaries": ("[2001:db8::1]:x",)}, "a port from 1 to 65535"),
        ({"name": "x", "primaries": ("192.0.2.1",), "max_behind": 1 << 31}, "from 0 to 2147483647"),
        ({"name": "x", "max_behind": 1}, "give primaries"),
        ({"name": "x", "grace": 1.0}, "give primaries"),
        ({"name": "x", "retries": -1}, "retries: write a number from 0 to 10"),
        ({"name": "x", "retransmit": 0.0}, "retransmit: write a time longer than nothing"),
        ({"name": "x", "dnssec": True, "edns": False}, "leave edns on"),
        ({"name": "x", "tsig_name": "k."}, "tsig_name and tsig_secret go together"),
        ({"name": "x", "tsig_name": "k.", "tsig_secret": Secret("!")}, "tsig_secret: write the key in base64"),
        (
            {"name": "x", "tsig_name": "k.", "tsig_secret": Secret("AAAA"), "tsig_for": "primaries"},
            "tsig_for primaries: give primaries",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        DnsProbe(**settings)


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5353"])
def test_primaries_are_addresses_with_or_without_a_port(text):
    assert DnsProbe(name="example.org", primaries=(text,)).primaries == (text,)
