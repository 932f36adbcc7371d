"""proxy: an HTTP forward proxy, asked for something as its clients ask (RFC 9110 sections 7.6 and 9.3.6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from urllib.parse import SplitResult, urlsplit

from lvsmon.errors import ExpectationFailed, ProbeFailed, ProtocolViolation, Rejected, clip
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.certificate import as_address
from lvsmon.model.settings import Secret, Size
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.http_answer import judge_rest, told
from lvsmon.probes.http_expect import SUCCESS, AnswerSettings
from lvsmon.probes.http_link import Asked, Http1Link
from lvsmon.probes.http_settings import basic, check_headers, check_line, check_max_body, check_user
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.proxy_blame import blame
from lvsmon.probes.secure import hear_out, open_tls
from lvsmon.probes.talk import READ, shown
from lvsmon.wire.http1 import MAX_HEAD, Head

_OWN_HEADERS: Final[Mapping[str, str]] = {
    "host": "it is the url's",
    "user-agent": "use the setting user_agent",
    "connection": "a probe closes its connection",
    "content-length": "a probe sends no body",
    "transfer-encoding": "a probe sends no body",
    "proxy-authorization": "use username and password",
    "expect": "a probe sends no body",
}
_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"https?://[\x21-\x7e]+")
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyProbe(AnswerSettings, OptionalTls):
    """Fetch a URL through the proxy, or have it open a tunnel; its answer, or the origin's, decides."""

    kind: ClassVar[str] = "proxy"
    default_port: ClassVar[int] = 3128
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    needs_name: ClassVar[bool] = False

    url: str | None = None
    """What to fetch: "http://..." by its whole URL, "https://..." through a tunnel and TLS within it."""
    connect: str | None = None
    """In place of url: the "host:port" to have a tunnel (CONNECT) opened to, and nothing asked through it."""
    tls: Literal["none", "implicit"] = "none"
    """With connect: "implicit" does a TLS handshake through the tunnel, and judges the origin's certificate."""
    any_answer: bool = False
    """In place of url: any answer of the proxy passes; for looking at a port without knowing what it may fetch."""
    method: Literal["GET", "HEAD"] = "GET"
    """Method of the request for url."""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further headers of the request for url."""
    user_agent: str = "lvsmon"
    """User-Agent header; "" to send none."""
    username: str | None = None
    """User for basic authorisation at the proxy, together with password."""
    password: Secret | None = None
    """Password for basic authorisation at the proxy."""
    from_cache: bool = False
    """Take an answer out of the proxy's cache; without, Cache-Control: no-cache has it ask the origin."""
    max_body: Size = 1 << 20
    """Bytes of the body that are read; what is expected must show itself within them."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that ask nothing, contradict each other or decide nothing."""
        AnswerSettings.__post_init__(self)
        if (self.url is not None) + (self.connect is not None) + self.any_answer != 1:
            raise ValueError(
                'url: write what to fetch, such as "http://www.example.org/"; or connect = "host:port", or any_answer'
            )
        if self.url is not None:
            _check_url(self.url)
        if self.connect is not None:
            _check_authority(self.connect)
        OptionalTls.__post_init__(self)
        if self.tls == "implicit" and self.connect is None:
            raise ValueError('tls: is for connect; a url says by "https:" that it wants TLS')
        check_headers(self.headers, _OWN_HEADERS)
        check_line("user_agent", self.user_agent)
        check_user(self.username, self.password)
        self.refuse_body_of_head(self.method)
        check_max_body(self.max_body)
        if self.url is None:
            self._refuse_unused()
        if self.tls == "implicit" and not any(status in self.status for status in range(200, 300)):
            raise ValueError("status: there is no tunnel for TLS without a status from 200 to 299")

    def _refuse_unused(self) -> None:
        if self.looks_into_body or (self.any_answer and self.expect_headers.rules):
            raise ValueError("expect: without a url nothing is fetched that could be looked into")
        if self.headers or self.method != "GET" or self.from_cache:
            raise ValueError("headers, method and from_cache: are of the request for a url")
        if self.any_answer and self.status != SUCCESS:
            raise ValueError("status: any_answer takes every status; leave one of them out")

    @property
    def memory_bound(self) -> int:
        return 10 * MAX_HEAD + 8 * READ + self.body_factor * self.max_body + self.tls_memory

    @property
    def _parts(self) -> SplitResult | None:
        return None if self.url is None else urlsplit(self.url)

    @property
    def speaks_tls(self) -> bool:
        return self.tls == "implicit" or (self._parts is not None and self._parts.scheme == "https")

    @property
    def ways_to_tls(self) -> str:
        return 'an "https:" url, or connect with tls = "implicit"'

    @property
    def _authority(self) -> str:
        """What the tunnel leads to, or "*" where there is none."""
        parts = self._parts
        if parts is None:
            return self.connect or "*"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or _PORTS[parts.scheme]}"

    def name_asked_for(self, target: Target) -> str:  # noqa: ARG002  the certificate is the origin's
        """Return the name that the certificate must be for: the url's."""
        return self.tls_name or self._authority.rpartition(":")[0].strip("[]")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        if self.speaks_tls:
            return await self._through_tls(target, ctx)
        stream = await ctx.net.connect(target.address, target.port)
        if self.url is not None:
            outcome = await self._fetch(stream, authorised=True)
        elif self.connect is not None:
            outcome = await self._tunnel(stream)
        else:
            link = Http1Link(stream, "1.1")
            # The proxy itself must answer this one (RFC 9110 section 7.6.2).
            head = await link.ask(self._asked("OPTIONS", "*", [("Max-Forwards", "0")], str(target)))
            rest = await judge_rest(self, link, head, self.max_body)
            outcome = passed(f"answers with status {told(head)}", {**rest.facts, **_facts(head)})
        stream.close()
        return outcome

    async def _through_tls(self, target: Target, ctx: Context) -> Outcome:
        tunnels: list[Outcome] = []

        async def prepare(stream: Stream) -> None:
            ctx.net.awaiting(f"a tunnel to {self._authority}")
            tunnels.append(await self._tunnel(stream))

        try:
            stream, session = await open_tls(self, target, ctx, prepare=prepare, alpn=("http/1.1",) if self.url else ())
        except ProbeFailed as error:
            if tunnels:
                error.args = (clip(f"the proxy opens the tunnel to {self._authority}, but {error}"),)
            raise
        if self.url is None:
            await hear_out(stream, session)
            outcome = tunnels[-1]
        else:
            outcome = await self._fetch(stream, authorised=False)
        stream.close()
        return self.graded(outcome, session)

    async def _tunnel(self, stream: Stream) -> Outcome:
        """Have a tunnel opened; raise where it is not, or where something is said through it already."""
        link = Http1Link(stream, "1.1")
        asked = self._asked("CONNECT", self._authority, [], self._authority, last=False)
        head = await link.ask(asked)
        wanted = self.status if self.connect is not None else SUCCESS
        self._judge_status(head, head.status in wanted, str(wanted))
        if self.connect is not None:
            self.expect_headers.judge(head)
        if self.speaks_tls and link.pending:
            raise ProtocolViolation(f"something comes through the tunnel before TLS: {shown(link.pending, 80)!r}")
        opened = f"the tunnel to {self._authority} is open" if head.status < 300 else f"no tunnel to {self._authority}"
        return passed(f"{opened}, {told(head)}", _facts(head))

    async def _fetch(self, stream: Stream, *, authorised: bool) -> Outcome:
        """Ask for the url: of the proxy by the whole of it, of the origin at the tunnel's end by its path."""
        headers = [("Accept", "*/*"), ("Accept-Encoding", "identity")]
        if not self.from_cache:
            headers.append(("Cache-Control", "no-cache"))
        given = {name.lower() for name in self.headers}
        lines = [(name, value) for name, value in headers if name.lower() not in given]
        parts = urlsplit(self.url or "")
        asked_for = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if parts.scheme == "http":
            asked_for = f"http://{parts.netloc}{asked_for}"
        host = self._authority if parts.port else self._authority.rpartition(":")[0]
        link = Http1Link(stream, "1.1")
        asked = self._asked(self.method, asked_for, [*lines, *self.headers.items()], host, authorised=authorised)
        head = await link.ask(asked)
        self._judge_status(head, head.status in self.status, str(self.status))
        outcome = await judge_rest(self, link, head, self.max_body)
        return passed(f"{outcome.detail} of {clip(self.url or '', 120)}", {**outcome.facts, **_facts(head)})

    def _asked(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        host: str,
        *,
        last: bool = True,
        authorised: bool = True,
    ) -> Asked:
        own = [("User-Agent", self.user_agent)] if self.user_agent else []
        if authorised and self.username is not None and self.password is not None:
            own.append(("Proxy-Authorization", basic(self.username, self.password)))
        return Asked(method=method, target=target, host=host, headers=[*own, *headers], last=last)

    def _judge_status(self, head: Head, wanted: bool, which: str) -> None:
        if wanted:
            return
        found = blame(head, self._authority)
        detail = f"status {told(head)}, wanted {which}" + (f": {found.because}" if found.because else "")
        facts = {**_facts(head), **found.facts}
        if head.status in {401, 407}:
            raise Rejected(detail, Reason.AUTHENTICATION, facts)
        raise Rejected(detail, facts=facts) if head.status >= 400 else ExpectationFailed(detail, facts=facts)


def _facts(head: Head) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"status": head.status}
    for fact, name in (("server", b"server"), ("via", b"via")):
        if (value := head.get(name)) is not None:
            facts[fact] = shown(value)
    return facts


def _check_url(url: str) -> None:
    help_ = 'url: write a whole URL in ASCII, such as "http://www.example.org/" or "https://www.example.org/"'
    if not _URL.fullmatch(url):
        raise ValueError(f"{help_}, not {url!r}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{help_}: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: a URL with a user in it is sent to the proxy as it stands: leave the user out")
    if not _is_host(parts.hostname or "") or port == 0:
        raise ValueError(f"{help_}, not {url!r}")


def _check_authority(authority: str) -> None:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not 1 <= int(found["port"]) <= 65535 or not _is_host(found["host"].strip("[]")):
        raise ValueError(
            f'connect: write "host:port" or "[address]:port", such as "www.example.org:443", not {authority!r}'
        )


def _is_host(host: str) -> bool:
    return as_address(host) is not None or re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", host) is not None
