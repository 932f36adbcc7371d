"""HTTP/2 answers: what is accepted, what is bounded, what is refused; each vector whole and byte by byte."""

import struct

import hpack
import pytest

from http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PUSH_PROMISE,
    SETTINGS,
    WINDOW_UPDATE,
    answer,
    block,
    client_frames,
    data,
    frame,
    goaway,
    headers,
    reset,
    settings,
)  # fmt: skip
from lvsmon.errors import PeerClosed, ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript
from lvsmon.wire.http1 import MAX_HEAD, MAX_INFORMATIONAL, Body, End, Head
from lvsmon.wire.http2 import MAX_FRAME, MAX_IDLE, BrokenOff, Http2Client


def client(content=None, method="GET"):
    made = Http2Client()
    made.ask(method, "http", "a.example", "/x", headers=[("Accept", "*/*")], content=content)
    return made


def events(sent):
    return assert_invariant(client, sent, range(0, len(sent), 7), (Body,))


def head(status=200, *more):
    return Head(0, status, b"", more)


def test_a_request_is_a_preface_settings_and_headers():
    made = client(b"hello", "POST")
    (kind, _, stream, said), (_, flags, _, asked), (_, ended, _, body) = client_frames(made.outgoing())
    assert (SETTINGS, 0) == (kind, stream)
    assert struct.pack(">HI", 2, 0) in said  # no server push
    assert (END_HEADERS, END_STREAM, b"hello") == (flags & 5, ended, body)
    wanted = [(":method", "POST"), (":scheme", "http"), (":authority", "a.example"), (":path", "/x"), ("accept", "*/*")]
    assert wanted == list(hpack.Decoder().decode(asked))


def test_what_is_secret_stands_in_the_request_as_it_is():
    """So that it can be found again in a dialogue: Huffman's code would hide it from us, and from nobody else."""
    made = Http2Client()
    for _ in range(2):
        made.ask("GET", "https", "a", "/", headers=[("Authorization", "Bearer hunter2.hunter2")])
        assert b"Bearer hunter2.hunter2" in made.outgoing()
        made.feed(answer(stream=1) if not made.begun else b"")


