"""Any bytes in any split give the same events or the same ProtocolViolation, and nothing else: for every codec."""

from contextlib import suppress
from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript
from lvsmon.wire import agent, ftp, http1, ident, imap, lines, nntp, plugin, pop3, smtp, telnet
from lvsmon.wire.content_coding import Decoder


class LineCodec(lines.LineReader):
    """A line reader with a low limit, in the shape of a codec."""

    def __init__(self):
        super().__init__(8)

    def next_event(self):
        return self.next_line()

    def feed_eof(self):
        pass


def _soup(*words):
    """Bytes made of a protocol's own words, in any order, with any bytes between: deep inputs come up often."""
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


HTTP = _soup(
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 no\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204\r\n\r\n",
    b"Content-Length: 5\r\n", b"content-length : 5\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: 6\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"X: y\r\n", b" folded\r\n", b"\r\n", b"\n",
    b"5\r\nhello\r\n", b"5;x=y\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nT: v\r\n\r\n", b"hello", b"\0", b"\r",
)  # fmt: skip
SMTP = _soup(
    b"220 ",
    b"220-",
    b"250-SIZE\r\n",
    b"250 ok\r\n",
    b"250\r\n",
    b"\r\n",
    b"\n",
    b"554 no\r\n",
    b"hello",
    b"2",
    b"x" * 900,
)
TELNET = _soup(
    b"\xff", b"\xff\xff", b"\xff\xfb\x01", b"\xff\xfd\x18", b"\xff\xfc\x01", b"\xff\xfa\x18\x01", b"\xff\xf0",
    b"\xff\xf9", b"login: ", b"\r\0", b"\r\n", b"\0", b"x" * 300,
)  # fmt: skip
POP3 = _soup(
    b"+OK", b"+OK ready\r\n", b"-ERR [IN-USE] x\r\n", b"-ERR\r\n", b"[SYS/TEMP]", b"[", b"]", b" ", b"UIDL\r\n",
    b".\r\n", b"..\r\n", b".", b"\r\n", b"\n", b"x" * 900,
)  # fmt: skip
IMAP = _soup(
    b"* ", b"+ ", b"a1 ", b"OK ", b"NO ", b"BYE", b"PREAUTH ", b"[CAPABILITY IMAP4rev1]", b"[BADCHARSET (", b")]",
    b"{3}\r\n", b"{0}\r\n", b"{3+}\r\n", b"~{9}\r\n", b"{99999999}\r\n", b"{", b"}", b"LIST ", b"7 EXISTS", b"\r\n",
    b"\n", b"a1 OK\r\n", b"* OK x\r\n", b"x" * 900,
)  # fmt: skip
NNTP = _soup(
    b"200 ",
    b"101 ",
    b"101\r\n",
    b"VERSION 2\r\n",
    b".\r\n",
    b"..\r\n",
    b".",
    b"500\r\n",
    b"\r\n",
    b"\n",
    b"-",
    b"x" * 900,
)
IDENT = _soup(
    b"1", b"113", b" , ", b":", b" : ", b"USERID", b"ERROR", b"UNIX", b"NO-USER", b"1,2:USERID:UNIX:x\r\n", b"\r\n",
    b"\n", b" " * 500,
)  # fmt: skip
FTP = _soup(
    b"220 ", b"220-", b"220", b" 220 ", b"227 (1,2,3,4,5,6)\r\n", b"227 1,2,3,4,99,300\r\n", b"229 (|||99|)\r\n",
    b"229 (|||9999|)\r\n", b"150 x\r\n", b"226-\r\n", b"421 x\r\n", b"\r\n", b"\n", b"hello", b"2", b"x" * 2000,
)  # fmt: skip
LISTED = _soup(
    b"total 8", b"-rw- 1 a", b" .", b"..", b"type=cdir; ", b"Type=file;Size=1; a", b"; ", b"\r\n", b"\n", b"x" * 4000
)
CUTS = st.lists(st.integers(0, 400), max_size=4)


@given(_soup(b"\n", b"\r\n", b"\r", b"abcdefg", b"abcdefgh"), CUTS)
def test_lines(data, cuts):
    events = assert_invariant(LineCodec, data, cuts)
    assert all(len(line) < 8 for line in events if line != VIOLATION)


@given(TELNET, CUTS)
def test_telnet(data, cuts):
    assert_invariant(telnet.TelnetReader, data, cuts, (telnet.Text,))


@given(_soup(b"up", b"75%", b"drain", b"MAINT", b"down", b" ", b",", b"#", b"\r", b"\n", b"9" * 9, b"x" * 1020), CUTS)
def test_agent(data, cuts):
    assert_invariant(agent.AgentReader, data, cuts)


