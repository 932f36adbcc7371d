"""A message that would keep the director from its work is refused before it is read; none from real life is."""

import time
from contextlib import suppress

import dns.message
import dns.name
import dns.rdata
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.dns_cost import MAX_MESSAGE, MAX_RECORDS, demand_affordable

QUERY = dns.message.make_query("www.example.org.", "A")
QUESTION = b"\3www\7example\3org\0\0\1\0\1"
LONG = b"\1a" * 126 + b"\0"
AT = 12 + len(QUESTION)


def message(*records):
    return b"\0\1\x84\0\0\1" + len(records).to_bytes(2) + bytes(4) + QUESTION + b"".join(records)


def record(owner, rdtype, data):
    return owner + rdtype.to_bytes(2) + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2) + data


def pointer(at):
    return (0xC000 | at).to_bytes(2)


FIRST = record(LONG, 1, bytes(4))
COSTLY = {
    "NS": message(FIRST, *(record(b"\0", 2, pointer(AT)) for _ in range(99))),
    "MX": message(FIRST, *(record(b"\0", 15, bytes(2) + pointer(AT)) for _ in range(99))),
    "SRV": message(FIRST, *(record(b"\0", 33, bytes(6) + pointer(AT)) for _ in range(99))),
    "SOA": message(FIRST, *(record(b"\0", 6, pointer(AT) * 2 + bytes(20)) for _ in range(50))),
    "owners": message(FIRST, *(record(pointer(AT), 1, bytes(4)) for _ in range(400))),
    "uncompressed": message(*(record(b"\0", 47, LONG) for _ in range(99))),
    "HIP": message(record(b"\0", 55, b"\1\1\0\1xy" + bytes(6000))),
    "too long": message(record(b"\0", 16, bytes(MAX_MESSAGE))),
    "too many": message(*(record(b"\0", 1, bytes(4)) for _ in range(MAX_RECORDS))),
}


@pytest.mark.parametrize("case", sorted(COSTLY))
def test_what_costs_too_much_is_refused_at_once(case):
    started = time.process_time()
    with pytest.raises(ProtocolViolation, match=r"take too long|at most"):
        demand_affordable(COSTLY[case])
    assert time.process_time() - started < 0.05


def test_a_chain_of_pointers_is_not_followed_to_its_end():
    data = AT + 11
    chain = b"\0" + b"".join(pointer(data + (2 * n - 1 if n else 0)) for n in range(999))
    wire = message(record(b"\0", 16, chain), record(pointer(data + 1 + 2 * 998), 1, bytes(4)))
    with pytest.raises(ProtocolViolation, match="too many labels"):
        demand_affordable(wire)


@pytest.mark.parametrize(
    ("name", "rdtype", "texts"),
    [
        ("_ldap._tcp.ad.corp.example.org.", "SRV", [f"0 100 389 dc{n}.ad.corp.example.org." for n in range(400)]),
        ("pool.example.org.", "A", [f"10.0.{n >> 8}.{n & 255}" for n in range(900)]),
        ("keys.example.org.", "TXT", [f'"{n} {"z" * 250}"' for n in range(90)]),
        ("example.org.", "NS", [f"ns{n}.example.org." for n in range(13)]),
        ("1.0.0.127.in-addr.arpa.", "PTR", [f"host{n}.example.org." for n in range(200)]),
    ],
)
def test_long_answers_from_life_are_read(name, rdtype, texts):
    answer = dns.message.make_response(QUERY)
    answer.answer = [dns.rrset.from_text(name, 60, "IN", rdtype, *texts)]
    demand_affordable(answer.to_wire())


NAMES = st.lists(st.sampled_from([b"a", b"bc", b"Def", b"x" * 40]), max_size=5).map(lambda labels: (*labels, b""))


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=8))
def test_whatever_dnspython_writes_is_walked_to_its_end(names):
    """With compression as dnspython does it; one octet less, and the end is missed."""
    answer = dns.message.make_response(QUERY)
    for owner, target in names:
        data = dns.rdata.from_text("IN", "NS", str(dns.name.Name(target)))
        answer.answer.append(dns.rrset.from_rdata(dns.name.Name(owner), 60, data))
    demand_affordable(answer.to_wire())
    with pytest.raises(ProtocolViolation):
        demand_affordable(answer.to_wire()[:-1])


@given(st.binary(max_size=300), st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_any_bytes_are_walked_or_refused(data, counts):
    wire = b"\0\1\x84\0" + b"".join(count.to_bytes(2) for count in counts) + data
    with suppress(ProtocolViolation):
        demand_affordable(wire)
