"""An idle TCP connection, held until it ends."""

import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Target
from lvsmon.net.base import Stream, Trace
from lvsmon.net.engine import Engine
from lvsmon.net.sockets import SocketConnector
from lvsmon.net.vantage.door import Doors

TALK_LIMIT: Final = 65536
"""Bytes that the peer may say unasked: a banner has a few hundred, and who says more is not idle."""


class End(Enum):
    """How a held connection came to its end."""

    PEER = auto()
    """The peer closed or reset it, or the network says that it is gone."""
    OVER = auto()
    """Its time was over, and it was closed here."""
    TALKS = auto()
    """The peer says more than an idle connection has, so it was closed here."""
    REFUSED = auto()
    """It was not opened: the realserver refused it or did not answer."""
    OURS = auto()
    """It was not opened: the director could not."""


@dataclass(frozen=True, slots=True)
class Held:
    """``lasted`` is the seconds for which it was open."""

    end: End
    lasted: float = 0.0


async def hold(
    target: Target,
    engine: Engine,
    trace: Trace,
    *,
    patience: float,
    life: float | None = None,
    doors: Doors | None = None,
) -> Held:
    """Open a connection to ``target`` within ``patience`` seconds, say nothing, and return when it has ended.

    It is closed after ``life`` seconds; None is never. What the peer says is read and thrown away.
    """
    connector = SocketConnector(engine, trace, None if doors is None else doors.way_of(target))
    try:
        stream = await engine.within(patience, connector.connect(target.address, target.port))
        if stream is None:
            return Held(End.OURS if connector.held_up else End.REFUSED)
        opened = time.monotonic()
        idle = _until_end(stream)
        end = await idle if life is None else await engine.within(life, idle)
        return Held(end or End.OVER, time.monotonic() - opened)
    except ConnectFailed:
        return Held(End.REFUSED)
    except LocalFault:
        return Held(End.OURS)
    finally:
        connector.close_all()


async def _until_end(stream: Stream) -> End:
    heard = 0
    try:
        while data := await stream.read(4096):
            heard += len(data)
            if heard > TALK_LIMIT:
                return End.TALKS
    except (ConnectFailed, LocalFault):
        return End.PEER
    return End.PEER
