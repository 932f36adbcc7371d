"""FTP's login: who we are, and as much more as is asked for (the state diagram of RFC 959 section 6)."""

from typing import Final

from lvsmon.errors import ProtocolViolation, Rejected
from lvsmon.model import Reason
from lvsmon.model.settings import Secret
from lvsmon.probes.ftp_control import Control, quoted, refusal
from lvsmon.wire.ftp import Reply

ANONYMOUS: Final = frozenset({"anonymous", "ftp"})
ANONYMOUS_PASSWORD: Final = "lvsmon@lvsmon.invalid"  # noqa: S105  RFC 1635: an address to write to; some servers check


async def log_in(control: Control, user: str, password: Secret | None, account: Secret | None) -> None:
    """Log in; raise `Rejected`, with the reason ``authentication`` where it is the login that is refused."""
    said = "USER"
    reply = await control.command("USER", user)
    if reply.code == 331:
        said = "PASS"
        reply = await control.command("PASS", _answer_to(reply, user, "password", password))
    if reply.code == 332:
        said = "ACCT"
        reply = await control.command("ACCT", _answer_to(reply, user, "account", account))
    if reply.code >= 400:
        why = control.why(reply)
        reason = Reason.AUTHENTICATION if why else refusal(reply)
        raise Rejected(f"the login as {user} is refused: {quoted(reply)}{why}", reason)
    # 232: the security data alone has let us in, such as a certificate of ours (RFC 2228 section 3).
    if reply.code not in ({230, 232} if said == "USER" else {202, 230, 232}):
        raise ProtocolViolation(f"the answer to {said} is no login: {quoted(reply)}")


def _answer_to(reply: Reply, user: str, what: str, secret: Secret | None) -> str:
    if secret is not None:
        return secret.reveal()
    if what == "password" and user.lower() in ANONYMOUS:
        return ANONYMOUS_PASSWORD
    text = f"the login as {user} needs the {what}, which is not set: {quoted(reply)}"
    raise Rejected(text, Reason.AUTHENTICATION)
