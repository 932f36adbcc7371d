"""What is fuzzed: every codec, with words of its protocol. One entry here is all that a codec needs.

The tests replay tests/fuzz/corpus/<codec>/ and then let hypothesis invent; `make fuzz` goes on from there for as long
as it is told to.
"""

import re
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from http2_frames import CONTINUATION, DATA, HEADERS, PUSH_PROMISE, block, frame, goaway, headers, reset, settings
from ldap_messages import bound, done, entry, extended
from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION
from lvsmon.wire import (
    agent,
    ajp,
    authorization,
    cgi,
    fastcgi,
    ftp,
    http1,
    http2,
    icmp,
    ident,
    imap,
    ldap,
    lines,
    memcached,
    mysql,
    nfs,
    nntp,
    ntp,
    ocsp,
    pgsql,
    plugin,
    pop3,
    radius,
    redis,
    rpc,
    rpcbind,
    rtsp,
    sip,
    smtp,
    snmp,
    ssh,
    ssh_kex,
    telnet,
)  # fmt: skip
from lvsmon.wire.content_coding import Decoder
from lvsmon.wire.dns_cost import demand_affordable
from lvsmon.wire.messages import MessageReader
from lvsmon.wire.scram import Scram
from lvsmon.wire.xdr import Cursor
from radius_messages import ASKED, SECRET, md5, reply
from ssh_server import offer, packet, string

CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True)
class Target:
    """Codecs of one protocol by name; ``merge`` as in `transcript`; ``holds`` asserts more of their events."""

    makes: Mapping[str, Callable]
    words: tuple[bytes, ...]
    merge: tuple[type, ...] = ()
    holds: Callable[[list], None] = list
    must: bool = True  # a violation is an answer; False: it reads anything


