"""FTP replies with their look-alikes, what 227 and 229 name, and the entries of a listing."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import ftp
from lvsmon.wire.ftp import EntryReader, Reply, ReplyReader, extended_port, passive_address


def _events(data, make=ReplyReader):
    return assert_invariant(make, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"220 ready\r\n", [Reply(220, (b"ready",))]),
        (b"220\r\n", [Reply(220, (b"",))]),
        (b"220 bare\n230 line feeds\n", [Reply(220, (b"bare",)), Reply(230, (b"line feeds",))]),
        (b"220-one\r\ntwo\r\n220 three\r\n", [Reply(220, (b"one", b"two", b"three"))]),
        (b"220-220 text\r\n220 x\r\n", [Reply(220, (b"220 text", b"x"))]),
        (b"220-a\r\n 220 b\r\n220-220 c\r\n220 d\r\n", [Reply(220, (b"a", b" 220 b", b"220 c", b"d"))]),
        (b"220-a\r\n230 no\r\n331-nor this\r\n220 c\r\n", [Reply(220, (b"a", b"230 no", b"331-nor this", b"c"))]),
        (b"220-a\r\n2200 files\r\n220\tx\r\n\r\n220\r\n", [Reply(220, (b"a", b"2200 files", b"220\tx", b"", b""))]),
        (b"220-\xff\xfe\r\n220 \x00\r\n", [Reply(220, (b"\xff\xfe", b"\x00"))]),
        (b"220-never ends\r\n220-nor here\r\n", []),
        (b"220 no line end", []),
    ],
)  # fmt: skip
def test_replies(data, replies):
    assert replies == _events(data)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n", b"\r\n", b"22\r\n", b"2200 x\r\n", b"220_x\r\n", b"020 x\r\n", b"620 x\r\n", b" 220 x\r\n",
        b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n", b"220 " + b"x" * ftp.MAX_LINE,
        b"220-x\r\n" + b"x" * 1000 + (b"\r\n" + b"x" * 1000) * 40, b"220-\r\n" + b"\n" * ftp.MAX_REPLY,
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused(data):
    reader = ReplyReader()
    reader.feed(data)
    with pytest.raises(ProtocolViolation):
        list(iter(reader.next_event, None))
    if len(data) < 200:
        assert VIOLATION == _events(data)[-1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"Entering Passive Mode (192,0,2,7,156,65).", ("192.0.2.7", 40001)),
        (b"Entering Passive Mode. 192,0,2,7,156,65", ("192.0.2.7", 40001)),
        (b"=0,0,0,0,4,0", ("0.0.0.0", 1024)),
        (b"Entering Passive Mode (192, 0, 2, 7, 156, 65).", ("192.0.2.7", 40001)),
        (b"Entering Passive Mode (255,255,255,255,255,255)", ("255.255.255.255", 65535)),
    ],
)
def test_an_address_of_a_227(text, named):
    assert named == passive_address(Reply(227, (text,)))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"(192,0,2,7,156)", b"(192,0,2,7,156,256)", b"(256,0,2,7,156,65)", b"(192,0,2,7,0,0)",
        b"(192,0,2,7,0,25)", b"(192,0,2,7,3,255)", b"(192.0.2.7.156.65)", b"(|||40001|)", b"(1,2,3,4,5,6,7)",
        b"(1192,0,2,7,156,65)", b"(192,0,2,7,156,-1)",
    ],
)  # fmt: skip
def test_a_227_without_an_address_that_can_be_used(text):
    with pytest.raises(ProtocolViolation, match="the answer to PASV"):
        passive_address(Reply(227, (text,)))


@pytest.mark.parametrize(
    ("text", "port"),
    [
        (b"Entering Extended Passive Mode (|||40001|)", 40001),
        (b"Extended Passive mode OK (!!!65535!)", 65535),
        (b"(|2|2001:db8::1|40001|)", 40001),
        (b"(|1|192.0.2.1|40001|)", 40001),
    ],
)
def test_a_port_of_a_229(text, port):
    assert port == extended_port(Reply(229, (text,)))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"|||40001|", b"(||40001|)", b"(|||40001)", b"(|||0|)", b"(|||25|)", b"(|||65536|)", b"(|||999999|)",
        b"(|||-1|)", b"(|||4 0001|)", b"(|||\xd9\xa1024|)", b"(192,0,2,7,156,65)", b"(|!|40001|)", b"(0004000010)",
    ],
)  # fmt: skip
def test_a_229_without_a_port_that_can_be_used(text):
    with pytest.raises(ProtocolViolation, match="the answer to EPSV"):
        extended_port(Reply(229, (text,)))


def test_commands():
    assert "PORT 192,0,2,254,156,65" == ftp.port_command("192.0.2.254", 40001)
    assert "EPRT |2|2001:db8::fe|40001|" == ftp.extended_port_command("2001:db8::fe", 40001)
    assert "EPRT |1|192.0.2.254|1024|" == ftp.extended_port_command("192.0.2.254", 1024)


@pytest.mark.parametrize(
    ("command", "data", "entries"),
    [
        ("LIST", b"total 8\r\ndrwxr-xr-x 2 ftp ftp 4 Jan 1 2026 .\r\nd 2 Jan 1 2026 ..\r\n-rw- 1 a\r\n", [b"-rw- 1 a"]),
        ("LIST", b"-rw- 1 total\r\n01-02-26  01:02PM  <DIR>  x\r\n", [b"-rw- 1 total", b"01-02-26  01:02PM  <DIR>  x"]),
        ("NLST", b"total 8\n..\n./\n./a\nb", [b"total 8", b"./a", b"b"]),
        ("MLSD", b"Type=cdir;Perm=el; /\r\ntype=pdir; ..\r\nType=file;Size=1; a b\r\n x\r\n",
         [b"Type=file;Size=1; a b", b" x"]),
        ("LIST", b"", []),
        ("LIST", b"\r\n\r\n", []),
        ("MLSD", b"Type=file a\r\n", [VIOLATION]),
        ("NLST", b"x" * ftp.MAX_ENTRY, [VIOLATION]),
    ],
)  # fmt: skip
def test_entries(command, data, entries):
    assert entries == _events(data, lambda: EntryReader(command))
