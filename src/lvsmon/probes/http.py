"""http: requests as a client of the VIP would send them, and what their answers must be (RFC 9110, RFC 9112)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import ClassVar, Final, Literal

from lvsmon.errors import ConnectFailed, PeerClosed, ProbeFailed, clip
from lvsmon.model import Outcome, Target, Verdict
from lvsmon.model.settings import Secret, Size
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context
from lvsmon.probes.cookies import MAX_COOKIE, MAX_COOKIES, Cookies
from lvsmon.probes.http_answer import judge
from lvsmon.probes.http_link import Asked, Http1Link, Link
from lvsmon.probes.http_request import MAX_REQUEST_BODY, NONE_FURTHER, FurtherRequests, RequestSettings
from lvsmon.probes.http_settings import basic, check_line, check_max_body, check_token, check_user
from lvsmon.probes.location import leak, seen_by_clients
from lvsmon.probes.talk import READ
from lvsmon.wire.http1 import MAX_HEAD, Head

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that a client asks again where a kept connection turns out to be closed (RFC 9112 section 9.3.1)."""

_NOT_IN_HTTP2: Final = frozenset({"keep-alive", "proxy-connection", "te", "upgrade", "http2-settings"})

_HTTP2_MEMORY: Final = 1 << 20
"""Bytes that HTTP/2 adds to what a run holds: a block of headers in pieces, whole and decoded, and both tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe(RequestSettings):
    """Request one path, or several; the statuses, headers and bodies decide. A redirect is never followed."""

    kind: ClassVar[str] = "http"
    default_port: ClassVar[int] = 80
    needs_hostname: ClassVar[bool] = False
    scheme: ClassVar[str] = "http"

    version: Literal["1.0", "1.1", "2"] = "1.1"
    """HTTP version to speak; "2" over TLS by ALPN, without TLS by prior knowledge (h2c)."""
    host: str | None = None
    """Host header as written; if not given, the virtual service's hostname or VIP, with a port as clients send it."""
    user_agent: str = "lvsmon"
    """User-Agent header; "" to send none."""
    username: str | None = None
    """User for basic authorisation, together with password."""
    password: Secret | None = None
    """Password for basic authorisation."""
    token: Secret | None = None
    """Token for bearer authorisation."""
    secret_body: Secret | None = None
    """Body of the first request where it holds a password: never shown; in place of body."""
    location_leak: Literal["fail", "warn", "ignore"] = "fail"
    """Verdict where a redirect names the realserver itself, another port, or http in place of https."""
    then: FurtherRequests = NONE_FURTHER
    """Further requests, in this order, with the cookies set before: [{ path = "/account", expect = "Welcome" }]."""
    max_body: Size = 1 << 20
    """Bytes of each body that are read; what is expected must show itself within them."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that make no request, contradict each other or decide nothing."""
        RequestSettings.__post_init__(self)
        check_line("host", self.host)
        check_line("user_agent", self.user_agent)
        if self.host == "":
            raise ValueError("host: write a name, or leave host out")
        check_user(self.username, self.password)
        check_token(self.token)
        if self.username is not None and self.token is not None:
            raise ValueError("token: there is a username already; give one or the other")
        if self.body and self.secret_body is not None:
            raise ValueError("body: there is a secret_body already; give one or the other")
        if self.secret_body is not None and len(self.secret_body.reveal().encode()) > MAX_REQUEST_BODY:
            raise ValueError(f"secret_body: write at most {MAX_REQUEST_BODY} bytes")
        for one in self._requests:
            if self._authorises and any(name.lower() == "authorization" for name in one.headers):
                raise ValueError(
                    "headers: Authorization is made of username and password, or of token; give one or the other"
                )
            for name in one.headers:
                if self.version == "2" and name.lower() in _NOT_IN_HTTP2:
                    raise ValueError(f"headers: {name} is not of HTTP/2 (RFC 9113 section 8.2.2): leave it out")
        check_max_body(self.max_body)
        if self.version == "2":
            import_module("lvsmon.probes.http2_link")  # here, for loading h2 takes 75 ms, which no run should wait for

    @property
    def sends_body(self) -> bool:
        return bool(self.body) or self.secret_body is not None

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        return None if self._requests[-1].method == "HEAD" else "digest"

    @property
    def uses_hostname(self) -> bool:
        return self.host is None

    @property
    def uses_realserver(self) -> bool:
        return self.location_leak != "ignore"

    @property
    def memory_bound(self) -> int:
        body = max(one.body_factor for one in self._requests) * self.max_body
        cookies = 2 * MAX_COOKIES * MAX_COOKIE if self.then.requests else 0
        http2 = _HTTP2_MEMORY if self.version == "2" else 0
        return 10 * MAX_HEAD + 8 * READ + http2 + cookies + body

    @property
    def _requests(self) -> tuple[RequestSettings, ...]:
        return (self, *self.then.requests)

    @property
    def _authorises(self) -> bool:
        return self.username is not None or self.token is not None

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        return await self.exchange(lambda: ctx.net.connect(target.address, target.port), target, ctx)

    async def exchange(self, connect: Callable[[], Awaitable[Stream]], target: Target, ctx: Context) -> Outcome:
        """Ask every request, on as few connections as the realserver allows; judge the answers and close."""
        total = len(self._requests)
        cookies = Cookies(secure=self.scheme == "https")

        def gives_away(location: bytes) -> str | None:
            return leak(location, seen_by_clients(target, self.scheme, self.host), target)

        outcomes: list[Outcome] = []
        connections = 0
        link: Link | None = None
        for number, one in enumerate(self._requests, 1):
            name = f"request {number} of {total} ({one.method} {clip(one.path, 80)})" if total > 1 else ""
            asked = self.asked(one, target, cookies.header(one.path) if number > 1 else b"", last=number == total)
            try:
                kept = link is not None
                if link is None:
                    link, connections = self._link(await connect()), connections + 1
                if name:
                    ctx.net.awaiting(f"the answer to {name}")
                head, anew = await self._ask(link, asked, connect if kept else None)
                if anew is not None:
                    link, connections = anew, connections + 1
                outcome = await judge(
                    one, link, head, max_body=self.max_body, leaks=self.location_leak, gives_away=gives_away
                )
            except ProbeFailed as error:
                if name:
                    error.args = (clip(f"{name}: {error}"),)
                raise
            outcomes.append(replace(outcome, detail=clip(f"{name}: {outcome.detail}")) if name else outcome)
            if total > 1:
                cookies.take(head.headers, one.path)
            if number == total or not link.reusable:
                link.close()
                link = None
        return outcomes[0] if total == 1 else _together(outcomes, connections)

    async def _ask(
        self, link: Link, asked: Asked, connect: Callable[[], Awaitable[Stream]] | None
    ) -> tuple[Head, Link | None]:
        """Ask on ``link``; by ``connect`` anew, as clients do, where it was kept and has been closed meanwhile."""
        try:
            return await link.ask(asked), None
        except (PeerClosed, ConnectFailed):
            if connect is None or link.heard or asked.method not in _IDEMPOTENT:
                raise
        link.close()
        anew = self._link(await connect())
        return await anew.ask(asked), anew

    def _link(self, stream: Stream) -> Link:
        if self.version == "2":
            from lvsmon.probes.http2_link import Http2Link  # noqa: PLC0415  h2 is loaded where it is used

            return Http2Link(stream, self.scheme)
        return Http1Link(stream, self.version)

    def asked(self, one: RequestSettings, target: Target, cookie: bytes = b"", *, last: bool = True) -> Asked:
        """Return the request that ``target`` gets."""
        headers: dict[str, str] = {}
        if self.user_agent:
            headers["User-Agent"] = self.user_agent
        given = {name.lower() for name in one.headers}
        if "accept" not in given:
            headers["Accept"] = "*/*"
        if "accept-encoding" not in given:
            headers["Accept-Encoding"] = "identity"
        if self.username is not None and self.password is not None:
            headers["Authorization"] = basic(self.username, self.password)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.reveal()}"
        headers.update(one.header_lines())
        if cookie:
            own = next((name for name in headers if name.lower() == "cookie"), "Cookie")
            before = f"{headers[own]}; " if own in headers else ""
            headers[own] = before + cookie.decode("utf-8", "surrogateescape")
        content = one.content()
        if one is self and self.secret_body is not None:
            content = self.secret_body.reveal().encode()
        return Asked(
            method=one.method,
            target=one.path,
            host=self.host or _host(target, self.default_port),
            headers=tuple(headers.items()),
            content=content,
            last=last,
        )


def _host(target: Target, default_port: int) -> str:
    """Return what a client of the VIP puts into Host: (RFC 9110 section 7.2): no port where it is the scheme's own."""
    name = target.hostname or target.vip or target.address
    name = f"[{name}]" if ":" in name else name
    port = target.vport or target.port
    return name if port == default_port else f"{name}:{port}"


def _together(outcomes: list[Outcome], connections: int) -> Outcome:
    """Return one outcome of several: the first that is not PASS, or the last with what all came to."""
    last = outcomes[-1]
    facts = {**last.facts, "requests": len(outcomes), "connections": connections}
    worst = next((one for one in outcomes if one.verdict is not Verdict.PASS), None)
    if worst is not None:
        return replace(worst, facts=facts)
    statuses = ", ".join(str(one.facts["status"]) for one in outcomes)
    return replace(last, detail=f"{len(outcomes)} requests: {statuses}", facts=facts)
