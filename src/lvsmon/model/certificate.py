"""What a certificate says of itself, and whether it is for a name (RFC 9525 section 6, RFC 5280 section 4.2.1.6)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

_SHOWN_NAMES: Final = 4
_SHOWN_LENGTH: Final = 80
"""Names of a certificate that a sentence holds, and characters of each: some have hundreds, a DNS name has 253."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A server's own certificate. Times are wall-clock seconds since the epoch, as the certificate has them.

    ``names`` and ``addresses`` are its alternative names (dNSName, iPAddress in canonical text); ``issuer`` is the
    common name of who signed it, or the organisation where there is none.
    """

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    common_name: str = ""
    issuer: str = ""
    not_before: float
    not_after: float

    def is_for(self, name: str, *, accept_cn: bool = False) -> bool:
        """Whether clients that ask for ``name``, a DNS name or an IP address, take this certificate for it.

        A wildcard stands for one whole leftmost label and needs two labels after it, as in OpenSSL. ``accept_cn`` takes
        the common name too, where there are no alternative names at all, as clients did before RFC 6125.
        """
        alone = accept_cn and not self.names and not self.addresses
        wanted = as_address(name)
        if wanted is not None:
            candidates = self.addresses + ((self.common_name,) if alone else ())
            return any(as_address(candidate) == wanted for candidate in candidates)
        candidates = self.names + ((self.common_name,) if alone else ())
        return any(_matches(candidate, name) for candidate in candidates)

    def described(self) -> str:
        """Return the names it is for, as a part of a sentence; bounded."""
        found = [_cut(name) for name in (*self.names, *self.addresses)]
        if len(found) > _SHOWN_NAMES:
            return f"{', '.join(found[:_SHOWN_NAMES])} and {len(found) - _SHOWN_NAMES} more"
        if found:
            return ", ".join(found)
        if self.common_name:
            return f"no name but its CN {_cut(self.common_name)}"
        return "no name at all"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a stapled OCSP answer says of a certificate (RFC 6960), in ``text`` for people.

    ``none``: there is no answer. ``unusable``: it says nothing that clients may go by: out of date, not signed by who
    may, about another certificate, "unknown". ``until`` is when it should be renewed, in seconds since the epoch.
    """

    status: Literal["good", "revoked", "unusable", "none"]
    text: str
    until: float | None = None


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that ``text`` is; None where it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _matches(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower().removesuffix("."), name.lower().removesuffix(".")
    if not name:
        return False
    if not pattern.startswith("*."):
        return pattern == name
    rest = pattern[2:]
    label, _, domain = name.partition(".")
    return bool(label) and "." in rest and "*" not in rest and rest == domain


def _cut(name: str) -> str:
    return name if len(name) <= _SHOWN_LENGTH else name[: _SHOWN_LENGTH - 1] + "…"
