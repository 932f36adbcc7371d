"""What the result codes of LDAP mean (RFC 4511 appendix A) and whose news they are."""

from collections.abc import Mapping
from typing import Final

from lvsmon.errors import ProbeFailed, Rejected
from lvsmon.model import Reason
from lvsmon.probes.talk import shown
from lvsmon.wire.ldap import Result

SUCCESS: Final = 0
SIZE_LIMIT: Final = 4
NO_SUCH_OBJECT: Final = 32
_REFERRAL: Final = 10

_NAMES: Final[Mapping[int, str]] = {
    1: "operationsError", 2: "protocolError", 3: "timeLimitExceeded", 4: "sizeLimitExceeded",
    7: "authMethodNotSupported", 8: "strongerAuthRequired", 10: "referral", 11: "adminLimitExceeded",
    12: "unavailableCriticalExtension", 13: "confidentialityRequired", 14: "saslBindInProgress",
    16: "noSuchAttribute", 17: "undefinedAttributeType", 18: "inappropriateMatching", 32: "noSuchObject",
    33: "aliasProblem", 34: "invalidDNSyntax", 36: "aliasDereferencingProblem", 48: "inappropriateAuthentication",
    49: "invalidCredentials", 50: "insufficientAccessRights", 51: "busy", 52: "unavailable",
    53: "unwillingToPerform", 54: "loopDetect", 80: "other",
}  # fmt: skip

_MEANING: Final[Mapping[int, str]] = {
    1: "it says that something went wrong inside; Active Directory means that it wants a bind first",
    7: "it takes no simple binds",
    8: "it wants TLS, or another way to bind",
    13: "it wants TLS first",
    32: "it does not have that entry, or does not show it to this user",
    48: "it does not let this user bind so: are anonymous binds switched off?",
    49: "wrong password, or no such user, on this realserver",
    50: "it does not let this user do that",
    51: "too busy to serve",
    52: "it is shutting down or cannot reach its database",
    53: "it does not want to",
}

_OF_THE_USER: Final = frozenset({7, 8, 13, 48, 49, 50})
"""Codes about who asks, and how."""


def demand(result: Result, what: str) -> None:
    """Raise `ProbeFailed` unless ``result`` is success."""
    if result.code in _OF_THE_USER:
        raise ProbeFailed(refused(result, what), Reason.AUTHENTICATION)
    if result.code != SUCCESS:
        raise Rejected(refused(result, what))


def refused(result: Result, what: str) -> str:
    """Return a sentence that says what was refused, and why."""
    return f"{what} is refused: {described(result)}"


def described(result: Result) -> str:
    """Return the code's name, what it usually means, and what the server says of it."""
    text = f"{_NAMES.get(result.code, 'result code')} ({result.code})"
    if result.code == _REFERRAL:
        to = b" ".join(result.referrals) or b"nowhere"
        text += f", it does not serve this itself but refers clients to {shown(to, 100)}"
    elif meaning := _MEANING.get(result.code):
        text += f", {meaning}"
    return f"{text}; it says {shown(result.message, 120)!r}" if result.message else text
