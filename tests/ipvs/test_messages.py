"""Bytes to the kernel and back: vectors made by another writer, answers recorded on Linux 6.1 (little-endian)."""

import errno
import struct
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.actions.ipvs import answers, messages
from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
)
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import (
    Counters,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualKey,
    VirtualSettings,
)

WEB = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
WEB6 = VirtualKey.of_address(Protocol.TCP, "2001:db8::10", 443)
SIP = VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 5060)
MARK6 = VirtualKey.of_fwmark(7, Family.INET6)
GUE = DestinationSettings(forward=Forward.TUNNEL, tunnel=Tunnel(TunnelType.GUE, 6080, "full"))

_NO_STATS = (
    "".join(f"0c00{kind:02x}000000000000000000" + "04000b00" for kind in range(1, 10)) + "0c000a000000000000000000"
)
STATS = f"a0000c00{_NO_STATS}"
"""An empty nest of 64-bit statistics as the kernel writes it: ten numbers, with the padding attribute 11 in between."""

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the vectors were recorded on x86")


@little_endian
@pytest.mark.parametrize(
    ("command", "call", "body"),
    [
        (
            EditDestination(WEB, DestinationKey("10.1.0.11", 443), DestinationSettings(3, Forward.ROUTE, 100, 80)),
            messages.Call.SET_DEST,
            (
                "240001800600010002000000060002000600000008000300c000020a0600040001bb0000"
                "54000280080001000a01000b0600020001bb000006000b00020000000800030003000000080004000300000008000500640000000800"
                "06005000000005000d000000000006000e000000000006000f0000000000"
            ),
        ),
        (
            AddDestination(WEB, DestinationKey("10.1.0.15", 443), GUE),
            messages.Call.NEW_DEST,
            (
                "240001800600010002000000060002000600000008000300c000020a0600040001bb0000"
                "54000280080001000a01000f0600020001bb000006000b00020000000800030002000000080004000100000008000500000000000800"
                "06000000000005000d000100000006000e0017c0000006000f0001000000"
            ),
        ),
        (
            AddVirtual(WEB6, VirtualSettings("rr", frozenset(), 600, 64)),
            messages.Call.NEW_SERVICE,
            (
                "54000180060001000a00000006000200060000001400030020010db80000000000000000000000100600040001bb0000"
                "07000600727200000c00070001000000ffffffff08000800580200000800090040000000"
            ),
        ),
        (
            EditVirtual(SIP, VirtualSettings("rr", frozenset(), 60, 24, "sip")),
            messages.Call.SET_SERVICE,
            (
                "500001800600010002000000060002001100000008000300c000020a0600040013c40000"
                "07000600727200000c00070001000000ffffffff080008003c00000008000900ffffff0008000b0073697000"
            ),
        ),
        (DeleteVirtual(MARK6), messages.Call.DEL_SERVICE, "14000180060001000a0000000800050007000000"),
        (
            DeleteDestination(WEB, DestinationKey("fd00::17", 443)),
            messages.Call.DEL_DEST,
            (
                "240001800600010002000000060002000600000008000300c000020a0600040001bb0000"
                "2800028014000100fd0000000000000000000000000000170600020001bb000006000b000a000000"
            ),
        ),
    ],
)
def test_commands_into_bytes(command, call, body):
    assert messages.encode(command) == (call, bytes.fromhex(body))


@little_endian
def test_a_request_has_both_headers():
    assert messages.request(0x16, messages.Call.GET_INFO, b"", 9, messages.ACK).hex() == (
        "14000000160005000900000000000000" + "0f010000"
    )
    assert messages.family_request(1).hex() == (
        "20000000100001000100000000000000" + "03010000" + "090002004950565300000000"
    )


SIP_ANSWER = (
    "01010000bc000100"
    "0600010002000000060002001100000014000300c000020a0000000000000000000000000600040013c40000"
    "070006007272000008000b00736970000c00070003000000ffffffff080008003c00000008000900ffffff00" + STATS
)
MARK6_ANSWER = (
    "01010000a4000100"
    "060001000a000000080005000700000007000600727200000c00070003000000ffffffff080008002c0100000800090040000000" + STATS
)
GUE_ANSWER = (
    "050100001c010200"
    "140001000a01000f0000000000000000000000000600020001bb00000800030002000000080004000100000005000d000100000006000e00"
    "17c0000006000f00010000000800050000000000080006000000000008000700050000000800080006000000080009000700000006000b00"
    "02000000" + STATS
)


def _answer(text):
    """A recorded answer, its outer nest made as long as what is in it."""
    data = bytearray.fromhex(text)
    struct.pack_into("=H", data, 4, len(data) - 4)
    return bytes(data)