TRAILERS = frame(HEADERS, END_HEADERS | END_STREAM, 1, hpack.Encoder().encode([(b"t", b"v")]))
READY = [head(), Body(b"ready"), End()]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (answer(), READY),
        (settings() + headers(b"204", end=True), [head(204), End()]),
        (settings((3, 100), (4, 65535), (99, 1)) + frame(SETTINGS, ACK) + answer()[9:], READY),
        (settings() + headers(b"103") + headers(b"100") + answer()[9:], READY),
        (settings() + headers() + data(b"re", end=False) + frame(DATA, 0, 1) + data(b"ady"), READY),
        (
            settings() + headers() + data(b"ready", end=False) + TRAILERS,
            READY,
        ),
        (settings() + frame(PING, 0, 0, b"12345678") + frame(77, 0, 1, b"unknown") + answer()[9:], READY),
        (
            settings()
            + frame(HEADERS, 0, 1, block()[:1])
            + frame(CONTINUATION, END_HEADERS, 1, block()[1:])
            + data(b"x"),
            [head(), Body(b"x"), End()],
        ),
        (settings() + headers() + frame(DATA, 9, 1, b"\x02ready\0\0"), READY),
        (settings() + goaway(1) + answer()[9:], READY),
        (answer() + reset(0), READY),
        (answer() + goaway(0), READY),
        (settings() + goaway(0, 11), [BrokenOff("ends the HTTP/2 connection: GOAWAY, ENHANCE_YOUR_CALM")]),
        (settings() + reset(13), [BrokenOff("breaks its answer off: RST_STREAM, HTTP_1_1_REQUIRED")]),
        (settings() + headers() + reset(999), [head(), BrokenOff("breaks its answer off: RST_STREAM, error 999")]),
        (
            settings() + headers(b"200", (b"server", b"x"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), end=True),
            [head(200, (b"server", b"x"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")), End()],
        ),
    ],
)
def test_answers(sent, expected):
    assert expected == events(sent)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers in HTTP/1, not HTTP/2"),
        (b"220 mail.example.org ESMTP\r\n", "the answer is not HTTP/2: it begins with b'220 mail.'"),
        (headers(), "the answer is not HTTP/2"),
        (frame(SETTINGS, ACK), "the answer is not HTTP/2"),
        (settings() + frame(DATA, 0, 1, b"x" * (MAX_FRAME + 1)), "a frame of 16385 bytes"),
        (settings() + data(b"before the head"), "not HTTP/2"),
        (settings() + headers(b"abc"), "not the status of an answer: b'abc'"),
        (settings() + headers(b"2000"), "not the status of an answer: b'2000'"),
        (settings() + frame(HEADERS, END_HEADERS, 1, hpack.Encoder().encode([(b"x", b"y")])), "not HTTP/2"),
        (settings() + headers(b"200", (b"connection", b"close")), "not HTTP/2"),
        (settings() + headers(b"200", (b"Upper", b"x")), "not HTTP/2"),
        (settings() + frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff"), "not HTTP/2"),
        (settings() + frame(HEADERS, 0, 1, block()) + data(b"x"), "not HTTP/2"),
        (settings() + headers(b"200", (b"content-length", b"9")) + data(b"short"), "not HTTP/2"),
        (settings() + headers(stream=2), "not HTTP/2"),
        (settings() + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + block()), "not HTTP/2"),
        (settings() + frame(GOAWAY, payload=b"\0\0"), "a GOAWAY frame that is none"),
        (settings() + frame(GOAWAY, 0, 1, b"\0" * 8), "a GOAWAY frame that is none"),
        (settings() + headers(b"100") * (MAX_INFORMATIONAL + 1), "more than 16 informational answers"),
        (settings() + frame(PING, 0, 0, b"12345678") * MAX_IDLE, "more than 1000 frames that bring the answer"),
        (settings() + headers() + frame(DATA, 0, 1) * MAX_IDLE, "more than 1000 frames"),
        (settings() + frame(HEADERS, 0, 1, block()) + frame(CONTINUATION, 0, 1, b"x" * 16000) * 5,
         f"a block of headers longer than {MAX_HEAD} bytes"),
        (settings() + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), "not HTTP/2"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(sent, words):
    if len(sent) < 1000:
        assert VIOLATION == events(sent)[-1]
    made = client()
    made.feed(sent)
    with pytest.raises(ProtocolViolation, match="^.*" + words.replace("(", r"\(")):
        list(iter(made.next_event, None))


def test_headers_that_swell_are_refused():
    """HPACK can name a header of 4 kB with one byte: the list is bounded, not only the block."""
    big = hpack.Encoder()
    block_of = big.encode([(b":status", b"200"), (b"x", b"y" * 3900)]) + big.encode([(b"x", b"y" * 3900)]) * 100
    sent = settings() + frame(HEADERS, END_HEADERS, 1, block_of)
    assert len(block_of) < 8000
    assert [VIOLATION] == transcript(client(), [sent])


def test_the_bodys_bytes_are_let_through_beyond_the_first_window():
    """Room is given back as the body is taken, 200 kB of it on windows of 64 kB."""
    made = client()
    made.feed(settings() + headers())
    total = 0
    for number in range(13):
        made.feed(data(b"x" * 16000, end=number == 12))
        while (event := made.next_event()) is not None:
            total += len(getattr(event, "data", b""))
    assert 13 * 16000 == total
    assert made.reusable
    assert any(kind == WINDOW_UPDATE for kind, *_ in client_frames(made.outgoing()))


def test_a_requests_body_waits_for_room():
    made = client(b"x" * 20000, "POST")
    made.feed(settings((4, 5)))
    made.next_event()
    sent = [payload for kind, _, _, payload in client_frames(made.outgoing()) if kind == DATA]
    assert [16384, 3616] == [len(one) for one in sent]
    made = Http2Client()
    made.outgoing()
    made.feed(settings((4, 5)))
    made.next_event()
    made.ask("POST", "http", "a", "/", headers=[], content=b"hello, world")
    room = frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 100))
    first = made.outgoing()
    assert b"hello" in first
    assert b"world" not in first
    made.feed(room)
    made.next_event()
    assert b", world" in made.outgoing()


def test_one_request_after_the_other():
    made = client()
    assert not made.reusable
    made.feed(answer(b"one"))
    assert [head(), Body(b"one"), End()] == list(iter(made.next_event, None))
    assert made.reusable
    made.ask("GET", "http", "a", "/two", headers=[])
    assert not made.begun
    made.feed(answer(b"two", stream=3))
    assert [head(), Body(b"two"), End()] == list(iter(made.next_event, None))
    made.feed(goaway(3))
    assert made.next_event() is None
    assert not made.reusable


def test_a_server_that_lets_no_request_in():
    made = Http2Client()
    made.feed(settings((3, 0)))
    made.next_event()
    with pytest.raises(PeerClosed, match="SETTINGS_MAX_CONCURRENT_STREAMS"):
        made.ask("GET", "http", "a", "/", headers=[])


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        (b"", "without an answer"),
        (settings(), "without an answer"),
        (settings() + headers() + data(b"x", end=False), "before the end of the body: it is truncated"),
        (answer(), "after its answer"),
    ],
)
def test_an_answer_cut_short_says_where(sent, where):
    made = client()
    made.feed(sent)
    made.feed_eof()
    list(iter(made.next_event, None))
    assert where == made.where
    assert not made.reusable
