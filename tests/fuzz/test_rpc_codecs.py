"""Any bytes give ONC RPC's and ICMP's codecs a value or a ProtocolViolation, in any split, and nothing else."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire import icmp, nfs, rpc, rpcbind
from lvsmon.wire.xdr import Cursor

# Words that mean something: statuses, lengths, flags of the last fragment, numbers at the edges.
NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 111, 255, 400, 401, 2049, 65535, 65536, 100003, 2**31, 2**32 - 1]
)
WORDS = st.one_of(
    NUMBERS.map(lambda number: struct.pack(">I", number)),
    st.integers(0, 12).map(lambda number: struct.pack(">I", number | 0x80000000)),
    st.sampled_from([b"tcp\0", b"udp6", b"::.8.1\0\0", b"/srv/a\0\0"]),
    st.binary(max_size=6),
)
SOUP = st.lists(WORDS, max_size=24).map(b"".join)
CUTS = st.lists(st.integers(0, 200), max_size=4)

PARSERS = {
    "reply": rpc.parse_reply,
    "getport": lambda data: rpcbind.parse_getport(Cursor(data)),
    "getaddr": lambda data: rpcbind.parse_getaddr(Cursor(data)),
    "list of version 2": lambda data: rpcbind.parse_dump(2, Cursor(data)),
    "list of version 4": lambda data: rpcbind.parse_dump(4, Cursor(data)),
    "exports": lambda data: nfs.parse_exports(Cursor(data)),
    "compound": lambda data: nfs.parse_compound(Cursor(data)),
    "echo": lambda data: icmp.parse_reply(4, data),
}


@given(SOUP, CUTS)
def test_records(data, cuts):
    events = assert_invariant(rpc.RecordReader, data, cuts)
    assert sum(map(len, events)) <= len(data) + 17


@pytest.mark.parametrize("name", PARSERS)
@given(data=SOUP)
def test_messages(name, data):
    with suppress(ProtocolViolation):
        PARSERS[name](data)
