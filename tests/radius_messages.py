"""RADIUS replies as a server makes them, by code that shares nothing with lvsmon's."""

import hashlib
import hmac

from lvsmon.wire import radius
from lvsmon.wire.radius import Code, Type

SECRET = b"xyzzy5461"
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
ASKED = radius.request(Code.ACCESS_REQUEST, 7, AUTHENTICATOR, [(Type.USER_NAME, b"nemo")], SECRET)


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).digest()


def reply(code, *attributes, asked=ASKED, secret=SECRET, sign=True, identifier=None, padding=b"", length=None):
    """Return a reply as a server makes it, its Message-Authenticator first where ``sign`` says so."""
    body = b"".join(bytes((number, len(value) + 2)) + value for number, value in attributes)
    if sign:
        body = bytes((80, 18)) + bytes(16) + body
    length = 20 + len(body) if length is None else length
    head = bytes((code, asked.identifier if identifier is None else identifier)) + length.to_bytes(2)
    if sign:
        signature = hmac.new(secret, head + asked.authenticator + body, "md5").digest()
        body = body[:2] + signature + body[18:]
    return head + md5(head + asked.authenticator + body + secret) + body + padding
