"""The portmapper's questions and answers, as RFC 1833 writes them."""

import struct

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import rpcbind
from lvsmon.wire.rpcbind import Registration
from lvsmon.wire.xdr import Cursor


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def text(data):
    return words(len(data)) + data + bytes(-len(data) % 4)


def test_questions():
    assert words(100003, 3, 6, 0) == rpcbind.pack_getport(100003, 3, "tcp")
    assert words(100003, 3, 17, 0) == rpcbind.pack_getport(100003, 3, "udp")
    assert words(100003, 3) + text(b"tcp6") + text(b"") * 2 == rpcbind.pack_getaddr(100003, 3, "tcp6")


@pytest.mark.parametrize(
    ("address", "port"),
    [
        (b"0.0.0.0.8.1", 2049),
        (b"::.8.1", 2049),
        (b"fe80::1%eth0.0.111", 111),
        (b"::ffff:192.0.2.1.255.255", 65535),
        (b"127.0.0.1.0.0", 0),
    ],
)
def test_universal_addresses_end_in_their_port(address, port):
    assert port == rpcbind.port_of(address)
    assert port == rpcbind.parse_getaddr(Cursor(text(address)))


@pytest.mark.parametrize(
    "address",
    [b"/run/rpcbind.sock", b"8.1", b"0.0.0.0.256.1", b"0.0.0.0.8.", b"0.0.0.0.-8.1", b"0.0.0.0.0008.1", b"\xff"],
)
def test_addresses_without_a_port_are_refused(address):
    with pytest.raises(ProtocolViolation, match="no universal address"):
        rpcbind.port_of(address)


def test_what_is_not_registered_is_port_0():
    assert 0 == rpcbind.parse_getport(Cursor(words(0)))
    assert 0 == rpcbind.parse_getaddr(Cursor(text(b"")))


def test_a_port_beyond_65535_is_refused():
    assert 65535 == rpcbind.parse_getport(Cursor(words(65535)))
    with pytest.raises(ProtocolViolation, match="gives 65536 as a port"):
        rpcbind.parse_getport(Cursor(words(65536)))


def test_the_list_of_version_2():
    data = words(1, 100003, 3, 6, 2049, 1, 100003, 3, 17, 2049, 1, 5, 1, 132, 7, 0)
    wanted = (Registration(100003, 3, "tcp", 2049), Registration(100003, 3, "udp", 2049))
    assert wanted == rpcbind.parse_dump(2, Cursor(data))


def test_the_list_of_versions_3_and_4_leaves_out_what_is_no_internet_address():
    entries = [(b"tcp6", b"::.8.1"), (b"local", b"/run/rpcbind.sock"), (b"udp", b"0.0.0.0.0.111")]
    data = b"".join(words(1, 100003, 4) + text(net) + text(address) + text(b"superuser") for net, address in entries)
    wanted = (Registration(100003, 4, "tcp6", 2049), Registration(100003, 4, "udp", 111))
    assert wanted == rpcbind.parse_dump(4, Cursor(data + words(0)))


def test_a_list_has_an_end():
    one = words(1, 100003, 3, 6, 2049)
    assert rpcbind.MAX_REGISTRATIONS == len(rpcbind.parse_dump(2, Cursor(one * rpcbind.MAX_REGISTRATIONS + words(0))))
    with pytest.raises(ProtocolViolation, match="more than 1024"):
        rpcbind.parse_dump(2, Cursor(one * (rpcbind.MAX_REGISTRATIONS + 1) + words(0)))
    with pytest.raises(ProtocolViolation, match="ends early"):
        rpcbind.parse_dump(2, Cursor(one))
    with pytest.raises(ProtocolViolation, match="only 0 or 1"):
        rpcbind.parse_dump(2, Cursor(words(2)))
