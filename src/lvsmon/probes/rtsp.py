"""rtsp: a media server that answers OPTIONS, and describes a stream where one is named (RFC 2326, RFC 7826)."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Pattern, Secret
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.rtsp_talk import Login, Scheme, Talk
from lvsmon.probes.statuses import Statuses
from lvsmon.probes.talk import as_clients_say, refuse_vacuous, shown
from lvsmon.wire import rtsp
from lvsmon.wire.rtsp import Response

_OK: Final = Statuses(((200, 200),))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_KIND: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspProbe(OptionalTls):
    """Ask for its OPTIONS and, where a path is given, for the description of that stream."""

    kind: ClassVar[str] = "rtsp"
    needs_hostname: ClassVar[bool] = False

    path: str | None = None
    """Path of a stream to DESCRIBE, sent as written; without, OPTIONS alone shows that the server serves."""
    status: Statuses = _OK
    """Statuses that pass: 200, "200-299", or a list of both."""
    media: tuple[str, ...] = ()
    """Kinds of media that the description must offer, such as "video" and "audio"."""
    expect: Pattern | None = None
    """Regular expression that must match in the description (SDP)."""
    username: str | None = None
    """User to log in as where the realserver asks for it, together with password."""
    password: Secret | None = None
    """Password of that user."""
    scheme: Scheme = "any"
    """How to log in: digest, basic (the password can be read on the way), or any: the strongest that is offered."""
    version: Literal["1.0", "2.0"] = "1.0"
    """RTSP version of the requests."""
    user_agent: str = "lvsmon"
    """User-Agent header; "" to send none."""
    tls: Literal["none", "implicit"] = "none"
    """"implicit": TLS from the first byte (rtsps), with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other, decide nothing or that cannot be sent."""
        OptionalTls.__post_init__(self)
        if self.path is not None and (not self.path.startswith("/") or re.search(r"[\x00-\x20\x7f]", self.path)):
            raise ValueError(
                f'path: begin with "/" and write spaces and control characters as %20 and so on: {self.path!r}'
            )
        if self.path is None and (self.media or self.expect is not None):
            raise ValueError("media and expect: are of the description of a stream; give path too")
        if 200 not in self.status and (self.media or self.expect is not None):
            raise ValueError("media and expect: only status 200 comes with a description; let it pass")
        for kind in self.media:
            if not _KIND.fullmatch(kind):
                raise ValueError(f'media: write a kind of media, such as "video", not {kind!r}')
        refuse_vacuous("expect", self.expect)
        self._check_login()
        if _CONTROL.search(self.user_agent):
            raise ValueError(f"user_agent: no control characters, such as line ends, can be sent: {self.user_agent!r}")

    def _check_login(self) -> None:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both or none")
        if self.username is None and self.scheme != "any":
            raise ValueError("scheme: is how to log in; give username and password too")
        for setting, text in (
            ("username", self.username),
            ("password", None if self.password is None else self.password.reveal()),
        ):
            if text is not None and (not text or _CONTROL.search(text)):
                raise ValueError(f"{setting}: write a text without control characters")
        if self.username is not None and ":" in self.username:
            raise ValueError("username: no scheme of authorisation can carry a colon in it (RFC 7617, RFC 7616)")

    @property
    def default_port(self) -> int:
        return 322 if self.speaks_tls else 554

    @property
    def uses_hostname(self) -> bool:
        return self.path is not None or (self.speaks_tls and self.tls_uses_hostname)

    @property
    def memory_bound(self) -> int:
        return 1048576 + self.tls_memory

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await self.open(target, ctx)
        return self.graded(await self._exchange(stream, target, ctx), session)

    async def _exchange(self, stream: Stream, target: Target, ctx: Context) -> Outcome:
        login = None
        if self.username is not None and self.password is not None:
            login = Login(self.username, self.password, self.scheme)
        talk = Talk(ctx, stream, version=self.version, user_agent=self.user_agent, login=login)
        response = await talk.ask("OPTIONS", self._uri(target))
        facts = self._judge("OPTIONS", response)
        if self.path is None:
            talk.close()
            return passed(_told("OPTIONS", response), facts)
        response = await talk.ask("DESCRIBE", self._uri(target), ("Accept", "application/sdp"))
        facts |= self._judge("DESCRIBE", response)
        talk.close()
        detail = _told("DESCRIBE", response)
        if response.status != 200:
            return passed(detail, facts)
        return self._judge_description(response, detail, facts)

    def _uri(self, target: Target) -> str:
        """Return what is asked for: the stream, or the server as a whole (RFC 2326 section 10.1)."""
        if self.path is None:
            return "*"
        scheme = "rtsps" if self.speaks_tls else "rtsp"
        return f"{scheme}://{as_clients_say(target, self.default_port)}{self.path}"

    def _judge(self, method: str, response: Response) -> dict[str, FactValue]:
        """Return the facts of ``response``; raise where its status does not pass."""
        facts: dict[str, FactValue] = {"status": response.status}
        for name in ("server", "public"):
            if (said := response.message.get(name.encode())) is not None:
                facts[name] = shown(said)
        if response.status in self.status or (method == "OPTIONS" and response.status == 200):
            return facts
        detail = f"{_told(method, response)}, wanted {self.status}"
        if 300 <= response.status < 400 and (location := response.message.get(b"location")) is not None:
            detail += f"; it redirects to {shown(location, 120)}"
        if response.status == 401:
            scheme = shown(response.message.get(b"www-authenticate") or b"", 80)
            how = f": {scheme}" if scheme else ", and does not say by which scheme (no WWW-Authenticate)"
            raise Rejected(f"{detail}; it wants a login{how}", Reason.AUTHENTICATION, facts)
        raise Rejected(detail, facts=facts) if response.status >= 400 else ExpectationFailed(detail, facts=facts)

    def _judge_description(self, response: Response, detail: str, facts: dict[str, FactValue]) -> Outcome:
        """Return the outcome of a description; raise where it is none, or not what is expected."""
        kind = response.message.get(b"content-type") or b"application/sdp"
        if kind.partition(b";")[0].strip().lower() != b"application/sdp":
            raise ExpectationFailed(f"{detail}, but what came is {shown(kind, 80)}, not application/sdp", facts=facts)
        body = response.message.body
        if not body:
            raise ExpectationFailed(f"{detail}, but no description came with it", facts=facts)
        media = rtsp.media(body)
        offered = ", ".join(media) or "no media"
        facts["media"] = shown(offered.encode())
        if (base := response.message.get(b"content-base")) is not None:
            facts["content_base"] = shown(base)
        if missing := [wanted for wanted in self.media if wanted not in media]:
            raise ExpectationFailed(
                f"{detail}: it offers {shown(offered.encode(), 80)}, and no {', '.join(missing)}", facts=facts
            )
        if self.expect is not None and not self.expect.search(body):
            raise ExpectationFailed(
                f"{detail}: expect does not match in the description, which begins with {shown(body, 80)!r}",
                facts=facts,
            )
        return passed(f"{detail}: {shown(offered.encode(), 80)}", facts)


def _told(method: str, response: Response) -> str:
    return f"{method}: {response.status} {shown(response.reason, 60)}".rstrip()
