"""One message to one channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from typing_extensions import TypeAliasType

from lvsmon.alerts.condition import Condition, Severity

Json = TypeAliasType("Json", "str | int | float | bool | list[Json] | dict[str, Json] | None")
"""Named in this way (PEP 695) so that the store can read it back: a plain alias of itself has no end."""


class Stage(StrEnum):
    """Where in the life of an incident it comes."""

    OPENED = "opened"
    CHANGED = "changed"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    DIGEST = "digest"
    HELD_BACK = "held_back"
    """What a rate limit held back, summed up."""
    TEST = "test"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message, rendered, with everything a channel may need. Times are wall-clock seconds.

    ``id`` is new for each message and the same however often it is tried: a channel that can, hands it on so that the
    other side takes it once. ``incident`` is the same for all messages of one incident: what threads are made of.
    ``subject`` is one line and ``text`` plain text: both are escaped already (no control characters), and bounded.
    """

    id: str
    incident: str
    stage: Stage
    severity: Severity
    route: str
    subject: str
    text: str
    html: str = ""
    at: float
    since: float
    number: int = 1
    """The how many-th message of this incident to this route, from 1."""
    director: str = ""
    """The host name of the director."""
    conditions: tuple[Condition, ...] = ()
    """What is wrong, worst first; of a resolved incident, what was last seen."""
    over: tuple[Condition, ...] = ()
    """What was told before and is over, while ``conditions`` still hold."""
    taken: tuple[str, ...] = ()
    """Which of the channel's recipients have it already: an earlier try came so far."""
    more: Mapping[str, Json] = field(default_factory=dict)
    """For channels of one kind: what a template of theirs made."""
