"""What carries an alert to people or programs."""

from typing import ClassVar, Protocol

from lvsmon.alerts.alert import Alert


class Channel(Protocol):
    """A kind of channel with its settings: a frozen dataclass, read as a kind of probe is, secrets and all.

    Kinds are files in `lvsmon.actions`, named in the table `lvsmon.actions.CHANNELS`; third parties add theirs through
    the entry points ``lvsmon.actions``. It is run in an event loop of its own, never the probes', and may import
    asyncio. Retrying, order, deadlines and logs are the outbox's business, not the channel's.

    One that hands an alert to several recipients has a method ``partly`` too, which takes the alert of a try that
    failed and returns, as a list of texts, who has it: at the next try, of another process perhaps, ``alert.taken``
    has them.
    """

    kind: ClassVar[str]

    async def deliver(self, alert: Alert, /) -> None:
        """Hand ``alert`` over; return when the other side has taken it.

        Raise `ActionFailed`: with ``final`` where trying again cannot help (the other side says that it will never take
        this one). Cancelled at its deadline; whatever it holds is then let go.
        """
        ...

    @property
    def timeout(self) -> float:
        """Seconds that one try may take."""
        ...
