"""HTTP/2: any bytes in any split give the same events or the same ProtocolViolation, and nothing else."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from http2_frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    block,
    frame,
    headers,
    settings,
)  # fmt: skip
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire.http1 import Body
from lvsmon.wire.http2 import Http2Client

KINDS = (DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, 10, 99)
PAYLOADS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            block(),
            block(b"100"),
            block(b"204"),
            block(b"200", (b"content-length", b"5")),
            b"hello",
            struct.pack(">HI", 4, 1),
            struct.pack(">I", 1),
            struct.pack(">II", 1, 0),
            struct.pack(">II", 0, 11),
            b"\0\0\0\2" + block(),
        ]
    ),
)
FLAGS = st.sampled_from([0, 1, 4, 5, 8, 13, 32, 37])
FRAMES = st.builds(frame, st.sampled_from(KINDS), FLAGS, st.integers(0, 3), PAYLOADS)
WHOLE = st.sampled_from([headers(), headers(end=True), settings()])
SOUP = st.lists(st.one_of(FRAMES, WHOLE, st.binary(max_size=9)), max_size=9)
CUTS = st.lists(st.integers(0, 200), max_size=4)


def asking():
    made = Http2Client()
    made.ask("POST", "https", "a.example", "/", headers=[("Accept", "*/*")], content=b"hello")
    return made


@given(st.booleans(), SOUP, CUTS)
def test_http2(greets, soup, cuts):
    assert_invariant(asking, b"".join([settings()] * greets + soup), cuts, (Body,))