@little_endian
def test_virtual_services_out_of_bytes():
    assert answers.virtual_of(_answer(SIP_ANSWER), counters=True) == (
        SIP,
        VirtualSettings("rr", frozenset(), 60, 24, "sip"),
        Counters(),
    )
    assert answers.virtual_of(_answer(MARK6_ANSWER), counters=False) == (
        MARK6,
        VirtualSettings("rr", frozenset(), 300, 64),
        None,
    )


@little_endian
def test_destinations_out_of_bytes():
    key, entry = answers.destination_of(_answer(GUE_ANSWER), WEB, counters=True)
    assert key == DestinationKey("10.1.0.15", 443)
    assert entry == DestinationEntry(GUE, active=5, inactive=6, persistent=7, counters=Counters())
    assert answers.destination_of(_answer(GUE_ANSWER), WEB, counters=False)[1].counters is None


@little_endian
def test_a_protocol_that_ipvs_never_balances_is_passed_over():
    """The kernel keeps a virtual service of any protocol number."""
    odd = SIP_ANSWER.replace("0600020011000000", "0600020007000000")
    assert answers.virtual_of(_answer(odd), counters=False) is None


@little_endian
def test_a_forwarding_method_without_a_name_is_other():
    """The kernel takes method 7 unchecked."""
    odd = GUE_ANSWER.replace("0800030002000000", "0800030007000000")
    assert answers.destination_of(_answer(odd), WEB, counters=False)[1].settings.forward is Forward.OTHER


@little_endian
def test_64_bit_numbers_are_read_whole():
    """Counters pass 32 bits after 4 GiB."""
    numbers = "".join(f"0c00{kind:02x}00" + struct.pack("=Q", 2**40 + kind).hex() for kind in range(1, 11))
    answer = _answer(SIP_ANSWER.replace(STATS, f"7c000c00{numbers}"))
    _, _, counters = answers.virtual_of(answer, counters=True)
    assert counters == Counters(*(2**40 + kind for kind in range(1, 11)))


def test_info_out_of_bytes():
    body = struct.pack("=BBH", 14, 1, 0) + struct.pack("=HHI", 8, 1, 0x010201) + struct.pack("=HHI", 8, 2, 4096)
    assert answers.info_of(body).version == (1, 2, 1)
    assert answers.info_of(body).connection_table_size == 4096


def test_several_messages_in_one_datagram():
    """Three messages, the second with a length that needs padding."""
    data = struct.pack("=IHHIIi", 20, 2, 0, 5, 0, -17) + struct.pack("=IHHII", 17, 30, 2, 6, 0) + b"x\0\0\0"
    data += struct.pack("=IHHIIi", 20, 3, 2, 6, 0, 0)
    found = list(answers.messages(data))
    assert [(message.type, message.sequence) for message in found] == [(2, 5), (30, 6), (3, 6)]
    assert answers.error_number(found[0].body) == errno.EEXIST
    assert found[1].body == b"x"


_READERS = [
    lambda data: list(answers.messages(data)),
    answers.error_number,
    answers.family_of,
    answers.info_of,
    lambda data: answers.virtual_of(data, counters=True),
    lambda data: answers.destination_of(data, WEB, counters=True),
]


@given(st.binary(max_size=400), st.sampled_from(_READERS))
def test_any_bytes_give_an_entry_or_unavailable_and_nothing_else(data, read):
    with suppress(IpvsUnavailable):
        read(data)


@given(
    st.sampled_from([SIP_ANSWER, MARK6_ANSWER, GUE_ANSWER]),
    st.integers(0, 400),
    st.binary(max_size=6),
    st.sampled_from(_READERS),
)
def test_a_damaged_answer_gives_an_entry_or_unavailable_and_nothing_else(answer, where, what, read):
    data = bytearray(_answer(answer))
    data[where : where + len(what)] = what
    with suppress(IpvsUnavailable):
        read(bytes(data[: len(data) - where % 7]))


@pytest.mark.parametrize("read", _READERS)
def test_what_cannot_be_read_asks_to_be_reported(read):
    with pytest.raises(IpvsUnavailable, match="cannot be read") as caught:
        read(b"\x03\0\0")
    assert caught.value.errno == errno.EBADMSG


_LENGTHS = pytest.mark.parametrize("length", [0, 3, 9, 65535])


@_LENGTHS
def test_an_attribute_longer_than_its_nest_or_shorter_than_its_head_is_not_read(length):
    """info_of reads two attributes of 8 bytes each behind the generic header."""
    whole = struct.pack("=BBHHHIHHI", 14, 1, 0, 8, 1, 0x010201, 8, 2, 4096)
    assert answers.info_of(whole).connection_table_size == 4096
    with pytest.raises(IpvsUnavailable):
        answers.info_of(whole[:12] + struct.pack("=H", length) + whole[14:])


@_LENGTHS
def test_a_message_longer_than_what_came_or_shorter_than_its_head_is_not_read(length):
    with pytest.raises(IpvsUnavailable):
        list(answers.messages(struct.pack("=IHHII", length, 2, 0, 1, 0) + b"\0" * (length in (0, 3))))
