"""What a director asks of NFS besides null procedures: the list of exports, and an empty COMPOUND.

The mount protocol (RFC 1813 appendix I) lists what a server exports and to whom: showmount's question. NFS version 4
has one null procedure for all its minor versions; only COMPOUND (RFC 7530 section 16.2) carries the minor version, and
a server that does not have it says so before it looks at anything else, so an empty one asks without touching a file.
"""

from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.xdr import Cursor, pack_opaque, pack_uint

PROGRAM: Final = 100003
PORT: Final = 2049
COMPOUND: Final = 1

MOUNT_PROGRAM: Final = 100005
MOUNT_VERSION: Final = 3
EXPORT: Final = 5

LOCK_PROGRAM: Final = 100021
LOCK_VERSION: Final = 4
STATUS_PROGRAM: Final = 100024
STATUS_VERSION: Final = 1

OK: Final = 0
MINOR_MISMATCH: Final = 10021

MAX_PATH: Final = 1024
"""Bytes of an export's path (MNTPATHLEN)."""

MAX_GROUP: Final = 255
"""Bytes of a host's or group's name (MNTNAMLEN)."""

MAX_EXPORTS: Final = 4096
"""Entries of the list; its groups are bounded by the reply's length."""


def parse_exports(results: Cursor) -> tuple[bytes, ...]:
    """Return the exported paths; to whom they are exported is read and left. Raise `ProtocolViolation`."""
    paths = []
    while results.boolean():
        paths.append(results.opaque(MAX_PATH))
        if len(paths) > MAX_EXPORTS:
            raise ProtocolViolation(f"mountd lists more than {MAX_EXPORTS} exports")
        while results.boolean():
            results.opaque(MAX_GROUP)
    return tuple(paths)


def pack_compound(minor: int) -> bytes:
    """Return the arguments of a COMPOUND of no operations: tag, minor version, an empty array."""
    return pack_opaque(b"") + pack_uint(minor, 0)


def parse_compound(results: Cursor) -> int:
    """Return the nfsstat4 of a COMPOUND that held no operations; raise `ProtocolViolation`."""
    status = results.uint()
    results.opaque(MAX_PATH)
    if count := results.uint():
        raise ProtocolViolation(f"an answer of {count} results to a COMPOUND of no operations")
    return status