def corpus(name):
    """Return the inputs kept for a codec, by file name."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).glob("*"))}


class LineCodec(lines.LineReader):
    """A line reader with a low limit, in the shape of a codec."""

    def __init__(self):
        super().__init__(8)

    def next_event(self):
        return self.next_line()

    def feed_eof(self):
        pass


class Listings(pop3.Pop3Reader):
    """Every +OK goes on: the other case is a line by itself."""

    def next_event(self):
        self.expect_listing()
        return super().next_event()


class Blocks(nntp.NntpReader):
    """Every 101 goes on."""

    def next_event(self):
        if not self._first:
            self.expect_block(101)
        return super().next_event()


class Unpacked:
    """A body of one content coding, as a codec: all of it at the end, as zlib gives less of a body that it refuses."""

    def __init__(self, coding):
        self._decoder = Decoder(coding)
        self._crc = self._size = 0
        self._over = False

    def feed(self, data):
        while piece := self._decoder.decode(data, 4096):
            assert len(piece) <= 4096
            self._crc = crc32(piece, self._crc)
            self._size += len(piece)
            data = b""

    def feed_eof(self):
        self._over = True

    def next_event(self):
        over, self._over = self._over, False
        return (self._size, self._crc, self._decoder.whole) if over else None


class Whole:
    """What reads a whole message at once, as a codec: its value is the one event."""

    def __init__(self, parse):
        self._parse = parse
        self._seen = bytearray()
        self._over = False

    def feed(self, data):
        self._seen += data

    def feed_eof(self):
        self._over = True

    def next_event(self):
        if not self._over:
            return None
        self._over = False
        value = self._parse(bytes(self._seen))
        return () if value is None else value


def messages(**parsers):
    """Return makers of codecs, one for each function that reads a message."""
    return {name: lambda parse=parse: Whole(parse) for name, parse in parsers.items()}


def _short_lines(events):
    assert all(len(line) < 8 for line in events if line != VIOLATION)


def _usable_places(events):
    """What an FTP reply names is an address and a port that can be used, or a violation."""
    for one in events:
        if one != VIOLATION:
            for read in (lambda named: ftp.passive_address(named)[1], ftp.extended_port):
                try:
                    port = read(one)
                except ProtocolViolation:
                    continue
                assert 1024 <= port <= 65535


def _bounded_output(events):
    (seen,) = events
    assert len(seen.metrics) <= plugin.MAX_METRICS
    assert all(len(metric.label) <= 64 and len(metric.unit) <= 8 for metric in seen.metrics)
    assert "|" not in seen.text
    assert "\n" not in seen.text


def _uints(*numbers):
    return tuple(struct.pack(">I", number) for number in numbers)


def _scram(data):
    """Run a login on what the server says first and last; its work is bounded, so what asks for much is left out."""
    first, _, last = data.partition(b"\n")
    login = Scram("secret", "abc")
    if not re.search(rb"i=\d{4}", first):  # the limit itself is a test of its own: it takes 50 ms
        login.answer(first)
    login.verify(last)


def _asking():
    made = http2.Http2Client()
    made.ask("POST", "https", "a.example", "/", headers=[("Accept", "*/*")], content=b"hello")
    return made


def _statuses(read, highest):
    """Return what holds of messages: those that ``read`` takes have a status that there is."""

    def holds(events):
        for event in events:
            if event != VIOLATION:
                with suppress(ProtocolViolation):
                    assert 100 <= read(event).status <= highest

    return holds


def _description(data):
    media = rtsp.media(b"v=0\n" + data)
    assert media.count("audio") <= data.count(b"m=audio")
    return media


def _challenged(data):
    """Whatever is read as a challenge that can be answered, is, in one line."""
    found = authorization.challenges(data.split(b"\n"))
    said = [one.answer("OPTIONS", "*", ("user", "word"), cnonce="c", count=1) for one in found if one.strength]
    assert not {"\r", "\n"} & {*"".join(said)}
    return said


def _signed(body):
    """Read attributes that are signed: nothing is lost."""
    head = b"\2\7" + (20 + len(body)).to_bytes(2)
    found = radius.read(head + md5(head + ASKED.authenticator + body + SECRET) + body, ASKED)
    assert body == b"".join(bytes((number, len(value) + 2)) + value for number, value in found.attributes)
    return found.attributes


def _unsigned(data):
    """Read a reply that nobody can have signed: it may be whole only where it is the one in the corpus."""
    radius.answers(data, ASKED)
    return radius.read(data, ASKED).attributes


def _records(events):
    assert all(len(one.content) <= 0xFFFF for one in events if isinstance(one, fastcgi.Record))


def _revocation(staple):
    """Judge a staple for a certificate of 2026; whatever it is, something is said of it."""
    leaf, issuer = ((CORPUS.with_name("ocsp") / f"{name}.der").read_bytes() for name in ("leaf", "issuer"))
    found = ocsp.judge(staple, leaf, [issuer], 1.8e9)
    assert found.status in {"good", "revoked", "unusable"}
    return found.status


def _exchange(method):
    """Return what hears the server's part of a key exchange, and then holds it against its signature."""
    exchange = ssh_kex.start(method, b"")

    def hear(data):
        algorithm = ssh_kex.HOST_KEY_ALGORITHMS[len(data) % len(ssh_kex.HOST_KEY_ALGORITHMS)]
        proof = exchange.hear(b"\x1f" + data)
        with suppress(ProtocolViolation):
            ssh_kex.verify(proof, algorithm)
            raise AssertionError("made-up bytes are a signature")
        return proof

    return hear


RPC_WORDS = (
    *_uints(0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 111, 255, 400, 401, 2049, 65535, 65536, 100003, 2**31, 2**32 - 1),
    *_uints(*(number | 0x80000000 for number in (0, 4, 8, 12, 24))),
    b"tcp\0", b"udp6", b"::.8.1\0\0", b"/srv/a\0\0",
)  # fmt: skip

SIP_WORDS = (
    b"SIP/2.0 200 OK\r\n", b"SIP/2.0 100\r\n", b"sip/2.0 ", b"Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\n", b"v:x\r\n",
    b"CSeq: 1 OPTIONS\r\n", b"l: 0\r\n", b"l: 5\r\n", b"Content-Length : 5\r\n", b"hello", b" folded\r\n", b"\t",
    b"\r\n", b"\n", b"\r\n\r\n", b"\0", b":", b",", b'"', b";branch=", b"l: 99999\r\n",
)  # fmt: skip

