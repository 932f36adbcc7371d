"""SNMPv2c notifications, read back by pyasn1, and answers of all kinds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import namedtype, tag, univ

from lvsmon.wire.snmp import Response, Variable, notification, oid, response

BASE = (1, 3, 6, 1, 4, 1, 32473, 1)


class Pdu(univ.Sequence):
    componentType = namedtype.NamedTypes(  # noqa: N815  pyasn1's way
        namedtype.NamedType("number", univ.Integer()),
        namedtype.NamedType("status", univ.Integer()),
        namedtype.NamedType("index", univ.Integer()),
        namedtype.NamedType("bindings", univ.SequenceOf(componentType=univ.OctetString())),
    )


def answer(number, error=0, kind=2, version=1):
    """Return a Response as pyasn1 writes it."""
    pdu = Pdu().subtype(implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, kind))
    pdu["number"], pdu["status"], pdu["index"] = number, error, 0
    pdu["bindings"].clear()
    message = univ.Sequence()
    message[0], message[1], message[2] = univ.Integer(version), univ.OctetString(b"public"), pdu
    return encoder.encode(message)


def read_raw(data):
    """Return version, community, (number, status, index) and [(name, value)], as pyasn1 reads them.

    What it has no types for (application and context tags) is given the plain ones.
    """
    plain = {0xA6: 0x30, 0xA7: 0x30, 0x42: 0x02, 0x43: 0x02}
    made = bytearray(data)
    for index, (position, kind) in enumerate(_tags(data)):
        if kind in plain:
            made[position] = plain[kind]
        assert index < 1000
    version, community, pdu = _items(decoder.decode(bytes(made))[0])
    number, status, index, bindings = _items(pdu)
    named = [tuple(map(_plain, _items(binding))) for binding in _items(bindings)]
    return int(version), bytes(community), (int(number), int(status), int(index)), named


def _items(sequence):
    return [sequence[index] for index in range(len(sequence))]


def _plain(value):
    if isinstance(value, univ.ObjectIdentifier):
        return ".".join(map(str, value))
    return bytes(value) if isinstance(value, univ.OctetString) else int(value)


def _tags(data, start=0, end=None):
    at = start
    end = len(data) if end is None else end
    while at < end:
        kind, length, head = data[at], data[at + 1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(data[at + 2 : at + head], "big")
        yield at, kind
        if kind & 0x20:
            yield from _tags(data, at + head, at + head + length)
        at += head + length


@pytest.mark.parametrize(("inform", "kind"), [(True, 0xA6), (False, 0xA7)])
def test_a_notification_is_read_by_another_decoder(inform, kind):
    variables = [Variable((*BASE, 1, 1, 0), "größer".encode()), Variable((*BASE, 1, 2, 0), 2**32 - 1)]
    data = notification(b"public", 2**31 - 1, 2**32 + 5, (*BASE, 0, 5), variables, inform=inform)
    version, community, numbers, found = read_raw(data)
    assert (1, b"public", (2**31 - 1, 0, 0)) == (version, community, numbers)
    assert kind in {one for _, one in _tags(data)}
    assert [
        ("1.3.6.1.2.1.1.3.0", 5),
        ("1.3.6.1.6.3.1.1.4.1.0", "1.3.6.1.4.1.32473.1.0.5"),
        ("1.3.6.1.4.1.32473.1.1.1.0", "größer".encode()),
        ("1.3.6.1.4.1.32473.1.1.2.0", 2**32 - 1),
    ] == found


@given(
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=70000),
    st.lists(st.integers(0, 2**32 - 1), max_size=20),
)
def test_any_value_is_read_back(number, count, text, more):
    name = (1, 3, *more)
    data = notification(text[:255], number, count, name, [Variable(name, text), Variable(name, count)], inform=True)
    _, community, numbers, found = read_raw(data)
    assert (text[:255], (number, 0, 0)) == (community, numbers)
    dotted = ".".join(map(str, name))
    assert [("1.3.6.1.2.1.1.3.0", count), ("1.3.6.1.6.3.1.1.4.1.0", dotted), (dotted, text), (dotted, count)] == found


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**31 - 1, -1, -(2**31)])
@pytest.mark.parametrize("error", [0, 5, 16])
def test_an_answer(number, error):
    assert Response(number, error) == response(answer(number, error))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"hello", answer(1)[:-1], answer(1, kind=7),
     answer(1, version=0), answer(1, version=3), answer(2**70), b"\x30\x03\x02\x01\x01"],
)  # fmt: skip
def test_what_is_no_answer(data):
    assert response(data) is None


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda tail: answer(7)[:-20] + tail))
def test_any_datagram_is_an_answer_or_none(data):
    """And nothing else: no datagram raises."""
    found = response(data)
    assert found is None or isinstance(found, Response)


@given(st.integers(0, 200), st.integers(0, 255))
def test_an_answer_with_one_wrong_byte_is_an_answer_or_none(at, byte):
    data = bytearray(answer(7))
    data[at % len(data)] = byte
    found = response(bytes(data))
    assert found is None or isinstance(found, Response)


def test_object_identifiers():
    assert (1, 3, 6, 1, 4, 1, 4294967295) == oid("1.3.6.1.4.1.4294967295")
    for text in (
        "",
        "1",
        "1.3",
        "1.3.",
        "1..3",
        "a.b.c",
        "3.1.1",
        "1.40.1",
        "1.3.4294967296",
        "1.3.-1",
        "1.3.٣",
        "1.3." * 101,
    ):
        with pytest.raises(ValueError, match="object identifier"):
            oid(text)
