"""A conversation with an RTSP server: requests one after the other, logged in where it asks for that."""

import secrets
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lvsmon.errors import ProtocolViolation, Rejected
from lvsmon.model import Reason
from lvsmon.model.settings import Secret
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire import rtsp
from lvsmon.wire.authorization import Challenge, challenges
from lvsmon.wire.messages import MessageReader
from lvsmon.wire.rtsp import Response

Scheme: TypeAlias = Literal["any", "basic", "digest"]

_MAX_PROVISIONAL: Final = 16
"""Responses of status 100 before the one that counts: one is usual."""

_MAX_TRIES: Final = 3
"""Requests until a login has succeeded: one that is asked to log in, one that does, one where the nonce was too old."""

_UNAUTHORISED: Final = 401


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, and how."""

    username: str
    password: Secret
    scheme: Scheme


class Talk:
    """Requests on one connection, each with its own CSeq."""

    def __init__(self, ctx: Context, stream: Stream, *, version: str, user_agent: str, login: Login | None) -> None:
        self._ctx = ctx
        self._stream = stream
        self._reader = MessageReader(rtsp.DIALECT)
        self._version = version
        self._user_agent = user_agent
        self._login = login
        self._sequence = 0
        self._challenge: Challenge | None = None
        self._uses = 0
        self._taken = False

    async def ask(self, method: str, uri: str, *more: tuple[str, str]) -> Response:
        """Return the final response; raise `Rejected` where the realserver does not take the login."""
        for _ in range(_MAX_TRIES):
            logged_in = self._challenge is not None
            response = await self._exchange(method, uri, more)
            if response.status != _UNAUTHORISED or self._login is None:
                self._taken = logged_in
                return response
            if logged_in and response.message.get(b"www-authenticate") is None:
                break
            challenge = _best(response, self._login.scheme)
            # A nonce may be good for one request; a password that was taken before is right all the same.
            if logged_in and not challenge.stale and not self._taken:
                break
            self._challenge, self._uses, self._taken = challenge, 0, False
        raise Rejected(
            f"{method}: the realserver does not take the login (status 401 {shown(response.reason, 60)})",
            Reason.AUTHENTICATION,
        )

    async def _exchange(self, method: str, uri: str, more: tuple[tuple[str, str], ...]) -> Response:
        self._sequence += 1
        headers = [("CSeq", str(self._sequence)), *more]
        if self._user_agent:
            headers.append(("User-Agent", self._user_agent))
        if self._challenge is not None and self._login is not None:
            self._uses += 1
            login = self._login.username, self._login.password.reveal()
            answer = self._challenge.answer(method, uri, login, cnonce=secrets.token_hex(8), count=self._uses)
            headers.append(("Authorization", answer))
        self._ctx.net.awaiting(f"the answer to {method}")
        await self._stream.write(rtsp.request(method, uri, self._version, headers))
        for _ in range(_MAX_PROVISIONAL):
            response = rtsp.read(await next_event(self._stream, self._reader))
            if response.sequence != self._sequence:
                raise ProtocolViolation(
                    f"{method}: the answer to request {response.sequence}, ours is {self._sequence}"
                )
            if response.status >= 200:
                return response
        raise ProtocolViolation(f"{method}: {_MAX_PROVISIONAL} answers, and none is a final one")

    def close(self) -> None:
        self._stream.close()


def _best(response: Response, scheme: Scheme) -> Challenge:
    """Return the strongest challenge that can be answered."""
    offered = challenges(response.message.all(b"www-authenticate"))
    if not offered:
        raise Rejected(
            "it wants a login, and does not say by which scheme (status 401 without WWW-Authenticate)",
            Reason.AUTHENTICATION,
        )
    allowed = [each for each in offered if each.strength and scheme in {"any", each.scheme}]
    if not allowed:
        there = ", ".join(shown(each.scheme.encode(), 20) for each in offered)
        wanted = "basic or digest" if scheme == "any" else scheme
        raise Rejected(f"it wants a login by {there}, and {wanted} is what we have", Reason.AUTHENTICATION)
    return max(allowed, key=lambda each: each.strength)
