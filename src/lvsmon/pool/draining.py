"""A drain: what is left of a destination that nothing new is sent to, and whether that is all one can wait for.

Nothing new comes at weight 0, but for clients of a persistence template: those go on until it has run out, so templates
count as much as connections do (traps 1 and 13). What is left ends by protocol:

TCP, SCTP   active connections when one side closes them; inactive ones (opening, closing) by the kernel's timers,
            within two minutes. Those of a host that died end after 15 minutes without a packet (trap 5).
UDP         entries, all of them inactive, after 5 minutes without a packet: a client that goes on asking from the same
            port never lets go (trap 4). There is no end but the deadline.
one-packet  there are no entries: weight 0 is all (trap 4).
"""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model import DestinationEntry, Protocol, VirtualService, Wish

POLL = 1.0
"""Seconds between looks while something is waited for: the kernel tells nobody that a connection has ended."""


class Stage(StrEnum):
    """How far it is: a closed list, for programs.

    PENDING: the kernel does not have weight 0 yet. DRAINING: something is left. OVERDUE: so it is, and the deadline is
    over. DRAINED: nothing is left. REMOVED: it is not in the table.
    """

    PENDING = "pending"
    DRAINING = "draining"
    OVERDUE = "overdue"
    DRAINED = "drained"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Drain:
    """Where a drain is. Counts are None where the kernel did not tell; ``left`` is seconds to the deadline, if any.

    ``endless`` says that no protocol ends what is left: only clients that stop asking, or the deadline.
    """

    stage: Stage
    active: int | None = None
    inactive: int | None = None
    persistent: int | None = None
    left: float | None = None
    endless: bool = False

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.stage in (Stage.DRAINED, Stage.OVERDUE, Stage.REMOVED)


def look(wish: Wish, virtual: VirtualService, present: DestinationEntry | None, today: float) -> Drain:
    """Return where the drain ``wish`` is on a destination of ``virtual`` of which the kernel has ``present``.

    ``today`` is in wall-clock seconds.
    """
    left = None if wish.deadline is None else max(0.0, wish.deadline - today)
    if present is None:
        return Drain(Stage.REMOVED)
    counts = present.active, present.inactive, present.persistent
    if "ops" in virtual.settings.flags and virtual.key.protocol is Protocol.UDP:
        counts = 0, 0, 0
    endless = virtual.key.protocol not in (Protocol.TCP, Protocol.SCTP) and any(counts)
    if present.settings.weight:
        stage = Stage.PENDING
    elif counts == (0, 0, 0):
        stage = Stage.DRAINED
    else:
        stage = Stage.OVERDUE if left == 0.0 else Stage.DRAINING
    return Drain(stage, *counts, left=left, endless=endless)
