"""radius: a server that answers, signed with the secret it shares with us, and lets a user in (RFC 2865, RFC 5997)."""

import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProbeFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Duration, Secret
from lvsmon.probes.base import Context, passed
from lvsmon.probes.datagrams import insist
from lvsmon.probes.talk import shown
from lvsmon.wire import radius
from lvsmon.wire.radius import Code, Type

_MAX_RETRIES: Final = 10

_ANSWERS: Final = {
    "accept": Code.ACCESS_ACCEPT,
    "reject": Code.ACCESS_REJECT,
    "challenge": Code.ACCESS_CHALLENGE,
}
_SILENCE: Final = "a reply: a RADIUS server says nothing to a client, or to a secret, that it does not know"
_FORGEABLE: Final = "without a Message-Authenticator, so it could be forged (CVE-2024-3596)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusProbe:
    """Ask whether a user may come in or, where none is given, whether the server is at work (Status-Server)."""

    kind: ClassVar[str] = "radius"
    transport: ClassVar[str] = "udp"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 262144

    secret: Secret
    """Secret that the server shares with the director, as its client; never sent, never shown."""
    username: str | None = None
    """User to ask for, with password (PAP); without, a Status-Server packet asks only whether the server is at work."""
    password: Secret | None = None
    """Password of that user."""
    expect: Literal["accept", "reject", "challenge", "any"] = "accept"
    """Reply that is wanted for the user; "any" proves only that the server answers."""
    accounting: bool = False
    """Ask an accounting server (port 1813) whether it is at work; users are not asked for there."""
    message_authenticator: Literal["require", "warn", "ignore"] = "require"
    """What to make of a reply for a user without Message-Authenticator, which somebody on the way could forge."""
    nas_identifier: str = "lvsmon"
    """Name by which the director tells itself to the server (NAS-Identifier)."""
    nas_address: str = ""
    """Address to tell besides (NAS-IP-Address or NAS-IPv6-Address), for servers that want it."""
    retries: int = 2
    """How often to ask again where nothing comes."""
    retransmit: Duration = 1.0
    """How long to wait for a reply before asking again."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other, decide nothing or that RADIUS cannot carry."""
        if not self.secret.reveal():
            raise ValueError("secret: it must not be empty (RFC 2865 section 3)")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both, or none to ask only whether the server is at work")
        if self.username is None and self.expect != "accept":
            raise ValueError("expect: is the reply for a user; give username and password too")
        if self.username is None and self.message_authenticator != "require":
            raise ValueError("message_authenticator: is of replies for a user; give username and password too")
        if self.username is not None and self.accounting:
            raise ValueError("accounting: an accounting server lets nobody in; leave out username and password")
        for setting, text, most in (
            ("username", self.username, radius.MAX_VALUE),
            ("password", None if self.password is None else self.password.reveal(), radius.MAX_PASSWORD),
            ("nas_identifier", self.nas_identifier, radius.MAX_VALUE),
        ):
            if text is not None and (not 1 <= len(text.encode()) <= most or "\0" in text):
                raise ValueError(f"{setting}: write 1 to {most} bytes without a NUL")
        if self.nas_address:
            _packed(self.nas_address)
        if not 0 <= self.retries <= _MAX_RETRIES:
            raise ValueError(f"retries: write a number from 0 to {_MAX_RETRIES}")
        if self.retransmit <= 0:
            raise ValueError('retransmit: write a time longer than nothing, such as "1s"')

    @property
    def default_port(self) -> int:
        return 1813 if self.accounting else 1812

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        asked = self._request()
        datagram = await ctx.net.datagram(target.address, target.port)
        ctx.net.awaiting(_SILENCE)

        def read(data: bytes) -> radius.Reply | None:
            return self._proved(data, asked)

        reply = await insist(ctx, datagram, asked.packet, read, [self.retransmit] * (self.retries + 1))
        datagram.close()
        return self._judge(reply)

    def _request(self) -> radius.Request:
        authenticator = secrets.token_bytes(16)
        secret = self.secret.reveal().encode()
        attributes: list[radius.Attribute] = [(Type.NAS_IDENTIFIER, self.nas_identifier.encode())]
        if self.nas_address:
            attributes.append(_packed(self.nas_address))
        if self.username is None or self.password is None:
            return radius.request(Code.STATUS_SERVER, secrets.randbelow(256), authenticator, attributes, secret)
        hidden = radius.hide(self.password.reveal().encode(), secret, authenticator)
        attributes += [(Type.USER_NAME, self.username.encode()), (Type.USER_PASSWORD, hidden)]
        return radius.request(Code.ACCESS_REQUEST, secrets.randbelow(256), authenticator, attributes, secret)

    def _proved(self, data: bytes, asked: radius.Request) -> radius.Reply | None:
        """Return the reply to ``asked``, None for that to another request; raise `ProbeFailed` for one not proved."""
        if len(data) >= 20 and not radius.answers(data, asked):
            return None
        try:
            reply = radius.read(data, asked)
        except radius.Forged as error:
            raise ProbeFailed(str(error), Reason.AUTHENTICATION) from error
        if self._forgeable(reply) and self.message_authenticator == "require":
            raise ProbeFailed(
                f"{reply.name} {_FORGEABLE}: upgrade the server or have it send one;"
                ' message_authenticator = "warn" takes the risk',
                Reason.AUTHENTICATION,
            )
        return reply

    def _forgeable(self, reply: radius.Reply) -> bool:
        """Say whether ``reply`` may be another server's work.

        A Status-Server packet is dropped where its own Message-Authenticator was taken away (RFC 5997 section 3), so
        nobody gets the attack of CVE-2024-3596 under way, and its reply need have none.
        """
        return self.username is not None and not reply.proven

    def _judge(self, reply: radius.Reply) -> Outcome:
        said = shown(reply.message)
        facts: dict[str, FactValue] = {"reply": reply.name, "message_authenticator": reply.proven}
        if said:
            facts["message"] = said
        detail = f"{reply.name}: {said}" if said else reply.name
        if self.username is None:
            wanted = Code.ACCOUNTING_RESPONSE if self.accounting else Code.ACCESS_ACCEPT
            if reply.code != wanted:
                raise ProtocolViolation(f"the reply to Status-Server is {detail}, and not {wanted}", facts=facts)
            return passed(f"at work: {detail}", facts)
        if reply.code not in _ANSWERS.values():
            raise ProtocolViolation(f"the reply to Access-Request is {detail}", facts=facts)
        if self.expect == "any" or reply.code == _ANSWERS[self.expect]:
            if self._forgeable(reply) and self.message_authenticator == "warn":
                return Outcome(
                    verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=f"{detail}, {_FORGEABLE}", facts=facts
                )
            return passed(detail, facts)
        detail += f", wanted is {_ANSWERS[self.expect]}"
        if reply.code == Code.ACCESS_REJECT:
            raise Rejected(detail, Reason.AUTHENTICATION, facts)
        raise ExpectationFailed(detail, facts=facts)


def _packed(address: str) -> radius.Attribute:
    """Return the attribute that tells ``address``; raise ValueError where it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        raise ValueError(f"nas_address: write an IPv4 or IPv6 address, not {address!r}") from None
    number = Type.NAS_IP_ADDRESS if found.version == 4 else Type.NAS_IPV6_ADDRESS
    return number, found.packed
