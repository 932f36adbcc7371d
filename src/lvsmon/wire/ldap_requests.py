"""What a client asks an LDAP server (RFC 4511), encoded by ldap3, which also reads filters (RFC 4515)."""

import warnings
from functools import lru_cache
from typing import Final, Literal

with warnings.catch_warnings():
    # ldap3 asks pyasn1 for names that pyasn1 has since given others; both are kept.
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3 import ANONYMOUS, BASE, DEREF_NEVER, LEVEL, SIMPLE, SUBTREE
    from ldap3.core.exceptions import LDAPExceptionError
    from ldap3.operation.bind import bind_operation
    from ldap3.operation.extended import extended_operation
    from ldap3.operation.search import search_operation
    from ldap3.operation.unbind import unbind_operation
    from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
    from ldap3.utils.asn1 import encode
    from ldap3.utils.dn import parse_dn
    from pyasn1.error import PyAsn1Error

START_TLS: Final = "1.3.6.1.4.1.1466.20037"
"""RFC 4511 section 4.14.1."""

NO_ATTRIBUTES: Final = "1.1"
"""RFC 4511 section 4.5.1.8."""

Scope = Literal["base", "one", "sub"]
_SCOPES: Final = {"base": BASE, "one": LEVEL, "sub": SUBTREE}
_REFUSALS: Final = (LDAPExceptionError, PyAsn1Error, ValueError, TypeError, IndexError, KeyError, RecursionError)
"""What ldap3 and pyasn1 raise for what they cannot encode."""


def start_tls(number: int) -> bytes:
    return _message(number, "extendedReq", extended_operation(START_TLS))


def bind(number: int, dn: str | None = None, password: str = "") -> bytes:
    """Return a simple bind, an anonymous one without ``dn``; raise ValueError for what cannot be sent."""
    if dn is None:
        return _message(number, "bindRequest", bind_operation(3, ANONYMOUS))
    try:
        return _message(number, "bindRequest", bind_operation(3, SIMPLE, dn, password))
    except _REFUSALS:
        raise ValueError("password: LDAP has no way to send it") from None  # the reason might quote it


@lru_cache(maxsize=1024)
def search(number: int, base: str, scope: Scope, text: str, *, attribute: str | None, size_limit: int) -> bytes:
    """Return a search for entries that pass the filter ``text``; raise ValueError where it is none."""
    try:
        request = search_operation(
            base, text, _SCOPES[scope], DEREF_NEVER, [attribute or NO_ATTRIBUTES], size_limit, 0, False, False, False
        )
        return _message(number, "searchRequest", request)
    except _REFUSALS as error:
        raise ValueError(f'filter: write one such as "(&(objectClass=person)(uid=probe))": {error}') from None


def unbind(number: int) -> bytes:
    return _message(number, "unbindRequest", unbind_operation())


def check_dn(setting: str, dn: str) -> None:
    """Raise ValueError where ``dn`` is no distinguished name (RFC 4514)."""
    try:
        parse_dn(dn)
    except _REFUSALS as error:
        raise ValueError(f'{setting}: write a distinguished name such as "dc=example,dc=org": {error}') from None


def _message(number: int, name: str, request: object) -> bytes:
    message = LDAPMessage()
    message["messageID"] = MessageID(number)
    message["protocolOp"] = ProtocolOp().setComponentByName(name, request)
    encoded: bytes = encode(message)
    return encoded
