"""A conversation in LDAP (RFC 4511): answers are to our requests, StartTLS comes before them, a goodbye after."""

from typing import Final

from lvsmon.errors import ConnectFailed, PeerClosed, ProbeFailed, ProtocolViolation, Rejected
from lvsmon.model import Reason
from lvsmon.net.base import Stream
from lvsmon.probes.ldap_results import SUCCESS, described, refused
from lvsmon.probes.talk import next_event
from lvsmon.wire import ldap_requests
from lvsmon.wire.ldap import (
    EXTENDED_RESPONSE,
    INTERMEDIATE_RESPONSE,
    SEARCH_DONE,
    SEARCH_REFERENCE,
    Aside,
    Entry,
    LdapReader,
    Result,
)

STARTING_TLS, BINDING, SEARCHING, LEAVING = 1, 2, 3, 4
"""Numbers of our requests."""

MAX_ASIDES: Final = 100
"""Messages that answer nothing, in one run: referrals to other servers, and what nobody asked for."""


class Talk:
    """Hears the answers to our requests, and what the server says besides."""

    def __init__(self, stream: Stream, reader: LdapReader) -> None:
        self.stream = stream
        self._reader = reader
        self._asides = 0

    async def answer(self, number: int, last: int) -> Result | Entry:
        """Return the next answer to request ``number``; ``last`` is the operation of the one that ends it."""
        while True:
            message = await next_event(self.stream, self._reader)
            answer = message.answer
            if message.number == 0 and isinstance(answer, Result) and answer.operation == EXTENDED_RESPONSE:
                self._hear_notice(answer)
                continue
            if message.number != number:
                raise ProtocolViolation(f"an answer to message {message.number}, ours was {number}")
            if isinstance(answer, Aside) and answer.operation in {INTERMEDIATE_RESPONSE, _only_of(last)}:
                self._aside()
                continue
            if isinstance(answer, Result) and answer.operation == last:
                return answer
            if isinstance(answer, Entry) and last == SEARCH_DONE:
                return answer
            raise ProtocolViolation("an answer to another kind of request than ours")

    async def result(self, number: int, operation: int) -> Result:
        answer = await self.answer(number, operation)
        if not isinstance(answer, Result):
            raise ProtocolViolation("an entry where nothing was searched for")
        return answer

    def _hear_notice(self, notice: Result) -> None:
        """Heed a notice of disconnection; others are not for us (RFC 4511 section 4.4)."""
        if notice.name == b"1.3.6.1.4.1.1466.20036":
            raise Rejected(f"the realserver ends the connection: {described(notice)}")
        self._aside()

    def _aside(self) -> None:
        self._asides += 1
        if self._asides > MAX_ASIDES:
            raise ProtocolViolation(f"more than {MAX_ASIDES} messages that answer nothing")


def _only_of(last: int) -> int:
    """Return the one aside that belongs to a search alone."""
    return SEARCH_REFERENCE if last == SEARCH_DONE else INTERMEDIATE_RESPONSE


async def start_tls(stream: Stream) -> None:
    reader = LdapReader()
    await stream.write(ldap_requests.start_tls(STARTING_TLS))
    result = await Talk(stream, reader).result(STARTING_TLS, EXTENDED_RESPONSE)
    if result.code != SUCCESS:
        raise ProbeFailed(refused(result, "StartTLS"), Reason.TLS)
    if reader.pending:
        raise ProtocolViolation("the realserver goes on in clear text after it has agreed to StartTLS")


async def leave(stream: Stream) -> None:
    """Say that we go; a server that has hung up has served all the same."""
    try:
        await stream.write(ldap_requests.unbind(LEAVING))
    except (PeerClosed, ConnectFailed):
        return
    finally:
        stream.close()
