"""Everything that can go wrong, and whose fault it is.

    LvsmonError
    ├ ConfigError                refused before anything changed; carries every `Complaint` at once
    ├ ProbeFailed(reason)        -> FAIL     the realserver's fault
    │  ├ ConnectFailed           refused, unreachable, reset
    │  ├ PeerClosed              it ended the conversation too early
    │  ├ ProtocolViolation       what it sent is not the protocol
    │  ├ TlsFailed               no TLS connection with it
    │  │  └ CertificateRefused   its certificate is not what clients accept
    │  ├ Rejected                it speaks the protocol and says no
    │  └ ExpectationFailed       it serves, but not what was asked for
    ├ LocalFault(reason)         -> UNKNOWN  the director's fault: no descriptors, no route, no permission
    ├ IpvsError(errno, command)  the kernel refused one command; never fatal: look again
    │  └ IpvsUnavailable         no module, no capability: says what to load or to grant
    ├ StateError                 the state directory cannot be used
    │  ├ StateDamaged            the state file is no database any more
    │  ├ StateUnavailable        the disk is full or fails: that may pass
    │  └ LockHeld                another lvsmon is writing: says which one
    ├ ControlRefused(code)       the daemon says no to a request; says why
    ├ ControlUnreachable         the daemon cannot be asked at all: absent, not permitted, silent, not understood
    │  └ DaemonAbsent            none runs here
    ├ ControlUnusable            the daemon cannot listen on its control socket; never fatal: tried again
    └ ActionFailed               logged and counted; never changes health

The runner turns the end of the deadline into FAIL (reason ``deadline``, the phase named) and any other exception
into UNKNOWN (reason ``probe_bug``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lvsmon.model import FactValue, Reason

MAX_DETAIL: Final = 400
"""Characters of a detail: two lines of a wide terminal, and less than a syslog line of 1 kB when escaped."""


def clip(text: str, limit: int = MAX_DETAIL) -> str:
    """Shorten ``text`` to ``limit`` characters, showing that something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class LvsmonError(Exception):
    """The root: what is not one of these is a bug."""


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One thing wrong with the configuration: where it stands, what is wrong, what to write instead."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ConfigError(LvsmonError):
    """The configuration is refused as a whole; ``complaints`` holds everything wrong with it."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


class ProbeFailed(LvsmonError):
    """The realserver's fault.

    ``reason`` is one of the FAIL reasons, the text a sentence for people, ``facts`` what was learnt until then.
    """

    reason: Reason = Reason.PROTOCOL

    def __init__(self, detail: str, reason: Reason | None = None, facts: Mapping[str, FactValue] | None = None) -> None:
        super().__init__(clip(detail))
        self.facts: Mapping[str, FactValue] = facts or {}
        if reason is not None:
            self.reason = reason


class ConnectFailed(ProbeFailed):
    reason = Reason.REFUSED


class PeerClosed(ProbeFailed):
    reason = Reason.CLOSED


class ProtocolViolation(ProbeFailed):
    reason = Reason.PROTOCOL


class TlsFailed(ProbeFailed):
    reason = Reason.TLS


class CertificateRefused(TlsFailed):
    """``expired``: some certificate of the chain has."""

    reason = Reason.CERTIFICATE

    def __init__(self, detail: str, *, expired: bool = False, facts: Mapping[str, FactValue] | None = None) -> None:
        super().__init__(detail, facts=facts)
        self.expired = expired


class Rejected(ProbeFailed):
    reason = Reason.REJECTED


class ExpectationFailed(ProbeFailed):
    reason = Reason.EXPECTATION


class LocalFault(LvsmonError):
    """Ours: the run says nothing about the realserver."""

    def __init__(self, detail: str, reason: Reason = Reason.LOCAL_FAULT) -> None:
        super().__init__(clip(detail))
        self.reason = reason


class IpvsError(LvsmonError):
    """The kernel refused a command. ``errno`` is its number, ``command`` what was asked, in ipvsadm's notation."""

    def __init__(self, errno: int, command: str, message: str) -> None:
        super().__init__(f"{command}: {message}" if command else message)
        self.errno = errno
        self.command = command


class IpvsUnavailable(IpvsError):
    """Nothing can be asked of IPVS at all: the module is absent or a capability is missing."""


class StateError(LvsmonError):
    """The state directory cannot be used; the text says why and what to do."""


class StateDamaged(StateError):
    """The state file is damaged or no database: it can be set aside, not used."""


class StateUnavailable(StateError):
    """The disk is full or fails: nothing is wrong with what is there, and it may pass by itself."""


class LockHeld(StateError):
    """Another lvsmon may write now: ``what`` it is ("daemon", "check", "" if unknown) and its ``pid``."""

    def __init__(self, path: Path, what: str, pid: int | None) -> None:
        holder = f"lvsmon {what} (pid {pid})" if pid is not None else "another lvsmon"
        super().__init__(f"{holder} holds {path}")
        self.what = what
        self.pid = pid


class ControlRefused(LvsmonError):
    """A request over the control socket that is not carried out.

    ``code`` is one of `lvsmon.control.protocol.Code`, ``lines`` what is said besides the sentence, such as
    complaints.
    """

    def __init__(self, code: str, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.lines = tuple(lines)


class ControlUnreachable(LvsmonError):
    """The daemon cannot be asked over its control socket; the text says why and what to do."""


class DaemonAbsent(ControlUnreachable):
    """No daemon listens there."""


class ControlUnusable(LvsmonError):
    """The control socket cannot be opened; the text says why and what to do."""


class ActionFailed(LvsmonError):
    """An alert or a hook failed; never changes health. ``final`` where trying again cannot help.

    ``retry_after`` is the seconds for which the other side asks not to be tried again, None where it does not say.
    """

    def __init__(self, message: str, *, final: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.final = final
        self.retry_after = retry_after
