"""Floods in the middle of a protocol's conversation: what a probe holds of them is what its own codec lets it hold."""

from collections.abc import Mapping
from typing import Final

_MYSQL_HANDSHAKE: Final = (
    b"\x0a8.0.36\0\1\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xff\x15" + bytes(10) + b"ijklmnopqrst\0mysql_native_password\0"
)
_MYSQL_GREETING: Final = bytes((len(_MYSQL_HANDSHAKE), 0, 0, 0)) + _MYSQL_HANDSHAKE
_LDAP_BOUND: Final = bytes.fromhex("300c020102 61070a0100 0400 0400")
_LDAP_ENTRY: Final = bytes.fromhex("3009020103 64040400 3000")
_AJP_HEAD: Final = b"AB\0\x0a\x04\0\xc8\0\x02OK\0\0\0"

FLOODS: Final[Mapping[str, tuple[tuple[bytes | None, ...], bytes]]] = {
    "ajp_endless_body": ((None, _AJP_HEAD), b"AB\0\5\3\0\1x\0"),
    "dns_endless_messages": ((None,), b"\0\x0c\0\0\x84" + bytes(9)),
    "fastcgi_endless_head": ((None,), b"\1\6\0\1\0\6\0\0A: b\r\n"),
    "fastcgi_endless_errors": ((None,), b"\1\7\0\1\0\6\0\0oops!\n"),
    "ldap_endless_message": ((None, b"\x30\x83\3\xff\xff"), b"\0"),
    "ldap_endless_entries": ((None, _LDAP_BOUND, None), _LDAP_ENTRY),
    "memcached_endless_stats": ((None, b"VERSION 1\r\n", None), b"STAT pid 1\r\n"),
    "memcached_endless_value": ((None, b"VERSION 1\r\n", None, b"VALUE health 0 65535\r\n"), b"x"),
    "mysql_endless_greeting": ((b"\xff\xff\0\0\x0a8.0.36",), b"x"),
    "mysql_endless_packets": ((_MYSQL_GREETING, None), b"\1\0\0\2\xfe"),
    "pgsql_endless_error": ((None, b"E\0\0\xff\xffM"), b"x"),
    "pgsql_endless_notices": ((None,), b"N\0\0\0\7Mx\0"),
    "redis_endless_array": ((None,), b"*1\r\n"),
    "redis_endless_bulk": ((None, b"$65535\r\n"), b"x"),
    "rpc_endless_fragments": ((None,), b"\0\0\0\4abcd"),
    "ssh_endless_packets": ((b"SSH-2.0-x\r\n", None), b"\0\0\0\x0c\x0a\2" + bytes(10)),
}
"""What is said first, where None waits for the client, and what then is said for ever.

In the order of the table: AJP13 SEND_HEADERS and SEND_BODY_CHUNK; DNS messages with another id (RFC 1035 section
4.2.2); FastCGI STDOUT and STDERR records; an LDAPMessage of 256 kB, and SearchResultEntry without end (RFC 4511 section
4.5.2); memcached's text protocol, with a value of 64 kB; a MySQL packet of 64 kB, and one AuthSwitchRequest after the
other; a PostgreSQL ErrorResponse of 64 kB, and NoticeResponse; RESP arrays in arrays, and a bulk string of 64 kB;
fragments of an RPC record, none of them the last (RFC 5531 section 11); SSH_MSG_IGNORE before the key exchange (RFC
4253 section 11.2). What says how long it is stays just below what our codecs read: longer ones they refuse unread.
"""
