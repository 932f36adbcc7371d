"""gzip, zlib and raw deflate are decoded in bounded pieces; what is none of them is refused."""

import gzip
import zlib

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.content_coding import Decoder

TEXT = bytes(range(256)) * 40


def _raw(data):
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", _raw(TEXT)),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100000])
def test_decodes_in_any_split(coding, data, step):
    decoder = Decoder(coding)
    whole = b""
    for start in range(0, len(data), step):
        piece = decoder.decode(data[start : start + step], 100)
        while piece:
            assert len(piece) <= 100
            whole += piece
            piece = decoder.decode(b"", 100)
    assert TEXT == whole
    assert decoder.whole


def test_a_bomb_gives_no_more_than_there_is_room_for():
    decoder = Decoder("gzip")
    assert bytes(50) == decoder.decode(gzip.compress(bytes(10_000_000)), 50)
    assert not decoder.whole


def test_what_is_not_the_coding_is_refused():
    with pytest.raises(ProtocolViolation, match="not gzip"):
        Decoder("gzip").decode(b"<html>plain</html>", 50)
    with pytest.raises(ValueError, match="br"):
        Decoder("br")


def test_what_follows_the_compressed_data_is_not_kept():
    """zlib would keep all of it."""
    decoder = Decoder("gzip")
    assert b"a" == decoder.decode(gzip.compress(b"a"), 10)
    before = len(decoder._machine.unused_data)
    for _ in range(10):
        assert b"" == decoder.decode(bytes(65536), 10)
    assert before == len(decoder._machine.unused_data)
