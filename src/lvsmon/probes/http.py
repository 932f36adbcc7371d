"""http: one request as a client of the VIP would send it, and what its answer must be (RFC 9110, RFC 9112)."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, PeerClosed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Pattern, Secret, Size
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.bodies import BodyText, check_digest
from lvsmon.probes.statuses import Statuses
from lvsmon.probes.talk import READ, next_event, refuse_vacuous, shown
from lvsmon.wire.http1 import MAX_HEAD, End, Event, Head, ResponseReader, request

_OWN_HEADERS: Final[Mapping[str, str]] = {
    "host": "use the setting host",
    "user-agent": "use the setting user_agent",
    "connection": "a probe closes its connection",
    "content-length": "a probe sends no body",
    "transfer-encoding": "a probe sends no body",
}
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SUCCESS: Final = Statuses(((200, 299),))
_MAX_MAX_BODY: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Request one path; the status, and what the body holds, decide. A redirect is never followed."""

    kind: ClassVar[str] = "http"
    default_port: ClassVar[int] = 80
    needs_hostname: ClassVar[bool] = False

    path: str = "/"
    """Path and query, sent as written: percent-encode what needs it."""
    method: Literal["GET", "HEAD", "OPTIONS", "POST"] = "GET"
    """Method of the request; POST sends an empty body."""
    version: Literal["1.0", "1.1"] = "1.1"
    """HTTP version of the request; Host is sent in both."""
    host: str | None = None
    """Host header as written; if not given, the virtual service's hostname or VIP, with a port as clients send it."""
    status: Statuses = _SUCCESS
    """Statuses that pass: 200, "200-299", or a list of both."""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further headers of the request."""
    user_agent: str = "lvsmon"
    """User-Agent header; "" to send none."""
    username: str | None = None
    """User for basic authorisation, together with password."""
    password: Secret | None = None
    """Password for basic authorisation."""
    expect: Pattern | None = None
    """Regular expression that must match in the body."""
    expect_text: str | None = None
    """Text that the body must hold."""
    expect_absent: Pattern | None = None
    """Regular expression that must not match in the body."""
    digest: str | None = None
    """Digest that the body must have: "sha256:..." or "md5:...", in hexadecimal."""
    max_body: Size = 1 << 20
    """Bytes of the body that are read; what is expected must show itself within them."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that make no request, contradict each other or decide nothing."""
        if not self.path.startswith("/") or re.search(r"[\x00-\x20\x7f]", self.path):
            raise ValueError(
                f'path: begin with "/" and write spaces and control characters as %20 and so on: {self.path!r}'
            )
        for setting, text in (("host", self.host), ("user_agent", self.user_agent)):
            if text is not None and _CONTROL.search(text):
                raise ValueError(f"{setting}: no control characters, such as line ends, can be sent: {text!r}")
        if self.host == "":
            raise ValueError("host: write a name, or leave host out")
        self._check_headers()
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both or none")
        if self.username is not None and ":" in self.username:
            raise ValueError("username: basic authorisation cannot carry a colon in it (RFC 7617)")
        check_digest("digest", self.digest)
        if self.method == "HEAD" and self._looks_into_body:
            raise ValueError("method: an answer to HEAD has no body to expect anything in; use GET")
        if self.expect_text == "":
            raise ValueError("expect_text: the empty text is in every body, so the probe can never fail")
        if not 1 <= self.max_body <= _MAX_MAX_BODY:
            raise ValueError("max_body: write a size from 1B to 1024MiB")
        refuse_vacuous("expect", self.expect)
        refuse_vacuous("expect_absent", self.expect_absent, "pass")

    def _check_headers(self) -> None:
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"headers: {name!r} is not the name of a header")
            if _CONTROL.search(value):
                raise ValueError(f"headers: no control characters, such as line ends, can be sent: {name}: {value!r}")
            if (instead := _OWN_HEADERS.get(name.lower())) is not None:
                raise ValueError(f"headers: {name} is not yours to set: {instead}")
            if name.lower() == "authorization" and self.username is not None:
                raise ValueError("headers: Authorization is made of username and password; give one or the other")

    @property
    def uses_hostname(self) -> bool:
        return self.host is None

    @property
    def memory_bound(self) -> int:
        return 10 * MAX_HEAD + 8 * READ + (3 * self.max_body if self._keeps_body else 0)

    @property
    def _keeps_body(self) -> bool:
        return not (self.expect is None and self.expect_text is None and self.expect_absent is None)

    @property
    def _looks_into_body(self) -> bool:
        return self._keeps_body or self.digest is not None

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        return await self.exchange(await ctx.net.connect(target.address, target.port), target)

    async def exchange(self, stream: Stream, target: Target) -> Outcome:
        """Say the request on ``stream``, judge the answer and close."""
        await stream.write(self.request(target))
        reader = ResponseReader(self.method)
        head = await self._read_head(stream, reader)
        self._judge_status(head)
        outcome = await self._judge_body(stream, reader, head)
        stream.close()
        return outcome

    def request(self, target: Target) -> bytes:
        """Return the bytes of the request that ``target`` gets."""
        headers = {"Host": self.host or _host(target, self.default_port)}
        if self.user_agent:
            headers["User-Agent"] = self.user_agent
        given = {name.lower() for name in self.headers}
        if "accept" not in given:
            headers["Accept"] = "*/*"
        if "accept-encoding" not in given:
            headers["Accept-Encoding"] = "identity"
        if self.username is not None and self.password is not None:
            token = f"{self.username}:{self.password.reveal()}".encode()
            headers["Authorization"] = "Basic " + b64encode(token).decode("ascii")
        headers.update(self.headers)
        headers["Connection"] = "close"
        if self.method == "POST":
            headers["Content-Length"] = "0"
        return request(self.method, self.path, self.version, headers.items())

    async def _read_head(self, stream: Stream, reader: ResponseReader) -> Head:
        try:
            head: Event = await next_event(stream, reader)
        except ProtocolViolation as error:
            raise ProtocolViolation(f"{error}; it sent {shown(reader.pending, 60)!r}") from None
        if not isinstance(head, Head):
            raise TypeError(head)
        return head

    def _judge_status(self, head: Head) -> None:
        if head.status in self.status:
            return
        detail = f"status {_status(head)}, wanted {self.status}"
        location = head.get(b"location")
        if location is not None and 300 <= head.status < 400:
            detail += f"; it redirects to {shown(location, 120)}"
        if head.status == 401:
            raise Rejected(detail, Reason.AUTHENTICATION)
        raise Rejected(detail) if head.status >= 400 else ExpectationFailed(detail)

    async def _judge_body(self, stream: Stream, reader: ResponseReader, head: Head) -> Outcome:
        """Read the body to its end or to ``max_body``: cut short, it fails even if it holds what is expected."""
        coding = head.get(b"content-encoding") if self._looks_into_body else None
        body = BodyText(
            self.max_body,
            keep=self._keeps_body,
            algorithm=(self.digest or "sha256").partition(":")[0],
            coding=coding,
        )
        while not body.full:
            event: Event = await next_event(stream, reader)
            if isinstance(event, End):
                break
            if not isinstance(event, Head):
                body.add(event.data)
        if not body.full and not body.complete:
            raise PeerClosed("the compressed body ends too early: it is truncated")
        self._expect(body)
        facts: dict[str, FactValue] = {"status": head.status}
        if (server := head.get(b"server")) is not None:
            facts["server"] = shown(server)
        status = _status(head)
        if body.full:
            return passed(f"{status}, more than {self.max_body} bytes", facts)
        facts["content_length"] = body.received
        facts["digest"] = body.digest[:16]
        return passed(f"{status}, {body.received} bytes", facts)

    def _expect(self, body: BodyText) -> None:
        within = f"in the first {self.max_body} bytes of the body" if body.full else "in the body"
        begins = f"which begins with {shown(body.text, 80)!r}"
        if self.expect is not None and not self.expect.search(body.text):
            raise ExpectationFailed(f"expect does not match {within}, {begins}")
        if self.expect_text is not None and self.expect_text.encode() not in body.text:
            raise ExpectationFailed(f"expect_text is not {within}, {begins}")
        if self.expect_absent is not None and (found := self.expect_absent.search(body.text)):
            raise ExpectationFailed(f"expect_absent matches {within}: {shown(found[0], 80)!r}")
        if body.full and (self.expect_absent is not None or self.digest is not None):
            setting = "digest" if self.digest is not None else "expect_absent"
            raise ExpectationFailed(
                f"the body is larger than max_body ({self.max_body} bytes), so {setting} cannot be told; raise max_body"
            )
        if self.digest is not None and self.digest.partition(":")[2] != body.digest:
            raise ExpectationFailed(f"the body's digest is {self.digest.partition(':')[0]}:{body.digest}, {begins}")


def _host(target: Target, default_port: int) -> str:
    """Return what a client of the VIP puts into Host: (RFC 9110 section 7.2): no port where it is the scheme's own."""
    name = target.hostname or target.vip or target.address
    name = f"[{name}]" if ":" in name else name
    port = target.vport or target.port
    return name if port == default_port else f"{name}:{port}"


def _status(head: Head) -> str:
    return f"{head.status} {shown(head.reason, 60)}".rstrip()
