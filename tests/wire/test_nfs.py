"""What is asked of mountd and of NFS version 4."""

import struct

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import nfs
from lvsmon.wire.xdr import Cursor


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def text(data):
    return words(len(data)) + data + bytes(-len(data) % 4)


def test_exports_are_paths_whoever_may_mount_them():
    data = words(1) + text(b"/srv/a") + words(0, 1) + text(b"/b") + words(1) + text(b"*.example.org") + words(1)
    assert (b"/srv/a", b"/b") == nfs.parse_exports(Cursor(data + text(b"@group") + words(0, 0)))
    assert () == nfs.parse_exports(Cursor(words(0)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (words(1) + text(b"/srv/a"), "ends early"),
        (words(1) + text(b"/" * 1025) + words(0, 0), "a text of 1025 bytes"),
        (words(1) + text(b"/a") + words(1) + text(b"x" * 256) + words(0, 0), "a text of 256 bytes"),
        (words(1) + text(b"/a") + words(0, 3), "only 0 or 1"),
        ((words(1) + text(b"/a") + words(0)) * (nfs.MAX_EXPORTS + 1) + words(0), "more than 4096 exports"),
    ],
)
def test_lists_that_are_none_are_refused(data, says):
    with pytest.raises(ProtocolViolation, match=says):
        nfs.parse_exports(Cursor(data))


def test_an_empty_compound():
    """RFC 7530 section 16.2: tag, minor version, no operations; its answer has the status, the tag, no results."""
    assert words(0, 1, 0) == nfs.pack_compound(1)
    assert nfs.OK == nfs.parse_compound(Cursor(words(0, 0, 0)))
    assert nfs.MINOR_MISMATCH == nfs.parse_compound(Cursor(words(10021) + text(b"tag") + words(0)))
    with pytest.raises(ProtocolViolation, match="3 results"):
        nfs.parse_compound(Cursor(words(0, 0, 3)))