@given(_soup(b"OK", b"|", b"\n", b"'a b'=", b"time=", b"0.5", b"-1,5", b"s", b"%", b";1;2;3", b" ", b"'", b"=", b"U"))
def test_plugin(data):
    """Whatever a plugin prints, it is read, and what is read is bounded."""
    seen = plugin.parse(data)
    assert len(seen.metrics) <= plugin.MAX_METRICS
    assert all(len(metric.label) <= 64 and len(metric.unit) <= 8 for metric in seen.metrics)
    assert "|" not in seen.text
    assert "\n" not in seen.text


@given(SMTP, CUTS)
def test_smtp(data, cuts):
    assert_invariant(smtp.SmtpReader, data, cuts)


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


@given(POP3, CUTS, st.sampled_from([pop3.Pop3Reader, Listings]))
def test_pop3(data, cuts, codec):
    assert_invariant(codec, data, cuts)


@given(IMAP, CUTS)
def test_imap(data, cuts):
    assert_invariant(imap.ImapReader, data, cuts)


@given(NNTP, CUTS, st.sampled_from([nntp.NntpReader, Blocks]))
def test_nntp(data, cuts, codec):
    assert_invariant(codec, data, cuts)


@given(IDENT, CUTS)
def test_ident(data, cuts):
    assert_invariant(ident.IdentReader, data, cuts)


@given(FTP, CUTS)
def test_ftp(data, cuts):
    """And what a reply names is an address and a port that can be used, or a violation."""
    for reply in assert_invariant(ftp.ReplyReader, data, cuts):
        if reply == VIOLATION:
            continue
        with suppress(ProtocolViolation):
            assert 1024 <= ftp.passive_address(reply)[1] <= 65535
        with suppress(ProtocolViolation):
            assert 1024 <= ftp.extended_port(reply) <= 65535


@given(LISTED, CUTS, st.sampled_from(["LIST", "NLST", "MLSD"]))
def test_ftp_listings(data, cuts, command):
    assert_invariant(lambda: ftp.EntryReader(command), data, cuts)


@given(HTTP, CUTS, st.sampled_from(["GET", "HEAD", "CONNECT"]))
def test_http1(data, cuts, method):
    assert_invariant(lambda: http1.ResponseReader(method), data, cuts, (http1.Body,))


@settings(max_examples=200)
@given(
    st.sampled_from([200, 204, 301, 304, 404, 500, 599]),
    st.lists(
        st.tuples(st.from_regex(rb"\AX[A-Za-z-]{0,8}\Z"), st.from_regex(rb"\A[!-~]([ -~]{0,20}[!-~])?\Z")), max_size=4
    ),
    st.binary(max_size=40),
    st.sampled_from(["length", "chunked", "close"]),
    st.booleans(),
    st.integers(0, 60),
)
def test_http1_agrees_with_h11_on_well_formed_answers(status, headers, body, framing, informational, cut):
    """The same status, headers, body and end; and both see the same truncation when the answer is cut short."""
    head = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    if framing == "length":
        head += b"Content-Length: %d\r\n" % len(body)
        sent = body
    elif framing == "chunked":
        head += b"Transfer-Encoding: chunked\r\n"
        sent = b"".join(b"1;e\r\n%c\r\n" % byte for byte in body) + b"0\r\nT: v\r\n\r\n"
    else:
        sent = body
    answer = b"HTTP/1.1 %d Reason\r\n%b\r\n" % (status, head)
    answer += b"" if status in {204, 304} else sent
    if informational:
        answer = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer
    answer = answer[: len(answer) - cut] if cut else answer

    theirs = _by_h11(answer)
    ours = [event for event in transcript(http1.ResponseReader("GET"), [answer], (http1.Body,)) if event != VIOLATION]
    assert theirs["ended"] == any(isinstance(event, http1.End) for event in ours)
    assert theirs["body"] == b"".join(event.data for event in ours if isinstance(event, http1.Body))
    heads = [event for event in ours if isinstance(event, http1.Head)]
    assert theirs["head"] == [(event.status, list(event.headers)) for event in heads]


def _by_h11(answer):
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x"), ("Connection", "close")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    connection.receive_data(b"")
    seen = {"ended": False, "body": b"", "head": []}
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                seen["head"].append((event.status_code, list(event.headers)))
            elif isinstance(event, h11.Data):
                seen["body"] += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                seen["ended"] = True
                return seen
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return seen
    except h11.RemoteProtocolError:
        return seen


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]), CUTS)
def test_content_codings_give_bounded_text_or_a_violation(data, coding, cuts):
    decoder = Decoder(coding)
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    with suppress(ProtocolViolation):
        for start, end in pairwise(places):
            assert len(decoder.decode(data[start:end], 10)) <= 10


def test_the_invariant_notices_a_codec_that_depends_on_the_split():
    """The suite itself can fail: a codec that gives what it was fed, as it was fed, is caught."""

    class Naive(LineCodec):
        def next_event(self):
            return self.take(99) or None

    with pytest.raises(AssertionError, match="whole it gives"):
        assert_invariant(Naive, b"ab")
