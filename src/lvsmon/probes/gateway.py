"""What kinds share that ask an application server as a web server does: fastcgi, ajp."""

import re
from dataclasses import dataclass
from typing import Literal

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Pattern, Size
from lvsmon.model.settings import shown as written
from lvsmon.probes.base import passed
from lvsmon.probes.bodies import BodyText
from lvsmon.probes.statuses import Statuses
from lvsmon.probes.talk import refuse_vacuous, shown
from lvsmon.wire.cgi import Answer

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_SUCCESS = Statuses(((200, 299),))
_MAX_MAX_BODY = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What to ask for, and what the answer must be."""

    path: str | None = None
    """Path and query to ask for, as clients write it; without one, only whether the server answers is looked at."""
    method: Literal["GET", "HEAD"] = "GET"
    """Method of the request."""
    host: str | None = None
    """Name that the client is told to have asked for; if not given, the virtual service's hostname or VIP."""
    status: Statuses = _SUCCESS
    """Statuses that pass: 200, "200-299", or a list of both."""
    expect: Pattern | None = None
    """Regular expression that must match in the body."""
    digest_ignore: tuple[Pattern, ...] = ()
    """Regular expressions for what changes from answer to answer: the digest is made without what they match."""
    max_body: Size = 1 << 20
    """Bytes of the body that are read; what is expected must show itself within them."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that ask for nothing, contradict each other or decide nothing."""
        if self.path is None:
            asking = (self.host, self.expect, self.digest_ignore or None)
            if any(one is not None for one in asking) or self.status != _SUCCESS or self.method != "GET":
                raise ValueError("path: without one nothing is asked for; write a path, or leave the rest out")
        elif not self.path.startswith("/") or _CONTROL.search(self.path):
            raise ValueError(
                f'path: begin with "/" and write spaces and control characters as %20 and so on: {written(self.path)}'
            )
        if self.host is not None and (not self.host or _CONTROL.search(self.host)):
            raise ValueError("host: write a name, or leave host out")
        if self.method == "HEAD" and (self.expect is not None or self.digest_ignore):
            raise ValueError("method: an answer to HEAD has no body to expect anything in; use GET")
        if not 1 <= self.max_body <= _MAX_MAX_BODY:
            raise ValueError("max_body: write a size from 1B to 1024MiB")
        refuse_vacuous("expect", self.expect)
        for pattern in self.digest_ignore:
            refuse_vacuous("digest_ignore", pattern)

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        return None if self.path is None or self.method == "HEAD" else "digest"

    @property
    def uses_hostname(self) -> bool:
        return self.path is not None and self.host is None

    @property
    def body_bound(self) -> int:
        """Bytes that looking at the body may hold at most."""
        keeps = self.expect is not None or self.digest_ignore
        return (4 if self.digest_ignore else 3) * self.max_body if keeps else 0

    def name(self, target: Target) -> str:
        """Return the name that the client is told to have asked for."""
        name = self.host or target.hostname or target.vip or target.address
        return f"[{name}]" if ":" in name and self.host is None else name

    def judge_status(self, answer: Answer) -> None:
        """Raise `ProbeFailed` where the status is not as wanted."""
        if answer.status in self.status:
            return
        detail = f"status {told(answer)}, wanted {self.status}"
        location = answer.get(b"location")
        if location is not None and 300 <= answer.status < 400:
            detail += f"; it redirects to {shown(location, 120)}"
        if answer.status == 401:
            raise Rejected(detail, Reason.AUTHENTICATION)
        raise Rejected(detail) if answer.status >= 400 else ExpectationFailed(detail)

    def body(self, answer: Answer) -> BodyText:
        """Return what takes the body of ``answer``."""
        keep = self.expect is not None or bool(self.digest_ignore)
        return BodyText(self.max_body, keep=keep, algorithm="sha256", coding=answer.get(b"content-encoding"))

    def judge_body(self, answer: Answer, body: BodyText) -> Outcome:
        """Return the outcome; raise `ProbeFailed` where the body is cut short or not as expected."""
        length = answer.get(b"content-length")
        if not body.full and self.method != "HEAD":
            if length is not None and length.isdigit() and len(length) < 20 and body.received < int(length):
                raise ProtocolViolation(f"the body is cut short: {body.received} of {int(length)} bytes")
            if not body.complete:
                raise ProtocolViolation("the compressed body ends too early: it is truncated")
        if self.expect is not None and not self.expect.search(body.text):
            within = f"in the first {self.max_body} bytes of the body" if body.full else "in the body"
            raise ExpectationFailed(f"expect does not match {within}, which begins with {shown(body.text, 80)!r}")
        facts: dict[str, FactValue] = {"status": answer.status}
        if body.full:
            return passed(f"{told(answer)}, more than {self.max_body} bytes", facts)
        facts["content_length"] = body.received
        if self.method != "HEAD":
            facts["digest"] = body.digest_without(self.digest_ignore)[:16]
        return passed(f"{told(answer)}, {body.received} bytes", facts)


def told(answer: Answer) -> str:
    """Return the status for people; Tomcat gives the number as its own reason."""
    reason = shown(answer.reason, 60)
    return f"{answer.status} {reason}".rstrip() if reason != str(answer.status) else reason
