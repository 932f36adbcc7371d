"""A question over UDP, sent again while nothing comes; what is no answer to it may be forged, and is passed over."""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from lvsmon.errors import ProbeFailed
from lvsmon.net.base import Connector, Datagram
from lvsmon.probes.base import Context

_Answer = TypeVar("_Answer")

_SHARE: Final = 0.8
"""Share of what is left of the run in which a right answer may still follow a wrong one: the deadline must not cover up
what was wrong with that."""


async def insist(
    ctx: Context,
    datagram: Datagram,
    message: bytes,
    read: Callable[[bytes], _Answer | None],
    waits: Iterable[float],
) -> _Answer:
    """Send ``message`` and listen for each of ``waits`` in turn, in seconds; then listen on to the end of the run.

    ``read`` returns the answer that a datagram is, None for one to pass over without a word, and raises `ProbeFailed`
    for one that is no answer: where no right one follows it, that is raised shortly before the end.
    """
    ear = _Ear(datagram, read)
    patience = _SHARE * (ctx.deadline.at - ctx.clock.monotonic())
    answer = await ctx.net.within(patience, _ask(ctx.net, datagram, message, ear, waits))
    if answer is not None:
        return answer
    if ear.complaint is not None:
        raise ear.complaint
    return await ear.hear(patient=False)


async def _ask(
    net: Connector, datagram: Datagram, message: bytes, ear: "_Ear[_Answer]", waits: Iterable[float]
) -> _Answer:
    for wait in waits:
        await datagram.send(message)
        answer = await net.within(wait, ear.hear())
        if answer is not None:
            return answer
    return await ear.hear()


class _Ear(Generic[_Answer]):
    def __init__(self, datagram: Datagram, read: Callable[[bytes], _Answer | None]) -> None:
        self._datagram = datagram
        self._read = read
        self.complaint: ProbeFailed | None = None

    async def hear(self, *, patient: bool = True) -> _Answer:
        while True:
            data = await self._datagram.receive()
            try:
                answer = self._read(data)
            except ProbeFailed as error:
                if not patient:
                    raise
                self.complaint = self.complaint or error
                continue
            if answer is not None:
                return answer
