"""Frames of HTTP/2 as a server sends them (RFC 9113 section 6), made by hand."""

import struct

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def block(status=b"200", *headers):
    return hpack.Encoder().encode([(b":status", status), *headers])


def headers(status=b"200", *more, stream=1, end=False):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(status, *more))


def data(text, stream=1, end=True):
    return frame(DATA, END_STREAM if end else 0, stream, text)


def goaway(last, code=0):
    return frame(GOAWAY, payload=struct.pack(">II", last, code))


def reset(code, stream=1):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def answer(text=b"ready", *more, status=b"200", stream=1):
    """Return a whole answer behind the greeting."""
    greeting = settings() if stream == 1 else b""
    return greeting + headers(status, *more, stream=stream) + data(text, stream)


def client_frames(sent):
    """Return (kind, flags, stream, payload) of what a client wrote, behind its preface."""
    assert sent.startswith(PREFACE)
    rest, found = sent[len(PREFACE) :], []
    while rest:
        length = int.from_bytes(rest[:3], "big")
        found.append((rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9 : 9 + length]))
        rest = rest[9 + length :]
    return found
