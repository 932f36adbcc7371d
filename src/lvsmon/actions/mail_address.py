"""Mail addresses as settings: checked where they are written, so that none is refused for its form at night."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from lvsmon.model.settings import Written, shown

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)
_LABEL: Final = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_MAX_LOCAL: Final = 64
_MAX_DOMAIN: Final = 255
_MAX_PATH: Final = 254
"""Octets of the local part, the domain, and both (RFC 5321 section 4.5.3.1, with the erratum 1690 of RFC 3696)."""
_MAX_NAME: Final = 200
"""Characters of a display name: a header of it folds into a handful of lines."""

_WRITE: Final = 'write an address such as "ops@example.org" or "The on-call team <ops@example.org>"'


@dataclass(frozen=True, slots=True)
class MailAddress:
    """``local@domain`` with the name that is shown for it, or without. The domain is in ASCII."""

    local: str
    domain: str
    name: str = ""

    @property
    def path(self) -> str:
        """What goes between the angle brackets."""
        return f"{self.local}@{self.domain}"

    def write(self) -> str:
        """Return what `mail_address` would read back."""
        return f"{self.name} <{self.path}>" if self.name else self.path


def mail_address(value: object) -> MailAddress:
    """Return the address that a text writes (RFC 5322 section 3.4, in its plain forms); raise ValueError otherwise."""
    if isinstance(value, MailAddress):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{_WRITE}, not {shown(value)}")  # noqa: TRY004  pydantic's way
    if not value.isprintable():
        raise ValueError(f"{_WRITE}, not {shown(value)}: control characters cannot stand in an address")
    name, bracket, rest = value.rpartition("<")
    path = value.strip() if not bracket else rest.removesuffix(">").strip()
    if bracket and not rest.endswith(">"):
        raise ValueError(f"{_WRITE}, not {shown(value)}: a bracket is not closed")
    name = name.strip().removeprefix('"').removesuffix('"').strip()
    if len(name) > _MAX_NAME or "<" in name or '"' in name or "\\" in name:
        raise ValueError(f"{_WRITE}, not {shown(value)}: the name has characters that cannot stand there, or too many")
    local, at, domain = path.rpartition("@")
    if not at:
        raise ValueError(f"{_WRITE}, not {shown(value)}: there is no @ in it")
    if not _LOCAL.fullmatch(local) or len(local) > _MAX_LOCAL:
        raise ValueError(f"{_WRITE}, not {shown(value)}: {shown(local)} is no local part in ASCII")
    return MailAddress(local, _in_ascii(domain, local, value), name)


def _in_ascii(domain: str, local: str, value: str) -> str:
    """Return the domain as it goes over the wire: names beyond ASCII as their A-labels (RFC 5890)."""
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError as error:
            raise ValueError(f"{_WRITE}, not {shown(value)}: {shown(domain)} is no domain: {error}") from None
    if not _DOMAIN.fullmatch(domain) or len(domain) > _MAX_DOMAIN or len(local) + 1 + len(domain) > _MAX_PATH:
        raise ValueError(f"{_WRITE}, not {shown(value)}: {shown(domain)} is no domain")
    return domain


MailAddressSetting: TypeAlias = Annotated[MailAddress, Written(mail_address, "ops@example.org", MailAddress.write)]
"""A mail address, with a name or without."""