TARGETS = {
    "agent": Target(
        {"line": agent.AgentReader},
        (b"up", b"75%", b"drain", b"MAINT", b"down", b" ", b",", b"#", b"\r", b"\n", b"9" * 9, b"x" * 1020),
    ),
    "ajp": Target(
        {"packets": ajp.PacketReader},
        (
            b"AB\0\1\x09", b"AB\0\x0a\x04\0\xc8\0\2OK\0\0\0", b"AB\0\x12\x04\0\xc8\xff\xff\0\1\xa0\1\0\x06text/x\0",
            b"AB\0\6\x03\0\2hi\0", b"AB\0\5\x03\0\2hi", b"AB\0\2\5\1", b"AB\0\3\6\x1f\xfa", b"AB\0\0", b"AB\0\1\7",
            b"AB\xff\xff", b"\x04\0\xc8\0\0\0\xa0\x0c", b"A", b"x" * 200,
        ),
    ),
    "authorization": Target(
        messages(challenges=_challenged),
        (
            b"Digest ", b"Basic", b"NTLM", b"realm=", b"nonce=", b"qop=", b'"', b'"auth"', b"\\", b"auth", b",",
            b" ", b"=",
            b"MD5", b"algorithm=", b"stale=true", b'realm="a, b"', b"YII=", b"\xe9", b"\t", b"\n",
        ),
    ),
    "cgi": Target(
        {"answer": cgi.CgiReader},
        (
            b"Status: 404 Not Found\r\n", b"Status: 99\n", b"Content-type: text/html\r\n", b"Location: /\n", b"A:b\n",
            b"\r\n", b"\n", b"\r", b": x\n", b"no header\n", b"hello", b"x" * 900,
        ),
        merge=(cgi.Data,),
    ),
    "content-coding": Target(
        {"gzip": lambda: Unpacked("gzip"), "deflate": lambda: Unpacked("deflate")},
        (
            bytes.fromhex("1f8b08000000000000ff"), b"\x78\x9c", b"\x4b\xca\x04\x00", b"\x01\x05\x00\xfa\xffhello",
            b"\x03\0",
        ),
    ),
    "dns-cost": Target(
        messages(affordable=demand_affordable),
        (b"\0\1", b"\0\0", b"\x03www", b"\xc0\x0c", b"\xc0\xff", b"\0\x01\0\x01", b"\0\x06\0\x01", b"\0\x0f", bytes(4)),
    ),
    "fastcgi": Target(
        {"records": fastcgi.RecordReader},
        (
            b"\1\6\0\1\0\5\0\0hello", b"\1\6\0\1\0\5\3\0hello\0\0\0", b"\1\6\0\1\0\0\0\0",
            b"\1\3\0\1\0\x08\0\0" + bytes(8), b"\1\7\0\1\0\2\0\0no", b"\1\x0a\0\0\0\3\0\0\1\1ab",
            b"\1\6\0\1\xff\xff\xff\0", b"\2\6\0\1", b"\1", b"x" * 200,
        ),
        holds=_records,
    ),
    "fastcgi-contents": Target(
        messages(pairs=fastcgi.pairs, ending=fastcgi.ending),
        (b"\x0e\1FCGI_MAX_CONNS5", b"\1\1ab", b"\x80\0\0\1\1ab", b"\xff\xff\xff\xff", b"\0\0", b"\x80\0", b"\x7f"),
    ),
    "ftp": Target(
        {"replies": ftp.ReplyReader},
        (
            b"220 ", b"220-", b"220", b" 220 ", b"227 (1,2,3,4,5,6)\r\n", b"227 1,2,3,4,99,300\r\n",
            b"229 (|||99|)\r\n",
            b"229 (|||9999|)\r\n", b"150 x\r\n", b"226-\r\n", b"421 x\r\n", b"\r\n", b"\n", b"hello", b"2", b"x" * 2000,
        ),
        holds=_usable_places,
    ),
    "ftp-listing": Target(
        {command: lambda command=command: ftp.EntryReader(command) for command in ("LIST", "NLST", "MLSD")},
        (
            b"total 8", b"-rw- 1 a", b" .", b"..", b"type=cdir; ", b"Type=file;Size=1; a", b"; ", b"\r\n", b"\n",
            b"x" * 4000,
        ),
    ),
    "http1": Target(
        {method: lambda method=method: http1.ResponseReader(method) for method in ("GET", "HEAD", "CONNECT")},
        (
            b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 no\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204\r\n\r\n",
            b"Content-Length: 5\r\n", b"content-length : 5\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: 6\r\n",
            b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"X: y\r\n", b" folded\r\n",
            b"\r\n", b"\n",
            b"5\r\nhello\r\n", b"5;x=y\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nT: v\r\n\r\n", b"hello", b"\0", b"\r",
        ),
        merge=(http1.Body,),
    ),
    "http2": Target(
        {"client": _asking},
        (
            settings(), headers(), headers(end=True), headers(b"100"), headers(b"204", end=True),
            headers(b"200", (b"content-length", b"5")),
            frame(DATA, 1, 1, b"hello"), frame(DATA, 0, 1, b"hello"), frame(DATA, 8, 1, b"\2hello\0\0"), goaway(1),
            goaway(0, 11), reset(8),
            frame(HEADERS, 0, 1, block()[:1]), frame(CONTINUATION, 4, 1, block()[1:]),
            frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2" + block()),
            frame(6, 0, 0, bytes(8)), frame(8, 0, 0, b"\0\0\0\1"), frame(8, 0, 1, bytes(4)), frame(99, 37, 3, b"?"),
            settings((4, 1)),
            b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\5",
        ),
        merge=(http1.Body,),
    ),
    "icmp": Target(
        messages(v4=lambda data: icmp.parse_reply(4, data), v6=lambda data: icmp.parse_reply(6, data)),
        (bytes(8), b"\x81\0\0\0\0\0\0\1", b"\3\1", b"\x45"),
    ),
    "ident": Target(
        {"answer": ident.IdentReader},
        (
            b"1", b"113", b" , ", b":", b" : ", b"USERID", b"ERROR", b"UNIX", b"NO-USER", b"1,2:USERID:UNIX:x\r\n",
            b"\r\n", b"\n", b" " * 500,
        ),
    ),
    "imap": Target(
        {"responses": imap.ImapReader},
        (
            b"* ", b"+ ", b"a1 ", b"OK ", b"NO ", b"BYE", b"PREAUTH ", b"[CAPABILITY IMAP4rev1]",
            b"[BADCHARSET (", b")]",
            b"{3}\r\n", b"{0}\r\n", b"{3+}\r\n", b"~{9}\r\n", b"{99999999}\r\n", b"{", b"}", b"LIST ", b"7 EXISTS",
            b"\r\n", b"\n", b"a1 OK\r\n", b"* OK x\r\n", b"x" * 900,
        ),
    ),
    "ldap": Target(
        {"messages": lambda: ldap.LdapReader("cn")},
        (
            bound(2), done(3, 10), entry(3, cn=["a", "b"], sn=["c"]), extended(0, 52), b"\x30", b"\x02\x01\x03",
            b"\x84",
            b"\x82\x01\x00", b"\x61\x07", b"\x04\x02cn", b"\x31\x03", b"\x80", b"\x1f",
        ),
    ),
    "lines": Target({"of 8 bytes": LineCodec}, (b"\n", b"\r\n", b"\r", b"abcdefg", b"abcdefgh"), holds=_short_lines),
    "memcached": Target(
        {"answers": memcached.AnswerReader},
        (
            b"VERSION 1\r\n", b"STAT a b\r\n", b"END\r\n", b"ERROR\n", b"VALUE k 0 5\r\n",
            b"VALUE k 0 5 1\r\nhello\r\n",
            b"hello", b"\r\n", b"CLIENT_ERROR x\r\n", b"x" * 1000,
        ),
    ),
    "mysql": Target(
        {"packets": mysql.PacketReader},
        (
            b"\1\0\0\0\0", b"\5\0\0\1\xfe\0\0\2\0", b"\3\0\0\2", b"\xff\x15\4", b"\0\0\1\0", b"\0\0\0\0", b"\1\0\1\0",
            b"x" * 200,
        ),
    ),
    "mysql-packets": Target(
        messages(
            greeting=mysql.greeting, complaint=mysql.complaint, switch=mysql.switch, column=mysql.column_name,
            row=lambda body: mysql.row(body, 3),
        ),
        (
            b"\n", b"8.0\0", bytes(8), b"\xff\xff", b"\x15", b"\1x", b"\xfb", b"\xfc\1\0", b"\xfe", b"\xff",
            b"mysql_native_password\0",
        ),
    ),
    "nntp": Target(
        {"lines": nntp.NntpReader, "blocks": Blocks},
        (
            b"200 ", b"101 ", b"101\r\n", b"VERSION 2\r\n", b".\r\n", b"..\r\n", b".", b"500\r\n", b"\r\n", b"\n", b"-",
            b"x" * 900,
        ),
    ),
    "ntp": Target(messages(answer=ntp.read), (b"\x24\x02", b"\xe4", b"\x1c", bytes(8), b"\xff" * 8, b"LOCL")),
    "ocsp": Target(
        messages(staple=_revocation),
        (b"\x30\x82", b"\x0a\1\0", b"\x0a\1\3", b"\xa0\x82", b"\x06\x09+\6\1\5\5\7\x30\1\1",
         b"\x18\x0f20260101000000Z", b"\x80\0", b"\xa1"),
        must=False,
    ),
    "pgsql": Target(
        {"messages": pgsql.MessageReader},
        (
            b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\5I", b"E\0\0\0\x0eSX\0CY\0MZ\0\0", b"D\0\0\0\x0b\0\1\0\0\0\1x", b"N",
            b"T\0\0\0\4", b"D\0\0\1\0", b"\0\0", b"x" * 200,
        ),
    ),
    "pgsql-messages": Target(
        messages(row=pgsql.row, complaint=pgsql.complaint),
        (b"\0\1", b"\0\0\0\1x", b"\xff\xff\xff\xff", b"C1\0", b"Mx\0", b"SX\0", b"\0"),
    ),
    "plugin": Target(
        messages(output=plugin.parse),
        (
            b"OK", b"|", b"\n", b"'a b'=", b"time=", b"0.5", b"-1,5", b"1e5", b"s", b"%", b";1;2;3", b" ", b"'",
            b"=", b"U",
        ),
        holds=_bounded_output,
        must=False,
    ),
    "pop3": Target(
        {"lines": pop3.Pop3Reader, "listings": Listings},
        (
            b"+OK", b"+OK ready\r\n", b"-ERR [IN-USE] x\r\n", b"-ERR\r\n", b"[SYS/TEMP]", b"[", b"]", b" ", b"UIDL\r\n",
            b".\r\n", b"..\r\n", b".", b"\r\n", b"\n", b"x" * 900,
        ),
    ),
    "radius": Target(
        messages(reply=_unsigned, attributes=_signed),
        (b"\2\7", b"\x12\4hi", b"\x50\x12" + bytes(16), b"\x50\2", b"\1\1", b"\x1a\6\0\0\0\1", b"\0", b"\xff",
         reply(2), bytes(20)),
    ),
    "redis": Target(
        {"replies": redis.ReplyReader, "fields": lambda: Whole(redis.fields)},
        (
            b"+PONG\r\n", b"+OK\n", b"-ERR x\r\n", b":1\r\n", b"$5\r\nhello\r\n", b"$0\r\n\r\n", b"$-1\r\n", b"$5\r\n",
            b"hello", b"\r\n", b"$65536\r\n", b"$", b"+", b"*1\r\n", b"role:master", b"# R", b"x" * 1000,
        ),
    ),
    "rpc": Target({"records": rpc.RecordReader}, RPC_WORDS),
    "rpc-messages": Target(
        messages(
            reply=lambda data: rpc.parse_reply(data).answer,
            getport=lambda data: rpcbind.parse_getport(Cursor(data)),
            getaddr=lambda data: rpcbind.parse_getaddr(Cursor(data)),
            dump2=lambda data: rpcbind.parse_dump(2, Cursor(data)),
            dump4=lambda data: rpcbind.parse_dump(4, Cursor(data)),
            exports=lambda data: nfs.parse_exports(Cursor(data)),
            compound=lambda data: nfs.parse_compound(Cursor(data)),
        ),
        RPC_WORDS,
    ),
    "rtsp": Target(
        {"stream": lambda: MessageReader(rtsp.DIALECT)},
        (
            b"RTSP/1.0 200 OK\r\n", b"RTSP/2.0 404\r\n", b"rtsp/1.0 ", b"CSeq: 1\r\n", b"Content-Length: 5\r\n",
            b"hello",
            b"$\0\0\5", b"$\1\0\0", b"$", b"WWW-Authenticate: Digest realm=x\r\n", b"\r\n", b"\n", b" ", b"\0",
        ),
        holds=_statuses(rtsp.read, 599),
    ),
    "rtsp-description": Target(
        messages(media=_description), (b"v=0", b"\r\n", b"\n", b"m=audio 0 RTP/AVP 0", b"m=", b"a=", b" ", b"0", b"/2"),
    ),
    "scram": Target(
        messages(login=_scram),
        (b"r=abc", b"d", b",s=", b"AAAA", b"=", b",i=", b"1", b"999", b",x=y", b"\n", b"v=", b"\xff"),
    ),
    "sip": Target({"stream": lambda: MessageReader(sip.DIALECT)}, SIP_WORDS, holds=_statuses(sip.read, 699)),
    "sip-datagram": Target(messages(datagram=sip.read_datagram), SIP_WORDS, holds=_statuses(lambda one: one, 699)),
    "smtp": Target(
        {"replies": smtp.SmtpReader},
        (
            b"220 ", b"220-", b"250-SIZE\r\n", b"250 ok\r\n", b"250\r\n", b"\r\n", b"\n", b"554 no\r\n", b"hello", b"2",
            b"x" * 900,
        ),
    ),
    "snmp": Target(
        messages(response=snmp.response),
        (
            b"\x30", b"\2\1\1", b"\4\6public", b"\xa2\x0e", b"\2\4\x7f\xff\xff\xff", b"\2\1\0", b"\x30\0", b"\x81\x80",
            b"\x82\xff\xff", b"\x84", b"\xff", b"\2\0",
        ),
        must=False,
    ),
    "ssh": Target(
        {"stream": ssh.SshReader},
        (
            b"SSH-2.0-a\r\n", b"SSH-1.5-b\n", b"SSH-\n", b"hello\r\n", b"\n", packet(b"\x14abc"), offer(),
            packet(b"\x02x"), packet(b"\x01\0\0\0\x02\0\0\0\x01x\0\0\0\0"), b"\0\0\0\x0c\x0a",
        ),
    ),
    "ssh-offer": Target(
        messages(offer=lambda data: ssh.parse_offer(data or b"\1")),
        (b"\x14", bytes(16), b"\0\0\0\1a", b"\0\0\0\3a,b", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0", offer()),
    ),
    "ssh-exchange": Target(
        messages(curve=_exchange("curve25519-sha256"), nist=_exchange("ecdh-sha2-nistp256")),
        (
            string(b"ssh-ed25519"), string(string(b"ssh-ed25519") + string(b"\1" * 32)), string(b"\x09" + bytes(31)),
            string(bytes(32)), string(b"\4" + b"\1" * 64), string(string(b"ssh-ed25519") + string(bytes(64))),
            string(string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xff" * 128)), string(b"rsa-sha2-256"),
            string(string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\4" + b"\1" * 64)), b"\0\0\0\1",
            b"\xff\xff\xff\xff",
        ),
    ),
    "telnet": Target(
        {"stream": telnet.TelnetReader},
        (
            b"\xff", b"\xff\xff", b"\xff\xfb\x01", b"\xff\xfd\x18", b"\xff\xfc\x01", b"\xff\xfa\x18\x01", b"\xff\xf0",
            b"\xff\xf9", b"login: ", b"\r\0", b"\r\n", b"\0", b"x" * 300,
        ),
        merge=(telnet.Text,),
    ),
}  # fmt: skip
