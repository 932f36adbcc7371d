"""What a peer does, step by step."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.net.tls.values import Stapled, TlsSession

LISTENING: Final = ("192.0.2.254", "2001:db8::fe")
"""The director's addresses in the scripted network."""

EPHEMERAL: Final = 40000
"""The director's port on every connection there."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The peer waits until it has been sent exactly these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Until:
    """The peer waits until it has been sent these bytes, whatever came before them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """The peer sends ``data``, so that a read returns at most ``chunk`` bytes of it."""

    data: bytes
    chunk: int = 65536


@dataclass(frozen=True, slots=True)
class Wait:
    """The peer does nothing for so many (virtual) seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """The peer closes its side: reads give b"" from here on."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer resets the connection: reads and writes fail from here on."""


@dataclass(frozen=True, slots=True)
class Hang:
    """The peer says no more and keeps the connection."""


@dataclass(frozen=True, slots=True)
class Secure:
    """The peer does a TLS handshake, which comes to a session or to an error; what follows is said within TLS."""

    result: TlsSession | ProbeFailed | LocalFault


@dataclass(frozen=True, slots=True)
class Staple:
    """The peer does a TLS handshake in which it is asked for a stapled OCSP answer."""

    result: Stapled | ProbeFailed


@dataclass(frozen=True, slots=True)
class UntilEnd:
    """The peer waits until the probe has said that it will write no more."""


Step: TypeAlias = Expect | Until | UntilEnd | Send | Secure | Staple | Wait | Close | Reset | Hang


class Script:
    """The steps of one peer; after the last it hangs."""

    def __init__(self, *steps: Step) -> None:
        self.steps: Final = steps


class ScriptError(AssertionError):
    """The probe did what the script does not allow: it wrote other bytes, or reads while the peer waits for bytes."""


Fate: TypeAlias = float | ProbeFailed | LocalFault | None
"""What becomes of an echo request."""
