"""Decisions as a stream: a virtual service whose healths, table and clock a test moves."""

from dataclasses import replace

from lvsmon.model import (
    Amount,
    Destination,
    DestinationKey,
    DestinationSettings,
    Health,
    OnFailure,
    Policy,
    ProbeState,
    Protocol,
    RealServer,
    VirtualKey,
    VirtualService,
    VirtualSettings,
)
from lvsmon.pool import Decided, Situation, decide

VIP = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)
HEALTHS = {"U": Health.UP, "W": Health.WARN, "D": Health.DOWN, "?": Health.UNKNOWN}


def destination(host, weight=10, policy=None, on_failure=OnFailure.QUIESCE):
    """Return rs<host>, with one probe of that name."""
    return Destination(
        realserver=RealServer(f"rs{host}", f"10.0.0.{host}"),
        key=DestinationKey(f"10.0.0.{host}", 80),
        settings=DestinationSettings(weight=weight),
        on_failure=on_failure,
        probes=(f"rs{host}",),
        policy=policy or Policy(),
    )


def amount(text):
    return Amount(int(text.removesuffix("%")), text.endswith("%"))


class Stream:
    """One virtual service under decision after decision; what is desired becomes what is observed."""

    def __init__(self, *destinations, **settings):
        settings = {key: amount(value) if type(value) is str else value for key, value in settings.items()}
        self.virtual = VirtualService(
            name="shop", key=VIP, settings=VirtualSettings(), destinations=destinations, **settings
        )
        self.now = 1000.0
        self.observed = {}
        self.decided = Decided(table={})

    def see(self, letters, *, after=0.0, wishes=(), weights=None, passed=0.0):
        """Decide on healths, a letter for each destination, ``after`` seconds; return {host: weight}.

        ``passed`` is when the last pass of all was.
        """
        self.now += after
        asked = weights or [None] * len(letters)
        states = {
            each.realserver.name: ProbeState(health=HEALTHS[letter], weight=weight, passed=passed)
            for each, letter, weight in zip(self.virtual.destinations, letters, asked, strict=True)
        }
        situation = Situation(
            virtuals=(self.virtual,), states=states, observed=self.observed, wishes=tuple(wishes), now=self.now
        )
        self.decided = decide(situation, self.decided.memory)
        self.observed = {**self.observed, **self.decided.table}
        again = decide(replace(situation, observed=self.observed), self.decided.memory)
        assert self.decided.table == again.table, "the table that was wished for is wished for still"
        entries = self.decided.table[VIP].destinations if VIP in self.decided.table else {}
        return {int(key.address.rsplit(".", 1)[1]): entry.settings.weight for key, entry in entries.items()}

    def notices(self):
        return [notice.kind.value for notice in self.decided.notices]

    def choice(self, host):
        return self.decided.choices[VIP, DestinationKey(f"10.0.0.{host}", 80)]
